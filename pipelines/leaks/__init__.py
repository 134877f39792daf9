"""Leaks: which rows of a mixture are questions, texts or pictures of a benchmark.

    item_texts, index -> index_set       a benchmark as hashes, and several of them in memory
    ngrams, subsequence -> text_match    texts held against them
    measure, media_measure               what matches, once a folder of the store
    judge                                which of it is a leak, by a recipe's thresholds

docs/decontamination.md says which rules, and whose they are.
"""
