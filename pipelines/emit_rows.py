"""The rows of an output shard, taken from the store as Arrow batches.

Media bytes go from the pack straight into the Arrow buffer that Parquet writes, and the other
columns are made of whole columns: no row is ever a Python object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manifests.errors import IntegrityError
from manifests.packs import PackReader, PackSlice
from manifests.schema import MEDIA_FILE_TYPE, MEDIA_INFO_TYPE, ORIGIN_TYPE, SAMPLE_SCHEMA
from manifests.storage import join, open_ipc
from pipelines.curate_rows import BATCH_ROWS
from pipelines.render import render_messages

# design.md section 5: row groups and write batches of at most 32 MB.
ROW_GROUP_BYTES = 32_000_000
_ROW_GROUP_ROWS = 8192

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EmitTask:
    """One output shard: its rows in order, and where their facts lie.

    `rows` columns: folder, pos, id, source, subset, modality, category, kind, license, file, row,
    num_turns, repeat, text_bytes, num_tokens and its parts, media (positions in `media`).
    `media` has MEDIA_SCHEMA's columns and `folder`.
    """

    out: str
    name: str
    rows: pa.Table
    media: pa.Table
    row_folders: tuple[str, ...]
    media_folders: tuple[str, ...]


def _ints(column: pa.Array) -> _Ints:
    values: _Ints = column.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return values


def _starts(counts: _Ints) -> _Ints:
    """Where each of `counts` items begins in a row of all of them; one more for the end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _offsets(counts: _Ints) -> pa.Array:
    return pa.array(_starts(counts), pa.int32())


def _ranges(starts: _Ints, counts: _Ints) -> _Ints:
    """starts[i], starts[i] + 1 ... counts[i] of them, for each i in turn."""
    ends = np.cumsum(counts)
    steps = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64)
    numbers: _Ints = steps + np.repeat(starts - (ends - counts), counts)
    return numbers


class _Lists:
    """A list column as numpy: list i is `values[starts[i] : starts[i] + counts[i]]`."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        lists = column.combine_chunks()
        self.counts = _ints(lists.value_lengths())
        self.starts = _starts(self.counts)
        self.values = _ints(lists.flatten())

    def sums(self) -> _Ints:
        totals = _starts(self.values)
        return totals[self.starts[1:]] - totals[self.starts[:-1]]

    def slice(self, start: int, stop: int) -> _Ints:
        return self.values[self.starts[start] : self.starts[stop]]


class _Media:
    """The shard's media as flat columns: the images of media m are at `at.starts[m]` and on."""

    def __init__(self, media: pa.Table) -> None:
        self.at = _Lists(media["offsets"])
        self.lengths = _Lists(media["lengths"]).values
        sizes = _Lists(media["frame_sizes"]).values.reshape(-1, 2)
        self.width, self.height = sizes[:, 0], sizes[:, 1]
        self.folder = _ints(media["folder"].combine_chunks())
        self.pack = _ints(media["pack"].combine_chunks())
        self.is_video = np.array([kind == "video" for kind in media["kind"].to_pylist()], bool)
        self.times = _Lists(media["timestamps_ms"])
        self.digest = media["digest"].combine_chunks()


def _constant_list(length: int, item: pa.DataType) -> pa.Array:
    return pa.ListArray.from_arrays(_offsets(np.zeros(length, np.int64)), pa.array([], type=item))


