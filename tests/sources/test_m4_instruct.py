"""M4-Instruct: each quirk of the reference, by value."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from sources.base import ALL_SUBSETS, Draft, MediaItem, Rejected, RowShard
from sources.m4_instruct import SOURCE
from sources.root import Root
from tests.sources import reading
from tests.sources.packing import picture

REAL = Path(__file__).parents[3] / "shared/realdata/records/m4_instruct_record.json"


def shards() -> tuple[Root, RowShard, RowShard]:
    root, _ = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    images, videos = SOURCE.rows(root)
    return root, images, videos


def rows(**options: Any) -> list[Draft | Rejected]:
    root, images, _ = shards()
    return list(SOURCE.read_rows(root, dataclasses.replace(images, **options)))


def draft(number: int) -> Draft:
    row = rows()[number]
    assert isinstance(row, Draft)
    return row


def media(spool: Path, number: int = 0) -> dict[str, MediaItem]:
    root = reading.roots(SOURCE, reading.mirror_of(SOURCE))[number]
    return {i.key: i for s in SOURCE.media(root) for i in SOURCE.read_media(root, s, spool)}


def test_a_row_is_a_draft_of_its_dataset_with_all_its_images() -> None:
    first = draft(0)
    assert first.subset == "HQ-Edit-Diff"
    assert first.messages[0].content == [("image", ""), ("image", ""), ("text", "What differs?")]
    assert [ref.key for ref in first.media] == [f"HQ-Edit/images/8342{i}.jpg" for i in (5, 6)]
    assert first.extra is not None and first.extra["sample_id"] == 5390
    assert first.extra["metadata"]["num_sample"] == 98675
    assert "choice_list" not in first.extra


def test_names_that_the_card_does_not_know_are_other() -> None:
    unknown = draft(12)
    assert unknown.subset == "other"
    assert unknown.extra and unknown.extra["metadata"]["dataset"] == "a set of tomorrow"
    assert draft(13).subset == "NLVR2"
    assert draft(14).subset == "other"


def test_an_image_may_be_a_single_path_and_choices_are_kept() -> None:
    single = draft(5)
    assert [ref.key for ref in single.media] == ["HQ-Edit/images/83425.jpg"]
    assert single.extra and single.extra["choice_list"] == ["left", "right"]


def test_wrong_numbers_of_markers_are_passed_on() -> None:
    assert draft(6).messages[0].content == [("image", ""), ("text", "One marker for two.")]
    assert len(draft(6).media) == 2
    assert draft(7).messages[0].content[:2] == [("image", "")] * 2
    assert draft(18).messages[0].content[:3] == [("image", "")] * 3 and len(draft(18).media) == 2


def test_ids_repeat_and_so_do_rows() -> None:
    ids = [(draft(number).extra or {})["sample_id"] for number in (1, 2)]
    assert ids == [0, 0]
    assert dataclasses.replace(draft(8), row=0) == draft(0)
    same = draft(19)
    assert (same.media, same.messages[0]) == (draft(0).media, draft(0).messages[0])
    assert same.messages[1].content == [("text", "Much.")]


def test_a_video_without_images() -> None:
    video = draft(9)
    assert video.messages[0].content == [("video", ""), ("text", "Why?")]
    assert [(ref.kind, ref.key) for ref in video.media] == [("video", "nextqa/NExTVideo/1/2.mp4")]


def test_rows_that_are_refused() -> None:
    refused = {row.row: row.reason for row in rows() if isinstance(row, Rejected)}
    assert refused == {
        10: "split_held_out",
        15: "row_malformed",
        16: "row_malformed",
        17: "row_malformed",
        20: "row_malformed",
    }


def test_limits_count_within_each_dataset() -> None:
    assert [row.row for row in rows(stop=1)] == [0, 1, 2, 3, 4, 9, 11, 12, 13]
    assert [row.row for row in rows(start=1, stop=2)] == [5, 10, 14]
    assert rows(stop=0) == []


def test_every_way_of_naming_members_resolves(tmp_path: Path) -> None:
    items = media(tmp_path)
    found = {
        ref.key: reading.resolve(ref.key, items, SOURCE.media_lookup)
        for number in (0, 1, 2, 3, 4, 9, 11)
        for ref in draft(number).media
    }
    assert found == {
        "HQ-Edit/images/83425.jpg": ["HQ-Edit/HQ-Edit/images/83425.jpg"],
        "HQ-Edit/images/83426.jpg": ["HQ-Edit/HQ-Edit/images/83426.jpg"],
        "Spot-the-Diff/full/images/1.png": ["Spot-the-Diff/outer/Spot-the-Diff/full/images/1.png"],
        "Spot-the-Diff/full/images/2.png": ["Spot-the-Diff/outer/Spot-the-Diff/full/images/2.png"],
        "IEdit/images/a.jpg": ["IEdit/images/a.jpg"],
        "IEdit/images/b.jpg": ["IEdit/images/b.jpg"],
        "RAVEN/center_single/RAVEN_7_train/0.jpg": [
            "RAVEN_train_images/center_single/RAVEN_7_train/0.jpg"
        ],
        "RAVEN/center_single/RAVEN_7_train/1.jpg": [
            "RAVEN_train_images/center_single/RAVEN_7_train/1.jpg"
        ],
        "dreamsim/ref/000.png": ["dreamsim_split/dreamsim/ref/000.png"],
        "dreamsim/distort/000.png": ["dreamsim_split/dreamsim/distort/000.png"],
        "nextqa/NExTVideo/1/2.mp4": ["nextqa/nextqa/NExTVideo/1/2.mp4"],
        "twitter_post/images/1.jpg": [],
    }


def test_split_empty_and_damaged_zips(tmp_path: Path) -> None:
    root, _, _ = shards()
    archives = [[file.path for file in shard.files] for shard in SOURCE.media(root)]
    assert ["dreamsim_split.z01", "dreamsim_split.zip"] in archives
    items = media(tmp_path)
    assert items["dreamsim_split/dreamsim/ref/000.png"].data == picture(50, "PNG")
    assert not any(key.startswith("VISION") for key in items)
    assert items["VIST/VIST/1.jpg"].data == picture(40)
    assert items["VIST/VIST/2.jpg"].reason == items["VIST.zip"].reason == "archive_damaged"


def test_videos_are_hounds_folders_of_frames(tmp_path: Path) -> None:
    root, _, videos = shards()
    (row,) = SOURCE.read_rows(root, videos)
    assert isinstance(row, Draft) and row.subset == videos.subset == "llava_hound"
    assert row.messages[0].content == [("video", ""), ("text", "What?")]
    item = media(tmp_path, 1)[row.media[0].key]
    assert item.frames is not None and item.fps == 2.0
    assert [name for name, _ in item.frames] == ["c01_0001.jpeg", "c01_0002.jpeg"]


@pytest.mark.skipif(not REAL.is_file(), reason="the real record is not on this machine")
def test_the_real_record(tmp_path: Path) -> None:
    (tmp_path / "m4_instruct_annotations.json").write_bytes(REAL.read_bytes())
    root = Root(str(tmp_path), SOURCE.card.repo)
    (shard,) = SOURCE.rows(root)
    assert shard.subset == ALL_SUBSETS
    (row,) = SOURCE.read_rows(root, shard)
    record = json.loads(REAL.read_text())[0]
    assert isinstance(row, Draft) and row.subset == "HQ-Edit-Diff"
    assert [ref.key for ref in row.media] == record["image"]
    question = "What's the detailed difference between the 2 images? Please list in detail."
    assert row.messages[0].content == [("image", ""), ("image", ""), ("text", question)]
    assert row.messages[1].content == [("text", record["conversations"][1]["value"])]
    assert row.extra == {"sample_id": 5390, "metadata": record["metadata"]}
