"""Media task: reads one archive (or row range with media inside) once, and leaves packs and facts.

Image bytes are kept untouched; a clip becomes its sampled frames. Only what cannot be stored is
rejected, with its reason, as a row of `media.parquet`.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

import filters
import sources
from manifests.ids import media_digest
from manifests.packs import PackSlice, PackWriter
from manifests.schema import MEDIA_SCHEMA
from manifests.storage import join, read_parquet, sweep_temporary, write_parquet
from pipelines.clips import Clip, FrameError, FrameSpec
from pipelines.images import ImageError, ImageFacts, image_suffix, probe_image
from pipelines.measures import write_measures
from pipelines.store import make_spool, mark_done
from sources.base import MediaItem, MediaShard
from sources.root import Root
from sources.sandbox import DecoderError, shared_sandbox

# Facts are written out at this many media, to keep a task's memory flat.
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
    filters: tuple[str, ...]
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
        self._rows: list[dict[str, Any]] = []
        self._seen: dict[str, dict[str, Any]] = {}

    def add(self, item: MediaItem) -> None:
        row: dict[str, Any] = dict.fromkeys(MEDIA_SCHEMA.names)
        row |= {"key": item.key, "kind": item.kind}
        try:
            row |= self._facts(item)
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

    def finish(self) -> dict[str, Any]:
        folder = self._task.folder
        table = pa.Table.from_pylist(self._rows, schema=MEDIA_SCHEMA)
        write_parquet(join(folder, "media.parquet"), table)
        wanted = [filters.get(name) for name in self._task.filters]
        batches = table.combine_chunks().to_batches() or [
            pa.RecordBatch.from_pylist([], schema=MEDIA_SCHEMA)
        ]
        write_measures(folder, wanted, batches)
        bad = sum(1 for row in self._rows if row["reason"] is not None)
        record = {"media": len(self._rows), "unreadable": bad}
        mark_done(folder, record)
        return record

    def _facts(self, item: MediaItem) -> dict[str, Any]:
        if item.reason is not None:
            return {"reason": item.reason, "detail": item.detail}
        if item.kind == "image":
            assert item.data is not None
            return self._image(item.data)
        return self._video(item)

    def _image(self, data: bytes) -> dict[str, Any]:
        digest = media_digest(data)
        if digest in self._seen:
            return self._seen[digest]
        if self._task.isolate:
            facts: ImageFacts = shared_sandbox().call(probe_image, (data,), _IMAGE_TIMEOUT_S)
        else:
            facts = probe_image(data)
        slices = self._packs.add([(f"{digest}{image_suffix(facts.format)}", data)])
        row = {
            "width": facts.width,
            "height": facts.height,
            "format": facts.format,
            "upstream_bytes": len(data),
            "frame_sizes": [facts.width, facts.height],
            "timestamps_ms": [],
        }
        return self._remember(digest, row, slices)

    def _video(self, item: MediaItem) -> dict[str, Any]:
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
        row = {
            "width": clip.width,
            "height": clip.height,
            "format": clip.format,
            "upstream_bytes": size,
            "duration_ms": clip.duration_ms,
            "frame_sizes": [side for f in clip.frames for side in (f.width, f.height)],
            "timestamps_ms": [f.timestamp_ms for f in clip.frames],
        }
        return self._remember(digest, row, self._packs.add(members))

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

    def _remember(
        self, digest: str, row: dict[str, Any], slices: list[PackSlice]
    ) -> dict[str, Any]:
        row |= {
            "digest": digest,
            "pack": slices[0].pack,
            "offsets": [piece.offset for piece in slices],
            "lengths": [piece.length for piece in slices],
        }
        self._seen[digest] = row
        return row


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
