"""What is kept of a clip to find its copies: one measure, from its sampled frames.

Of each frame: its time, the 8 bytes of its perceptual hash, how much there is to see in it, and a
gray picture of 16 x 16 means: 269 bytes, 17 kB for 64 frames. A frame needs less than an image
does: what tells clips apart is how their pictures change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.pixels import Pixels, read_pixels
from pipelines.near.image_codes import is_shape, kind_of
from pipelines.near.image_hashes import WHOLE, Hashes, picture_hashes
from pipelines.near.image_tiles import COARSE, MEDIUM, Means, coarser, means

Bytes = npt.NDArray[np.uint8]
Times = npt.NDArray[np.int32]

# Edge of a frame's means.
FRAME_EDGE = 16
# `image_codes.Kind` as the numbers of `ClipCode.looks`; of what is plain a shape is no print.
LOOKS = ("blank", "plain", "photo", "shape")
SHOWING = (LOOKS.index("photo"), LOOKS.index("shape"))

SCHEMA = pa.schema(
    [
        ("duration_ms", pa.int64()),
        ("width_px", pa.int32()),
        ("height_px", pa.int32()),
        ("times_ms", pa.list_(pa.int32())),
        ("hashes_code", pa.list_(pa.uint64())),
        ("looks_code", pa.list_(pa.uint8())),
        ("means_code", pa.large_binary()),  # gray, frame by frame, row by row
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class ClipCode:
    """One clip's codes, frame by frame in order of time; the size is that of the clip itself."""

    duration_ms: int
    width: int
    height: int
    times_ms: Times
    hashes: Hashes
    looks: Bytes
    means: Bytes  # frames x FRAME_EDGE x FRAME_EDGE

    def row(self) -> dict[str, Any]:
        """By the names of SCHEMA."""
        return {
            "duration_ms": self.duration_ms,
            "width_px": self.width,
            "height_px": self.height,
            "times_ms": self.times_ms,
            "hashes_code": self.hashes,
            "looks_code": self.looks,
            "means_code": self.means.tobytes(),
        }


def clip_code(
    frames: Sequence[Pixels], times_ms: Sequence[int], duration_ms: int, width: int, height: int
) -> ClipCode:
    """Codes of sampled frames as they are seen, with their times from the first frame shown."""
    assert len(frames) == len(times_ms) > 0
    hashes, looks, small = zip(*map(_frame, frames), strict=True)
    return ClipCode(
        duration_ms,
        width,
        height,
        np.array(times_ms, np.int32),
        np.array(hashes, np.uint64),
        np.array(looks, np.uint8),
        np.stack(small),
    )


def clip_codes_of(
    frames: Sequence[bytes], times_ms: Sequence[int], duration_ms: int, width: int, height: int
) -> ClipCode:
    """The same of encoded frames; ImageError as of `manifests.images.probe_image`."""
    return clip_code([read_pixels(data) for data in frames], times_ms, duration_ms, width, height)


def clip_code_of_medium(frames: Sequence[Pixels], medium: Mapping[str, Any]) -> ClipCode:
    """The same of a row of the media table."""
    facts = [medium[name] for name in ("timestamps_ms", "duration_ms", "width", "height")]
    return clip_code(frames, *facts)


def _frame(picture: Pixels) -> tuple[np.uint64, int, Means]:
    medium = means(picture, MEDIUM)
    coarse = np.rint(coarser(medium.astype(np.float32), COARSE)).astype(np.uint8)
    small = np.rint(coarser(medium.astype(np.float32), FRAME_EDGE)).astype(np.uint8)
    kind = kind_of(picture, medium, coarse)
    look = "shape" if kind == "plain" and is_shape(picture, coarse) else kind
    return picture_hashes(picture, coarse)[WHOLE], LOOKS.index(look), small
