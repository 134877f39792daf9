"""What near duplicates need to know of a part's open rows.

alike-00012.arrow   one row an open row that may be compared, in upstream order

Texts are compared where media are the same, in their order: what they are salts every key. Rows
that are too long, or that a list names, are compared with nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mixtures.likeness import NearText
from mixtures.recipe import Recipe
from pipelines.alike.files import near_path
from pipelines.alike.keys import keyed_path
from pipelines.alike.media import Classes, row_media, row_told
from pipelines.alike.texts import near_text, read_text_facts
from pipelines.engine import Task
from pipelines.flat import Ints, Lists, owners
from pipelines.ids import Halves
from pipelines.mergeable import media_halves
from pipelines.near.characters import Values, mixed
from pipelines.near.facts import Facts
from pipelines.part_files import media_path, open_path, part_path
from pipelines.parts import EXCLUDED_LEAF, Part
from pipelines.scratch import frame, read_batch, write_frame

_STEP = np.uint64(0x9E3779B97F4A7C15)
# Half a million rows of 14 keys, and what they are made of.
_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class Preference:
    """Whose copies stay, by subset code: first by source, then, of equal pictures, by subset."""

    priority: tuple[int, ...]
    order: tuple[int, ...]

    @property
    def copies(self) -> tuple[int, ...]:
        """Places of the codes where all else is equal."""
        ranked = sorted(zip(self.priority, self.order, strict=True))
        return tuple(ranked.index(pair) for pair in zip(self.priority, self.order, strict=True))


@dataclass(frozen=True, slots=True)
class FactsTask:
    """A part's open rows; `excluded` are the parts in which lists name rows."""

    scratch: str
    number: int
    row_folders: tuple[str, ...]
    recipe: Recipe
    preference: Preference
    classes: Classes
    excluded: tuple[int, ...]


def facts_tasks(
    scratch: str,
    parts: Sequence[Part],
    recipe: Recipe,
    preference: Preference,
    classes: Classes,
) -> list[Task]:
    excluded = tuple(part.number for part in parts if part.excluded)
    return [
        Task(
            name=f"near texts, facts of part {part.number}",
            group="rows",
            function=run_facts_task,
            args=(
                FactsTask(
                    scratch=scratch,
                    number=part.number,
                    row_folders=part.row_folders,
                    recipe=recipe,
                    preference=preference,
                    classes=classes,
                    excluded=excluded,
                ),
            ),
            memory_bytes=_MEMORY,
            weight=part.num_open,
        )
        for part in parts
    ]


def alike_path(scratch: str, number: int) -> str:
    return near_path(scratch, f"alike-{number:05d}.arrow")


def band_column(band: int) -> str:
    return f"band_{band:02d}"


def run_facts_task(task: FactsTask) -> dict[str, Any]:
    """Task: write alike-*.arrow; returns how many rows it has."""
    asked = near_text(task.recipe)
    assert asked is not None, "texts are compared"
    rows = _compared(task)
    whole = read_batch(part_path(task.scratch, task.number), ["folder", "pos", "kind", "media"])
    whole = whole.take(pa.array(rows["at"].to_numpy()))
    folders = whole.column("folder").to_numpy().astype(np.int64)
    positions = whole.column("pos").to_numpy().astype(np.int64)
    facts = _text_facts(task.row_folders, folders, positions, asked)
    media = Lists(pa.chunked_array([whole.column("media")]))
    salt = _salt(rows, whole, media, task)
    code = rows["code"].to_numpy()
    rows = rows.with_columns(
        folder=pl.Series(folders.astype(np.int32)),
        pos=pl.Series(positions),
        priority=pl.Series(np.array(task.preference.priority, np.int32)[code]),
        order=pl.Series(np.array(task.preference.order, np.int32)[code]),
        pixels=pl.Series(_pixels(task, media)),
        told=row_told(task.scratch, task.number, task.classes, media),
        num_words=pl.Series(facts.num_words.astype(np.int32)),
        text=pl.Series(mixed(facts.codes ^ salt)),
        **{
            band_column(band): pl.Series(np.where(keys == 0, keys, mixed(keys ^ salt)))
            for band, keys in enumerate(facts.keys.T)
        },
    )
    write_frame(alike_path(task.scratch, task.number), rows)
    return {"number": task.number, "rows": rows.height}


def _compared(task: FactsTask) -> pl.DataFrame:
    """Open rows but those that are too long or named by a list, by their place."""
    rows = frame([read_batch(keyed_path(task.scratch, task.number))])
    rows = rows.filter(~pl.col("gated") & (pl.col("leaf") != EXCLUDED_LEAF))
    for number in task.excluded:
        other = frame([read_batch(open_path(task.scratch, number), ["hi", "lo", "leaf"])])
        named = other.filter(pl.col("leaf") == EXCLUDED_LEAF)
        rows = rows.join(named, on=["hi", "lo"], how="anti", maintain_order="left")
    return rows.select("at", "hi", "lo", "key", "code", "leaf").sort("at")


def _text_facts(
    row_folders: Sequence[str], folders: Ints, positions: Ints, asked: NearText
) -> Facts:
    """Of rows by folder and place in it."""
    num_words = np.zeros(len(folders), np.int64)
    codes = np.zeros(len(folders), np.uint64)
    keys = np.zeros((len(folders), asked.bands), np.uint64)
    for folder in np.unique(folders).tolist():
        mine = np.flatnonzero(folders == folder)
        facts = read_text_facts(row_folders[folder], asked).take(positions[mine])
        num_words[mine], codes[mine], keys[mine] = facts.num_words, facts.codes, facts.keys
    return Facts(num_words, codes, keys)


def _salt(rows: pl.DataFrame, whole: pa.RecordBatch, media: Lists, task: FactsTask) -> Values:
    """A number a row for all that is to be equal: media, kind, and the component if so asked."""
    digests = row_media(task.scratch, task.number, task.classes, "like")
    hi, lo = media_halves(media, digests)
    salt: Halves = mixed(hi * _STEP + lo)
    salt = salt * _STEP + (whole.column("kind").cast(pa.string()).to_numpy(False) == "document")
    if task.recipe.duplicates == "component":
        salt = salt * _STEP + rows["leaf"].to_numpy().astype(np.uint64)
    return salt


def _pixels(task: FactsTask, media: Lists) -> Ints:
    """Of all of a row's images and frames."""
    batch = read_batch(media_path(task.scratch, task.number), ["frame_sizes"])
    sizes = Lists(pa.chunked_array([batch.column("frame_sizes")]))
    sides = sizes.values.reshape(-1, 2)
    each = np.bincount(
        owners(sizes.counts // 2), weights=sides[:, 0] * sides[:, 1], minlength=len(sizes.counts)
    )
    owner = owners(media.counts)
    return np.bincount(owner, weights=each[media.values], minlength=len(media.counts)).astype(
        np.int64
    )
