"""Media task: reads one archive (or row range with media inside) once, and leaves packs and facts.

Image bytes are kept but for their metadata; a clip becomes its sampled frames. Only what cannot be
stored is rejected, with its reason, as a row of `media.parquet`. Measures of pixels look at each
picture while it is at hand.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

import sources
from manifests.ids import media_digest
from manifests.images import ImageError, image_suffix
from manifests.packs import PackSlice, PackWriter
from manifests.schema import MEDIA_SCHEMA
from manifests.storage import join, read_parquet, sweep_temporary, write_parquet
from pipelines.clips import Clip, FrameError, FrameSpec
from pipelines.measures import find, write_measures
from pipelines.pixel_scores import Row, Scores, ScoreTable, look_at, pixel_measures, read_image
from pipelines.store import make_spool, mark_done
from sources.base import MediaItem, MediaShard
from sources.root import Root
from sources.sandbox import DecoderError, shared_sandbox

_IMAGE_TIMEOUT_S = 60.0
# A clip of an hour decodes in some minutes on one core; one that takes longer hangs.
_CLIP_TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class MediaTask:
    """All that a media task needs; `isolate` decodes images in a child process too."""

    source: str
    root: Root
    shard: MediaShard
    store: str
    folder: str
    spec: FrameSpec
    measures: tuple[str, ...]  # by `Measure.ref`
    isolate: bool = False


def run_media_task(task: MediaTask) -> dict[str, Any]:
    """Task: store the shard's media; returns the counts that `done.json` keeps."""
    sweep_temporary(task.folder)
    spool = make_spool(task.store)
    try:
        with PackWriter(task.folder) as packs:
            writer = _MediaWriter(task, packs, spool)
            for item in sources.get(task.source).read_media(task.root, task.shard, spool):
                writer.add(item)
        return writer.finish()
    finally:
        shutil.rmtree(spool, ignore_errors=True)


