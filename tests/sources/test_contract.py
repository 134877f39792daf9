"""The one contract that every source keeps, tried on its fixture folder (see reading.py).

A new source is covered by adding its module, its card and its fixture folder: nothing here changes.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from manifests.cards import load_card
from sources import discover
from sources.base import ALL_SUBSETS, Draft, Source
from tests.sources import reading

NAMES = sorted(discover())
# Each takes a second or more to import, and a row task of another source needs none of them.
HEAVY = (
    "ray",
    "torch",
    "av",
    "decord",
    "datasets",
    "polars",
    "transformers",
    "matplotlib",
    "pypdfium2",
)


@pytest.fixture(params=NAMES)
def source(request: pytest.FixtureRequest) -> Source:
    return discover()[request.param]


def test_card_and_fixture_exist(source: Source) -> None:
    card = load_card(source.name)
    names = [subset.name for subset in card.subsets]
    assert len(names) == len(set(names))
    assert source.version >= 1
    assert (reading.FIXTURES / source.name / "make.py").is_file()
    assert reading.roots(source, reading.mirror_of(source)), "the mirror holds no repo of the card"


def test_reading_gives_what_is_expected(source: Source) -> None:
    path = reading.FIXTURES / source.name / "expected.json"
    expected = json.loads(path.read_text(encoding="utf-8"))
    actual = json.loads(json.dumps(reading.read_all(source, reading.mirror_of(source))))
    assert actual["rows"] == expected["rows"]
    assert actual["media"] == expected["media"]
    assert actual["unresolved"] == expected["unresolved"]


def test_reading_twice_gives_the_same(source: Source) -> None:
    mirror = reading.mirror_of(source)
    assert reading.read_all(source, mirror) == reading.read_all(source, mirror)


def test_subsets_are_the_cards_and_groups_are_unique(source: Source) -> None:
    names = {subset.name for subset in source.card.subsets}
    rows = reading.read_all(source, reading.mirror_of(source))["rows"]
    assert {row["subset"] for row in rows} <= names
    places = [(r["repo"], r["file"], r["subset"], r["row"], r["group"]) for r in rows]
    assert len(places) == len(set(places))


def test_row_ranges_concatenate_to_the_whole(source: Source) -> None:
    for root in reading.roots(source, reading.mirror_of(source)):
        for shard in source.rows(root):
            whole = reading.read_rows(source, root, [shard])
            if shard.subset == ALL_SUBSETS:
                head = reading.read_rows(source, root, [reading.row_range(shard, 0, 2)])
                assert head == _first_of_each_subset(whole, 2)
                continue
            numbers = sorted({row["row"] for row in whole})
            for cut in numbers:
                parts = [
                    reading.row_range(shard, shard.start, cut),
                    reading.row_range(shard, cut, shard.stop),
                ]
                assert reading.read_rows(source, root, parts) == whole


def _first_of_each_subset(rows: list[dict[str, object]], count: int) -> list[dict[str, object]]:
    seen: dict[object, set[object]] = {}
    kept = []
    for row in rows:
        numbers = seen.setdefault(row["subset"], set())
        numbers.add(row["row"])
        if len(numbers) <= count:
            kept.append(row)
    return kept


def test_media_ranges_concatenate_to_the_whole(source: Source) -> None:
    """Parquet ranges are rows; an archive's `stop` counts the media members from its head."""
    for root in reading.roots(source, reading.mirror_of(source)):
        for shard in source.media(root):
            whole = reading.read_media(source, root, [shard])
            if not source.media_in_rows:
                head = reading.read_media(source, root, [reading.media_range(shard, 0, 1)])
                assert head == whole[:1]
                continue
            if shard.subset == ALL_SUBSETS:  # `stop` counts within each subset, as in the rows
                head = reading.read_media(source, root, [reading.media_range(shard, 0, 1)])
                assert head == [item for item in whole if item in head]
                continue
            assert shard.stop is not None
            for cut in range(shard.start, shard.stop + 1):
                parts = [
                    reading.media_range(shard, shard.start, cut),
                    reading.media_range(shard, cut, shard.stop),
                ]
                assert reading.read_media(source, root, parts) == whole


def test_media_items_hold_one_form_or_a_reason(source: Source) -> None:
    for root in reading.roots(source, reading.mirror_of(source)):
        with tempfile.TemporaryDirectory() as folder:
            for shard in source.media(root):
                for item in source.read_media(root, shard, Path(folder)):
                    forms = [item.data, item.file, item.frames, item.reason]
                    assert sum(form is not None for form in forms) == 1, item.key
                    assert item.file is None or item.file.parent == Path(folder)
                    reading.media_digest(item)
            assert list(Path(folder).iterdir()) == []


def test_everything_pickles(source: Source) -> None:
    assert type(pickle.loads(pickle.dumps(source))) is type(source)
    for root in reading.roots(source, reading.mirror_of(source)):
        assert pickle.loads(pickle.dumps(root)) == root
        for shard in [*source.rows(root), *source.media(root)]:
            assert pickle.loads(pickle.dumps(shard)) == shard
        for shard in source.rows(root):
            for row in source.read_rows(root, shard):
                assert pickle.loads(pickle.dumps(row)) == row
                if isinstance(row, Draft):
                    json.dumps(row.extra, allow_nan=False)


def test_importing_a_source_loads_no_heavy_library() -> None:
    program = (
        "import importlib, json, sys\n"
        f"for name in {NAMES!r}:\n"
        "    importlib.import_module('sources.' + name)\n"
        f"    assert not set({HEAVY!r}) & set(sys.modules), "
        f"name + ' loads ' + repr(set({HEAVY!r}) & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
