from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.draw import draw
from mixtures.order import (
    WINDOW_ROWS,
    leaf_slot_blocks,
    leaf_slots,
    row_order,
    shuffle_windows,
    window_counts,
)
from mixtures.quota import solve
from mixtures.recipe import Recipe
from tests.mixtures.order_by_hand import order_by_hand
from tests.mixtures.strategies import content_ids, recipe_of, recipes
from tests.mixtures.supplies import plenty

VIDEO: list[dict[str, Any]] = [
    {"name": "text", "share": "14%"},
    {"name": "video", "share": "33%"},
    {"name": "multi_image", "share": "12%"},
    {"name": "image", "share": "41%"},
]

Rows = list[tuple[str, int]]


def _build(recipe: Recipe, leaf: npt.NDArray[np.int32], ids: list[str], total: int) -> Rows:
    """(content id, repeat) of each row of a build."""
    solution = solve(recipe, plenty(len(recipe.leaves())), total)
    drawn = draw(ids, leaf, solution.quotas, recipe.seed)
    order = row_order(recipe, drawn, recipe.seed)
    return [(ids[drawn.sample[row]], int(drawn.repeat[row])) for row in order]


def _counts(recipe: Recipe, slots: npt.NDArray[Any], end: int) -> dict[str, tuple[int, str]]:
    """Rows before `end` of each component, with its parent's path."""
    counts: dict[str, int] = defaultdict(int)
    parents: dict[str, str] = {}
    by_leaf = np.bincount(slots[:end], minlength=len(recipe.leaves())).tolist()
    for leaf in recipe.leaves():
        path = ""
        for part in leaf.chain:
            parents[f"{path}/{part.name}"] = path
            path = f"{path}/{part.name}"
            counts[path] += by_leaf[leaf.index]
    return {path: (counts[path], parent) for path, parent in parents.items()}


@settings(deadline=None, max_examples=60)
@given(recipes(), st.integers(1, 1500))
def test_every_window_end_is_prefix_exact_at_every_level(recipe: Recipe, total: int) -> None:
    solution = solve(recipe, plenty(len(recipe.leaves())), total)
    slots = leaf_slots(recipe, solution.quotas)
    assert np.bincount(slots, minlength=len(solution.quotas)).tolist() == list(solution.quotas)
    final = _counts(recipe, slots, total)
    for end in range(WINDOW_ROWS, total, WINDOW_ROWS):
        counts = _counts(recipe, slots, end)
        for path, (count, parent) in counts.items():
            depth = path.count("/")
            of_whole = count - Fraction(final[path][0] * end, total)
            assert abs(of_whole) < depth
            rows, parent_rows = (
                (end, total) if not parent else (counts[parent][0], final[parent][0])
            )
            assert abs(count * parent_rows - final[path][0] * rows) < max(parent_rows, 1)


@pytest.mark.parametrize("total", [64, 100, 1003, 6401, 20_011])
def test_video_keeps_the_recipes_own_shares_too(total: int) -> None:
    recipe = recipe_of(VIDEO)
    slots = leaf_slots(recipe, solve(recipe, plenty(4), total).quotas)
    for end in range(WINDOW_ROWS, total, WINDOW_ROWS):
        counts = np.bincount(slots[:end], minlength=4).tolist()
        for leaf, count in zip(recipe.leaves(), counts, strict=True):
            assert abs(count - leaf.share * end) < 1


def test_where_both_shares_cannot_be_kept_the_drawn_ones_are() -> None:
    # After 64 rows the recipe wants exactly 20 of each big one, so 4 small ones are ahead; but the
    # quotas of 65 rows give the big ones 21 each and leave only 3 small ones a second row.
    big = [{"name": f"big{place}", "share": Fraction(20, 64)} for place in range(2)]
    small = [{"name": f"small{place}", "share": Fraction(3, 160)} for place in range(20)]
    recipe = recipe_of([*big, *small])
    quotas = solve(recipe, plenty(22), 65).quotas
    assert quotas == (21, 21, *[2] * 3, *[1] * 17)
    counts = np.bincount(leaf_slots(recipe, quotas)[:64], minlength=22).tolist()
    assert all(
        abs(count - Fraction(quota * 64, 65)) < 1
        for count, quota in zip(counts, quotas, strict=True)
    )


