"""The rows of an output shard, taken from the store as Arrow batches.

Every column is made of whole columns: no row is ever a Python object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from filters.conversation import equals
from manifests.schema import MEDIA_FILE_TYPE, SAMPLE_SCHEMA
from mixtures.styles import get_style
from pipelines.emit_media import ShardMedia, Shown
from pipelines.flat import Bools, Ints, Lists, ints, offsets, starts
from pipelines.origins import Upstream
from pipelines.pii import mask_messages
from pipelines.render import Rendered, RowMedia, render
from pipelines.stored_rows import StoredRows
from pipelines.written import Parts

# Row groups and write batches are of at most 32 MB, so that readers need little memory.
ROW_GROUP_BYTES = 32_000_000
_ROW_GROUP_ROWS = 8192


@dataclass(frozen=True, slots=True)
class EmitTask:
    """One output shard: its rows in order, and where their facts lie.

    `rows` columns: folder, pos, id, source, subset, modality, category, component, kind, license,
    file, row, repeat, text_bytes, num_tokens and its parts, media (positions in `media`), and the
    shape that it is written in: turns (null: all), max_frames of each clip (null: all), split,
    others (upstream rows merged into it; null, empty or no such column: none), masked (whether
    addresses in its texts are replaced; no such column: in none).
    `media` has MEDIA_SCHEMA's columns and `folder`. `style` is a name of mixtures/styles.py.
    """

    out: str
    name: str
    rows: pa.Table
    media: pa.Table
    row_folders: tuple[str, ...]
    media_folders: tuple[str, ...]
    style: str = "plain"


def _masked(messages: pa.Array, places: Ints, masked_c: Bools) -> pa.Array:
    """Stored messages, those masked that are to be; conversation c is at `places[c]`."""
    if not masked_c.any():
        return messages
    wanted = np.zeros(len(messages), bool)
    wanted[places[masked_c]] = True
    return mask_messages(messages, wanted)[0]


class StoreReader:
    """Builds batches of `SAMPLE_SCHEMA` from the store; `num_images` are in those built so far."""

    def __init__(self, task: EmitTask) -> None:
        self._rows = task.rows
        self._texts = StoredRows(task.row_folders, ["messages", "extra"])
        self._style = get_style(task.style)
        self._media = ShardMedia(task.media, task.media_folders)
        self._row_media = Lists(task.rows["media"])
        limit = ints(self._rows["max_frames"].combine_chunks().fill_null(np.iinfo(np.int32).max))
        self._num_kept = self._media.num_kept(
            self._row_media.values, np.repeat(limit, self._row_media.counts)
        )
        self.num_images = 0

    def __enter__(self) -> StoreReader:
        return self

    def __exit__(self, *error: object) -> None:
        self._media.close()

    def row_groups(self) -> Iterator[tuple[int, int]]:
        """Row ranges whose text and media fit a row group; a row larger than that stands alone."""
        media_bytes = starts(self._media.num_bytes(self._row_media.values, self._num_kept))
        ends = media_bytes[self._row_media.starts]
        sizes = np.diff(ends) + ints(self._rows["text_bytes"].combine_chunks())
        start = total = 0
        for row, here in enumerate(sizes.tolist()):
            full = total + here > ROW_GROUP_BYTES or row - start == _ROW_GROUP_ROWS
            if full and row > start:
                yield start, row
                start, total = row, 0
            total += here
        yield start, len(sizes)

    def batch(self, start: int, stop: int) -> pa.RecordBatch:
        rows = self._rows.slice(start, stop - start).combine_chunks()
        upstream = Upstream(rows)
        texts, places = self._texts.take(upstream.ints("folder"), upstream.ints("pos"))
        here = slice(self._row_media.starts[start], self._row_media.starts[stop])
        messages = _masked(texts.column("messages"), places, upstream.masked_c)
        made = self._rendered(rows, upstream, messages, places, here)
        shown = Shown(
            media=self._row_media.values[here][made.media_x],
            counts_r=made.counts_r,
            num_images=self._num_kept[here][made.media_x],
            split_r=rows["split"].to_numpy(),
        )
        self.num_images += int(shown.num_images.sum())
        no_files = pa.array([], type=MEDIA_FILE_TYPE)
        columns = {
            "messages": made.messages,
            "images": self._media.images(shown),
            "videos": pa.ListArray.from_arrays(offsets(np.zeros_like(made.counts_r)), no_files),
            "media": self._media.infos(shown),
            "license": upstream.licenses(made.turns),
            "origins": upstream.origins(made.turns),
            "extra": texts.column("extra").take(pa.array(places[upstream.own_c])),
        }
        arrays = [
            columns[field.name]
            if field.name in columns
            else rows[field.name].combine_chunks().cast(field.type)
            for field in SAMPLE_SCHEMA
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=SAMPLE_SCHEMA)

    def _rendered(
        self, rows: pa.Table, upstream: Upstream, messages: pa.Array, places: Ints, here: slice
    ) -> Rendered:
        media, num_kept = self._row_media.values[here], self._num_kept[here]
        return render(
            messages,
            places,
            Parts(
                row_c=upstream.row_c,
                turns_r=rows["turns"].combine_chunks(),
                ids_r=rows["id"].combine_chunks(),
            ),
            RowMedia(
                counts_r=ints(rows["media"].combine_chunks().value_lengths()),
                is_video=self._media.is_video[media],
                num_frames=num_kept,
                duration_ms=self._media.duration_ms[media],
                times_ms=self._media.times_ms(media, num_kept),
            ),
            equals(rows["kind"].combine_chunks(), "document"),
            self._style,
        )
