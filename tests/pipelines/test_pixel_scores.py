"""Pixel filters see stored bytes: while curate has them, or later in the packs, to equal scores."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

import filters
import sources
from filters._drawn import picture_bytes
from filters.pixels import PixelFilter, PixelMeasure
from manifests import images
from manifests.errors import IntegrityError
from manifests.ids import media_digest
from manifests.packs import PackReader, PackSlice
from pipelines import pixel_scores, stored_pictures
from pipelines.clips import FrameSpec
from pipelines.curate_media import MediaTask, run_media_task
from pipelines.measures import CODES, find, measure_folder
from pipelines.store import measure_path
from sources.root import Root
from tests.pipelines.numbered_clips import paint_number, write_clip

PIXEL = tuple(n for n, f in filters.discover().items() if isinstance(f, PixelFilter))
ALL = (*PIXEL, *CODES, "image_bounds")
_SIDEWAYS = 6


def _exif() -> Image.Exif:
    """A picture laid on its side, and where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = _SIDEWAYS
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0)})
    return exif


def _jpeg(seed: int, **options: Any) -> bytes:
    drawn = picture_bytes({"draw": "clouds", "seed": seed, "size": [160, 120]})
    assert drawn is not None
    buffer = io.BytesIO()
    Image.open(io.BytesIO(drawn)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def _members(folder: Path) -> Iterator[tuple[str, bytes]]:
    clear = picture_bytes({"draw": "noise", "ops": [{"alpha": 90}]})
    plain = picture_bytes({"draw": "solid", "color": "#808080"})
    assert clear is not None and plain is not None
    yield from [("a.jpg", _jpeg(1)), ("again.jpg", _jpeg(1)), ("clear.png", clear)]
    yield from [("plain.png", plain), ("turned.jpg", _jpeg(2, exif=_exif()))]
    yield from [("cut.jpg", _jpeg(3)[:2000]), ("text.jpg", b"404 not found")]
    still = write_clip(folder / "still.mp4", 30, paint=lambda _, size: paint_number(7, size))
    yield "moving.mp4", write_clip(folder / "moving.mp4", 60).read_bytes()
    yield "still.mp4", still.read_bytes()
    yield "cut.mp4", still.read_bytes()[:300]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    clips = tmp_path_factory.mktemp("clips")
    (folder / "single_image_data").mkdir()
    with tarfile.open(folder / "single_image_data" / "shard_0.tar", "w") as archive:
        for name, data in _members(clips):
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    return folder


def _task(mirror: Path, folder: Path, names: tuple[str, ...]) -> MediaTask:
    source = sources.get("mammoth_vl")
    root = Root(str(mirror), source.card.repo)
    (shard,) = source.media(root)
    where = str(folder / "media")
    return MediaTask(source.ref, root, shard, str(folder), where, FrameSpec(), names)


@pytest.fixture(scope="module")
def early(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The media folder that a recipe with all these filters leaves."""
    task = _task(mirror, tmp_path_factory.mktemp("early"), ALL)
    run_media_task(task)
    return Path(task.folder)


def _rows(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """Scores by media key."""
    keys = pq.read_table(folder / "media.parquet", columns=["key"])["key"].to_pylist()
    scores = pq.read_table(measure_path(str(folder), find(name))).to_pylist()
    return dict(zip(keys, scores, strict=True))


def test_both_kinds_are_there() -> None:
    assert {filters.get(name).on for name in PIXEL} == {"image", "video"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", (*PIXEL, *CODES))
def test_measured_is_what_can_be_seen(early: Path, name: str) -> None:
    here = find(name)
    assert isinstance(here, PixelMeasure)
    good = {
        "image": {"a.jpg", "again.jpg", "clear.png", "plain.png", "turned.jpg"},
        "video": {"moving.mp4", "still.mp4"},
    }
    rows = _rows(early, name)
    assert {key for key, row in rows.items() if row["is_measured"]} == good[here.on]
    assert {row["kind_code"] for row in rows.values()} == {"image", "video"}
    assert rows["a.jpg"] == rows["again.jpg"]


def test_scores_tell_media_apart(early: Path) -> None:
    images_, clips = _rows(early, "uniform_image"), _rows(early, "still_video")
    assert images_["a.jpg"] != images_["plain.png"]
    assert clips["moving.mp4"] != clips["still.mp4"]


@pytest.mark.parametrize("isolate", [False, True], ids=["here", "in the child"])
def test_scores_made_later_are_equal(early: Path, tmp_path: Path, isolate: bool) -> None:
    """Byte for byte, and so for packs that hold more than is read at once."""
    late = shutil.copytree(early, tmp_path / "late", ignore=shutil.ignore_patterns("measures"))
    measure_folder(str(late), ALL, isolate)
    for name in ALL:
        file = Path(measure_path("measures", find(name))).name
        mine, theirs = (folder / "measures" / file for folder in (late, early))
        assert mine.read_bytes() == theirs.read_bytes(), name


def test_a_decoder_of_its_own_gives_the_same(mirror: Path, early: Path, tmp_path: Path) -> None:
    task = replace(_task(mirror, tmp_path, ALL), isolate=True)
    run_media_task(task)
    mine, theirs = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.parquet")}
        for folder in (Path(task.folder), early)
    )
    assert mine == theirs and len(mine) == len(ALL) + 1


def test_facts_do_not_depend_on_filters(mirror: Path, early: Path, tmp_path: Path) -> None:
    """Without filters of pixels JPEG is decoded at an eighth, and media are the same."""
    task = _task(mirror, tmp_path, ("image_bounds",))
    run_media_task(task)
    for name in ("media.parquet", "pack-000.tar"):
        assert (Path(task.folder) / name).read_bytes() == (early / name).read_bytes()


def test_each_picture_is_decoded_once(
    mirror: Path, early: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether early or late, however many filters look at it and rows show it."""
    decoded: list[bytes] = []
    real = images._decode

    def count(data: bytes, *how: Any) -> Any:
        decoded.append(data)
        return real(data, *how)

    monkeypatch.setattr(images, "_decode", count)
    run_media_task(_task(mirror, tmp_path, (*PIXEL, *CODES)))
    media = pq.read_table(early / "media.parquet").to_pylist()
    stored = {row["digest"]: len(row["lengths"]) for row in media if row["digest"]}
    num_broken = sum(1 for row in media if row["kind"] == "image" and row["reason"])
    assert len(decoded) == sum(stored.values()) + num_broken
    decoded.clear()
    late = shutil.copytree(early, tmp_path / "late", ignore=shutil.ignore_patterns("measures"))
    measure_folder(str(late), (*PIXEL, *CODES))
    assert len(decoded) == sum(stored.values())


def test_where_a_picture_was_taken_is_not_stored(early: Path) -> None:
    (row,) = [r for r in pq.read_table(early / "media.parquet").to_pylist() if "turned" in r["key"]]
    with PackReader(str(early)) as packs:
        (data,) = packs.read([PackSlice(row["pack"], row["offsets"][0], row["lengths"][0])])
    upstream = _jpeg(2, exif=_exif())
    exif = Image.open(io.BytesIO(data)).getexif()
    assert dict(exif) == {0x0112: _SIDEWAYS} and not exif.get_ifd(0x8825)
    assert (row["width"], row["height"]) == (120, 160)
    assert row["upstream_bytes"] == len(upstream) > len(data)
    assert row["digest"] == media_digest(upstream)


def test_packs_are_read_a_little_at_a_time(
    early: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read holds the limit, or one medium that is larger."""
    late = shutil.copytree(early, tmp_path / "late", ignore=shutil.ignore_patterns("measures"))
    sizes: list[tuple[int, int]] = []
    real = PackReader.read

    def note(packs: PackReader, slices: list[PackSlice]) -> list[bytes]:
        sizes.append((len(slices), sum(here.length for here in slices)))
        return real(packs, slices)

    monkeypatch.setattr(PackReader, "read", note)
    monkeypatch.setattr(stored_pictures, "_READ_BYTES", 20_000)
    monkeypatch.setattr(stored_pictures, "_BATCH_ROWS", 2)
    measure_folder(str(late), ["uniform_image", "still_video"])
    assert len(sizes) > 2
    assert all(size <= 20_000 or count == 1 for count, size in sizes)
    for name in ("uniform_image", "still_video"):
        assert _rows(late, name) == _rows(early, name)


def test_a_pack_that_is_cut_off_is_said(early: Path, tmp_path: Path) -> None:
    late = shutil.copytree(early, tmp_path / "late", ignore=shutil.ignore_patterns("measures"))
    (pack,) = late.glob("pack-*.tar")
    pack.write_bytes(pack.read_bytes()[:700])
    with pytest.raises(IntegrityError, match="remove that folder"):
        measure_folder(str(late), ["uniform_image"])


def test_more_media_than_a_batch(
    early: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = shutil.copytree(early, tmp_path / "late", ignore=shutil.ignore_patterns("measures"))
    monkeypatch.setattr(pixel_scores, "_BATCH_ROWS", 3)
    measure_folder(str(late), (*PIXEL, *CODES))
    for name in (*PIXEL, *CODES):
        assert _rows(late, name) == _rows(early, name)


def test_fps_and_what_decodes_are_facts(early: Path) -> None:
    facts = {r["key"]: r for r in pq.read_table(early / "media.parquet").to_pylist()}
    assert facts["moving.mp4"]["fps"] == 10.0 and facts["moving.mp4"]["decoded_ratio"] == 1.0
    assert facts["a.jpg"]["fps"] is None and facts["a.jpg"]["decoded_ratio"] is None
