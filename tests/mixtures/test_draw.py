from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.ids import seed_word, splitmix64, stable_draws
from mixtures.draw import draw, draws
from tests.mixtures.strategies import content_ids


def _drawn(ids: list[str], leaf: list[int], quotas: list[int], seed: int = 0) -> list[list[str]]:
    """Drawn ids of each leaf, in order."""
    drawn = draw(ids, np.array(leaf, dtype=np.int32), quotas, seed)
    by_leaf: list[list[str]] = [[] for _ in quotas]
    for sample, place in zip(drawn.sample.tolist(), drawn.leaf.tolist(), strict=True):
        by_leaf[place].append(ids[sample])
    return by_leaf


def test_a_quota_takes_the_smallest_draws() -> None:
    ids = content_ids(50)
    leaf = np.array([place % 3 - 1 for place in range(50)], dtype=np.int32)
    drawn = draw(ids, leaf, [5, 16], seed=3)
    stable = stable_draws(ids, 3)
    for place, quota in enumerate([5, 16]):
        best = sorted(np.flatnonzero(leaf == place), key=lambda sample: int(stable[sample]))
        assert drawn.sample[drawn.leaf == place].tolist() == best[:quota]
    assert drawn.repeat.tolist() == [1] * 21
    assert (drawn.draw == stable[drawn.sample]).all()


def test_repeats_are_whole_passes_then_a_part_in_the_same_order() -> None:
    ids = content_ids(4)
    drawn = draw(ids, np.zeros(4, dtype=np.int32), [10], seed=0)
    assert drawn.repeat.tolist() == [1] * 4 + [2] * 4 + [3] * 2
    once = drawn.sample[:4].tolist()
    assert sorted(once) == [0, 1, 2, 3]
    assert drawn.sample.tolist() == once + once + once[:2]
    types = [array.dtype for array in (drawn.sample, drawn.leaf, drawn.repeat, drawn.draw)]
    assert types == [np.dtype(name) for name in ("int64", "int32", "int16", "uint64")]


def test_nothing_to_draw() -> None:
    assert draw([], np.empty(0, dtype=np.int32), [0, 0], seed=0).sample.tolist() == []
    assert _drawn(content_ids(2), [-1, 1], [0, 1]) == [[], [content_ids(2)[1]]]


@settings(deadline=None, max_examples=50)
@given(st.data(), st.integers(0, 2**40))
def test_samples_that_come_or_go_never_reorder_the_others(data: st.DataObject, seed: int) -> None:
    ids = content_ids(data.draw(st.integers(1, 60)), seed=1)
    leaf = data.draw(st.lists(st.integers(-1, 2), min_size=len(ids), max_size=len(ids)))
    kept = data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    everything = _drawn(ids, leaf, [leaf.count(place) for place in range(3)], seed)
    some = [place for place, keep in enumerate(kept) if keep]
    shuffled = data.draw(st.permutations(some))
    fewer_leaf = [leaf[place] for place in shuffled]
    fewer = _drawn(
        [ids[place] for place in shuffled],
        fewer_leaf,
        [fewer_leaf.count(place) for place in range(3)],
        seed,
    )
    present = {ids[place] for place in some}
    assert fewer == [[name for name in drawn if name in present] for drawn in everything]


def test_equal_draws_are_ordered_by_id() -> None:
    # Two ids with one draw: the second half of the other id undoes its first half.
    word = np.uint64(seed_word(0, "draw"))
    first, second = (splitmix64(np.array([half], dtype=np.uint64) ^ word)[0] for half in (1, 2))
    twins = [
        np.array([half, low], dtype="<u8").tobytes().hex()
        for half, low in ((1, np.uint64(5)), (2, np.uint64(5) ^ first ^ second))
    ]
    assert len(set(stable_draws(twins, 0).tolist())) == 1
    ids = sorted(twins) + content_ids(20)
    leaf = [0] * len(ids)
    ordered = _drawn(ids, leaf, [len(ids)])
    assert ordered == _drawn(ids[::-1], leaf, [len(ids)])
    at = ordered[0].index(min(twins))
    assert ordered[0][at + 1] == max(twins)


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(0, 2**70))
def test_draws_of_halves_are_those_of_the_ids(count: int, seed: int) -> None:
    ids = content_ids(count, seed=count)
    halves = np.frombuffer(bytes.fromhex("".join(ids)), dtype="<u8").reshape(-1, 2)
    found = draws(halves[:, 0], halves[:, 1], seed)
    assert found.dtype == np.uint64
    assert found.tolist() == stable_draws(ids, seed).tolist()
