"""Token counts of rows as they would be written: with so many turns and frames, tiled or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mixtures.styles import Style
from pipelines.flat import Bools, Ints, owners, ranges, starts
from pipelines.token_counter import Counter
from pipelines.turn_units import RowTurns, TurnUnits

# More frames than any clip has: all of them.
ALL_FRAMES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How rows would be written, one value a row; `rows` are numbers among those counted."""

    rows: Ints
    num_turns: Ints  # the first so many in the order in which they are written
    max_frames: Ints
    split: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """What `Sample` says of each row, and the sums that quotas and caps may be asked in."""

    num_tokens: Ints
    num_media_tokens: Ints
    num_answer_tokens: Ints
    num_text_tokens: Ints
    num_images: Ints
    duration_ms: Ints
    num_frames: Ints  # of its longest clip, as it is written
    media_ids: Ints  # of its images, and what stands between their tiles
    media_units: Ints  # of clips' words, beyond their stand-ins'


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSums:
    """Sums over the media of each row, as they are written."""

    all_ids: Ints
    image_ids: Ints
    more_units: Ints
    num_images: Ints
    duration_ms: Ints
    num_frames: Ints  # of its longest clip


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnOrder:
    """Turns of each row in the order in which they are written, as numbers among all turns."""

    turn_o: Ints
    first_r: Ints
    moved_r: Bools  # whether the media of its first turn stand before another one
    bare_o: Bools  # whether a turn's own media are not written: it was merged into the row

    @classmethod
    def of(
        cls, rows: RowTurns, turn_o: Ints, count_r: Ints, bare_o: Bools | None = None
    ) -> TurnOrder:
        first = starts(count_r)[:-1]
        ends = np.append(turn_o, -1)[np.minimum(first, len(turn_o))]
        moved = (count_r > 0) & (ends != rows.first_r) & (rows.num_x_r > 0)
        none = np.zeros(len(turn_o), bool)
        bare = none if bare_o is None else bare_o
        return cls(turn_o=turn_o, first_r=first, moved_r=moved, bare_o=bare)


class Media(Protocol):
    """What is asked of media, given by number."""

    is_video: Bools
    duration_ms: Ints

    def kept(self, media: Ints, max_frames: Ints) -> Ints: ...
    def ids(self, media: Ints, kept: Ints, split: Bools) -> tuple[Ints, Ints]: ...
    def more_units(self, media: Ints, kept: Ints, document: Bools) -> Ints: ...


class RowCounter:
    """Counts rows of a part; about 1 us a row."""

    def __init__(
        self,
        turns: TurnUnits,
        rows: RowTurns,
        order: TurnOrder,
        media: Media,
        document_r: Bools,
        counter: Counter,
        style: Style,
    ) -> None:
        self._turns, self._rows, self._order, self._media = turns, rows, order, media
        self._document_r, self._counter = document_r, counter
        self._template = counter.template
        # Place of a media's turn among those that are written; led media stand in the first.
        row_x = owners(rows.num_x_r)
        rank = rows.turn_x - rows.first_r[row_x]
        reordered = np.zeros(len(rows.first_r), bool)
        reordered[_reordered(order, rows)] = True
        self._rank_x = np.where(reordered[row_x], 0, rank)
        self._system = 0
        if style.system:
            head = "" if counter.tokenizer is None else "System: "
            self._system = int(counter.units([head + style.system])[0])
        self._has_system = bool(style.system)

    def counts(self, asked: Asked) -> RowCounts:
        turns, rows = self._turns, asked.rows
        row = owners(asked.num_turns)
        place = ranges(np.zeros_like(asked.num_turns), asked.num_turns)
        at = self._order.first_r[rows][row] + place
        turn = self._order.turn_o[at]
        has_turns = self._rows.count_r[rows] > 0
        first = np.where(has_turns, self._rows.first_r[rows], len(turns.front))

        def total(values: Ints) -> Ints:
            return _sums(row, values, len(rows))

        front = np.append(turns.num_front, 0)[first]
        num_answers = total(turns.num_answers[turn])
        num_prompts = total((turns.num_messages - turns.num_front)[turn]) + front - num_answers
        num_system = total((turns.num_system - turns.num_front)[turn]) + front
        led = np.where(place == 0, turns.led[turn], turns.bare[turn])
        own = np.where(self._order.bare_o[at], turns.bare[turn], turns.own[turn])
        prompt = np.where(self._order.moved_r[rows][row], led, own)
        prompts = total(prompt) + np.append(turns.front, 0)[first]
        if self._has_system:
            bare = (num_system == 0) & ~self._document_r[rows]
            num_prompts, prompts = num_prompts + bare, prompts + bare * self._system
        return self._add_up(asked, prompts, num_prompts, total(turns.answer[turn]), num_answers)

    def _add_up(
        self, asked: Asked, prompts: Ints, num_prompts: Ints, answers: Ints, num_answers: Ints
    ) -> RowCounts:
        media, template, counter = self.media_sums(asked), self._template, self._counter
        answer_tokens = counter.ids(answers) + num_answers * template.end
        text_tokens = media.all_ids - media.image_ids + counter.ids(prompts + media.more_units)
        text_tokens += template.start + num_prompts * template.prompt
        text_tokens += num_answers * (template.answer_head + template.newline)
        return RowCounts(
            num_tokens=media.image_ids + answer_tokens + text_tokens,
            num_media_tokens=media.image_ids,
            num_answer_tokens=answer_tokens,
            num_text_tokens=text_tokens,
            num_images=media.num_images,
            duration_ms=media.duration_ms,
            num_frames=media.num_frames,
            media_ids=media.all_ids,
            media_units=media.more_units,
        )

    def media_sums(self, asked: Asked) -> MediaSums:
        """What the media that are written of each row add to it."""
        found = self._written_media(asked)
        row, media, kept = found.row, found.media, found.kept
        all_ids, image_ids = self._media.ids(media, kept, asked.split[row])
        more = self._media.more_units(media, kept, self._document_r[asked.rows][row])
        clips = self._media.is_video[media]
        columns = {
            "all_ids": all_ids,
            "image_ids": image_ids,
            "more_units": more,
            "num_images": kept,
            "duration_ms": np.where(clips, self._media.duration_ms[media], 0),
        }
        length = len(asked.rows)
        frames = np.zeros(length, np.int64)
        np.maximum.at(frames, row[clips], kept[clips])
        sums = {name: _sums(row, values, length) for name, values in columns.items()}
        return MediaSums(**sums, num_frames=frames)

    def _written_media(self, asked: Asked) -> _WrittenMedia:
        counts = self._rows.num_x_r[asked.rows]
        row = owners(counts)
        x = ranges(self._rows.first_x_r[asked.rows], counts)
        written = self._rank_x[x] < asked.num_turns[row]
        row, media = row[written], self._rows.media_x[x[written]]
        return _WrittenMedia(row, media, self._media.kept(media, asked.max_frames[row]))


@dataclass(frozen=True, slots=True)
class _WrittenMedia:
    row: Ints
    media: Ints
    kept: Ints


def _reordered(order: TurnOrder, rows: RowTurns) -> Ints:
    """Rows whose turns are not written in upstream's order."""
    counts = np.diff(np.append(order.first_r, len(order.turn_o)))
    row = owners(counts)
    straight = rows.first_r[row] + ranges(np.zeros_like(counts), counts)
    return np.unique(row[order.turn_o != straight])


def _sums(owner: Ints, values: npt.NDArray[np.int64], length: int) -> Ints:
    return np.bincount(owner, weights=values, minlength=length).astype(np.int64)
