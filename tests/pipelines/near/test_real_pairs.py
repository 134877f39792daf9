"""Copies that nobody here made: what packages ship twice, and one clip that is another with a cut.

perception's photos and clips come with `make setup`; gradio's with .ci/run, for its wheel is 31 MB.
Which are copies of which was found by looking at all of them.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from itertools import combinations
from pathlib import Path

import pytest

from pipelines.near.clip_columns import ClipColumns
from pipelines.near.clip_pairs import RULES as CLIP_RULES
from pipelines.near.clip_pairs import find_pairs as clip_pairs
from pipelines.near.image_codes import image_codes_of
from pipelines.near.image_columns import ImageColumns
from pipelines.near.image_pairs import RULES as IMAGE_RULES
from pipelines.near.image_pairs import find_pairs as image_pairs
from tests.pipelines.near.near_clips import read

GLOBES = ("b.avi", "b.mp4", "muted_b.mp4", "world.mp4")
IMAGES, CLIPS = (".jpg", ".png"), (".mp4", ".m4v", ".mov", ".avi")
# By (package, kind): how many files there are, and the pairs of them with their rule.
TRUE: dict[tuple[str, str], tuple[int, dict[tuple[str, str], str]]] = {
    ("perception", "images"): (10, {}),
    ("perception", "videos"): (
        6,
        {
            ("extra_channel_attached_pic.mp4", "extra_channel_attached_pic_audio.mp4"): "clip",
            ("v2.m4v", "v2s.mov"): "clip_part",
        },
    ),
    ("gradio", "images"): (
        11,
        {
            ("avatar.png", "logo.png"): "pixels",
            ("bus.png", "test_image.png"): "pixels",
            ("cheetah1-copy.jpg", "cheetah1.jpg"): "pixels",
        },
    ),
    # One clip of a globe before black, without sound, in another form, and as part of a longer one.
    ("gradio", "videos"): (5, dict.fromkeys(combinations(GLOBES, 2), "clip_part")),
}
FOLDERS = ("images", "videos", "test_data")


def _files(package: str, kind: str) -> list[Path]:
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed: .ci/run installs it")
    suffixes = IMAGES if kind == "images" else CLIPS
    paths = [Path(str(file.locate())) for file in listed if file.parent.name in FOLDERS]
    return sorted((path for path in paths if path.suffix in suffixes), key=lambda path: path.name)


def _pairs(paths: list[Path], kind: str) -> dict[tuple[int, int], str]:
    if kind == "images":
        images = ImageColumns.of_codes([image_codes_of(path.read_bytes()) for path in paths])
        rows = image_pairs(images, images)
        return {(int(p["left"]), int(p["right"])): IMAGE_RULES[p["rule"]] for p in rows}
    clips = ClipColumns.of_codes([read(path) for path in paths])
    rows = clip_pairs(clips, clips)
    return {(int(p["left"]), int(p["right"])): CLIP_RULES[p["rule"]] for p in rows}


@pytest.mark.parametrize(("package", "kind"), TRUE)
def test_real_copies_and_nothing_else(package: str, kind: str) -> None:
    number, expected = TRUE[package, kind]
    paths = _files(package, kind)
    assert len(paths) == number
    found = {
        (paths[one].name, paths[other].name): rule
        for (one, other), rule in _pairs(paths, kind).items()
        if paths[one].name < paths[other].name
    }
    assert found == expected
