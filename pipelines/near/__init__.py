"""Texts that are nearly the same: what is measured of each, which pairs of them are alike, and what
of them is kept.

    words -> shingles -> signatures     of one text alone: facts that a store keeps
    candidates -> jaccard               pairs of texts, found by keys and then verified
    kept                                one text stays of those that are alike

Pure: arrays in, arrays out. No result depends on the order of texts or on how they are parted.
"""
