"""Token counts of rows as they would be written: with so many turns and frames, tiled or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixtures.styles import Style
from pipelines.flat import Bools, Ints, owners, ranges, starts
from pipelines.media_units import MediaUnits
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnOrder:
    """Turns of each row in the order in which they are written, as numbers among all turns."""

    turn_o: Ints
    first_r: Ints
    moved_r: Bools  # whether the media of its first turn stand before another one

    @classmethod
    def of(cls, rows: RowTurns, turn_o: Ints, count_r: Ints) -> TurnOrder:
        first = starts(count_r)[:-1]
        ends = np.append(turn_o, -1)[np.minimum(first, len(turn_o))]
        moved = (count_r > 0) & (ends != rows.first_r) & (rows.num_x_r > 0)
        return cls(turn_o=turn_o, first_r=first, moved_r=moved)


class RowCounter:
    """Counts rows of a part; about 1 us a row."""

    def __init__(
        self,
        turns: TurnUnits,
        rows: RowTurns,
        order: TurnOrder,
        media: MediaUnits,
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
        turn = self._order.turn_o[self._order.first_r[rows][row] + place]
        first = np.minimum(self._rows.first_r[rows], max(len(turns.front) - 1, 0))

        def total(values: Ints) -> Ints:
            return _sums(row, values, len(rows))

        front = turns.num_front[first]
        num_answers = total(turns.num_answers[turn])
        num_prompts = total((turns.num_messages - turns.num_front)[turn]) + front - num_answers
        num_system = total((turns.num_system - turns.num_front)[turn]) + front
        led = np.where(place == 0, turns.led[turn], turns.bare[turn])
        prompt = np.where(self._order.moved_r[rows][row], led, turns.own[turn])
        prompts = total(prompt) + turns.front[first]
        if self._has_system:
            bare = (num_system == 0) & ~self._document_r[rows]
            num_prompts, prompts = num_prompts + bare, prompts + bare * self._system
        return self._add_up(asked, prompts, num_prompts, total(turns.answer[turn]), num_answers)

    def _add_up(
        self, asked: Asked, prompts: Ints, num_prompts: Ints, answers: Ints, num_answers: Ints
    ) -> RowCounts:
        found = self._written_media(asked)
        row, media, kept = found.row, found.media, found.kept
        length = len(asked.rows)
        all_ids, image_ids = self._media.ids(media, kept, asked.split[row])
        document = self._document_r[asked.rows][row]
        prompts = prompts + _sums(row, self._media.more_units(media, kept, document), length)
        media_tokens = _sums(row, image_ids, length)
        template, counter = self._template, self._counter
        answer_tokens = counter.ids(answers) + num_answers * template.end
        text_tokens = _sums(row, all_ids - image_ids, length) + counter.ids(prompts)
        text_tokens += template.start + num_prompts * template.prompt
        text_tokens += num_answers * (template.answer_head + template.newline)
        clips = self._media.is_video[media]
        frames = np.zeros(length, np.int64)
        np.maximum.at(frames, row[clips], kept[clips])
        return RowCounts(
            num_tokens=media_tokens + answer_tokens + text_tokens,
            num_media_tokens=media_tokens,
            num_answer_tokens=answer_tokens,
            num_text_tokens=text_tokens,
            num_images=_sums(row, kept, length),
            duration_ms=_sums(row, np.where(clips, self._media.duration_ms[media], 0), length),
            num_frames=frames,
        )

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