class _MediaWriter:
    def __init__(self, task: MediaTask, packs: PackWriter, spool: Path) -> None:
        self._task = task
        self._spool = spool
        self._packs = packs
        self._rows: list[Row] = []
        seeing = pixel_measures(task.measures)
        self._names = [f.ref for f in seeing]
        self._scores = ScoreTable(seeing, spool)
        self._numbers: list[int] = []  # of scores, for each row
        self._seen: dict[str, tuple[Row, int]] = {}  # by digest

    def add(self, item: MediaItem) -> None:
        row: Row = dict.fromkeys(MEDIA_SCHEMA.names)
        row |= {"key": item.key, "kind": item.kind}
        number: int | None = None
        try:
            facts, number = self._facts(item)
            row |= facts
        except (ImageError, FrameError) as error:
            # Decoders quote the file they were given: a spool's name differs from run to run.
            detail = error.detail.replace(str(item.file), "the clip")
            row |= {"reason": error.reason, "detail": detail}
        except DecoderError as error:
            row |= {"reason": str(error), "detail": ""}
        finally:
            if item.file is not None:
                item.file.unlink(missing_ok=True)
        self._rows.append(row)
        self._numbers.append(self._scores.add_nothing(item.kind) if number is None else number)

    def finish(self) -> dict[str, Any]:
        folder = self._task.folder
        table = pa.Table.from_pylist(self._rows, schema=MEDIA_SCHEMA)
        write_parquet(join(folder, "media.parquet"), table)
        wanted = [f for f in map(find, self._task.measures) if "pictures" not in f.columns]
        batches = table.combine_chunks().to_batches() or [
            pa.RecordBatch.from_pylist([], schema=MEDIA_SCHEMA)
        ]
        write_measures(folder, wanted, batches)
        self._scores.write(folder, self._numbers)
        bad = sum(1 for row in self._rows if row["reason"] is not None)
        record = {"media": len(self._rows), "unreadable": bad}
        mark_done(folder, record)
        return record

    def _facts(self, item: MediaItem) -> tuple[Row, int | None]:
        """What is known of the media, and the number of its scores where it has any."""
        if item.reason is not None:
            return {"reason": item.reason, "detail": item.detail}, None
        if item.kind == "image":
            assert item.data is not None
            return self._image(item.data)
        return self._video(item)

    def _image(self, data: bytes) -> tuple[Row, int]:
        digest = media_digest(data)
        if digest in self._seen:
            return self._seen[digest]
        facts: Row = {"kind": "image", "digest": digest, "upstream_bytes": len(data)}
        args = (data, facts, self._names)
        row, stored, scores = self._call(read_image, args, _IMAGE_TIMEOUT_S)
        slices = self._packs.add([(f"{digest}{image_suffix(row['format'])}", stored)])
        return self._remember(row, slices, scores)

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...], timeout_s: float) -> Any:
        """Here, or in the decoder's process where something killed this one."""
        if self._task.isolate:
            return shared_sandbox().call(function, args, timeout_s)
        return function(*args)

    def _video(self, item: MediaItem) -> tuple[Row, int]:
        if item.data is not None:
            item.file = self._spool / "clip"
            item.file.write_bytes(item.data)
        content, size = _upstream_digest(item)
        digest = media_digest(content, self._task.spec.spec)
        if digest in self._seen:
            return self._seen[digest]
        clip = self._sample(item)
        names = [f"{digest[:32]}/{i:03d}-{f.timestamp_ms}ms.jpg" for i, f in enumerate(clip.frames)]
        members = [(name, frame.data) for name, frame in zip(names, clip.frames, strict=True)]
        row: Row = {
            "kind": "video",
            "digest": digest,
            "width": clip.width,
            "height": clip.height,
            "format": clip.format,
            "upstream_bytes": size,
            "duration_ms": clip.duration_ms,
            "frame_sizes": [side for f in clip.frames for side in (f.width, f.height)],
            "timestamps_ms": [f.timestamp_ms for f in clip.frames],
            "fps": clip.fps,
            "decoded_ratio": clip.decoded_ratio,
        }
        pictures = [frame.data for frame in clip.frames]
        scores = self._call(look_at, (row, pictures, self._names), _CLIP_TIMEOUT_S)
        return self._remember(row, self._packs.add(members), scores)

    def _sample(self, item: MediaItem) -> Clip:
        # Loads the decoder, which plans and builds of a curated store do without.
        from pipelines.frames import frames_from_images, sample_frames

        spec = self._task.spec
        if item.frames is not None:
            assert item.fps is not None
            args = (item.frames, item.fps, spec)
            clip: Clip = shared_sandbox().call(frames_from_images, args, _CLIP_TIMEOUT_S)
            return clip
        assert item.file is not None
        clip = shared_sandbox().call(sample_frames, (str(item.file), spec), _CLIP_TIMEOUT_S)
        return clip

    def _remember(self, row: Row, slices: list[PackSlice], scores: Scores) -> tuple[Row, int]:
        row |= {
            "pack": slices[0].pack,
            "offsets": [piece.offset for piece in slices],
            "lengths": [piece.length for piece in slices],
        }
        found = row, self._scores.add(row["kind"], scores)
        self._seen[row["digest"]] = found
        return found


def _upstream_digest(item: MediaItem) -> tuple[bytes, int]:
    """(SHA-256 over the upstream bytes, their number); frames count as their concatenation."""
    state = hashlib.sha256()
    size = 0
    for piece in _pieces(item):
        state.update(piece)
        size += len(piece)
    return state.digest(), size


def _pieces(item: MediaItem) -> Iterator[bytes]:
    if item.frames is not None:
        yield from (data for _, data in item.frames)
        return
    assert item.file is not None, "a clip is a file or frames"
    with item.file.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            yield chunk


def load_media(folders: list[str]) -> pa.Table:
    """The media tables of several folders, in order, with the number of the folder as `folder`."""
    tables = []
    for number, folder in enumerate(folders):
        table = read_parquet(join(folder, "media.parquet"))
        column = pa.array([number] * table.num_rows, pa.int32())
        tables.append(table.append_column("folder", column))
    if not tables:
        schema = MEDIA_SCHEMA.append(pa.field("folder", pa.int32()))
        return pa.Table.from_batches([], schema=schema)
    return pa.concat_tables(tables)
