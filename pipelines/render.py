"""Messages as they are emitted: the turns that are written, with the style's words around media.

Texts are numbers into a pool (the stored texts, the style's words, intros, frame labels) until the
last step, which gathers them into Arrow: no row, message or item is ever a Python object. Arrays
carry what they have one value of as a suffix, as in `written.py`; `_x` is a media that is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from filters.conversation import flatten
from manifests.errors import IntegrityError
from manifests.schema import CONTENT_TYPE, MESSAGE_TYPE, MESSAGES_TYPE
from mixtures.styles import PLAIN, Style
from pipelines.flat import Bools, Ints, count_where, offsets, ranges, starts
from pipelines.written import EMPTY, Parts, Stored, Turns, Written, all_turns, written

# The style's system message, as a stored message and as a stored item.
_SYSTEM = EMPTY - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMedia:
    """The media of a batch of rows as upstream has them, one value a media, row after row."""

    counts_r: Ints
    is_video: Bools
    num_frames: Ints  # that are written of it; 1 for an image
    duration_ms: Ints  # 0 for an image
    times_ms: Ints  # of all clips' written frames, clip after clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    messages: pa.Array
    media_x: Ints  # in written order, as numbers into `RowMedia`
    counts_r: Ints  # how many of them each row has
    turns: Turns


def render(
    stored: pa.Array,
    places: Ints,
    parts: Parts,
    media: RowMedia,
    document_r: Bools,
    style: Style,
) -> Rendered:
    """Emitted messages of a batch of rows.

    Conversation c of `parts` is `stored[places[c]]`. Rows that `document_r` marks get no words but
    frame labels. IntegrityError: items that do not fit the media, or turns that there are not.
    """
    chats = Stored(flatten(pa.record_batch({"messages": stored})), places)
    _check_counts(chats, parts, media)
    if _as_stored(chats, parts, media, style):
        return Rendered(
            messages=stored.take(pa.array(places)),
            media_x=np.arange(len(media.is_video)),
            counts_r=media.counts_r,
            turns=all_turns(chats, parts),
        )
    plan, turns = written(chats, parts)
    is_media = np.append(chats.media_i, False)[plan.item_i]
    row_x = plan.row_m[plan.message_i[is_media]]
    media_x = _numbers(chats, parts, media, plan.item_i[is_media], row_x)
    worded = _with_system(plan, chats, document_r) if style.system else plan
    return Rendered(
        messages=_Renderer(chats, worded, media, document_r, style).messages(media_x),
        media_x=media_x,
        counts_r=np.bincount(row_x, minlength=len(document_r)),
        turns=turns,
    )


def _as_stored(chats: Stored, parts: Parts, media: RowMedia, style: Style) -> bool:
    """Whether no message differs from what the store has."""
    whole = len(parts.row_c) == len(parts.turns_r) == parts.turns_r.null_count
    return whole and style == PLAIN and not (chats.video_i.any() or media.is_video.any())


def _check_counts(chats: Stored, parts: Parts, media: RowMedia) -> None:
    found_r = chats.num_media(chats.first_m_c[parts.own_c], chats.num_m_c[parts.own_c])
    wrong = np.flatnonzero(found_r != media.counts_r)
    if len(wrong):
        items, num_media = found_r[wrong[0]], media.counts_r[wrong[0]]
        raise _misplaced(parts, wrong[0], f"{items} media items for {num_media} media")


def _numbers(chats: Stored, parts: Parts, media: RowMedia, item_x: Ints, row_x: Ints) -> Ints:
    """The media that each written media item stands for: the n-th item stored is the n-th media."""
    before_r = chats.media_before_m[chats.first_m_c[parts.own_c]]
    numbers: Ints = starts(media.counts_r)[row_x] + chats.media_before_i[item_x] - before_r[row_x]
    wrong = np.flatnonzero(chats.video_i[item_x] != media.is_video[numbers])
    if len(wrong):
        raise _misplaced(parts, row_x[wrong[0]], "an item of one kind for a media of another")
    return numbers


def _misplaced(parts: Parts, row: int, what: str) -> IntegrityError:
    return IntegrityError(
        f"sample {parts.ids_r[row]} has {what}; the filter `placeholders` drops such samples: "
        "add it to the recipe"
    )


def _with_system(plan: Written, chats: Stored, document_r: Bools) -> Written:
    """The plan with the style's system message in front of chats that write none of their own."""
    has_r = count_where(plan.row_m, chats.system_m[plan.message_m], len(document_r)) > 0
    rows = np.flatnonzero(~has_r & ~document_r)
    at = np.searchsorted(plan.row_m, rows)
    message_m = np.insert(plan.message_m, at, _SYSTEM)
    is_new = message_m == _SYSTEM
    message_i = np.flatnonzero(~is_new)[plan.message_i]
    new = np.flatnonzero(is_new)
    place = np.searchsorted(message_i, new)
    return replace(
        plan,
        row_m=np.insert(plan.row_m, at, rows),
        message_m=message_m,
        message_i=np.insert(message_i, place, new),
        item_i=np.insert(plan.item_i, place, _SYSTEM),
    )


