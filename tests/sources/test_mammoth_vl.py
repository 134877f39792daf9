"""MAmmoTH-VL: subsets by what rows hold, archives by what needs them, one tree of members."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from pipelines.media_index import MediaIndex
from pipelines.upstream import find_upstream
from sources.base import ALL_SUBSETS, Draft, Rejected
from sources.mammoth_vl import SOURCE
from sources.root import Root
from tests.sources import reading

MIRROR = reading.mirror_of(SOURCE)


def root() -> Root:
    (found,) = reading.roots(SOURCE, MIRROR)
    return found


def rows(place: int, **options: Any) -> list[Draft | Rejected]:
    shard = SOURCE.rows(root())[place]
    return list(SOURCE.read_rows(root(), dataclasses.replace(shard, **options)))


def drafts(place: int) -> dict[object, Draft]:
    """By id; ids repeat and are not relied on elsewhere."""
    found = [row for row in rows(place) if isinstance(row, Draft)]
    return {(draft.extra or {})["id"]: draft for draft in found}


def test_the_larger_file_is_one_subset_and_the_other_holds_all() -> None:
    shards = [(shard.file.path, shard.subset) for shard in SOURCE.rows(root())]
    assert shards == [
        ("mammoth_si_10M.json", "single_image"),
        ("mammoth_ov_2M.json", ALL_SUBSETS),
    ]
    assert {row.subset for row in rows(0)} == {"single_image"}
    found = {name: draft.subset for name, draft in drafts(1).items()}
    assert found["multi-1"] == found["both-1"] == "multi_image"
    assert found["video-1"] == found["video-2"] == "video"
    assert found["onevision-1"] == found["onevision-2"] == "ov_image_onevision"
    assert (found[12], found["text-3"], found["marker-1"]) == ("ov_image", "text", "text")


def test_a_row_with_images_and_a_video_has_its_images() -> None:
    both = drafts(1)["both-1"]
    assert [ref.kind for ref in both.media] == ["image", "image"]
    assert both.extra is not None and str(both.extra["video"]).endswith("2.mp4")


def test_limits_count_within_each_subset() -> None:
    assert [row.row for row in rows(0, stop=2)] == [0, 1]
    assert [(row.subset, row.row) for row in rows(1, stop=1)] == [
        ("multi_image", 0),
        ("video", 2),
        ("ov_image_onevision", 4),
        ("ov_image", 6),
        ("text", 8),
    ]


def test_archives_are_in_the_order_of_their_numbers() -> None:
    files = [shard.files[0].path for shard in SOURCE.media(root())]
    assert files[:3] == [f"single_image_data/shard_{n}.tar.gz" for n in (1, 2, 10)]


def test_only_archives_that_the_subsets_need_are_read() -> None:
    def folders(*subsets: str) -> set[str]:
        found = find_upstream(SOURCE, set(subsets), str(MIRROR), None)
        return {shard.files[0].path.split("/")[0] for _, shard in found.media}

    assert folders("video") == {"video_data"}
    assert folders("multi_image") == {"multi_image_data"}
    assert folders("single_image") == {"single_image_data"}
    assert folders("ov_image") == {"single_image_data", "multi_image_data"}
    assert folders("text") == set()


def test_members_are_found_in_one_tree(tmp_path: Path) -> None:
    items = [i for s in SOURCE.media(root()) for i in SOURCE.read_media(root(), s, tmp_path)]
    digests = [None if item.reason else str(reading.media_digest(item)) for item in items]
    index = MediaIndex([item.key for item in items], digests, suffix=True)

    def find(key: str) -> str:
        position = index.find(key)
        return items[position].key if position >= 0 else ""

    assert find("Cambrian-10M/idefics375k/0.jpg") == "Cambrian-10M/idefics375k/0.jpg"
    assert find("tinychart_train/1335489.png") == "images/tinychart_train/1335489.png"
    # In two archives, the same picture; and under the name that the other set has for it.
    assert find("M4-Instruct-Data/HQ-Edit/images/83426.jpg").startswith("M4-Instruct-Data/")
    assert find("LLaVA-NeXT-Data/gone.png") == ""
