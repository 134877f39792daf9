"""Codes of the images and clips of a benchmark's items, written as they come.

They are those that the store has of its media: of an image as it is seen, of a clip by the frames
that curate would sample of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from manifests.images import ImageError
from manifests.storage import join, open_parquet
from pipelines.clips import Clip, FrameError, FrameSpec
from pipelines.near import clip_codes, image_codes
from sources.benchmark_item import BenchmarkItem
from sources.sandbox import DecoderError, shared_sandbox

IMAGES_SCHEMA = pa.schema([("item", pa.int32()), *image_codes.SCHEMA])
CLIPS_SCHEMA = pa.schema([("item", pa.int32()), *clip_codes.SCHEMA])
# As long as curate gives a clip.
_CLIP_TIMEOUT_S = 900.0
# An image's codes take up to 17 kB, a clip's as much.
_ROWS_AT_ONCE = 256


class PictureWriter:
    """images.parquet and clips.parquet of an index; both are there when it is left."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.counts = {"images": 0, "clips": 0}
        self.unreadable: list[str] = []  # what of which item, and why

    def __enter__(self) -> PictureWriter:
        with ExitStack() as stack:
            self._images, self._clips = (
                stack.enter_context(
                    open_parquet(join(self._folder, f"{name}.parquet"), schema, _ROWS_AT_ONCE)
                )
                for name, schema in (("images", IMAGES_SCHEMA), ("clips", CLIPS_SCHEMA))
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def take(self, number: int, item: BenchmarkItem) -> None:
        """Write the pictures of an item; those that cannot be decoded are told in `unreadable`."""
        for row in self._rows(item, "image"):
            batch = pa.RecordBatch.from_pylist([{"item": number, **row}], schema=IMAGES_SCHEMA)
            self._images(batch)
            self.counts["images"] += 1
        for row in self._rows(item, "video"):
            self._clips(pa.RecordBatch.from_pylist([{"item": number, **row}], schema=CLIPS_SCHEMA))
            self.counts["clips"] += 1

    def _rows(self, item: BenchmarkItem, kind: str) -> Iterator[dict[str, Any]]:
        for place, data in enumerate(item.images if kind == "image" else item.videos):
            try:
                code = image_codes.image_codes_of(data) if kind == "image" else _clip_code(data)
            except (ImageError, FrameError) as error:
                self.unreadable.append(f"{item.place}, {kind} {place}: {error.reason}")
            except DecoderError as error:
                self.unreadable.append(f"{item.place}, {kind} {place}: {error}")
            else:
                yield code.row()


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
