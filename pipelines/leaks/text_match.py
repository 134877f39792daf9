"""Texts of rows held against benchmarks: what they share, down to floors far below any threshold.

    exact        a user's turn is an item as it is asked, and nothing else: score 1
    coverage     share of a question's words in runs of eight that the row's user turns have too
    subsequence  of a document, or of an answer, where a run of thirteen words is an item's: the
                 longest common subsequence of words there, as a share of the item's words or of
                 its question's

Templates take no part (ngrams.py), nor does `coverage` count the words that are in none but these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from pipelines.flat import Ints
from pipelines.leaks.lookup import ASKED_RUN, TOLD_RUN, Lookup
from pipelines.leaks.ngrams import Hits, covered
from pipelines.leaks.subsequence import ItemWords, stretches
from pipelines.near.characters import Values
from pipelines.near.shingles import text_codes
from pipelines.near.words import Words, blocks, words

Rule = Literal["exact", "coverage", "subsequence"]
RULES: tuple[Rule, ...] = get_args(Rule)
EXACT, COVERAGE, SUBSEQUENCE = range(len(RULES))

# What is less alike is not kept; no threshold may be lower (mixtures.likeness.Decontaminate).
FLOOR = 0.25

MATCH = np.dtype(
    [
        ("row", np.int64),
        ("text", np.int64),  # of the index
        ("rule", np.int8),  # place in RULES
        ("score", np.float64),
        ("words", np.int32),  # of the index's text that were found
    ]
)
Matches = npt.NDArray[np.void]


def match_asked(lookup: Lookup, texts: Sequence[str], row: Ints) -> Matches:
    """What user turns share with questions; `row` is ascending. About 70 ns a character."""
    exact: list[Matches] = []
    found: list[Ints] = []
    for first, last in blocks([len(text) for text in texts]):
        block, rows = words(texts[first:last]), row[first:last]
        has_words = np.flatnonzero(block.num_t > 0)
        at, text = lookup.equal_codes(text_codes(block)[has_words])
        counts = block.num_t[has_words[at]]
        exact.append(_matches(rows[has_words[at]], text, EXACT, np.ones(len(at)), counts))
        hits = lookup.asked.hits(block)
        found.append(np.stack([rows[hits.text], hits.target, hits.place]))
    if not found:
        return np.zeros(0, MATCH)
    return best([*exact, _coverage(lookup, np.concatenate(found, axis=1))])


def _coverage(lookup: Lookup, hits: Ints) -> Matches:
    """`hits` are rows, texts of the index, and places of runs in them."""
    row, text, place = np.unique(hits, axis=1)
    is_new = np.append(True, (np.diff(row) != 0) | (np.diff(text) != 0))[: len(row)]
    pair = np.cumsum(is_new) - 1
    found = covered(pair, place, ASKED_RUN, int(is_new.sum()))
    share = found / lookup.covered[text[is_new]]
    return _matches(row[is_new], text[is_new], COVERAGE, share, found)


def match_told(lookup: Lookup, texts: Sequence[str], row: Ints) -> Matches:
    """What answers or documents share with wholes. About 60 ns a character, and 0.3 us a word of
    each place where an item may stand."""
    found = [
        _subsequences(lookup, block, row[first:last])
        for first, last in blocks([len(text) for text in texts])
        for block in [words(texts[first:last])]
    ]
    return best([np.zeros(0, MATCH), *found])


def _subsequences(lookup: Lookup, block: Words, rows: Ints) -> Matches:
    hits = lookup.told.hits(block)
    found = np.array(list(_each_subsequence(lookup, block, hits)), np.float64).reshape(-1, 4)
    text, at = found[:, 0].astype(np.int64), found[:, 1].astype(np.int64)
    return _matches(rows[text], at, SUBSEQUENCE, found[:, 2], found[:, 3].astype(np.int64))


def _each_subsequence(
    lookup: Lookup, block: Words, hits: Hits
) -> Iterator[tuple[int, int, float, int]]:
    """(text, text of the index, ratio, words) of all that share a run."""
    order = np.lexsort((hits.text, hits.target))
    text, target = hits.text[order], hits.target[order]
    begins = (hits.at - hits.place)[order]
    cuts = np.flatnonzero((np.diff(text) != 0) | (np.diff(target) != 0)) + 1
    item: ItemWords | None = None
    last = -1
    for group in np.split(np.arange(len(order)), cuts) if len(order) else []:
        here, there = int(text[group[0]]), int(target[group[0]])
        if item is None or there != last:
            item, last = ItemWords(_of(lookup.words, there)), there
        front = int(lookup.front[there])
        ratio, shared = _ratio(item, _of(block, here), begins[group], front)
        yield here, there, ratio, shared


def _ratio(item: ItemWords, text: Values, begins: Ints, front: int) -> tuple[float, int]:
    """The best of the whole and, where it has the words of a run, of the question by itself."""
    found = (0.0, 0)
    for stretch in stretches(begins, item.num_words, len(text)):
        of_front, of_all = item.shared(text[stretch], front)
        found = max(found, (of_all / item.num_words, of_all))
        if front >= TOLD_RUN:
            found = max(found, (of_front / front, of_front))
        if found[0] == 1.0:
            break
    return found


def _of(texts: Words, place: int) -> Values:
    return texts.hashes[texts.first_t[place] : texts.first_t[place + 1]]


def _matches(
    row: Ints, text: Ints, rule: int, score: npt.NDArray[np.float64], num_words: Ints
) -> Matches:
    found = np.zeros(len(row), MATCH)
    found["row"], found["text"], found["rule"] = row, text, rule
    found["score"], found["words"] = score, num_words
    return found[found["score"] >= FLOOR]


def best(parts: Sequence[Matches]) -> Matches:
    """By row, text and rule, the best of each."""
    found = np.concatenate(parts)
    names = ("row", "text", "rule")
    down = (-found["words"], -found["score"])
    found = found[np.lexsort((*down, *(found[name] for name in reversed(names))))]
    is_first = np.ones(len(found), np.bool_)
    if len(found):
        is_first[1:] = np.any([found[name][1:] != found[name][:-1] for name in names], axis=0)
    return found[is_first]
