"""Rows to what a model takes: ids, labels and tiles, in worker processes, in the build's order.

torch's DataLoader runs the workers and hands tiles over in shared memory. Its order is that of the
units, whatever their number, so that a number of rows taken is all that has to be known to go on.
"""

from __future__ import annotations

import atexit
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from manifests.errors import IntegrityError, SmolmixError, UsageError
from mixtures.processors import Processor
from trainer.build_rows import BuildRows, Unit
from trainer.pictures import ImageScale, Picture, read_picture, scaled_processor
from trainer.prompts import Bools, Learn, encode
from trainer.vocabulary import Ids, Vocabulary


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One row; `tiles` is 8-bit (n, edge, edge, 3)."""

    row: int
    id: str
    groups: Mapping[str, str]  # its source, modality, category and component
    ids: Ids
    is_learned: Bools
    tiles: torch.Tensor

    @property
    def num_ids(self) -> int:
        return len(self.ids)

    @property
    def num_learned(self) -> int:
        return int(self.is_learned.sum())


GROUPS = ("modality", "category", "source", "component")


@dataclass(frozen=True, slots=True)
class Encoder:
    """How rows are written for a model."""

    processor: Processor
    vocabulary: Vocabulary
    learn: Learn = "answers"
    image_scale: ImageScale = "inference"
    seed: int = 0

    def item(self, number: int, row: Mapping[str, Any]) -> Item:
        if row["videos"]:
            raise UsageError(
                f"row {row['id']} keeps its clips as files; train-reference takes frames: build "
                "the mixture without kept clips"
            )
        shown = enumerate(zip(row["images"], row["media"], strict=True))
        try:
            pictures = [
                read_picture(image["bytes"], self._processor(number, place), medium["split"])
                for place, (image, medium) in shown
            ]
        except IntegrityError as error:
            raise IntegrityError(f"row {row['id']}: {error}") from error
        length = self.processor.ids_per_tile
        layouts = [self.vocabulary.picture(p.rows, p.columns, length) for p in pictures]
        prompt = encode(self.vocabulary, row["messages"], layouts, self.learn)
        return Item(
            row=number,
            id=row["id"],
            groups={name: row[name] for name in GROUPS},
            ids=prompt.ids,
            is_learned=prompt.is_learned,
            tiles=self._tiles(pictures),
        )

    def _processor(self, row: int, place: int) -> Processor:
        """Of one image of a row: the same in each pass, and on each rank."""
        draw = random.Random(f"{self.seed} {row} {place}").random()
        return scaled_processor(self.processor, self.image_scale, draw)

    def _tiles(self, pictures: Sequence[Picture]) -> torch.Tensor:
        edge = self.processor.tile_px
        none = np.zeros((0, edge, edge, 3), np.uint8)
        return torch.from_numpy(np.concatenate([none, *(p.tiles for p in pictures)]))


class _Units(Dataset["list[Item] | SmolmixError"]):
    def __init__(self, rows: BuildRows, units: Sequence[Unit], encoder: Encoder) -> None:
        self._rows, self._units, self._encoder = rows, units, encoder

    def __len__(self) -> int:
        return len(self._units)

    def __getitem__(self, number: int) -> list[Item] | SmolmixError:
        """An error on purpose is handed over: one raised in a worker is a page of traceback."""
        unit = self._units[number]
        try:
            return [
                self._encoder.item(unit.first + place, row)
                for place, row in enumerate(self._rows.read(unit))
            ]
        except SmolmixError as error:
            return error


@dataclass(frozen=True, slots=True)
class _Order:
    """Which units are read: from one on, and then all again where that is asked."""

    first: int
    number: int
    is_endless: bool

    def __iter__(self) -> Iterator[int]:
        yield from range(self.first, self.number)
        while self.is_endless:
            yield from range(self.number)


def read_items(
    rows: BuildRows,
    units: Sequence[Unit],
    encoder: Encoder,
    num_workers: int,
    skip: int = 0,
    is_endless: bool = False,
) -> Iterator[Item]:
    """Items of these units in order, without the first `skip` rows; 0 workers: in this process.

    An endless one begins again after the last, with the same workers.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    first = 0
    while first < len(units) and units[first].count <= skip:
        skip -= units[first].count
        first += 1
    loader: DataLoader[list[Item] | SmolmixError] = DataLoader(
        _Units(rows, units, encoder),
        batch_size=None,
        sampler=_Order(first, len(units), is_endless),
        num_workers=num_workers,
        prefetch_factor=4 if num_workers else None,
        # A forked process would inherit locks of the tokenizer's and torch's threads.
        multiprocessing_context="spawn" if num_workers else None,
        worker_init_fn=_begin_worker,
        # Its own: torch's is part of the trainer's state, and a new loader would draw from it.
        generator=torch.Generator(),
        collate_fn=_as_is,
    )
    for items in loader:
        if isinstance(items, SmolmixError):
            raise items
        yield from items[skip:]
        skip = 0


def _begin_worker(_: int) -> None:
    torch.set_num_threads(1)
    # Registered last, run first: threads of native libraries (Arrow's, polars') may still be at
    # work when a worker is told to end, and C++ aborts a process whose statics they outlive. All
    # that a worker has to say it said over its queue before this.
    atexit.register(os._exit, 0)


def _as_is(items: list[Item] | SmolmixError) -> list[Item] | SmolmixError:
    return items
