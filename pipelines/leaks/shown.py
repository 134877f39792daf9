"""The pictures of a set's benchmarks, and the items that show what is like another picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from pipelines.flat import Ints, Lists, ranges, starts
from pipelines.leaks.index import BenchmarkIndex, read_index
from pipelines.leaks.index_set import IndexSet
from pipelines.near import clip_pairs, image_pairs
from pipelines.near.clip_columns import ClipColumns
from pipelines.near.image_columns import ImageColumns

_SCHEMA = pa.schema(
    [
        ("query", pa.int64()),
        ("benchmark", pa.string()),
        ("item", pa.int32()),
        ("score", pa.float64()),
        ("value", pa.string()),
    ]
)


@dataclass(frozen=True, eq=False)
class _Owners:
    """Of each picture the items that show it, by benchmark and row of items.parquet; ascending."""

    names: tuple[str, ...]
    first: Ints  # of each picture, one more for the end
    benchmark: Ints
    item: Ints

    def expanded(self, picture: Ints, query: Ints, score: Ints, values: list[str]) -> pa.Table:
        """Pairs of a picture and a query as pairs of an item and a query."""
        counts = self.first[picture + 1] - self.first[picture]
        which = ranges(self.first[picture], counts)
        names = np.array(self.names, object)[self.benchmark[which]]
        columns = [
            pa.array(np.repeat(query, counts)),
            pa.array(names, pa.string()),
            pa.array(self.item[which].astype(np.int32)),
            pa.array(np.repeat(score.astype(np.float64), counts)),
            pa.array(np.repeat(np.array(values, object), counts), pa.string()),
        ]
        return pa.Table.from_arrays(columns, schema=_SCHEMA)


@dataclass(frozen=True, eq=False)
class Shown:
    """Images, those with the same pixels once and blank ones left out, and clips."""

    images: ImageColumns
    image_owners: _Owners
    clips: ClipColumns
    clip_owners: _Owners

    def of_images(self, codes: pa.Table) -> pa.Table:
        """Items with an image like one of these: `query` is its row in `codes`."""
        pairs = image_pairs.find_pairs(self.images, ImageColumns.of_table(codes))
        values = [
            f"{image_pairs.RULES[rule]} bits={bits} correlation={correlation:.3f}"
            for rule, bits, correlation in zip(
                *(pairs[name].tolist() for name in ("rule", "bits", "correlation")), strict=True
            )
        ]
        found = (pairs["left"], pairs["right"], pairs["correlation"])
        return self.image_owners.expanded(*found, values)

    def of_clips(self, codes: pa.Table) -> pa.Table:
        """The same of clips."""
        pairs = clip_pairs.find_pairs(self.clips, ClipColumns.of_table(codes))
        values = [
            f"{clip_pairs.RULES[rule]} frames={alike} of {total} offset={offset / 1000:g} s"
            for rule, alike, total, offset in zip(
                *(pairs[name].tolist() for name in ("rule", "alike", "total", "offset_ms")),
                strict=True,
            )
        ]
        return self.clip_owners.expanded(pairs["left"], pairs["right"], pairs["moves"], values)


@lru_cache(maxsize=1)
def open_shown(index_set: IndexSet) -> Shown:
    """Errors as of `index.read_index`. Up to 17 kB a picture."""
    return shown_of([read_index(ref.folder) for ref in index_set.refs])


def shown_of(indexes: Sequence[BenchmarkIndex]) -> Shown:
    images = pa.concat_tables([index.images for index in indexes])
    clips = pa.concat_tables([index.clips for index in indexes])
    columns = ImageColumns.of_table(images)
    first = image_pairs.first_of_pixels(columns)
    is_kept = (first == np.arange(len(first))) & (columns.kinds != "blank")
    number = np.where(is_kept, np.cumsum(is_kept) - 1, -1)[first]
    return Shown(
        ImageColumns.of_table(images.filter(pa.array(is_kept))),
        _owners(indexes, "images", number, int(is_kept.sum())),
        ClipColumns.of_table(clips),
        _owners(indexes, "clips", np.arange(clips.num_rows), clips.num_rows),
    )


def _owners(
    indexes: Sequence[BenchmarkIndex], column: str, number: Ints, num_pictures: int
) -> _Owners:
    """`number` is the picture that a row of the tables together stands for, -1: none."""
    rows, before = [np.zeros((3, 0), np.int64)], 0
    for benchmark, index in enumerate(indexes):
        lists = Lists(index.items[column])
        item = np.repeat(np.arange(len(lists.counts)), lists.counts)
        rows.append(np.stack([number[lists.values + before], np.full(len(item), benchmark), item]))
        before += index.images.num_rows if column == "images" else index.clips.num_rows
    picture, owner, item = np.unique(np.concatenate(rows, axis=1), axis=1)
    is_shown = picture >= 0
    counts = np.bincount(picture[is_shown], minlength=num_pictures).astype(np.int64)
    return _Owners(
        tuple(index.name for index in indexes), starts(counts), owner[is_shown], item[is_shown]
    )
