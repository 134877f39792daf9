"""What the contract cannot say of ShareGPT4Video: the order of zips, and whose site a file is."""

from __future__ import annotations

from pathlib import Path

from sources.sharegpt4video import SOURCE
from tests.sources import reading


def test_zips_are_read_by_site_and_number_and_loose_videos_last() -> None:
    (root,) = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    found = [(shard.subset, Path(shard.files[0].path).name) for shard in SOURCE.media(root)]
    assert found == [
        ("bdd100k", "bdd100k_videos.zip"),
        ("mixkit", "mixkit_videos.zip"),
        ("panda", "panda_videos_2.zip"),
        ("panda", "panda_videos_10.zip"),
        ("pexels", "pexels_videos_1.zip"),
        ("other", "else.mp4"),
        ("pixabay", "7.mp4"),
        ("ego4d", "cook.mp4"),
    ]