def test_shares_too_fine_for_int64_are_exact() -> None:
    tiny = Fraction(1, 3**45)
    recipe = recipe_of([{"name": "a", "share": tiny}, {"name": "b", "share": 1 - tiny}])
    assert leaf_slots(recipe, (0, 130)).tolist() == [1] * 130
    assert leaf_slots(recipe, (1, 129)).tolist().count(0) == 1


def test_nothing_to_order() -> None:
    recipe = recipe_of(VIDEO)
    assert leaf_slots(recipe, (0, 0, 0, 0)).tolist() == []
    drawn = draw([], np.empty(0, dtype=np.int32), (0, 0, 0, 0), 0)
    assert row_order(recipe, drawn, 0).tolist() == []


@settings(deadline=None, max_examples=25)
@given(recipes(), st.integers(1, 400), st.randoms(use_true_random=False), st.integers(0, 9))
def test_the_order_does_not_depend_on_the_order_of_samples(
    recipe: Recipe, total: int, random: Any, seed: int
) -> None:
    recipe = recipe.model_copy(update={"seed": seed})
    size = len(recipe.leaves())
    leaf = np.arange(5 * size, dtype=np.int32) % size
    ids = content_ids(len(leaf), seed=2)
    rows = _build(recipe, leaf, ids, total)
    places = list(range(len(ids)))
    random.shuffle(places)
    assert _build(recipe, leaf[places], [ids[place] for place in places], total) == rows


