"""Codes of the images and clips of a benchmark's items, written as they come.

They are those that the store has of its media: of an image as it is seen, of a clip by the frames
that curate would sample of it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from manifests.images import ImageError
from manifests.storage import join, open_parquet
from pipelines.clips import Clip, FrameError, FrameSpec
from pipelines.near import clip_codes, image_codes
from sources.benchmark_item import BenchmarkItem
from sources.sandbox import DecoderError, shared_sandbox

Kind = Literal["image", "clip"]
_SCHEMAS: dict[Kind, pa.Schema] = {"image": image_codes.SCHEMA, "clip": clip_codes.SCHEMA}
# As long as curate gives a clip.
_CLIP_TIMEOUT_S = 900.0
# An image's codes take up to 17 kB, a clip's as much.
_ROWS_AT_ONCE = 256


class PictureWriter:
    """images.parquet and clips.parquet of an index, one row for equal bytes; both are there when it
    is left."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._seen: dict[bytes, int | None] = {}  # rows by digest; None: it cannot be decoded
        self._write: dict[Kind, Callable[[pa.RecordBatch], None]] = {}
        self.counts: dict[Kind, int] = {"image": 0, "clip": 0}
        self.unreadable: list[str] = []  # what of which item, and why

    def __enter__(self) -> PictureWriter:
        with ExitStack() as stack:
            for kind, schema in _SCHEMAS.items():
                path = join(self._folder, f"{kind}s.parquet")
                opened = open_parquet(path, schema, _ROWS_AT_ONCE)
                self._write[kind] = stack.enter_context(opened)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def images(self, item: BenchmarkItem) -> list[int]:
        """Rows of the item's images; those that cannot be decoded are told in `unreadable`."""
        found = (self._row("image", data, item) for data in item.images)
        return [row for row in found if row is not None]

    def clips(self, item: BenchmarkItem) -> list[int]:
        """The same of its clips."""
        found = (self._row("clip", data, item) for data in item.videos)
        return [row for row in found if row is not None]

    def _row(self, kind: Kind, data: bytes, item: BenchmarkItem) -> int | None:
        digest = hashlib.sha256(data).digest()
        if digest not in self._seen:
            try:
                self._seen[digest] = self._add(kind, data)
            except (ImageError, FrameError, DecoderError) as error:
                why = error.reason if isinstance(error, ImageError | FrameError) else error
                self.unreadable.append(f"{kind} of {item.place}: {why}")
                self._seen[digest] = None
        return self._seen[digest]

    def _add(self, kind: Kind, data: bytes) -> int:
        code = image_codes.image_codes_of(data) if kind == "image" else _clip_code(data)
        self._write[kind](pa.RecordBatch.from_pylist([code.row()], schema=_SCHEMAS[kind]))
        self.counts[kind] += 1
        return self.counts[kind] - 1


def _clip_code(data: bytes) -> clip_codes.ClipCode:
    # They bring decoders, which an index without clips does without.
    from pipelines.frames import sample_frames

    with tempfile.NamedTemporaryFile(prefix="clip-") as file:
        Path(file.name).write_bytes(data)
        args = (file.name, FrameSpec())
        clip: Clip = shared_sandbox().call(sample_frames, args, _CLIP_TIMEOUT_S)
    frames = [frame.data for frame in clip.frames]
    times = [frame.timestamp_ms for frame in clip.frames]
    return clip_codes.clip_codes_of(frames, times, clip.duration_ms, clip.width, clip.height)
