"""Real upstream files, each the whole way: a kept sample of the right shape, or a clear reason.

The files may not be redistributed, so they lie beside the repository and the tests skip where they
do not. Each is put where its kind lies upstream: images in a Parquet file of The Cauldron, clips in
two of FineVideo, inks in MathWriting's tgz, and the M4-Instruct record without its images.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from manifests.image_metadata import strip_metadata
from pipelines.build import build
from pipelines.options import BuildOptions
from pipelines.verify import verify
from pipelines.why import explain, find_rows, read_ledger
from tests.sources.packing import tar_gz

REAL = Path(__file__).parents[2] / "shared" / "realdata"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="shared/realdata is not here")

Row = dict[str, Any]
CAULDRON = "ai2d/train-00000-of-00001-2ce340398c113b79.parquet"
CLIP_FILES = ("data/train-00000-of-01357.parquet", "data/train-00001-of-01357.parquet")

# Size as shown of those that are kept; what is wrong with the others.
IMAGES: dict[str, tuple[int, int] | str] = {
    "broken.png": "image_undecodable",
    "decompression_bomb.gif": "image_too_many_pixels",
    "flower.webp": (480, 360),
    "g4-multi.tiff": (3307, 4677),
    "hopper.gif": (128, 128),
    "hopper_orientation_6.jpg": (128, 128),
    "mode_16bit.png": (128, 64),
    "pil_sample_cmyk.jpg": (100, 100),
    "transparent.png": (200, 150),
    "truncated_jpeg.jpg": "image_truncated",
}
# Number of frames (one a second) and their size. corrupted.mp4 decodes for more than half of what
# it claims; video_90.mov is stored on its side; unordered.mov shows frames out of coding order.
CLIPS: dict[str, tuple[int, tuple[int, int]]] = {
    "av1_video.mkv": (5, (512, 288)),
    "corrupted.mp4": (3, (512, 288)),
    "h264_10bits.mp4": (1, (200, 200)),
    "test_non_zero_start.mp4": (1, (199, 112)),
    "testsrc2_vp9.webm": (1, (512, 288)),
    "unordered.mov": (1, (50, 50)),
    "video_90.mov": (1, (288, 512)),
}
# The split that an ink says it is of; two of the four are held out, wherever they lie.
INKS = {
    "00015681597577ca": "synthetic",
    "003169384315282b": "valid",
    "01917677eaf160bb": "test",
    "02270559509706de": "train",
}

# Shares that take all there is: 7 images and 2 inks beside two conversations of each of 7 clips.
_RECIPE = """
name: real
description: every real file
unit: samples
filters: {content_items: {}, roles: {}, empty_turns: {}, placeholders: {}, control_tokens: {},
          turn_length: {}, image_bounds: {}}
components:
  - name: image
    share: 9/23
    modality: image
    sources: [the_cauldron/ai2d, mathwriting, m4_instruct]
  - {name: video, share: 14/23, modality: video, sources: [finevideo]}
"""


def _write_images(folder: Path, names: Sequence[str]) -> None:
    turn = {"user": "What is shown?", "assistant": "Something.", "source": "real"}
    columns = {
        "images": [[{"bytes": _media(name), "path": None}] for name in names],
        "texts": [[{**turn, "assistant": f"It is {name}."}] for name in names],
    }
    _write_parquet(folder / CAULDRON, pa.table(columns))


def _write_clips(folder: Path, names: Sequence[str]) -> None:
    """`json` as a struct in the first file, as a string in the second: upstream has both."""
    about = json.loads((REAL / "records" / "finevideo_json_card_example.json").read_text())
    for path, part, value in (
        (CLIP_FILES[0], names[:4], about),
        (CLIP_FILES[1], names[4:], json.dumps(about)),
    ):
        clips = pa.array([_media(name) for name in part], pa.binary())
        _write_parquet(folder / path, pa.table({"mp4": clips, "json": [value] * len(part)}))


def _write_parquet(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def _write_inks(folder: Path) -> None:
    root = "mathwriting-2024"
    lists = ("symbols.jsonl", "synthetic-bboxes.jsonl")
    entries = [(f"{root}/train/{name}.inkml", _ink(name)) for name in INKS]
    entries += [
        (f"{root}/{n}", (REAL / "records" / f"mathwriting_{n}").read_bytes()) for n in lists
    ]
    folder.mkdir(parents=True)
    (folder / f"{root}.tgz").write_bytes(tar_gz(entries))


def _write_record(folder: Path) -> None:
    folder.mkdir(parents=True)
    data = (REAL / "records" / "m4_instruct_record.json").read_bytes()
    (folder / "m4_instruct_annotations.json").write_bytes(data)


def _media(name: str) -> bytes:
    return (REAL / "media" / name).read_bytes()


def _ink(name: str) -> bytes:
    return (REAL / "mathwriting" / f"{name}.inkml").read_bytes()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of all of them."""
    folder = tmp_path_factory.mktemp("real")
    mirror = folder / "mirror"
    _write_images(mirror / "HuggingFaceM4/the_cauldron", list(IMAGES))
    _write_clips(mirror / "HuggingFaceFV/finevideo", list(CLIPS))
    _write_inks(mirror / "mathwriting")
    _write_record(mirror / "lmms-lab/M4-Instruct-Data")
    (folder / "real.yaml").write_text(_RECIPE)
    options = BuildOptions(
        recipe=str(folder / "real.yaml"),
        mirror=str(mirror),
        store=str(folder / "store"),
        out=str(folder / "out"),
        engine="inline",
    )
    build(options, Console(quiet=True))
    return folder / "out"


