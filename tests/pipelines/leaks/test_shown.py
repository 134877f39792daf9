"""Pictures of benchmarks: every item that shows what is like another picture is named."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from pipelines.leaks.index import BenchmarkIndex
from pipelines.leaks.shown import Shown, shown_of
from pipelines.near import clip_codes, image_codes
from pipelines.near.clip_codes import ClipCode
from pipelines.near.image_codes import ImageCode, image_codes_of
from sources.benchmark_item import BenchmarkItem
from tests.pipelines.leaks.rows import index_of
from tests.pipelines.near.near_clips import EDITS, Edit, encoded, footage, write
from tests.pipelines.near.near_images import blank, photos

_SECONDS = 16


def _items(name: str, images: list[bytes], clips: list[bytes]) -> list[BenchmarkItem]:
    shown = [((image,), ()) for image in images] + [((), (clip,)) for clip in clips]
    return [
        BenchmarkItem(
            benchmark=name, place=f"test/{n}", question="What is it?", images=some, videos=others
        )
        for n, (some, others) in enumerate(shown)
    ]


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> list[BenchmarkIndex]:
    """Two benchmarks with one photo in common."""
    folder = tmp_path_factory.mktemp("shown")
    clip = write(folder / "clip.mp4", footage(0, _SECONDS)).read_bytes()
    one, two = (encoded(photo, 95) for photo in photos()[:2])
    first = _items("first", [one, two, one, encoded(blank())], [clip, clip, b"no clip"])
    second = _items("second", [two], [])
    return [index_of(folder / "1", first, "first"), index_of(folder / "2", second, "second")]


@pytest.fixture(scope="module")
def shown(indexes: list[BenchmarkIndex]) -> Shown:
    return shown_of(indexes)


def _images(*codes: ImageCode) -> pa.Table:
    return pa.Table.from_pylist([code.row() for code in codes], schema=image_codes.SCHEMA)


def _clips(*codes: ClipCode) -> pa.Table:
    return pa.Table.from_pylist([code.row() for code in codes], schema=clip_codes.SCHEMA)


def _named(found: pa.Table) -> set[tuple[int, str, int]]:
    rows = found.to_pylist()
    return {(row["query"], row["benchmark"], row["item"]) for row in rows}


def test_equal_pictures_are_kept_once_and_what_is_no_clip_is_told(
    indexes: list[BenchmarkIndex],
) -> None:
    first = indexes[0]
    assert (first.images.num_rows, first.clips.num_rows) == (3, 1)
    assert first.items["clips"].to_pylist() == [[], [], [], [], [0], [0], []]
    (told,) = first.record["unreadable"]
    assert told.startswith("clip of test/6: ")


def test_all_items_of_a_photo_are_named(shown: Shown) -> None:
    queries = [image_codes_of(encoded(photo, 60)) for photo in photos()[:3]]
    half = photos()[1].resize([side // 2 for side in photos()[1].size], Image.Resampling.LANCZOS)
    queries.append(image_codes_of(encoded(half)))
    found = shown.of_images(_images(*queries))
    both = {("first", 1), ("second", 0)}
    assert _named(found) == {
        *((0, "first", 0), (0, "first", 2)),
        *((1, *where) for where in both),
        *((3, *where) for where in both),
    }
    assert all("correlation=" in row["value"] and row["score"] > 0.9 for row in found.to_pylist())


def test_a_blank_image_is_no_item_of_a_benchmark(shown: Shown) -> None:
    assert shown.of_images(_images(image_codes_of(encoded(blank())))).num_rows == 0


@pytest.mark.parametrize("edit", [EDITS[0], EDITS[4]], ids=lambda edit: edit.name)
def test_clips_and_parts_of_them_are_found(shown: Shown, edit: Edit, tmp_path: Path) -> None:
    copy = edit.of(footage(0, _SECONDS), tmp_path / "copy.mp4")
    other = edit.of(footage(1, _SECONDS), tmp_path / "other.mp4")
    found = shown.of_clips(_clips(other, copy))
    assert _named(found) == {(1, "first", 4), (1, "first", 5)}
    assert {row["value"].split()[0] for row in found.to_pylist()} == {edit.rule}


def test_benchmarks_without_pictures_match_nothing(tmp_path: Path) -> None:
    nothing = shown_of([index_of(tmp_path, _items("none", [], []))])
    assert nothing.of_images(_images(image_codes_of(encoded(photos()[0])))).num_rows == 0
    clip = EDITS[0].of(footage(0, _SECONDS), tmp_path / "clip.mp4")
    assert nothing.of_clips(_clips(clip)).num_rows == 0
