"""Each format, read back: by the package that trainers read it with where there is one."""

from __future__ import annotations

import io
import json
import re
import struct
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from PIL import Image
from rich.console import Console

from manifests.errors import UsageError
from pipelines.export.formats import FORMATS
from pipelines.export.run import export
from tests.pipelines.export.made import Row, mixed, write_build

SHARDS = {
    "train-00000-of-00002": mixed()[:4],
    "train-00001-of-00002": mixed()[4:],
    "validation-00000-of-00001": mixed()[:2],
}
CHATS = [0, 1, 2, 3, 4, 11]  # rows of `mixed` that are questions and answers in turn
CHAT_LEFT_OUT = {
    "document": 1,
    "no_question": 1,
    "no_answer": 1,
    "not_in_turns": 1,
    "image_outside_question": 1,
    "video_clip": 1,
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The hand-made build in a format; each is written once."""
    folder = tmp_path_factory.mktemp("export")
    build = write_build(folder / "build", SHARDS)

    def made(name: str) -> Path:
        export(build, name, str(folder / name), False, Console(quiet=True))
        return folder / name

    return made


def counts(out: Path, what: str) -> dict[str, int]:
    record = json.loads((out / "export.json").read_text())["splits"]["train"]
    return {reason: found["rows"] for reason, found in record[what].items()}


def opens(data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as image:
        return image.format or ""


# What each format says of the twelve rows of split train: changed, and left out.
SAID: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "llava": ({"system_in_question": 2, "marker_in_text": 1}, CHAT_LEFT_OUT),
    "sharegpt": ({"marker_in_text": 1}, CHAT_LEFT_OUT),
    "nanovlm": ({"system_in_question": 2, "images_first": 2}, CHAT_LEFT_OUT),
    "text": ({"chat_as_text": 5, "system_not_written": 1}, {"has_images": 5, "video_clip": 1}),
    "webdataset": ({}, {"video_clip": 1}),
    "energon": ({}, {"video_clip": 1}),
}


def test_every_format_is_tested() -> None:
    assert set(SAID) == set(FORMATS)


@pytest.mark.parametrize("name", SAID)
def test_every_row_is_counted(name: str, exported: Callable[[str], Path]) -> None:
    out = exported(name)
    changed, left_out = SAID[name]
    assert counts(out, "changed") == changed and counts(out, "left_out") == left_out
    record = json.loads((out / "export.json").read_text())
    train = record["splits"]["train"]
    assert train["written"] + sum(left_out.values()) == train["rows"] == 12
    assert record["splits"]["validation"]["rows"] == 2
    assert record["terms"][0]["attribution"] == "Made by hand"
    assert not (out / ".work").exists()


def test_ids_of_what_is_left_out_are_named(exported: Callable[[str], Path]) -> None:
    record = json.loads((exported("llava") / "export.json").read_text())
    clips = record["splits"]["train"]["left_out"]["video_clip"]
    assert clips == {"rows": 1, "ids": [mixed()[10]["id"]]}


# --- conversations beside image files ----------------------------------------------------------


def images_of(out: Path, paths: list[str], row: Row) -> None:
    """The files are the row's images byte for byte, each named by what it is."""
    data = [(out / path).read_bytes() for path in paths]
    assert data == [image["bytes"] for image in row["images"]]
    suffixes = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}
    assert [Path(path).suffix for path in paths] == [suffixes[opens(image)] for image in data]