def _ledger(out: Path, source: str) -> dict[tuple[str, int, int], Row]:
    rows = read_ledger(str(out)).to_dicts()
    return {(r["file"], r["row"], r["group"]): r for r in rows if r["source"] == source}


def _samples(out: Path) -> dict[str, Row]:
    rows = [row for path in (out / "data").iterdir() for row in pq.read_table(path).to_pylist()]
    return {row["id"]: row for row in rows}


def _texts(row: Row, role: str) -> list[str]:
    items = [i for m in row["messages"] if m["role"] == role for i in m["content"]]
    return [item["text"] for item in items if item["type"] == "text"]


def test_every_file_is_in_the_tables_above() -> None:
    assert {path.name for path in (REAL / "media").iterdir()} == {*IMAGES, *CLIPS}
    assert {path.stem for path in (REAL / "mathwriting").iterdir()} == set(INKS)


def test_the_build_holds(out: Path) -> None:
    assert verify(str(out), lambda path: None).num_rows == 23


@pytest.mark.parametrize("name", IMAGES)
def test_images(out: Path, name: str) -> None:
    expected = IMAGES[name]
    number = list(IMAGES).index(name)
    entry = _ledger(out, "the_cauldron")[CAULDRON, number, 0]
    if isinstance(expected, str):
        assert (entry["fate"], entry["stage"]) == ("unreadable", "join")
        assert entry["rule"] == expected
        assert entry["value"].startswith(f"{CAULDRON}#{number}/0: ")
        return
    assert (entry["fate"], entry["rule"]) == ("kept", "image")
    sample = _samples(out)[entry["id"]]
    assert _texts(sample, "assistant") == [f"It is {name}."]
    assert [image["bytes"] for image in sample["images"]] == [strip_metadata(_media(name))]
    assert [(info["width"], info["height"]) for info in sample["media"]] == [expected]


@pytest.mark.parametrize("name", CLIPS)
def test_clips(out: Path, name: str) -> None:
    frames, size = CLIPS[name]
    number = list(CLIPS).index(name)
    file, row = CLIP_FILES[number // 4], number % 4
    ledger = _ledger(out, "finevideo")
    for group in (1, 2):
        entry = ledger[file, row, group]
        assert (entry["fate"], entry["rule"]) == ("kept", "video")
        sample = _samples(out)[entry["id"]]
        times = [info["timestamp_ms"] for info in sample["media"]]
        assert len(times) == frames
        assert [round(time / 1000) for time in times] == list(range(frames))
        assert {(info["width"], info["height"]) for info in sample["media"]} == {size}
        labels = [f"Frame from 00:{second:02d}:" for second in range(frames)]
        assert _texts(sample, "user")[:-1] == labels
    assert (file, row, 0) not in ledger, "the example has no questions and answers"


def test_what_finevideo_says_of_a_clip(out: Path) -> None:
    """The example of the data card, in the words of the conversations built of it."""
    ledger, samples = _ledger(out, "finevideo"), _samples(out)
    about, scenes = (samples[ledger[CLIP_FILES[0], 0, group]["id"]] for group in (1, 2))
    assert _texts(about, "assistant") == [
        "Heavy Equipment Operators Course Promo\n\nA video highlighting the Heavy Equipment "
        "Operators course, focusing on its benefits, collaboration between institutions, and "
        "testimonials from clients and coordinators."
    ]
    assert "Introductory Scenes" in _texts(scenes, "assistant")[0]
    assert json.loads(about["extra"])["youtube_title"] == "Training Heavy Equipment Operators"


@pytest.mark.parametrize("name", INKS)
def test_inks(out: Path, name: str) -> None:
    """The answer is the ink's own label, as the file has it."""
    notes = dict(re.findall(r'<annotation type="(\w+)">(.*?)</annotation>', _ink(name).decode()))
    entry = _ledger(out, "mathwriting")["mathwriting-2024.tgz", list(INKS).index(name), 0]
    assert entry["subset"] == INKS[name]
    if INKS[name] in ("valid", "test"):
        assert (entry["fate"], entry["rule"]) == ("unreadable", "split_held_out")
        return
    assert (entry["fate"], entry["rule"]) == ("kept", "image")
    sample = _samples(out)[entry["id"]]
    assert _texts(sample, "assistant") == [html.unescape(notes["normalizedLabel"])]
    (info,) = sample["media"]
    assert info["kind"] == "image" and min(info["width"], info["height"]) >= 28


def test_the_record_without_its_images(out: Path) -> None:
    (entry,) = _ledger(out, "m4_instruct").values()
    assert (entry["fate"], entry["stage"], entry["rule"]) == ("unreadable", "join", "media_missing")
    assert (entry["subset"], entry["value"]) == ("HQ-Edit-Diff", "HQ-Edit/images/83425.jpg")
    place = "m4_instruct/HQ-Edit-Diff/m4_instruct_annotations.json#0"
    assert [explain(row) for row in find_rows(str(out), place)] == [
        f"{place}: unreadable at join by media_missing (HQ-Edit/images/83425.jpg)"
    ]
