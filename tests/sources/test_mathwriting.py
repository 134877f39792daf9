"""MathWriting: each quirk of the reference, by value."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sources.base import ALL_SUBSETS, Draft, MediaItem, Rejected
from sources.mathwriting import PROMPTS, SOURCE
from sources.root import Root
from tests.sources import reading
from tests.sources.packing import Entry, tar_gz

REAL = Path(__file__).parents[3] / "shared/realdata/mathwriting"
INK = '<ink><annotation type="label">{}</annotation>{}<trace>1 2 3,40 50 6</trace></ink>'


def ink(label: str, split: str = "") -> bytes:
    tag = f'<annotation type="splitTagOriginal">{split}</annotation>' if split else ""
    return INK.format(label, tag).encode()


def put(folder: Path, entries: list[Entry], file: str = "mathwriting-2024.tgz") -> Root:
    (folder / file).write_bytes(tar_gz(entries, level=6))
    return Root(str(folder), SOURCE.card.repo)


def rows(root: Root, **options: Any) -> list[Draft | Rejected]:
    shards = [dataclasses.replace(shard, **options) for shard in SOURCE.rows(root)]
    return [row for shard in shards for row in SOURCE.read_rows(root, shard)]


def media(root: Root, **options: Any) -> list[MediaItem]:
    shards = [dataclasses.replace(shard, **options) for shard in SOURCE.media(root)]
    return [item for shard in shards for item in SOURCE.read_media(root, shard, Path("unused"))]


@pytest.fixture
def mirror() -> Root:
    (root,) = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    return root


def test_the_target_is_the_normalized_label_and_entities_are_text(mirror: Root) -> None:
    draft = rows(mirror)[1]
    assert isinstance(draft, Draft)
    assert draft.messages[1].content == [("text", r"a>b\&c")]
    assert draft.extra == {"splitTagOriginal": "train", "label": "a>b"}
    user = draft.messages[0]
    assert user.content[0] == ("image", "") and user.content[1][1] in PROMPTS


def test_symbols_have_only_a_label(mirror: Root) -> None:
    symbol = rows(mirror)[-2]
    assert isinstance(symbol, Draft)
    assert symbol.subset == "symbols" and symbol.messages[1].content == [("text", "f")]


def test_the_split_tag_is_trusted_over_the_folder(mirror: Root) -> None:
    merged, leaked = rows(mirror)[3:5]
    assert isinstance(merged, Draft) and merged.subset == "synthetic"
    assert merged.media[0].key == "train/0000000000000003"
    assert isinstance(leaked, Rejected)
    assert (leaked.subset, leaked.reason) == ("test", "split_held_out")
    assert "train/0000000000000004" not in [item.key for item in media(mirror)]


def test_only_inks_are_rows_and_the_excerpt_is_not_read_twice(mirror: Root) -> None:
    assert [row.row for row in rows(mirror)] == list(range(19))
    assert [shard.subset for shard in SOURCE.rows(mirror)] == [ALL_SUBSETS]


def test_the_excerpt_alone_is_read(tmp_path: Path) -> None:
    name = "mathwriting-2024-excerpt"
    root = put(tmp_path, [(f"{name}/train/00.inkml", ink("x"))], f"{name}.tgz")
    (draft,) = rows(root)
    assert isinstance(draft, Draft) and draft.messages[1].content == [("text", "x")]


def test_a_drawable_ink_without_label_and_a_label_without_ink(mirror: Root) -> None:
    found = {row.row: row for row in rows(mirror)}
    items = {item.key: item for item in media(mirror)}
    missing, bad_points = found[6], found[8]
    assert isinstance(missing, Rejected) and missing.reason == "label_missing"
    assert items["train/0000000000000006"].data is not None
    assert isinstance(bad_points, Draft)
    assert items["train/0000000000000008"].reason == "ink_malformed"
    assert items["train/0000000000000007"].reason == "ink_empty"


def test_limits_count_within_each_subset(tmp_path: Path) -> None:
    plan = [("train", ""), ("train", "symbols"), ("symbols", ""), ("train", ""), ("train", "valid")]
    plan += [("symbols", ""), ("valid", ""), ("synthetic", ""), ("train", "")]
    root = put(
        tmp_path,
        [(f"m/{folder}/{i:016x}.inkml", ink(f"{i}", tag)) for i, (folder, tag) in enumerate(plan)],
    )
    assert [(row.row, row.subset) for row in rows(root, start=1, stop=2)] == [
        (2, "symbols"),
        (3, "train"),
        (6, "valid"),
    ]
    keys = [item.key for item in media(root, stop=1)]
    assert keys == [
        f"{folder}/{i:016x}" for folder, i in [("train", 0), ("train", 1), ("synthetic", 7)]
    ]


def test_a_cut_archive_keeps_what_was_before(tmp_path: Path) -> None:
    root = put(tmp_path, [(f"m/train/{i}.inkml", ink(f"{i}")) for i in range(3)])
    path = tmp_path / "mathwriting-2024.tgz"
    path.write_bytes(path.read_bytes()[:-60])
    found = rows(root)
    assert [row.row for row in found] == list(range(len(found)))
    assert isinstance(found[-1], Rejected) and found[-1].reason == "archive_damaged"
    assert found[-1].subset == "train"
    assert media(root)[-1].reason == "archive_damaged"


def test_one_id_is_always_asked_the_same(tmp_path: Path) -> None:
    entries = [(f"m/{folder}/00ab.inkml", ink("x")) for folder in ("train", "synthetic", "symbols")]
    asked = {
        row.messages[0].content[1] for row in rows(put(tmp_path, entries)) if isinstance(row, Draft)
    }
    assert len(asked) == 1


@pytest.mark.skipif(not REAL.is_dir(), reason="the real inks are not on this machine")
def test_real_inks_in_the_excerpts_layout(tmp_path: Path) -> None:
    places = ["train/00015681597577ca", "valid/003169384315282b", "test/01917677eaf160bb"]
    places += ["train/02270559509706de"]
    name = "mathwriting-2024-excerpt"
    entries = [
        (f"{name}/{place}.inkml", (REAL / f"{place[-16:]}.inkml").read_bytes()) for place in places
    ]
    root = put(tmp_path, entries, f"{name}.tgz")
    merged, valid, test, train = rows(root)
    assert isinstance(merged, Draft) and merged.subset == "synthetic"
    assert merged.messages[1].content == [("text", r"g(x)=G^{\prime}(x)=0")]
    assert merged.extra == {
        "label": "g(x) = G'(x) = 0",
        "splitTagOriginal": "synthetic",
        "inkCreationMethod": "boundingBoxes",
        "labelCreationMethod": "wikipedia",
        "sampleId": "00015681597577ca",
    }
    for held in (valid, test):
        assert isinstance(held, Rejected) and held.reason == "split_held_out"
    assert isinstance(train, Draft) and train.subset == "train"
    assert [(item.key, item.reason) for item in media(root)] == [
        ("train/00015681597577ca", None),
        ("train/02270559509706de", None),
    ]
