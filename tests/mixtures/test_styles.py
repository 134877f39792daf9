"""Words around media, and which frames are kept."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import UsageError
from mixtures.recipe import Recipe
from mixtures.styles import (
    PLAIN,
    STYLES,
    duration_text,
    get_style,
    kept_frames,
    kept_frames_of,
    number_words,
)


def test_a_recipe_can_name_every_style() -> None:
    for name, style in STYLES.items():
        assert get_style(name) is style and style.name == name
        recipe = Recipe.model_validate(
            {
                "name": "r",
                "description": "d",
                "unit": "samples",
                "style": name,
                "components": [{"name": "all", "share": "1", "sources": ["magpie"]}],
            }
        )
        assert recipe.style == name


def test_an_unknown_style_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'smolvlm2'.*plain, smolvlm2, smolvlm-inf"):
        get_style("smolvlm-2")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        *[(0, "zero"), (1, "one"), (10, "ten"), (11, "eleven"), (12, "twelve"), (13, "thirteen")],
        *[(15, "fifteen"), (18, "eighteen"), (19, "nineteen"), (20, "twenty")],
        *[(21, "twenty-one"), (32, "thirty-two"), (40, "forty"), (48, "forty-eight")],
        *[(64, "sixty-four"), (80, "eighty"), (99, "ninety-nine"), (100, "one hundred")],
        *[(101, "one hundred and one"), (112, "one hundred and twelve")],
        *[(128, "one hundred and twenty-eight"), (999, "nine hundred and ninety-nine")],
    ],
)
def test_number_words(number: int, words: str) -> None:
    assert number_words(number) == words


_VALUES = dict(
    zip(
        (
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy "
            "eighty ninety hundred"
        ).split(),
        [*range(1, 20), *range(20, 100, 10), 100],
        strict=True,
    )
)


def test_number_words_say_their_number() -> None:
    """Read back: "and" adds what follows a hundred, a hyphen joins ten and one, nothing else is."""
    for number in range(1, 1000):
        head, _, rest = number_words(number).rpartition(" hundred")
        if head:
            assert not rest or rest.startswith(" and ")
        hundreds = _VALUES[head] * 100 if head else 0
        tail = rest.removeprefix(" and ") if head else rest
        parts = [_VALUES[word] for word in tail.split("-")] if tail else []
        assert hundreds + sum(parts) == number
        assert len(parts) < 2 or (parts[0] >= 20 and parts[1] < 10)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        *[(0, "0:00:00"), (499, "0:00:00"), (29_970, "0:00:30"), (59_500, "0:01:00")],
        *[(3_599_499, "0:59:59"), (3_599_500, "1:00:00"), (90_061_000, "25:01:01")],
    ],
)
def test_duration_text(ms: int, text: str) -> None:
    assert duration_text(ms) == text


@pytest.mark.parametrize(
    ("ms", "time"),
    [(0, "00:00"), (499, "00:00"), (967, "00:01"), (61_000, "01:01"), (3_600_000, "60:00")],
)
def test_frame_label(ms: int, time: str) -> None:
    assert PLAIN.frame_label(ms) == f"Frame from {time}:"
    assert STYLES["smolvlm-inference"].frame_label(ms) == f"\nFrame from {time}:"


@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_no_label_lies_past_the_duration(duration_ms: int, time_ms: int) -> None:
    minutes, seconds = PLAIN.frame_label(min(time_ms, duration_ms))[11:-1].split(":")
    hours, more, rest = duration_text(duration_ms).split(":")
    assert int(minutes) * 60 + int(seconds) <= int(hours) * 3600 + int(more) * 60 + int(rest)


def _constants(path: Path) -> dict[str, str]:
    """The strings that a module assigns to names: read, since importing it takes torch."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            target = node.targets[0]
            assert isinstance(target, ast.Name)
            found[target.id] = str(node.value.value)
    return found


def test_inference_words_are_those_of_transformers() -> None:
    spec = find_spec("transformers")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "models" / "smolvlm"
    for name in ("processing_smolvlm", "video_processing_smolvlm"):
        words = _constants(folder / f"{name}.py")
        style = STYLES["smolvlm-inference"]
        assert style.clip_intro_form == words["DEFAULT_VIDEO_INTRO"]
        assert style.frame_label_form == words["FRAME_TIMESTAMP_MESSAGE"]
        assert style.clip_outro == words["DEFAULT_MEDIA_OUTTRO"]
    # The training code's system message, which inference does not put in.
    assert STYLES["smolvlm2"].system == words["DEFAULT_SYSTEM_MESSAGE"]
    assert STYLES["smolvlm2"].clip_intro_form == words["DEFAULT_VIDEO_INTRO"]


@pytest.mark.parametrize(
    ("num_frames", "kept", "expected"),
    [
        (1, 1, [0]),
        (10, 1, [4]),
        (10, 2, [0, 9]),
        (5, 4, [0, 1, 3, 4]),
        (64, 5, [0, 16, 32, 47, 63]),
        (7, 7, [0, 1, 2, 3, 4, 5, 6]),
        (3, 8, [0, 1, 2]),
    ],
)
def test_kept_frames(num_frames: int, kept: int, expected: list[int]) -> None:
    assert kept_frames(num_frames, kept).tolist() == expected


@given(st.integers(1, 300), st.integers(1, 300))
def test_kept_frames_are_spread_evenly(num_frames: int, kept: int) -> None:
    found = kept_frames(num_frames, kept)
    assert len(found) == min(num_frames, kept)
    gaps = np.diff(found)
    if len(found) > 1:
        assert (found[0], found[-1]) == (0, num_frames - 1)
        # Each is the nearest to an even spacing, so gaps are its floor or its ceiling.
        assert gaps.min() >= 1 and gaps.max() - gaps.min() <= 1
    assert abs(2 * found.sum() - len(found) * (num_frames - 1)) <= len(found)


@given(st.lists(st.tuples(st.integers(1, 70), st.integers(1, 70)), max_size=5))
def test_kept_frames_of_many_are_those_of_each(clips: list[tuple[int, int]]) -> None:
    sizes = np.array(clips, np.int64).reshape(-1, 2)
    expected = [place for clip in clips for place in kept_frames(*clip).tolist()]
    assert kept_frames_of(sizes[:, 0], sizes[:, 1]).tolist() == expected
