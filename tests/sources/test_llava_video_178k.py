"""LLaVA-Video-178K: each quirk of the reference, by value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sources.base import Draft, MediaItem, Rejected
from sources.llava_video_178k import SOURCE
from sources.readers.frames import REPO as FRAMES_REPO
from sources.root import Root
from tests.sources import reading
from tests.sources.packing import tar_gz

ACADEMIC = "0_30_s_academic_v0_1"
CAPTIONS = f"{ACADEMIC}/{ACADEMIC}_cap_processed.json"
OPEN_ENDED = f"{ACADEMIC}/0_30_s_academic_oe_v0_1_qa_processed.json"
CHARADES = f"{ACADEMIC}/academic_source/Charades"
TURNS = [{"from": "human", "value": "<image>\nQ"}, {"from": "gpt", "value": "A"}]


def read(file: str) -> list[Draft | Rejected]:
    root, _ = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    (shard,) = [shard for shard in SOURCE.rows(root) if shard.file.path == file]
    return list(SOURCE.read_rows(root, shard))


def drafts(file: str) -> list[Draft]:
    return [row for row in read(file) if isinstance(row, Draft)]


def media(spool: Path, number: int) -> dict[str, MediaItem]:
    root = reading.roots(SOURCE, reading.mirror_of(SOURCE))[number]
    shards = SOURCE.media(root)
    return {i.key: i for shard in shards for i in SOURCE.read_media(root, shard, spool)}


def put(folder: Path, files: dict[str, bytes], repo: str = "lmms-lab/LLaVA-Video-178K") -> Root:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return Root(str(folder), repo)


def test_the_image_marker_is_the_video() -> None:
    draft = drafts(CAPTIONS)[0]
    assert draft.messages[0].content == [("video", ""), ("text", "Describe it.")]
    assert [(ref.kind, ref.key) for ref in draft.media] == [("video", f"{CHARADES}/Q04US.mp4")]
    assert draft.extra == {"id": "Q04US", "data_source": ACADEMIC, "task": "cap"}


def test_ids_may_be_absent_and_repeat_across_tasks() -> None:
    captions, open_ended = drafts(CAPTIONS), drafts(OPEN_ENDED)
    assert captions[1].extra == {"data_source": ACADEMIC, "task": "cap"}
    assert captions[0].extra and open_ended[0].extra
    assert captions[0].extra["id"] == open_ended[0].extra["id"] == "Q04US"
    assert open_ended[0].extra["task"] == "oe"
    assert captions[0].media == open_ended[0].media == captions[2].media


def test_turns_are_many_odd_or_without_marker() -> None:
    _, multi, odd, bare, end, _ = drafts(CAPTIONS)
    assert [m.role for m in multi.messages] == ["user", "assistant"] * 3
    assert [m.role for m in odd.messages] == ["user", "assistant", "user"]
    assert bare.messages[0].content == [("video", ""), ("text", "No marker here.")]
    assert end.messages[0].content == [("text", "At the end."), ("video", "")]


def test_rows_that_are_none_cost_themselves() -> None:
    assert [row.reason if isinstance(row, Rejected) else None for row in read(OPEN_ENDED)] == [
        *[None, "row_malformed", "no_turns", "unknown_role", "row_malformed"],
        *[None, "row_malformed", "row_malformed", None],
    ]
    cut = read(f"{ACADEMIC}/0_30_s_academic_mc_v0_1_qa_processed.json")
    assert isinstance(cut[-1], Rejected)
    assert (cut[-1].row, cut[-1].reason) == (1, "json_malformed")


def test_subsets_are_upstreams_folders() -> None:
    root, frames = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    assert {shard.subset for shard in SOURCE.rows(root)} == {
        ACADEMIC,
        "0_30_s_nextqa",
        "2_3_m_activitynetqa",
        "30_60_s_perceptiontest",
        "llava_hound",
    }
    assert SOURCE.rows(frames) == []


def test_a_folder_named_as_the_cards_config_is_read_too(tmp_path: Path) -> None:
    name = "0_30_s_activitynet"
    row = json.dumps([{"video": "v.mp4", "conversations": TURNS}]).encode()
    files = {f"{name}/{name}_oe_qa.json": row, f"{name}/{name}_videos_1.tar.gz": tar_gz([])}
    root = put(tmp_path, files | {"unknown_config/x_oe.json": row, f"{name}/notes.json": b"[]"})
    (shard,) = SOURCE.rows(root)
    (draft,) = SOURCE.read_rows(root, shard)
    assert isinstance(draft, Draft)
    assert (draft.subset, draft.media[0].key) == ("0_30_s_activitynetqa", f"{name}/v.mp4")
    assert [shard.subset for shard in SOURCE.media(root)] == ["0_30_s_activitynetqa"]


def test_archives_come_in_the_order_of_their_numbers() -> None:
    root, _ = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    names = [shard.files[0].path.rpartition("/")[2] for shard in SOURCE.media(root)]
    assert names == [
        *[f"{ACADEMIC}_videos_{number}.tar.gz" for number in (1, 2, 10)],
        "0_30_s_nextqa_videos_1.tar.gz",
        "2_3_m_activitynetqa_videos_3.tar.gz",
    ]


def test_clips_are_keyed_by_config_and_member(tmp_path: Path) -> None:
    items = media(tmp_path, 0)
    assert items[f"{CHARADES}/Q04US.mp4"].data is not None
    youtube = f"{ACADEMIC}/liwei_youtube_videos/videos/youtube_video_2024/ytb_nJ11r1kVt14.mp4"
    assert items[youtube].data == b"not a clip"
    assert items[f"{CHARADES}/CUT.mp4"].reason == "archive_damaged"
    assert items[f"{ACADEMIC}//tmp/escape.mp4"].reason == "member_unsafe"
    assert "0_30_s_nextqa/NextQA/NExTVideo/1006/8968804598.mp4" in items


def test_hounds_clips_are_folders_of_frames(tmp_path: Path) -> None:
    rows = drafts("llava_hound/sharegptvideo_qa_255k_processed.json")
    items = media(tmp_path, 1)
    first = items[rows[0].media[0].key]
    assert rows[0].media[0].key == "llava_hound/v_--0edUL8zmA-Scene-001"
    assert first.frames is not None and first.fps == 2.0
    assert [name for name, _ in first.frames] == [f"c01_00{i}.jpeg" for i in ("01", "02", "10")]
    unpacked = items["llava_hound/OO7MpplyI2s"]
    assert unpacked.frames is not None and len(unpacked.frames) == 2
    assert set(items) == {row.media[0].key for row in rows[:3]} | {"llava_hound/zipped"}
    assert rows[0].extra and rows[0].extra["task"] == "oe"


def test_frames_in_chunks_of_an_unknown_prefix_are_found(tmp_path: Path) -> None:
    members = [("train_300k/x/23230678/c01_0001.jpeg", b"1")]
    root = put(tmp_path, {"train_300k/chunk_3.tar.gz": tar_gz(members)}, FRAMES_REPO)
    (shard,) = SOURCE.media(root)
    (item,) = SOURCE.read_media(root, shard, tmp_path)
    assert (item.key, item.frames) == ("llava_hound/23230678", [("c01_0001.jpeg", b"1")])


@pytest.mark.parametrize("value", [7, [7], [""], {"a": 1}])
def test_a_video_that_is_no_path_is_malformed(tmp_path: Path, value: object) -> None:
    data = json.dumps([{"video": value, "conversations": TURNS}]).encode()
    root = put(tmp_path, {f"{ACADEMIC}/{ACADEMIC}_cap_processed.json": data})
    (row,) = SOURCE.read_rows(root, SOURCE.rows(root)[0])
    assert isinstance(row, Rejected) and row.reason == "row_malformed"