def test_llava_is_a_list_and_a_folder_of_images(exported: Callable[[str], Path]) -> None:
    out = exported("llava")
    entries = json.loads((out / "train.json").read_text())
    assert [entry["id"] for entry in entries] == [mixed()[n]["id"] for n in CHATS]
    for entry, n in zip(entries, CHATS, strict=True):
        image = entry.get("image", [])
        images_of(out, [image] if isinstance(image, str) else image, mixed()[n])
        values = [said["value"] for said in entry["conversations"]]
        assert sum(value.count("<image>") for value in values) == len(mixed()[n]["images"])
        assert [s["from"] for s in entry["conversations"]] == ["human", "gpt"] * (len(values) // 2)
    assert isinstance(entries[0]["image"], str) and len(entries[1]["image"]) == 2
    first = "Be brief.\n\nFirst:\n<image>\nthen:\n<image>\nWhich?"
    assert entries[1]["conversations"][0]["value"] == first
    assert entries[4]["conversations"][0]["value"] == "Is < image> a tag?"
    assert "image" not in entries[3] and entries[0]["license"] == "MIT"
    assert len(json.loads((out / "validation.json").read_text())) == 2
    num_images = sum(len(mixed()[n]["images"]) for n in [*CHATS, *CHATS[:2]])
    assert len(list((out / "images").rglob("*.*"))) == num_images


def test_sharegpt_is_what_its_dataset_info_says(
    exported: Callable[[str], Path], tmp_path: Path
) -> None:
    """By the names in `dataset_info.json`, as LLaMA-Factory goes by them."""
    out = exported("sharegpt")
    info = json.loads((out / "dataset_info.json").read_text())
    assert set(info) == {"train", "validation"}
    about, tags = info["train"], info["train"]["tags"]
    file = str(out / about["file_name"])
    rows = datasets.load_dataset("json", data_files=file, split="train", cache_dir=str(tmp_path))
    assert about["formatting"] == "sharegpt" and rows.num_rows == len(CHATS)
    for row, n in zip(rows, CHATS, strict=True):
        messages = list(row[about["columns"]["messages"]])
        if messages[0][tags["role_tag"]] == tags["system_tag"]:
            assert messages.pop(0)[tags["content_tag"]] == "Be brief."
        roles = [message[tags["role_tag"]] for message in messages]
        assert roles == [tags["user_tag"], tags["assistant_tag"]] * (len(roles) // 2)
        text = "".join(message[tags["content_tag"]] for message in messages)
        images = row[about["columns"]["images"]]
        assert text.count("<image>") == len(images)
        images_of(out, images, mixed()[n])


# --- Parquet and lines that `datasets` opens ----------------------------------------------------


def test_nanovlm_opens_with_datasets(exported: Callable[[str], Path], tmp_path: Path) -> None:
    loaded = datasets.load_dataset(str(exported("nanovlm")), cache_dir=str(tmp_path))
    assert set(loaded) == {"train", "validation"}
    train = loaded["train"]
    assert train[2]["images"][0].format == "JPEG"
    raw = train.cast_column("images", datasets.List(datasets.Image(decode=False)))
    found = [[image["bytes"] for image in row["images"]] for row in raw]
    assert found == [[image["bytes"] for image in mixed()[n]["images"]] for n in CHATS]
    assert train[1]["texts"] == [
        {"user": "Be brief.\n\nFirst:\nthen:\nWhich?", "assistant": "A cat."}
    ]
    assert len(train[2]["texts"]) == 2 and train[5]["texts"][0]["user"] == "Größe?"


def test_text_opens_with_datasets(exported: Callable[[str], Path], tmp_path: Path) -> None:
    out = str(exported("text"))
    # Of the two rows of split validation none is text.
    files = {"train": f"{out}/data/train-*.jsonl"}
    rows = datasets.load_dataset(out, data_files=files, cache_dir=str(tmp_path))["train"]
    texts = dict(zip(rows["id"], zip(rows["text"], rows["kind"], strict=True), strict=True))
    assert texts[mixed()[5]["id"]] == ("Once upon a time.", "document")
    assert texts[mixed()[3]["id"]] == ("What is it?\n\nA cat.", "chat")
    assert texts[mixed()[4]["id"]][0] == "Is <image> a tag?\n\nYes, <image> is."


# --- tars --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["webdataset", "energon"])
def test_tars_hold_all_that_a_row_holds(name: str, exported: Callable[[str], Path]) -> None:
    tars = sorted(map(str, (exported(name) / "data").glob("train-*.tar")))
    with warnings.catch_warnings():
        # The package leaves its files open.
        warnings.simplefilter("ignore", ResourceWarning)
        import webdataset

        samples = list(webdataset.WebDataset(tars, shardshuffle=False))
    rows = [row for row in mixed() if not row["videos"]]
    assert len(samples) == len(rows) == len({found["__key__"] for found in samples})
    for found, row in zip(samples, rows, strict=True):
        about = json.loads(found["json"])
        assert [found[part] for part in about["images"]] == [i["bytes"] for i in row["images"]]
        kept = {column: value for column, value in row.items() if column != "videos"}
        assert {**about, "images": row["images"]} == kept


def test_energon_finds_its_index(exported: Callable[[str], Path]) -> None:
    """Offsets of each sample's first header, and where the last sample ends."""
    out = exported("energon")
    split = yaml.safe_load((out / ".nv-meta/split.yaml").read_text())["split_parts"]
    info = json.loads((out / ".nv-meta/.info.json").read_text())["shard_counts"]
    assert info == yaml.safe_load((out / ".nv-meta/.info.yaml").read_text())["shard_counts"]
    assert [len(split[part]) for part in ("train", "val", "test")] == [2, 1, 0]
    assert info == {
        "data/train-00000-of-00002.tar": 4,
        "data/train-00001-of-00002.tar": 7,
        "data/validation-00000-of-00001.tar": 2,
    }
    for path in [*split["train"], *split["val"]]:
        with tarfile.open(out / path) as tar:
            members = tar.getmembers()
            end = tar.offset
        wanted = [m.offset for m in members if m.name.endswith(".json")] + [end]
        index = (out / f"{path}.idx").read_bytes()
        assert list(struct.unpack(f"<{len(wanted)}Q", index)) == wanted
        assert all(re.fullmatch(r"[^./]+\.(json|\d+\.\w+)", member.name) for member in members)


def test_energon_reads_it(exported: Callable[[str], Path]) -> None:
    """Where the package is; its pins do not agree with ours, so CI has none."""
    energon: Any = pytest.importorskip("megatron.energon")
    from tests.pipelines.export.energon_reader import Encoder

    workers = energon.WorkerConfig(rank=0, world_size=1, num_workers=0)
    for part, num_rows in (("train", 11), ("val", 2)):
        made = energon.get_val_dataset(
            str(exported("energon")),
            split_part=part,
            worker_config=workers,
            batch_size=1,
            task_encoder=Encoder(),
        )
        found = [batch[0] for batch in energon.get_loader(made)]
        assert len(found) == num_rows
        for row in found:
            assert {"json", *row["json"]["images"]} <= set(row)


# --- rows that fit nothing ---------------------------------------------------------------------


def test_a_build_without_a_row_that_fits_is_told(tmp_path: Path) -> None:
    build = write_build(tmp_path / "build", {"train-00000-of-00001": [mixed()[0]]})
    out = tmp_path / "text"
    with pytest.raises(UsageError, match=r"text holds no row of this build \(has_images\)"):
        export(build, "text", str(out), False, Console(quiet=True))
    assert list(out.iterdir()) == []
