"""How right the answers are that a model writes to held-out questions, and how much it saw.

Each question is asked three times, as in `evaluate.py`: with its pictures, with those of another
row, and with gray ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer.build_rows import BuildRows
from trainer.evaluate import Score, blank, chunks, shuffled
from trainer.greedy import answers
from trainer.items import GROUPS, Encoder, Item, read_items
from trainer.metrics import METRICS, best
from trainer.model import LossModel
from trainer.questions import MOST_IDS, asking, choose

# Sums of each metric: over rows, over those with pictures, over those whose pictures were
# exchanged, and what these had with their own.
_SUMS = ("own", "blank", "shuffled", "paired")
_LEFT_OUT = ("not_short", "not_drawn", "too_large")


@dataclass
class Written:
    """Of one group: counts of rows, and sums of the metrics over them."""

    rows: int = 0
    pictured: int = 0
    shuffled_rows: int = 0
    left_out: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_LEFT_OUT, 0))
    sums: dict[str, dict[str, float]] = field(
        default_factory=lambda: {name: dict.fromkeys(METRICS, 0.0) for name in _SUMS}
    )

    def add(self, name: str, scores: Mapping[str, float]) -> None:
        for metric, score in scores.items():
            self.sums[name][metric] += score

    def merge(self, other: Written) -> None:
        self.rows += other.rows
        self.pictured += other.pictured
        self.shuffled_rows += other.shuffled_rows
        for reason, count in other.left_out.items():
            self.left_out[reason] += count
        for name, scores in other.sums.items():
            self.add(name, scores)

    def means(self) -> dict[str, Any]:
        """Null of no rows."""
        lost = {
            metric: score - self.sums["shuffled"][metric]
            for metric, score in self.sums["paired"].items()
        }
        return {
            "rows": self.rows,
            "left_out": self.left_out,
            "own": _means(self.sums["own"], self.rows),
            "shuffled": _means(self.sums["shuffled"], self.shuffled_rows),
            "blank": _means(self.sums["blank"], self.pictured),
            "visual_dependency": _means(lost, self.shuffled_rows),
        }


def _means(sums: Mapping[str, float], rows: int) -> dict[str, float] | None:
    return {name: round(total / rows, 5) for name, total in sums.items()} if rows else None


@dataclass
class AllWritten:
    """By (group, its value), as `Scores` has them."""

    of: dict[tuple[str, str], Written] = field(default_factory=dict)

    def each(self, groups: Mapping[str, str]) -> list[Written]:
        """Those that a row counts in."""
        keys = (("all", "all"), *((name, groups[name]) for name in GROUPS))
        return [self.of.setdefault(key, Written()) for key in keys]

    def merge(self, other: AllWritten) -> None:
        for key, found in other.of.items():
            self.of.setdefault(key, Written()).merge(found)

    def put_into(self, scores: dict[str, dict[str, dict[str, Any]]]) -> None:
        """As `written` beside the losses of each group; one of rows too long for those has none."""
        for (name, value), found in self.of.items():
            group = scores.setdefault(name, {}).setdefault(value, dict(Score().shares()))
            group["written"] = found.means()


def write_answers(
    model: LossModel,
    held: BuildRows,
    encoder: Encoder,
    most: int,
    num_workers: int,
    rank: int = 0,
    num_ranks: int = 1,
) -> AllWritten:
    """Of at most so many rows a source; questions too large for the model's context are left out.

    Ranks take questions in turn; what is left out for other reasons is counted by the first.
    """
    found = AllWritten()
    chosen = choose(held, most)
    if rank == 0:
        for reason, groups in chosen.left_out:
            _leave_out(found, reason, groups)
    mine = chosen.questions[rank::num_ranks]
    wanted = {question.unit.first: question.answers for question in mine}
    units = [question.unit for question in mine]
    room = model.vlm.config.text_config.max_position_embeddings - MOST_IDS
    was_training = model.training
    model.eval()
    for chunk in chunks(read_items(held, units, asking(encoder), num_workers)):
        asked = [item for item in chunk if item.num_ids <= room]
        for item in chunk:
            if item.num_ids > room:
                _leave_out(found, "too_large", item.groups)
        _ask(model, encoder, asked, wanted, found)
    model.train(was_training)
    return found


def _leave_out(found: AllWritten, reason: str, groups: Mapping[str, str]) -> None:
    for group in found.each(groups):
        group.left_out[reason] += 1


def _ask(
    model: LossModel,
    encoder: Encoder,
    items: list[Item],
    wanted: Mapping[int, tuple[str, ...]],
    found: AllWritten,
) -> None:
    def scores(some: list[Item]) -> dict[int, dict[str, float]]:
        said = answers(model.vlm, some, encoder.vocabulary, MOST_IDS)
        return {row: best(text, wanted[row]) for row, text in said.items()}

    seen = [item for item in items if len(item.tiles)]
    own, gray, others = scores(items), scores(blank(seen)), scores(shuffled(seen))
    for item in items:
        for group in found.each(item.groups):
            group.rows += 1
            group.add("own", own[item.row])
            if item.row in gray:
                group.pictured += 1
                group.add("blank", gray[item.row])
            if item.row in others:
                group.shuffled_rows += 1
                group.add("shuffled", others[item.row])
                group.add("paired", own[item.row])
