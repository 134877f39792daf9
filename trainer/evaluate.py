"""How a model answers rows it did not train on, with their pictures, with others', with gray ones.

An answer is exact where each of its ids is the most likely one after those before it: just then
greedy decoding writes it. What is answered without the pictures is not seen: the share of exact
answers with a source's pictures less that with shuffled ones is its visual dependency.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch.nn import functional

from trainer.items import GROUPS, Item
from trainer.model import LossModel, batch_of
from trainer.packing import Packer, Sequence
from trainer.vocabulary import Vocabulary

Pictures = Literal["own", "shuffled", "blank"]
PICTURES: tuple[Pictures, ...] = ("own", "shuffled", "blank")
_GRAY = 127


@dataclass(frozen=True, slots=True)
class Score:
    """Of a number of rows: nats a label, and the share of rows whose answers are exact."""

    rows: int
    loss: float
    exact: float


@dataclass(frozen=True, slots=True)
class _Answer:
    item: Item
    loss: float
    exact: bool


def evaluate(
    model: LossModel,
    items: Many[Item],
    vocabulary: Vocabulary,
    context: int,
    max_tiles: int,
    pictures: Pictures = "own",
) -> dict[str, dict[str, Score]]:
    """{"source": {"finevideo": Score}, ...}, and all rows as {"all": {"all": Score}}.

    Rows that fit into no sequence are not asked. One pass without gradients, packed.
    """
    packer = Packer(context, max_tiles)
    shown = with_pictures(items, pictures)
    was_training = model.training
    model.eval()
    answers: list[_Answer] = []
    for sequence in (*packer.pack(shown), *packer.rest()):
        answers += _answers(model, sequence.items, vocabulary)
    model.train(was_training)
    found: dict[str, dict[str, Score]] = {"all": {"all": _score(answers)}} if answers else {}
    for name in GROUPS:
        groups: dict[str, list[_Answer]] = {}
        for answer in answers:
            groups.setdefault(answer.item.groups[name], []).append(answer)
        found[name] = {group: _score(some) for group, some in sorted(groups.items())}
    return found


def visual_dependency(own: Mapping[str, Score], shuffled: Mapping[str, Score]) -> dict[str, float]:
    """Exact with its own pictures less exact with others', of each source."""
    return {name: own[name].exact - shuffled[name].exact for name in own}


def with_pictures(items: Many[Item], pictures: Pictures) -> list[Item]:
    """Shuffled: each takes those of the next row that has as many tiles, and other ones."""
    if pictures == "own":
        return list(items)
    if pictures == "blank":
        return [replace(item, tiles=torch.full_like(item.tiles, _GRAY)) for item in items]
    by_size: dict[int, list[int]] = {}
    for place, item in enumerate(items):
        by_size.setdefault(len(item.tiles), []).append(place)
    taken = list(items)
    for places in by_size.values():
        # Half way round: neighbours are often of one medium.
        turn = max(len(places) // 2, 1)
        for place, other in zip(places, [*places[turn:], *places[:turn]], strict=True):
            taken[place] = replace(items[place], tiles=items[other].tiles)
    return taken


def _answers(model: LossModel, items: list[Item], vocabulary: Vocabulary) -> Iterator[_Answer]:
    batch = batch_of([Sequence(items)], vocabulary.pad).to(model.device)
    with torch.no_grad():
        logits = model.logits(batch).float()
    losses = functional.cross_entropy(logits, batch.labels, reduction="none").double().cpu()
    is_right = (logits.argmax(dim=-1) == batch.labels).cpu()
    for number, item in enumerate(items):
        mine = batch.owner.cpu() == number
        if mine.any():
            yield _Answer(item, float(losses[mine].mean()), bool(is_right[mine].all()))


def _score(answers: Many[_Answer]) -> Score:
    number = len(answers)
    return Score(
        number,
        round(sum(answer.loss for answer in answers) / number, 5),
        round(sum(answer.exact for answer in answers) / number, 5),
    )
