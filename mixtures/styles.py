"""Conversation styles: the words that stand around media, and which frames of a clip are kept.

    style              system  image intro  clip intro  frame label  clip outro  outro  words from
    plain              -       -            -           yes          -           -      [1]
    smolvlm2           yes     yes          yes         yes          -           yes    [1]
    smolvlm-inference  -       -            yes         yes          yes         -      [2]

    [1] SmolVLM2's training code (huggingface/smollm, vision/smolvlm2): smolvlm/datasets/dataset.py,
        lines 53 to 61, the version that sees single frames
    [2] transformers, models/smolvlm/processing_smolvlm.py: what the model is asked with later

All are text items of user messages, and each message that holds media has its own:

- an image intro stands before each run of images: before an image that is the message's first
  media, or that follows a clip's last frame. Text between two images does not end a run;
- a clip intro stands before a clip's first frame, and a frame label before each of its frames;
- a clip outro stands after each clip's last frame;
- an outro stands after the message's last media, whatever follows it: once, with several images
  and clips too.

Media of a later turn have their words there. The system message is the first message of a chat that
writes none of its own, also where there are no media. A document (kind `document`) is no chat: it
has labels before its frames, and none of the other words.

The training code also puts "video tag" for a literal `<video>` in an answer, and "image tag" for
`<image>`. No style here does: the filter `control_tokens` lets no such text into a mixture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manifests.errors import UsageError, nearest

_Ints = npt.NDArray[np.int64]

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


@dataclass(frozen=True, kw_only=True)
class Style:
    """Words by place; an empty string where the style has none."""

    name: str
    system: str = ""
    image_intro: str = ""
    clip_intro_form: str = ""
    frame_label_form: str = "Frame from {timestamp}:"
    clip_outro: str = ""
    outro: str = ""

    def frame_label(self, timestamp_ms: int) -> str:
        """With MM:SS to the nearest second; minutes go past 59.

        At 29.97 frames a second, what is shown at 1 s began at 0.967 s.
        """
        seconds = _seconds(timestamp_ms)
        return self.frame_label_form.format(timestamp=f"{seconds // 60:02d}:{seconds % 60:02d}")

    def clip_intro(self, num_frames: int, duration_ms: int) -> str:
        """With the frames that are written, in words, and the clip's H:MM:SS, as labels rounded."""
        return self.clip_intro_form.format(
            frame_count=number_words(num_frames), video_duration=duration_text(duration_ms)
        )


_CLIP_INTRO = (
    "You are provided the following series of {frame_count} frames from a {video_duration} "
    "[H:MM:SS] video.\n"
)
STYLES: Mapping[str, Style] = {
    style.name: style
    for style in (
        Style(name="plain"),
        Style(
            name="smolvlm2",
            system=(
                "You are a helpful language and vision assistant. You are able to understand the "
                "visual content that the user provides, and assist the user with a variety of "
                "tasks using natural language."
            ),
            image_intro="Here are some images: ",
            clip_intro_form=_CLIP_INTRO,
            outro="Now answer the following question: ",
        ),
        Style(
            name="smolvlm-inference",
            clip_intro_form=_CLIP_INTRO,
            frame_label_form="\nFrame from {timestamp}:",
            clip_outro="\n\n",
        ),
    )
}
PLAIN = STYLES["plain"]


def get_style(name: str) -> Style:
    """The style of that name; a usage error with the nearest one otherwise."""
    if name not in STYLES:
        known = ", ".join(STYLES)
        raise UsageError(f"there is no style {name!r}{nearest(name, STYLES)} (there are {known})")
    return STYLES[name]


def number_words(number: int) -> str:
    """An integer from 0 to 999 as the package num2words has it: `one hundred and twenty-eight`."""
    assert 0 <= number < 1000, f"{number} frames of one clip"
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_hundred(rest)
    words = f"{_ONES[hundreds]} hundred"
    return f"{words} and {_below_hundred(rest)}" if rest else words


def _below_hundred(number: int) -> str:
    if number < len(_ONES):
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens - 2]}-{_ONES[ones]}" if ones else _TENS[tens - 2]


def duration_text(duration_ms: int) -> str:
    """H:MM:SS to the nearest second, so that no label lies past it; hours go past 23."""
    minutes, seconds = divmod(_seconds(duration_ms), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def _seconds(time_ms: int) -> int:
    return (time_ms + 500) // 1000


def kept_frames(num_frames: int, kept: int) -> _Ints:
    """Which frames of a clip are written where at most `kept` are: evenly spaced, in order.

    Of two and more, the first and the last are among them; one is the middle frame.
    """
    return kept_frames_of(np.array([num_frames]), np.array([kept]))


def kept_frames_of(num_frames: _Ints, kept: _Ints) -> _Ints:
    """`kept_frames` of many clips, one after another."""
    assert (kept > 0).all(), "a clip that is written has a frame"
    counts = np.minimum(num_frames, kept)
    gaps = np.repeat(np.maximum(counts - 1, 1), counts)
    last = np.repeat(num_frames - 1, counts)
    steps = np.arange(len(gaps)) - np.repeat(np.cumsum(counts) - counts, counts)
    # The nearest frame to step * last / gaps, a half rounded up; a single one is at half of `last`.
    places = np.where(
        np.repeat(counts == 1, counts), last // 2, (2 * steps * last + gaps) // (2 * gaps)
    )
    return places.astype(np.int64)