def test_windows_keep_their_rows_and_passes_follow_each_other() -> None:
    recipe = recipe_of(VIDEO)
    leaf = np.arange(400, dtype=np.int32) % 4
    solution = solve(recipe, plenty(4), 1000)
    drawn = draw(content_ids(400), leaf, solution.quotas, 0)
    order = row_order(recipe, drawn, 0)
    assert sorted(order.tolist()) == list(range(1000))
    for place in range(4):
        mine = [row for row in order if drawn.leaf[row] == place]
        # Rows of one leaf are out of draw order only within a window.
        windows = [0, *np.flatnonzero(drawn.leaf[order] == place) // WINDOW_ROWS]
        moved = [row for _, row in sorted(zip(windows[1:], mine, strict=True))]
        assert moved == sorted(mine)


def test_another_seed_shuffles_otherwise() -> None:
    ids, leaf = content_ids(640), np.arange(640, dtype=np.int32) % 4
    builds = [_build(recipe_of(VIDEO, seed=seed), leaf, ids, 640) for seed in (0, 0, 1)]
    assert builds[0] == builds[1] != builds[2]


def _flat(*shares: str) -> list[dict[str, Any]]:
    return [{"name": f"c{place}", "share": share} for place, share in enumerate(shares)]


# Shares whose plain alternation would show every second, fourth or 64th reader one component only.
PERIODIC = {
    "video": VIDEO,
    "halves": _flat("1/2", "1/2"),
    "quarters": _flat(*["1/4"] * 4),
    "sixty-fourth": _flat("1/64", "63/64"),
    "powers": _flat("1/2", "1/4", "1/8", "1/16", "1/32", "1/64", "1/64"),
    "nested": [
        {"name": "a", "share": "1/2", "components": _flat("1/2", "1/2")},
        {"name": "b", "share": "1/2", "components": _flat("1/32", "31/32")},
    ],
}


@pytest.mark.parametrize("name", PERIODIC)
@pytest.mark.parametrize("seed", [0, 1])
def test_strided_ranks_see_the_shares(name: str, seed: int) -> None:
    """Rank r of R reads rows r, r + R, ...: no further off than 4.5 standard deviations.

    The deviation is that of a random permutation: a draw without replacement of so many rows. There
    are enough rows for the rarest leaf to be expected 60 times by a rank of 64.
    """
    recipe, total = recipe_of(PERIODIC[name]), 64 * 3840 + 37
    quotas = solve(recipe, plenty(len(recipe.leaves())), total).quotas
    slots = leaf_slots(recipe, quotas)
    random = np.random.default_rng(seed)
    draws = random.integers(0, 2**64, total, dtype=np.uint64)
    leaf = slots[shuffle_windows(0, draws, np.ones(total, dtype=np.int16), seed)]
    shares = np.array(quotas) / total
    for ranks in range(2, 65):
        rank = np.arange(total) % ranks
        sizes = np.bincount(rank)[:, None]
        counts = np.bincount(rank * len(quotas) + leaf).reshape(ranks, -1)
        left = (total - sizes) / (total - 1)
        deviation = np.sqrt(sizes * shares * (1 - shares) * left)
        assert (np.abs(counts - shares * sizes) < 4.5 * deviation).all(), ranks


@settings(deadline=None, max_examples=20)
@given(recipes(width=4), st.integers(0, 500), st.sampled_from(["samples", "tokens"]))
def test_every_row_is_the_earliest_due(recipe: Recipe, total: int, unit: str) -> None:
    quotas = [0] * len(recipe.leaves())
    if total:
        quotas = list(solve(recipe, plenty(len(quotas)), total).quotas)
    recipe = recipe.model_copy(update={"unit": unit})
    if unit == "tokens":
        # Rows of a token mixture have no share in the recipe: any quotas will do.
        quotas = quotas[::-1]
    counts = [row for block in window_counts(recipe, quotas) for row in block.tolist()]
    by_hand = order_by_hand(recipe, quotas)
    assert counts == by_hand


@settings(deadline=None, max_examples=40)
@given(recipes(), st.integers(1, 3000), st.integers(1, 20))
def test_where_blocks_are_cut_changes_nothing(recipe: Recipe, total: int, block: int) -> None:
    quotas = solve(recipe, plenty(len(recipe.leaves())), total).quotas
    blocks = list(leaf_slot_blocks(recipe, quotas, block))
    assert all(len(slots) == block * WINDOW_ROWS for slots in blocks[:-1])
    assert np.concatenate(blocks).tolist() == leaf_slots(recipe, quotas).tolist()


@settings(deadline=None)
@given(st.integers(1, 700), st.data(), st.integers(0, 9))
def test_a_run_of_windows_is_shuffled_as_in_the_whole(
    total: int, data: st.DataObject, seed: int
) -> None:
    random = np.random.default_rng(total)
    draws = random.integers(0, 2**64, total, dtype=np.uint64)
    repeats = random.integers(1, 4, total).astype(np.int16)
    whole = shuffle_windows(0, draws, repeats, seed)
    first = data.draw(st.integers(0, (total - 1) // WINDOW_ROWS))
    start = first * WINDOW_ROWS
    part = shuffle_windows(first, draws[start:], repeats[start:], seed)
    assert (part + start).tolist() == whole[start:].tolist()
    assert np.array_equal(np.sort(whole), np.arange(total))
    assert (whole // WINDOW_ROWS == np.arange(total) // WINDOW_ROWS).all()


def test_amounts_are_ordered_by_what_is_drawn() -> None:
    inner = [{"name": "c", "take": 3}, {"name": "d", "repeat": 2}]
    recipe = recipe_of([{"name": "a", "take": 30}, {"name": "b", "repeat": 1, "components": inner}])
    counts = np.concatenate(list(window_counts(recipe, (500, 200, 300))))
    ends = np.minimum(np.arange(1, len(counts) + 1) * WINDOW_ROWS, 1000)
    off = np.abs(np.cumsum(counts, axis=0) - ends[:, None] * np.array([0.5, 0.2, 0.3]))
    assert (off < [1, 2, 2]).all()
    assert counts.sum(axis=0).tolist() == [500, 200, 300]
