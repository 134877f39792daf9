"""A batch of documents in blocks, read once for all filters that measure it one after another."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters._lines import Documents
from filters.conversation import Ints, equals, flatten, score_batch, starts

# Small enough for the processor's caches; a longer document is a block of its own, which takes
# some 80 bytes of memory a character.
_BLOCK_CHARS = 1 << 18
# Filters measure a batch one after another: what all of them read of it is made once and kept until
# the next batch, or the end of this one. Up to here only, at some 25 bytes of memory a character.
_KEPT_CHARS = 1 << 22
# A space at both ends of every document, and room to look three characters to each side.
_EDGE = "    "
# Between the text items of a document that also shows media: each is a paragraph of its own.
_JOINT = "\n\n"


def _texts(batch: pa.RecordBatch) -> tuple[list[str], Ints]:
    chats = flatten(batch)
    is_text = equals(chats.types_i, "text")
    counts = chats.items_per_sample(is_text)
    offsets = np.append(starts(counts), counts.sum())
    texts = pc.fill_null(chats.texts_i.filter(pa.array(is_text)), "")
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts)
    return pc.binary_join(lists, _JOINT).to_pylist(), chats.num_nulls_s


def one_block(texts: list[str]) -> Documents:
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    start_d = len(_EDGE) + starts(sizes + 1)
    return Documents(_EDGE + " ".join(texts) + _EDGE, start_d, start_d + sizes)


def _blocks(texts: list[str]) -> Iterator[Documents]:
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    blocks = (np.cumsum(lengths) - 1) // _BLOCK_CHARS
    cuts = [*np.flatnonzero(np.diff(blocks, prepend=-2)), len(texts)]
    for first, last in zip(cuts, cuts[1:], strict=False):
        yield one_block(texts[first:last])


@dataclass(frozen=True, slots=True)
class _Read:
    """A batch's documents; of a block that is not kept each filter gets a copy of its own."""

    batch: weakref.ref[pa.RecordBatch]
    blocks: list[Documents]
    num_kept: int
    num_nulls: Ints

    def fresh(self) -> Iterator[Documents]:
        yield from self.blocks[: self.num_kept]
        yield from map(replace, self.blocks[self.num_kept :])


_last: list[_Read] = []  # one at most


def _read(batch: pa.RecordBatch) -> _Read:
    for read in _last:
        if read.batch() is batch:
            return read
    texts, num_nulls = _texts(batch)
    blocks = list(_blocks(texts))
    num_kept = np.searchsorted(np.cumsum([len(block.text) for block in blocks]), _KEPT_CHARS)
    gone = weakref.ref(batch, lambda _: _last.clear())
    _last[:] = [_Read(gone, blocks, int(num_kept), num_nulls)]
    return _last[0]


def measure_documents(
    batch: pa.RecordBatch,
    schema: pa.Schema,
    measure: Callable[[Documents], Mapping[str, npt.NDArray[Any]]],
) -> pa.RecordBatch:
    """Scores of all documents, block by block, and `num_nulls`: what could not be read."""
    read = _read(batch)
    parts = [measure(block) for block in read.fresh()]
    names = [name for name in schema.names if name != "num_nulls"]
    columns = {
        name: np.concatenate([part[name] for part in parts]) if parts else np.zeros(0)
        for name in names
    }
    return score_batch(schema, num_nulls=read.num_nulls, **columns)
