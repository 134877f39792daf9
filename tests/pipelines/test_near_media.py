"""Which media stand for which: over folders of a store, again and again, in any parts."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from manifests.storage import read_json
from mixtures.likeness import NearDuplicates
from pipelines import near_media
from pipelines.engine import RayEngine, Task
from pipelines.near.image_codes import ImageCode, image_code
from pipelines.near_facts import known_steps, near_folder
from pipelines.near_media import media_classes
from pipelines.near_sorts import wanted_sorts
from tests.pipelines.near.near_clips import code_at, footage
from tests.pipelines.near.near_images import blank, cut, pages, photos, saved, seen
from tests.pipelines.near_folders import Medium, by_name, run_inline, write_folder

BOTH = NearDuplicates.model_validate({"image": {}, "video": {}})


def _code(image: Image.Image) -> ImageCode:
    return image_code(seen(image))


@cache
def _images() -> tuple[Medium, ...]:
    photo, other, page = photos()[0], photos()[3], pages()[0]
    made = {
        "photo": _code(photo),
        "photo as png": _code(saved(photo, "PNG")),
        "photo at 60": _code(saved(photo, quality=60)),
        "photo at half": _code(photo.resize((photo.width // 2, photo.height // 2))),
        "photo mirrored": _code(ImageOps.mirror(photo)),
        "photo cut": _code(cut(photo, 0.03, 0.0, 0.02, 0.05)),
        "other": _code(other),
        "other at 60": _code(saved(other, quality=60)),
        "page": _code(page),
        "page at 60": _code(saved(page, quality=60)),
        "another page": _code(pages()[1]),
        "blank": _code(blank(200)),
        "another blank": _code(blank(201)),
        "the same blank": _code(blank(200)),
        "broken": None,
    }
    return tuple(Medium(name, "image", code) for name, code in made.items())


@cache
def _clips() -> tuple[Medium, ...]:
    """Frames at whole seconds; a part begins at one."""

    def clip(number: int, start: int, stop: int, side: int = 160) -> Any:
        frames = [f.resize((side, side * 3 // 4)) for f in footage(number, 16)[::8][start:stop]]
        return code_at(frames, [1000 * n for n in range(len(frames))], 1000 * len(frames))

    made = {
        "clip": clip(7, 0, 16),
        "clip at half": clip(7, 0, 16, 80),
        "end of clip": clip(7, 4, 16),
        "middle of clip": clip(7, 4, 12),
        "other clip": clip(8, 0, 16),
        "start of other": clip(8, 0, 12),
    }
    return tuple(Medium(name, "video", code) for name, code in made.items())


ALL = {
    "photo as png": ("photo", "photo", "pixels"),
    "photo at 60": ("photo", "photo", "tiles"),
    "photo at half": ("photo", "photo", "tiles"),
    "photo mirrored": ("photo mirrored", "photo", "alike"),
    "photo cut": ("photo cut", "photo", "alike"),
    "other at 60": ("other", "other", "tiles"),
    "page at 60": ("page at 60", "page", "alike"),
    "the same blank": ("blank", "blank", "pixels"),
    "clip at half": ("clip", "clip", "clip"),
    "end of clip": ("end of clip", "clip", "clip_part"),
    "middle of clip": ("middle of clip", "clip", "clip_part"),
    "start of other": ("start of other", "other clip", "clip_part"),
}


def _ranked(media: Sequence[Medium]) -> list[Medium]:
    """Priorities in their order, so that it is known which of equals stays."""
    return [Medium(m.name, m.kind, m.code, number) for number, m in enumerate(media)]


def _media() -> list[Medium]:
    return _ranked([*_images(), *_clips()])


def _classes(store: Path, wanted: pl.DataFrame, scratch: Path) -> pl.DataFrame:
    found = media_classes(run_inline, wanted, wanted_sorts(BOTH), str(store), str(scratch))
    shutil.rmtree(scratch, ignore_errors=True)
    return found


def test_copies_go_and_others_stay(tmp_path: Path) -> None:
    media = _media()
    wanted = write_folder(tmp_path / "store", "a" * 16, media)
    found = _classes(tmp_path / "store", wanted, tmp_path / "scratch")
    assert by_name(found, media) == ALL
    values = {row["rule"]: row["value"] for row in found.iter_rows(named=True)}
    assert values["pixels"] == ""
    assert values["tiles"].startswith("correlation=")
    assert "correlation=" in values["alike"]
    assert values["clip"].startswith("frames=9 of 9 moves=") and "offset=" in values["clip_part"]


def test_what_is_not_asked_for_is_not_compared(tmp_path: Path) -> None:
    media = _media()
    wanted = write_folder(tmp_path / "store", "a" * 16, media)
    only = NearDuplicates.model_validate({"video": {}})
    sorts = wanted_sorts(only)
    found = media_classes(run_inline, wanted, sorts, str(tmp_path / "store"), str(tmp_path / "s"))
    kinds = {m.name: m.kind for m in media}
    assert {kinds[name] for name in by_name(found, media)} == {"video"}
    none = media_classes(run_inline, wanted, [], str(tmp_path), str(tmp_path / "s"))
    assert none.height == 0 and none.columns == found.columns


def test_the_stated_order_says_what_stays(tmp_path: Path) -> None:
    """Priority, then pixels; but of a whole clip and a part the whole."""
    media = [
        Medium(m.name, m.kind, m.code, 0 if m.name in ("photo at half", "middle of clip") else 1)
        for m in [*_images(), *_clips()]
        if m.name in ("photo", "photo at half", "clip", "middle of clip", "clip at half")
    ]
    wanted = write_folder(tmp_path / "store", "a" * 16, media)
    found = by_name(_classes(tmp_path / "store", wanted, tmp_path / "scratch"), media)
    assert found == {
        "photo": ("photo at half", "photo at half", "tiles"),
        "clip at half": ("clip", "clip", "clip"),
        "middle of clip": ("middle of clip", "clip", "clip_part"),
    }


def test_radius_is_the_recipes(tmp_path: Path) -> None:
    media = _media()
    wanted = write_folder(tmp_path / "store", "a" * 16, media)
    strict = NearDuplicates.model_validate({"image": {"radius": 0}})
    sorts = wanted_sorts(strict)
    found = media_classes(run_inline, wanted, sorts, str(tmp_path / "store"), str(tmp_path / "s"))
    assert "photo at 60" in by_name(found, media)
    assert len(by_name(found, media)) < sum(m.kind == "image" for m in media if m.name in ALL)
    folders = {near_folder(str(tmp_path), wanted_sorts(s)[0]) for s in (strict, BOTH)}
    assert len(folders) == 2


@pytest.mark.slow
@settings(max_examples=4, phases=[Phase.explicit, Phase.generate])
@given(
    seed=st.integers(0, 2**32 - 1),
    block=st.integers(1, 8),
    num_folders=st.integers(1, 3),
    num_builds=st.integers(1, 3),
)
def test_any_parts_order_and_history_give_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    block: int,
    num_folders: int,
    num_builds: int,
) -> None:
    """Folders, blocks, order, and builds of some of the media before: incremental is scratch."""
    rng = random.Random(seed)
    media = _media()
    folder = tmp_path_factory.mktemp("any")
    places = [rng.randrange(num_folders) for _ in media]
    wanted = pl.concat(
        write_folder(folder, f"{number:016x}", mine)
        for number in range(num_folders)
        if (mine := [m for m, place in zip(media, places, strict=True) if place == number])
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_media, "BLOCK_NODES", block)
        patch.setattr(near_media, "SEEN_ROWS", block + 1)
        for _ in range(num_builds - 1):
            some = wanted.sample(fraction=rng.random(), seed=rng.randrange(1000))
            _classes(folder, some, folder / "scratch")
        again = _classes(
            folder, wanted.sample(fraction=1, shuffle=True, seed=1), folder / "scratch"
        )
    assert by_name(again, media) == ALL
    assert again.equals(_from_scratch(folder / "new", media))


@cache
def _from_scratch_key() -> list[pl.DataFrame]:
    return []


def _from_scratch(store: Path, media: Sequence[Medium]) -> pl.DataFrame:
    """What one build of one folder in one block gives."""
    known = _from_scratch_key()
    if not known:
        wanted = write_folder(store, "a" * 16, media)
        known.append(_classes(store, wanted, store / "scratch"))
    return known[0]


def _steps(store: Path) -> list[list[str]]:
    return [
        [Path(step.folder).name for step in known_steps(str(store), sort)]
        for sort in wanted_sorts(BOTH)
    ]


def test_what_was_compared_is_not_again(tmp_path: Path) -> None:
    media = _media()
    store, scratch = tmp_path / "store", tmp_path / "scratch"
    wanted = write_folder(store, "a" * 16, media)
    asked: list[str] = []

    def run(name: str, tasks: Sequence[Task]) -> list[dict[str, Any]]:
        asked.extend([name] * len(tasks))
        return run_inline(name, tasks)

    first = media_classes(run, wanted, wanted_sorts(BOTH), str(store), str(scratch / "1"))
    assert {"compare images", "compare videos"} <= set(asked)
    asked.clear()
    again = media_classes(run, wanted, wanted_sorts(BOTH), str(store), str(scratch / "2"))
    assert again.equals(first) and not any("compare" in name for name in asked)
    new = write_folder(store, "b" * 16, [Medium("photo of late", "image", _code(photos()[1]))])
    media_classes(run, pl.concat([wanted, new]), wanted_sorts(BOTH), str(store), str(scratch / "3"))
    # Its own block, and the one that was there.
    assert asked.count("compare images") == 2 and asked.count("compare videos") == 0
    assert _steps(store) == [["000000", "000001"], ["000000"]]


def test_media_that_are_gone_are_still_known(tmp_path: Path) -> None:
    """`store gc` removes a media folder; it is curated again later."""
    media = _media()
    store = tmp_path / "store"
    wanted = write_folder(store, "a" * 16, media[:2])
    _classes(store, wanted, tmp_path / "scratch")
    shutil.rmtree(store / "media")
    late = write_folder(store, "b" * 16, media[2:])
    _classes(store, late, tmp_path / "scratch")
    again = write_folder(store, "a" * 16, media[:2])
    found = _classes(store, pl.concat([again, late]), tmp_path / "scratch")
    assert by_name(found, media) == ALL


def test_a_build_beside_does_no_harm(tmp_path: Path) -> None:
    """Another build makes the same step while this one compares; its own is used, and dropped."""
    media = _media()
    store = tmp_path / "store"
    wanted = write_folder(store, "a" * 16, media)
    half = wanted.filter(pl.col("place") % 2 == 0)

    def run(name: str, tasks: Sequence[Task]) -> list[dict[str, Any]]:
        if name == "compare images" and not _steps(store)[0]:
            _classes(store, half, tmp_path / "beside")
        return run_inline(name, tasks)

    found = media_classes(run, wanted, wanted_sorts(BOTH), str(store), str(tmp_path / "scratch"))
    assert by_name(found, media) == ALL
    done = Path(near_folder(str(store), wanted_sorts(BOTH)[0])) / "000000" / "done.json"
    kept = half.filter(pl.col("kind") == "image").height
    assert read_json(str(done))["nodes"] < kept
    assert by_name(_classes(store, wanted, tmp_path / "scratch"), media) == ALL
    assert _steps(store)[0] == ["000000", "000001"]


def test_a_step_that_was_cut_off_ends_what_is_known(tmp_path: Path) -> None:
    media = _media()
    store = tmp_path / "store"
    wanted = write_folder(store, "a" * 16, media)
    for stop in (4, len(media)):
        _classes(store, wanted.filter(pl.col("place") < stop), tmp_path / "scratch")
    (Path(near_folder(str(store), wanted_sorts(BOTH)[0])) / "000000" / "done.json").unlink()
    assert _steps(store)[0] == []
    assert by_name(_classes(store, wanted, tmp_path / "scratch"), media) == ALL


@pytest.mark.slow
def test_ray_gives_the_same(tmp_path: Path, ray_engine: RayEngine) -> None:
    media = _media()
    store = tmp_path / "store"
    wanted = write_folder(store, "a" * 16, media)

    def run(name: str, tasks: Sequence[Task]) -> list[dict[str, Any]]:
        return [result for _, result in ray_engine.run(tasks)]

    found = media_classes(run, wanted, wanted_sorts(BOTH), str(store), str(tmp_path / "scratch"))
    assert found.equals(_classes(tmp_path / "other", wanted, tmp_path / "scratch2"))