class StoreReader:
    """Builds batches of `SAMPLE_SCHEMA` from the store."""

    def __init__(self, task: EmitTask) -> None:
        self._task = task
        self._media = _Media(task.media)
        self._row_media = _Lists(task.rows["media"])
        self._packs: dict[int, PackReader] = {}
        self._texts: dict[int, pa.ipc.RecordBatchFileReader] = {}

    def __enter__(self) -> StoreReader:
        return self

    def __exit__(self, *error: object) -> None:
        for reader in self._packs.values():
            reader.close()

    @property
    def num_images(self) -> int:
        return int(self._media.at.counts[self._row_media.values].sum())

    def row_groups(self) -> Iterator[tuple[int, int]]:
        """Row ranges whose text and media fit a row group; a row larger than that stands alone."""
        media_bytes = _starts(_Lists(self._task.media["lengths"]).sums()[self._row_media.values])
        ends = media_bytes[self._row_media.starts]
        sizes = np.diff(ends) + _ints(self._task.rows["text_bytes"].combine_chunks())
        start = total = 0
        for row, here in enumerate(sizes.tolist()):
            full = total + here > ROW_GROUP_BYTES or row - start == _ROW_GROUP_ROWS
            if full and row > start:
                yield start, row
                start, total = row, 0
            total += here
        yield start, len(sizes)

    def batch(self, start: int, stop: int) -> pa.RecordBatch:
        rows = self._task.rows.slice(start, stop - start).combine_chunks()
        counts = self._row_media.counts[start:stop]
        used = self._row_media.slice(start, stop)
        texts = self._store_rows(rows)
        made = {
            "messages": render_messages(texts.column("messages"), self._clips(counts, used)),
            "images": self._images(counts, used),
            "videos": _constant_list(stop - start, MEDIA_FILE_TYPE),
            "media": self._infos(counts, used),
            "origins": _origins(rows),
            "extra": texts.column("extra"),
        }
        columns = [
            made[field.name] if field.name in made else _plain(rows[field.name], field.type)
            for field in SAMPLE_SCHEMA
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SAMPLE_SCHEMA)

    def _clips(self, counts: _Ints, used: _Ints) -> list[list[list[int]]]:
        """The frame times of the clips of each row."""
        clips: list[list[list[int]]] = [[] for _ in counts]
        owner = np.repeat(np.arange(len(counts)), counts)
        for at in np.flatnonzero(self._media.is_video[used]).tolist():
            m = used[at]
            clips[owner[at]].append(self._media.times.slice(m, m + 1).tolist())
        return clips

    def _store_rows(self, rows: pa.Table) -> pa.RecordBatch:
        """Messages and extra of the rows, in their order: a take in each batch of the store."""
        folders, positions = (_ints(rows[name].combine_chunks()) for name in ("folder", "pos"))
        where: dict[tuple[int, int], list[int]] = {}
        for at, (folder, pos) in enumerate(zip(folders, positions, strict=True)):
            where.setdefault((int(folder), int(pos) // BATCH_ROWS), []).append(at)
        parts, order = [], []
        for (folder, number), ats in where.items():
            batch = self._text_reader(folder).get_batch(number).select(["messages", "extra"])
            parts.append(batch.take(pa.array(positions[ats] % BATCH_ROWS)))
            order += ats
        joined = pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
        return joined.take(pa.array(np.argsort(np.array(order), kind="stable")))

    def _text_reader(self, folder: int) -> pa.ipc.RecordBatchFileReader:
        if folder not in self._texts:
            path = join(self._task.row_folders[folder], "samples.arrow")
            self._texts[folder] = open_ipc(path)
        return self._texts[folder]

    def _images(self, counts: _Ints, used: _Ints) -> pa.Array:
        """The `images` column: pack bytes read straight into one Arrow binary buffer."""
        per_media = self._media.at.counts[used]
        images = _ranges(self._media.at.starts[used], per_media)
        starts = _starts(self._media.lengths[images])
        buffer = pa.allocate_buffer(int(starts[-1]))
        self._fill(np.repeat(used, per_media), images, memoryview(buffer).cast("B"), starts)
        offsets = pa.py_buffer(starts.astype(np.int32))
        data = pa.Array.from_buffers(pa.binary(), len(images), [None, offsets, buffer])
        nothing = pa.nulls(len(images), pa.string())
        files = pa.StructArray.from_arrays([data, nothing], fields=list(MEDIA_FILE_TYPE))
        return pa.ListArray.from_arrays(self._image_offsets(counts, per_media), files)

    def _image_offsets(self, counts: _Ints, per_media: _Ints) -> pa.Array:
        """List offsets of rows that hold `counts` media of `per_media` images each."""
        return pa.array(_starts(per_media)[_starts(counts)], pa.int32())

    def _fill(self, owners: _Ints, images: _Ints, target: memoryview, starts: _Ints) -> None:
        media = self._media
        folders = media.folder[owners]
        for folder in np.unique(folders).tolist():
            here = np.flatnonzero(folders == folder)
            chosen = images[here]
            columns = (media.pack[owners[here]], media.at.values[chosen], media.lengths[chosen])
            slices = list(map(PackSlice, *(column.tolist() for column in columns)))
            try:
                self._pack_reader(folder).read_into(slices, target, starts[here].tolist())
            except (OSError, EOFError) as error:
                raise IntegrityError(
                    f"a pack in {self._task.media_folders[folder]} cannot be read ({error}); "
                    "remove that folder and run the same command again"
                ) from error

    def _infos(self, counts: _Ints, used: _Ints) -> pa.Array:
        """The `media` column: what each of the images is."""
        media = self._media
        per_media = media.at.counts[used]
        images = _ranges(media.at.starts[used], per_media)
        owners = np.repeat(used, per_media)
        is_image = ~media.is_video[owners]
        times = np.zeros(len(images), np.int64)
        clips = used[media.is_video[used]]
        times[~is_image] = media.times.values[
            _ranges(media.times.starts[clips], media.times.counts[clips])
        ]
        kinds = pa.array(["frame", "image"]).take(pa.array(is_image.astype(np.int8)))
        videos = media.digest.take(pa.array(owners, mask=is_image))
        columns = [kinds, videos, pa.array(times, mask=is_image)]
        columns += [pa.array(side[images], pa.int32()) for side in (media.width, media.height)]
        infos = pa.StructArray.from_arrays(columns, fields=list(MEDIA_INFO_TYPE))
        return pa.ListArray.from_arrays(self._image_offsets(counts, per_media), infos)

    def _pack_reader(self, folder: int) -> PackReader:
        if folder not in self._packs:
            self._packs[folder] = PackReader(self._task.media_folders[folder])
        return self._packs[folder]


def _plain(column: pa.ChunkedArray, data_type: pa.DataType) -> pa.Array:
    return column.combine_chunks().cast(data_type)


def _origins(rows: pa.Table) -> pa.Array:
    """One upstream row for each sample, with all of its turns."""
    num_turns = _ints(rows["num_turns"].combine_chunks())
    numbers = pa.array(_ranges(np.zeros(len(num_turns), np.int64), num_turns), pa.int32())
    turns = pa.ListArray.from_arrays(_offsets(num_turns), numbers)
    columns = [
        turns if field.name == "turns" else _plain(rows[field.name], field.type)
        for field in ORIGIN_TYPE
    ]
    origins = pa.StructArray.from_arrays(columns, fields=list(ORIGIN_TYPE))
    return pa.ListArray.from_arrays(_offsets(np.ones(len(num_turns), np.int64)), origins)
