"""How a model answers rows that it did not train on: with their pictures, others', and blank ones.

An answer is exact where each of its ids is the most likely one after those before it: just then
greedy decoding writes it. What is answered without the pictures is not seen: the share of exact
answers less that with the pictures of other rows is a source's visual dependency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Many
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch.nn import functional

from trainer.items import GROUPS, Item
from trainer.model import LossModel, batch_of
from trainer.packing import Packer, Sequence
from trainer.vocabulary import Vocabulary

# Rows among which pictures are exchanged, and what is held of them: a window, or so many tiles.
_CHUNK_ROWS, _CHUNK_TILES = 64, 1024
_GRAY = 127


@dataclass
class Score:
    """Sums over rows; those of `shuffled` and `blank` are over rows with pictures.

    A row whose pictures have as many tiles as no other's near it keeps its own and is not among the
    shuffled; `paired` is how many of those were exact with their own.
    """

    rows: int = 0
    nats: float = 0.0
    exact: int = 0
    pictured: int = 0
    blank: int = 0
    shuffled_rows: int = 0
    shuffled: int = 0
    paired: int = 0

    def shares(self) -> dict[str, float | int | None]:
        """Loss a label, averaged over rows; shares of exact answers; null of no rows."""
        return {
            "rows": self.rows,
            "loss": _share(self.nats, self.rows),
            "exact": _share(self.exact, self.rows),
            "exact_shuffled": _share(self.shuffled, self.shuffled_rows),
            "exact_blank": _share(self.blank, self.pictured),
            "visual_dependency": _share(self.paired - self.shuffled, self.shuffled_rows),
        }


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None


@dataclass
class Scores:
    """By (group, its value), such as ("source", "finevideo"); ("all", "all") is every row."""

    of: dict[tuple[str, str], Score] = field(default_factory=dict)

    def add(self, item: Item, **more: float) -> None:
        for key in (("all", "all"), *((name, item.groups[name]) for name in GROUPS)):
            score = self.of.setdefault(key, Score())
            for name, value in more.items():
                setattr(score, name, getattr(score, name) + value)

    def merge(self, other: Scores) -> None:
        for key, score in other.of.items():
            mine = self.of.setdefault(key, Score())
            for name, value in asdict(score).items():
                setattr(mine, name, getattr(mine, name) + value)

    def as_json(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for (name, group), score in sorted(self.of.items()):
            found.setdefault(name, {})[group] = score.shares()
        return found


@dataclass(frozen=True, slots=True)
class _Answer:
    loss: float
    is_exact: bool


def evaluate(
    model: LossModel, items: Iterable[Item], vocabulary: Vocabulary, context: int, max_tiles: int
) -> Scores:
    """Three passes without gradients, packed; rows that fit into no sequence are not asked."""
    scores = Scores()
    was_training = model.training
    model.eval()
    for chunk in chunks(item for item in items if item.num_learned):

        def ask(some: Many[Item]) -> dict[int, _Answer]:
            return _answers(model, some, vocabulary, Packer(context, max_tiles))

        own = ask(chunk)
        for item in chunk:
            if item.row in own:
                answer = own[item.row]
                scores.add(item, rows=1, nats=answer.loss, exact=answer.is_exact)
        seen = [item for item in chunk if len(item.tiles) and item.row in own]
        for item, answer in _each(seen, ask(blank(seen))):
            scores.add(item, pictured=1, blank=answer.is_exact)
        for item, answer in _each(seen, ask(shuffled(seen))):
            paired = own[item.row].is_exact
            scores.add(item, shuffled_rows=1, shuffled=answer.is_exact, paired=paired)
    model.train(was_training)
    return scores


def _each(items: Many[Item], answers: dict[int, _Answer]) -> Iterator[tuple[Item, _Answer]]:
    return ((item, answers[item.row]) for item in items if item.row in answers)


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        num_tiles = sum(len(one.tiles) for one in chunk)
        if len(chunk) == _CHUNK_ROWS or num_tiles >= _CHUNK_TILES:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def blank(items: Many[Item]) -> list[Item]:
    return [replace(item, tiles=torch.full_like(item.tiles, _GRAY)) for item in items]


def shuffled(items: Many[Item]) -> list[Item]:
    """Rows with the pictures of another that has as many tiles, and other ones."""
    by_size: dict[int, list[Item]] = {}
    for item in items:
        by_size.setdefault(len(item.tiles), []).append(item)
    taken = []
    for group in by_size.values():
        # Half way round: neighbours are often of one medium.
        turn = len(group) // 2
        for item, other in zip(group, [*group[turn:], *group[:turn]], strict=True):
            if not torch.equal(item.tiles, other.tiles):
                taken.append(replace(item, tiles=other.tiles))
    return taken


def _answers(
    model: LossModel, items: Many[Item], vocabulary: Vocabulary, packer: Packer
) -> dict[int, _Answer]:
    """By row."""
    found: dict[int, _Answer] = {}
    for sequence in (*packer.pack(items), *packer.rest()):
        batch = batch_of([Sequence(sequence.items)], vocabulary.pad).to(model.device)
        with torch.no_grad():
            logits = model.logits(batch).float()
        losses = functional.cross_entropy(logits, batch.labels, reduction="none").cpu()
        is_right = (logits.argmax(dim=-1) == batch.labels).cpu()
        for number, item in enumerate(sequence.items):
            mine = batch.owner.cpu() == number
            found[item.row] = _Answer(float(losses[mine].mean()), bool(is_right[mine].all()))
    return found
