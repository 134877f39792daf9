"""What stands for what: by pairs and the stated order alone, and chains swallow nothing."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.near_classes import media_classes_of

Row = tuple[str, str, int, int, int]  # name, node, priority, pixels, duration
Pair = tuple[str, str, str]


def _seen(rows: list[Row]) -> pl.DataFrame:
    names = ("digest", "node", "priority", "pixels", "duration_ms")
    made = [
        {**dict(zip(names, row, strict=True)), "digest": _digest(row[0]), "node": row[1].encode()}
        for row in rows
    ]
    return pl.DataFrame(made)


def _digest(name: str) -> bytes:
    """Sorted as names are."""
    return name.encode() + hashlib.sha256(name.encode()).digest()[len(name) :]


def _pairs(pairs: list[Pair]) -> pl.DataFrame:
    schema = {"one": pl.Binary, "other": pl.Binary, "rule": pl.String, "value": pl.String}
    rows = [
        (min(a, b).encode(), max(a, b).encode(), rule, f"{min(a, b)}{max(a, b)}")
        for a, b, rule in pairs
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _told(rows: list[Row], pairs: list[Pair]) -> dict[str, tuple[str, str, str, str]]:
    found = media_classes_of(_seen(rows), _pairs(pairs))
    names = {_digest(row[0]): row[0] for row in rows}
    return {
        names[row["digest"]]: (names[row["same"]], names[row["like"]], row["rule"], row["value"])
        for row in found.iter_rows(named=True)
    }


def _image(name: str, node: str = "", priority: int = 0, pixels: int = 100) -> Row:
    return name, node or name, priority, pixels, 0


def _clip(name: str, duration_ms: int, priority: int = 0) -> Row:
    return name, name, priority, 100, duration_ms


CASES: list[tuple[str, list[Row], list[Pair], dict[str, tuple[str, str, str, str]]]] = [
    ("nothing alike", [_image("a"), _image("b")], [], {}),
    (
        "a chain loses every other",
        [_image("a"), _image("b"), _image("c")],
        [("a", "b", "tiles"), ("b", "c", "tiles")],
        {"b": ("a", "a", "tiles", "ab")},
    ),
    (
        "lower priority first",
        [_image("a", priority=1), _image("b")],
        [("a", "b", "tiles")],
        {"a": ("b", "b", "tiles", "ab")},
    ),
    (
        "then more pixels",
        [_image("a"), _image("b", pixels=101)],
        [("a", "b", "hashes")],
        {"a": ("b", "b", "hashes", "ab")},
    ),
    (
        "the same pixels are one",
        [_image("a", "x"), _image("b", "x"), _image("c", "y"), _image("d", "y")],
        [("x", "y", "tiles")],
        {
            "b": ("a", "a", "pixels", ""),
            "c": ("a", "a", "tiles", "xy"),
            "d": ("a", "a", "tiles", "xy"),
        },
    ),
    (
        "a whole clip stays, whatever the priority of its part",
        [_clip("a", 5000), _clip("b", 9000, priority=1)],
        [("a", "b", "clip_part")],
        {"a": ("a", "b", "clip_part", "ab")},
    ),
    (
        "milliseconds make no clip longer",
        [_clip("a", 9000), _clip("b", 9010)],
        [("a", "b", "clip")],
        {"b": ("a", "a", "clip", "ab")},
    ),
    (
        "a copy is like what its original is part of",
        [_clip("a", 5000), _clip("b", 5010), _clip("c", 9000)],
        [("a", "b", "clip"), ("a", "c", "clip_part")],
        {"a": ("a", "c", "clip_part", "ac"), "b": ("a", "c", "clip", "ab")},
    ),
    (
        "a part of a part of nothing stays",
        [_clip("a", 9000), _clip("b", 7000), _clip("c", 5000)],
        [("a", "b", "clip_part"), ("b", "c", "clip_part")],
        {"b": ("b", "a", "clip_part", "ab")},
    ),
    (
        "pairs of what is not wanted count for nothing",
        [_image("a"), _image("b")],
        [("a", "z", "tiles"), ("b", "z", "tiles")],
        {},
    ),
]


@pytest.mark.parametrize(
    ("rows", "pairs", "told"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_cases(
    rows: list[Row], pairs: list[Pair], told: dict[str, tuple[str, str, str, str]]
) -> None:
    assert _told(rows, pairs) == told


_NAMES = "abcdefgh"


@settings(max_examples=60)
@given(
    nodes=st.lists(st.sampled_from("stuvwxyz"), min_size=8, max_size=8),
    priorities=st.lists(st.integers(0, 2), min_size=8, max_size=8),
    pairs=st.sets(
        st.tuples(st.sampled_from("stuvwxyz"), st.sampled_from("stuvwxyz")).filter(
            lambda pair: pair[0] < pair[1]
        )
    ),
    order=st.permutations(range(8)),
)
def test_what_goes_is_verified_against_what_stays(
    nodes: list[str], priorities: list[int], pairs: set[tuple[str, str]], order: list[int]
) -> None:
    """And nothing that stays is alike to another that does; rows may come in any order."""
    rows = [
        _image(name, node, priority)
        for name, node, priority in zip(_NAMES, nodes, priorities, strict=True)
    ]
    named = [(a, b, "tiles") for a, b in sorted(pairs)]
    told = _told(rows, named)
    assert told == _told([rows[n] for n in order], named[::-1])
    node_of = dict(zip(_NAMES, nodes, strict=True))
    alike = {*pairs, *((b, a) for a, b in pairs), *((node, node) for node in nodes)}
    stay = [name for name in _NAMES if name not in told]
    for name, (same, like, _, _) in told.items():
        assert same == like and same in stay
        assert (node_of[name], node_of[same]) in alike
    for one in stay:
        for other in stay:
            assert one == other or (node_of[one], node_of[other]) not in alike
