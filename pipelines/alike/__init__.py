"""Rows that are nearly the same as another: a step of resolve between parts and buckets.

    texts    what is measured of a row folder's texts, once
    facts    of a part's open rows: their measures, what they are preferred by, their media's class
    classes  rows with the same words: one of them stands for all
    bands    pairs of rows that share a key
    verify   the pairs that are alike
    walk     which rows stay of those that are alike
    apply    the open rows again, with what became of them
    stage    these as tasks, one after another

A row is known by a number: its place in all parts together. Media come before (`near_media`): texts
are compared among rows whose media are the same. `pipelines.near` holds what knows nothing of rows.
"""
