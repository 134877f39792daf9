"""Clips are found whatever was done to them, and what only looks alike is not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from pipelines.near.clip_codes import LOOKS, ClipCode
from pipelines.near.clip_columns import ClipColumns
from pipelines.near.clip_pairs import RULES, find_pairs
from tests.pipelines.near.near_clips import EDITS, RATE, Edit, code_at, footage, read, write
from tests.pipelines.near.near_images import blank, pages, photos

_NUM_CLIPS = 4
_SECONDS = 16


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[ClipCode]:
    folder = tmp_path_factory.mktemp("clips")
    return [
        read(write(folder / f"{number}.mp4", footage(number, _SECONDS)))
        for number in range(_NUM_CLIPS)
    ]


def _found(index: Sequence[ClipCode], queries: Sequence[ClipCode]) -> dict[tuple[int, int], str]:
    pairs = find_pairs(ClipColumns.of_codes(index), ClipColumns.of_codes(queries))
    return {(int(pair["left"]), int(pair["right"])): RULES[pair["rule"]] for pair in pairs}


def test_different_clips_are_no_pairs(originals: list[ClipCode]) -> None:
    found = _found(originals, originals)
    assert found == {(number, number): "clip" for number in range(_NUM_CLIPS)}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_edits_are_found(originals: list[ClipCode], edit: Edit, tmp_path: Path) -> None:
    copies = [edit.of(footage(number, _SECONDS), tmp_path / f"{number}.mp4") for number in range(2)]
    wanted = {(number, number): edit.rule for number in range(2)}
    assert _found(originals, copies) == wanted
    assert _found(copies, originals) == wanted


@pytest.mark.parametrize("start", [2.0, 2.25, 2.5, 2.875])
def test_cuts_at_any_moment_are_found_with_their_offset(
    originals: list[ClipCode], start: float, tmp_path: Path
) -> None:
    frames = footage(1, _SECONDS)[int(start * RATE) :]
    copy = read(write(tmp_path / "copy.mp4", frames))
    (pair,) = find_pairs(ClipColumns.of_codes(originals), ClipColumns.of_codes([copy]))
    assert (pair["left"], RULES[pair["rule"]]) == (1, "clip_part")
    # No nearer than frames of the original are to each other.
    assert abs(int(pair["offset_ms"]) - start * 1000) <= 1000
    assert pair["alike"] >= 0.6 * pair["total"]


def _by_second(frames: Sequence[Image.Image]) -> ClipCode:
    return code_at(frames, [1000 * n for n in range(len(frames))], 1000 * len(frames))


def _still() -> ClipCode:
    return _by_second([photos()[0]] * 8)


def _black() -> ClipCode:
    return _by_second([blank(0)] * 8)


def _slides() -> ClipCode:
    return _by_second([page for page in pages()[:4] for _ in range(3)])


@pytest.mark.parametrize("make", [_still, _black, _slides])
def test_clips_without_moving_texture_match_nothing(make: object) -> None:
    assert callable(make)
    assert _found([make()], [make()]) == {}


@pytest.mark.parametrize("picture", [photos()[0], pages()[0]], ids=["photo", "page"])
def test_noise_of_an_encoder_is_no_motion(picture: Image.Image, tmp_path: Path) -> None:
    frames = [picture.resize((320, 240))] * 8 * RATE
    one, other = (read(write(tmp_path / f"{crf}.mp4", frames, crf)) for crf in (35, 36))
    assert _found([one], [one, other]) == {}


def _head(first: int, stop: int) -> list[Image.Image]:
    """A photo in which nothing moves but one part, over another one."""
    scene, sheet = photos()[0].resize((320, 240)), photos()[2].resize((640, 240))
    frames = []
    for number in range(first, stop):
        frames.append(scene.copy())
        frames[-1].paste(sheet.crop((number, 60, number + 60, 140)), (130, 80))
    return frames


def test_clips_whose_frames_look_alike_are_found_by_what_moves(tmp_path: Path) -> None:
    whole = read(write(tmp_path / "whole.mp4", _head(0, 240)))
    assert len(ClipColumns.of_codes([whole]).clip(0).distinct) < 3
    low = read(write(tmp_path / "low.mp4", _head(0, 240), crf=32))
    part = read(write(tmp_path / "part.mp4", _head(64, 160)))
    assert _found([whole], [low, part]) == {(0, 0): "clip", (0, 1): "clip_part"}
    assert _found([part], [read(write(tmp_path / "later.mp4", _head(130, 240)))]) == {}


def _ball(color: str) -> list[Image.Image]:
    """A disc that crosses the picture."""
    frames = []
    for number in range(8 * RATE):
        frames.append(Image.new("RGB", (320, 240), "white"))
        left = 4 * number
        ImageDraw.Draw(frames[-1]).ellipse((left, 100, left + 40, 140), fill=color)
    return frames


def test_drawings_of_flat_colours_are_no_copies(tmp_path: Path) -> None:
    """Codes are gray: a blue ball for an orange one would make one conversation of two."""
    clips = [read(write(tmp_path / f"{c}.mp4", _ball(c))) for c in ("#1f77b4", "#ff7f0e")]
    assert _found(clips, clips) == {}


def _globe(number: int) -> list[Image.Image]:
    """A disc before black, over which a photo moves."""
    sheet = photos()[number].resize((640, 240)).convert("L")
    disc = Image.new("L", (320, 240))
    ImageDraw.Draw(disc).ellipse((90, 50, 230, 190), fill=255)
    frames = []
    for step in range(8 * RATE):
        seen = sheet.crop((4 * step, 0, 4 * step + 320, 240))
        frames.append(Image.composite(seen, Image.new("L", seen.size), disc))
    return frames


def test_shaded_shapes_that_move_are_alike_and_never_the_same(tmp_path: Path) -> None:
    whole, low, half = (
        read(write(tmp_path / f"{crf}-{scale}.mp4", _globe(0), crf, scale))
        for crf, scale in ((23, 1), (35, 1), (23, 0.5))
    )
    assert {LOOKS[look] for look in whole.looks} == {"shape"}
    assert _found([whole], [low, half]) == {(0, 0): "clip_part", (0, 1): "clip_part"}
    others = [_by_second(_globe(number)[::RATE]) for number in range(1, 6)]
    assert _found([whole], others) == {}


def test_footage_with_a_shape_in_it_is_the_same(tmp_path: Path) -> None:
    shape = [frame.resize((160, 120)) for frame in _globe(0)[: 2 * RATE]]
    whole, low = (
        read(write(tmp_path / f"{crf}.mp4", [*footage(0, _SECONDS), *shape], crf))
        for crf in (23, 35)
    )
    assert LOOKS.index("shape") in whole.looks
    assert _found([whole], [low]) == {(0, 0): "clip"}


def test_a_shared_intro_is_no_match() -> None:
    """Two seconds of one photo and one of another, then each goes its own way."""
    intro = [photos()[3], photos()[3], photos()[4]]
    one, other = ([*intro, *footage(number, 12)[::RATE]] for number in (7, 8))
    assert _found([_by_second(one)], [_by_second(other)]) == {}


def test_half_a_clip_in_common_is_no_match() -> None:
    first, second, third = (footage(number, 8)[::RATE] for number in (7, 8, 9))
    assert _found([_by_second([*first, *second])], [_by_second([*second, *third])]) == {}


def test_the_same_shots_in_another_order_are_no_match() -> None:
    shots = [footage(number, 4)[::RATE] for number in (7, 8, 9, 11)]
    one = [frame for shot in shots for frame in shot]
    other = [frame for shot in reversed(shots) for frame in shot]
    assert _found([_by_second(one)], [_by_second(other)]) == {}


def test_a_clip_of_minutes_is_found_by_its_few_frames() -> None:
    """64 frames of four minutes, and of the same without its first tenth."""
    frames = footage(20, 240)

    def sampled(start_s: float, length_s: float) -> ClipCode:
        times = [int(1000 * length_s / 64 * (n + 0.5)) for n in range(64)]
        shown = [frames[int((start_s + t / 1000) * RATE)] for t in times]
        return code_at(shown, times, int(1000 * length_s))

    whole, part = sampled(0, 240), sampled(24, 216)
    assert _found([whole], [part]) == {(0, 0): "clip_part"}
    assert _found([whole], [whole]) == {(0, 0): "clip"}


@pytest.mark.slow
@settings(max_examples=6)
@given(st.permutations(range(8)), st.integers(1, 7))
def test_pairs_do_not_depend_on_parts_or_order(order: list[int], cut: int) -> None:
    codes = _mixed()
    whole = {key for key in _found(codes, codes) if key[0] < key[1]}
    assert whole
    first, second = order[:cut], order[cut:]
    found = set()
    for one, other in ((first, first), (first, second), (second, second)):
        pairs = _found([codes[n] for n in one], [codes[n] for n in other])
        found |= {tuple(sorted((one[a], other[b]))) for a, b in pairs}
    assert {pair for pair in found if pair[0] != pair[1]} == whole


def test_of_one_object_each_pair_comes_once() -> None:
    columns = ClipColumns.of_codes(_mixed())
    pairs = find_pairs(columns, columns)
    again = find_pairs(columns, ClipColumns.of_codes(_mixed()))
    assert np.array_equal(pairs, again[again["left"] < again["right"]]) and len(pairs)


@cache
def _mixed() -> list[ClipCode]:
    one, other = (list(footage(number, 12)[::RATE]) for number in (7, 8))
    shifted = list(footage(7, 12)[4::RATE])
    lists = [
        one,
        other,
        one[2:],
        one[3:9],
        shifted,
        other[:8],
        [*one[:6], *other[6:]],
        [one[0]] * 5,
    ]
    return [_by_second(frames) for frames in lists]