class _Pool:
    """Texts by number: those of the store first, then every other text once."""

    def __init__(self, stored: pa.Array) -> None:
        self._stored = stored
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._stored) + len(self._numbers))

    def numbers(self, texts: Iterable[str]) -> Ints:
        return np.fromiter(map(self.number, texts), np.int64)

    def take(self, numbers: Ints) -> pa.Array:
        own = pa.array(list(self._numbers), pa.string())
        return pa.concat_arrays([self._stored, own]).take(pa.array(numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """Of each written media, which of the style's texts stand around it."""

    clip: Bools
    num_items: Ints  # images, and labels before frames
    intro: Bools
    clip_outro: Bools
    outro: Bools

    def widths(self) -> Ints:
        return self.num_items + self.intro + self.clip_outro + self.outro


class _Renderer:
    def __init__(
        self, chats: Stored, plan: Written, media: RowMedia, document_r: Bools, style: Style
    ) -> None:
        self._chats, self._plan, self._media, self._style = chats, plan, media, style
        self._pool = _Pool(chats.texts_i)
        # Of a written message: whether words stand around its media.
        self._worded_m = np.append(chats.user_m, [False, False])[plan.message_m]
        self._worded_m &= ~document_r[plan.row_m]
        self._num_rows = len(document_r)

    def messages(self, media_x: Ints) -> pa.Array:
        plan = self._plan
        is_media = np.append(self._chats.media_i, [False, False])[plan.item_i]
        words = self._words(plan.message_i[is_media], media_x)
        widths = np.ones(len(plan.item_i), np.int64)
        widths[is_media] = words.widths()
        first = starts(widths)
        numbers = np.full(int(first[-1]), self._pool.number(""))
        numbers[first[:-1][~is_media]] = self._texts(plan.item_i[~is_media])
        is_image = np.zeros(len(numbers), bool)
        self._put_media(numbers, is_image, first[:-1][is_media], media_x, words)
        num_messages = len(plan.message_m)
        num_items_m = np.bincount(plan.message_i, weights=widths, minlength=num_messages)
        return self._arrow(numbers, is_image, num_items_m.astype(np.int64))

    def _texts(self, item_i: Ints) -> Ints:
        numbers = np.where(item_i == EMPTY, self._pool.number(""), item_i)
        return np.where(item_i == _SYSTEM, self._pool.number(self._style.system), numbers)

    def _words(self, message_x: Ints, media_x: Ints) -> _Words:
        style, clip = self._style, self._media.is_video[media_x]
        worded = self._worded_m[message_x]
        again = message_x[1:] == message_x[:-1]
        last = np.append(~again, True)[: len(clip)]
        in_run = np.append(False, again & ~clip[:-1])[: len(clip)]
        image_intro = ~clip & ~in_run & bool(style.image_intro)
        return _Words(
            clip=clip,
            num_items=np.where(clip, 2 * self._media.num_frames[media_x], 1),
            intro=worded & (image_intro | (clip & bool(style.clip_intro_form))),
            clip_outro=worded & clip & bool(style.clip_outro),
            outro=worded & last & bool(style.outro),
        )

    def _put_media(
        self, numbers: Ints, is_image: Bools, first_x: Ints, media_x: Ints, words: _Words
    ) -> None:
        """Fill in what stands from `first_x` on: intro, media items, clip outro, outro."""
        clip, body = words.clip, first_x + words.intro
        numbers[first_x[words.intro & ~clip]] = self._pool.number(self._style.image_intro)
        introduced = words.intro & clip
        numbers[first_x[introduced]] = self._intros(media_x[introduced])
        frames = words.num_items[clip] // 2
        label = np.repeat(body[clip], frames) + 2 * ranges(np.zeros_like(frames), frames)
        numbers[label] = self._labels(media_x[clip])
        is_image[label + 1] = True
        is_image[body[~clip]] = True
        end = body + words.num_items
        numbers[end[words.clip_outro]] = self._pool.number(self._style.clip_outro)
        numbers[(end + words.clip_outro)[words.outro]] = self._pool.number(self._style.outro)

    def _intros(self, media_x: Ints) -> Ints:
        """Their texts: by frames written and duration."""
        facts = np.stack([self._media.num_frames[media_x], self._media.duration_ms[media_x]], 1)
        unique, which = np.unique(facts, axis=0, return_inverse=True)
        return self._pool.numbers(self._style.clip_intro(*fact) for fact in unique.tolist())[which]

    def _labels(self, media_x: Ints) -> Ints:
        """The texts of all frames of these clips."""
        media = self._media
        first = starts(np.where(media.is_video, media.num_frames, 0))[media_x]
        times = media.times_ms[ranges(first, media.num_frames[media_x])]
        unique, which = np.unique(times, return_inverse=True)
        return self._pool.numbers(map(self._style.frame_label, unique.tolist()))[which]

    def _arrow(self, numbers: Ints, is_image: Bools, num_items_m: Ints) -> pa.Array:
        types = pa.array(["text", "image"]).take(pa.array(is_image.astype(np.int8)))
        items = pa.StructArray.from_arrays(
            [types, self._pool.take(numbers)], fields=list(CONTENT_TYPE)
        )
        contents = pa.ListArray.from_arrays(offsets(num_items_m), items)
        message_m = self._plan.message_m
        stored = self._chats.roles_m
        which = np.where(message_m == _SYSTEM, len(stored), message_m)
        roles = pa.concat_arrays([stored, pa.array(["system"])]).take(pa.array(which))
        messages = pa.StructArray.from_arrays([roles, contents], fields=list(MESSAGE_TYPE))
        counts_r = np.bincount(self._plan.row_m, minlength=self._num_rows)
        return pa.ListArray.from_arrays(offsets(counts_r), messages, type=MESSAGES_TYPE)
