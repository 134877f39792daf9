"""Pairs of images that are one: found by their codes, each verified, none by a hash alone.

    pixels   the same pixels, size and all
    tiles    equal tile hashes within tolerance: encoded anew or scaled; any image that is no blank
    hashes   perceptual hashes within the radius: also cut by up to 5 % or mirrored; one is a photo

A pair is (row of the index, row of the queries). `hashes` looks for what the query shows in
windows of the index, so that each image is to be in both. What is said of one ("on the left", "at
0.31", "48 %") holds of the other where the pair is `same`: two photos that lie alike. It may not
where one is cut, mirrored or in other light, nor in pages, of which one digit may differ. What is
found for two rows depends on their codes alone: not on order, nor on the parts that index and
queries are given in.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipelines.near.image_boxes import box_pairs
from pipelines.near.image_columns import ImageColumns
from pipelines.near.image_hashes import MIRROR, WHOLE, WINDOWS
from pipelines.near.image_lookup import MAX_RADIUS, Ints, near_pairs
from pipelines.near.image_tiles import MEDIUM, SUM_TOLERANCE
from pipelines.near.image_verify import registered, unmoved

PIXELS, TILES, HASHES = 0, 1, 2
RULES = ("pixels", "tiles", "hashes")

PAIR = np.dtype(
    [
        ("left", np.int64),  # row of the index
        ("right", np.int64),  # row of the queries
        ("rule", np.int8),  # place in RULES; the first that holds
        ("window", np.int8),  # of the index's image, in image_hashes.WINDOWS; 0 but for HASHES
        ("bits", np.int8),  # in which the hashes differ; 0 but for HASHES
        ("correlation", np.float32),  # of the small pictures; 1 for PIXELS
        ("same", np.bool_),  # what is said of one holds of the other
    ]
)
Pairs = npt.NDArray[np.void]

# Photos, laid on each other. Of 125 photos cut by 2 and 5 % edges were found from 0.01 off. 1,984
# copies of 2,000 photos held at most 0.027 in the worst block (999 in 1,000 0.021), under another
# caption 0.03 or more in 598 of 600. Encoded anew or scaled, edges were within 0.003 of the whole;
# then no mean may differ by more than in a page: of 123 photos encoded anew 5 levels, at half size
# 20; under two captions from 40 on.
_LEAST_CORRELATION = 0.95
_WHOLE_EDGE = 0.006
_WORST_BLOCK = 0.03
# Pages and charts, unmoved, in levels of gray. Of 160 pages encoded anew down to JPEG 40 no mean
# was more than 10.7 apart, at half size 17.5; other pages of one form, with one number of four
# digits or more changed, from 14 in 90 of 100, and the nearest others 56.
_SAME_SIZE_LEVELS = 11.0
_SCALED_LEVELS = 22.0
_LEAST_PAGE_CORRELATION = 0.985
# Width by height of the two, as a ratio: scaling rounds to whole pixels, and a cut of 5 % from
# both ends of one side alone moves it by a tenth.
_SCALED_SHAPE = 0.03
_CUT_SHAPE = 0.12
# Few enough that what is made of them stays in the cache: with 256, three times as long.
_VERIFIED_AT_ONCE = 16


def find_pairs(index: ImageColumns, queries: ImageColumns, radius: int = MAX_RADIUS) -> Pairs:
    """All pairs, sorted by (left, right), each once, by the first rule that holds for it.

    Where both are the same rows, a row is its own pair. Memory: that of the lookups, and 24 bytes a
    candidate; rows with the same pixels are candidates of each other, so leave out copies first.
    """
    pairs = _equal_pixels(index, queries)
    for rule, candidates in (
        (TILES, _by_tiles(index, queries)),
        (HASHES, _by_hashes(index, queries, radius)),
    ):
        left = candidates[~_are_among(candidates, pairs)]
        pairs = np.concatenate([pairs, *_verified(index, queries, left, rule)])
    order = np.lexsort((pairs["rule"], ~pairs["same"], pairs["right"], pairs["left"]))
    return _first_of_each(pairs[order])


def first_of_pixels(images: ImageColumns) -> Ints:
    """For each row the first row with the same pixels: only that needs to be sought further."""
    _, first, inverse = np.unique(images.pixels, return_index=True, return_inverse=True)
    return first[inverse]


def _pairs(left: Ints, right: Ints, rule: int) -> Pairs:
    pairs = np.zeros(len(left), PAIR)
    pairs["left"], pairs["right"], pairs["rule"] = left, right, rule
    pairs["correlation"], pairs["same"] = 1.0, rule == PIXELS
    return pairs


def _equal_pixels(index: ImageColumns, queries: ImageColumns) -> Pairs:
    order = np.argsort(index.pixels, kind="stable")
    in_order = index.pixels[order]
    begin = np.searchsorted(in_order, queries.pixels, side="left")
    counts = np.searchsorted(in_order, queries.pixels, side="right") - begin
    right = np.repeat(np.arange(len(queries)), counts)
    within = np.arange(len(right)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _pairs(order[np.repeat(begin, counts) + within], right, PIXELS)


def _by_tiles(index: ImageColumns, queries: ImageColumns) -> Pairs:
    """Candidates of all images that are no blanks."""
    left, right = (np.flatnonzero(side.kinds != "blank") for side in (index, queries))
    found = [
        _pairs(left[a], right[b], TILES)
        for a, b in box_pairs(index.tiles[left], queries.tiles[right], SUM_TOLERANCE)
    ]
    return np.concatenate([np.zeros(0, PAIR), *found])


def _by_hashes(index: ImageColumns, queries: ImageColumns, radius: int) -> Pairs:
    """Candidates with a photo in the index; of several windows the nearest, then the first."""
    left = np.flatnonzero(index.kinds == "photo")
    right = np.flatnonzero(queries.kinds != "blank")
    found = [np.zeros(0, PAIR)]
    hashes, wholes = index.hashes[left].ravel(), queries.hashes[right, WHOLE]
    for place, asking, bits in near_pairs(hashes, wholes, radius):
        some = _pairs(left[place // len(WINDOWS)], right[asking], HASHES)
        some["window"], some["bits"] = place % len(WINDOWS), bits
        found.append(some)
    pairs = np.concatenate(found)
    order = np.lexsort((pairs["window"], pairs["bits"], pairs["right"], pairs["left"]))
    return _first_of_each(pairs[order])


def _first_of_each(pairs: Pairs) -> Pairs:
    """Of sorted pairs, one for each two rows."""
    is_first = np.ones(len(pairs), np.bool_)
    is_first[1:] = pairs["left"][1:] != pairs["left"][:-1]
    is_first[1:] |= pairs["right"][1:] != pairs["right"][:-1]
    return pairs[is_first]


def _are_among(pairs: Pairs, others: Pairs) -> npt.NDArray[np.bool_]:
    """Whether each has the two rows of one of the others."""
    width = max(int(part["right"].max(initial=0)) for part in (pairs, others)) + 1
    keys, known = (part["left"] * width + part["right"] for part in (pairs, others))
    among: npt.NDArray[np.bool_] = np.isin(keys, known)
    return among


def _verified(
    index: ImageColumns, queries: ImageColumns, candidates: Pairs, rule: int
) -> Iterator[Pairs]:
    """Those that hold, in batches. Pages and charts are compared as they lie."""
    one, other = index.kinds[candidates["left"]], queries.kinds[candidates["right"]]
    has_photo = (one == "photo") | (other == "photo")
    edges = np.minimum(index.edges()[candidates["left"]], queries.edges()[candidates["right"]])
    # 0: a photo is compared at the edge that all have.
    groups = np.where(has_photo, 0, edges)
    for edge in np.unique(groups):
        chosen = candidates[groups == edge]
        for first in range(0, len(chosen), _VERIFIED_AT_ONCE):
            some = chosen[first : first + _VERIFIED_AT_ONCE]
            yield _holding(index, queries, some, int(edge), rule)


def _holding(
    index: ImageColumns, queries: ImageColumns, pairs: Pairs, edge: int, rule: int
) -> Pairs:
    one, other = index.sizes[pairs["left"]], queries.sizes[pairs["right"]]
    shapes = np.abs(np.log(one[:, 0] * other[:, 1] / (one[:, 1] * other[:, 0])))
    left = index.pictures(pairs["left"], edge or MEDIUM)
    right = queries.pictures(pairs["right"], edge or MEDIUM)
    is_mirrored = pairs["window"] == MIRROR
    left[is_mirrored] = left[is_mirrored, :, ::-1]
    correlation, worst, apart = unmoved(left, right)
    is_same = apart <= np.where((one == other).all(axis=1), _SAME_SIZE_LEVELS, _SCALED_LEVELS)
    if edge:
        holds = is_same & (correlation >= _LEAST_PAGE_CORRELATION) & (shapes <= _SCALED_SHAPE)
        same = np.zeros(len(pairs), np.bool_)
    else:
        holds = is_same & (correlation >= _LEAST_CORRELATION) & (worst <= _WORST_BLOCK)
        # To lay them on each other takes ten times as long: only where they do not lie so.
        if len(moved := np.flatnonzero(~holds)):
            found = registered(left[moved], right[moved], pairs["window"][moved])
            correlation[moved], worst[moved], farthest = found
            holds[moved] = (correlation[moved] >= _LEAST_CORRELATION) & (
                worst[moved] <= _WORST_BLOCK
            )
            holds[moved] &= is_same[moved] | (farthest > _WHOLE_EDGE)
        holds &= shapes <= (_CUT_SHAPE if rule == HASHES else _SCALED_SHAPE)
        same = is_same & ~is_mirrored & (shapes <= _SCALED_SHAPE)
    pairs = pairs[holds]
    pairs["correlation"], pairs["same"] = correlation[holds], same[holds]
    return pairs
