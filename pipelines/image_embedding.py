"""Vectors of photos by a model of copies, as SSCD is one: the second look at near duplicates.

SSCD (arXiv 2202.10261) was trained to give a photo and what was made of it vectors with a cosine
near 1. Its readme scales pictures to 288 pixels on the short side, or to squares of 320 where a
batch is to have one size; so it is here. Pages, charts and textures have none: their vectors are
near one another, whatever they say.

Two forms of ONNX files are known by their input: bytes, rows by columns by red, green and blue (the
model scales them itself), and floats, three planes, less the means of ImageNet and by its spreads.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from filters._onnx import checked_session, open_session
from filters._vectors import Floats, stored
from filters.models import ModelMeasure, Settings
from filters.pixels import read_color, read_pixels
from manifests.errors import UsageError
from manifests.images import ImageError
from pipelines.near.image_codes import ImageCode, image_code

_EDGE_PX = 320
# Of red, green and blue, over ImageNet, as torchvision has them.
_MEANS = np.array([0.485, 0.456, 0.406], np.float32)
_SPREADS = np.array([0.229, 0.224, 0.225], np.float32)
# By the type and the axes of its input.
_BYTES, _FLOATS = "tensor(uint8)", "tensor(float)"

SCORES = pa.schema(
    [
        ("is_measured", pa.bool_()),  # it is a photo that can be decoded
        ("pixels_code", pa.binary(16)),
        ("width_px", pa.int32()),
        ("height_px", pa.int32()),
        ("vector_bytes", pa.large_binary()),  # as filters/_vectors.py says
    ]
)


class ImageEmbedding(ModelMeasure):
    """A vector of each photo; it judges nothing."""

    name: ClassVar[str] = "image_embedding"
    version: ClassVar[int] = 2
    level: ClassVar[Literal["sample", "media"]] = "media"
    columns: ClassVar[tuple[str, ...]] = ("kind", "pictures")
    settings_type: ClassVar[type[Settings]] = Settings
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime",)
    files: ClassVar[tuple[str, ...]] = ("*.onnx",)

    def check(self, path: Path, settings: Any, params: Sequence[Any]) -> None:
        session = checked_session(path)
        given = [(slot.type, len(slot.shape)) for slot in session.get_inputs()]
        made = [len(slot.shape) for slot in session.get_outputs()]
        if given not in ([(_BYTES, 4)], [(_FLOATS, 4)]) or made[:1] != [2]:
            raise UsageError(
                f"{path.name} takes {given} (type, axes) and gives {made} axes; a model of copies "
                f"takes one batch of pictures of 4 axes, {_BYTES} or {_FLOATS}, and gives vectors"
            )

    def load(self, path: Path) -> Any:
        return open_session(path)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """One picture at a time: then a photo has the same vector whatever stands beside it."""
        kinds, pictures = (batch.column(name).to_pylist() for name in self.columns)
        codes: dict[int, ImageCode] = {}
        vectors: dict[int, Floats] = {}
        for row, (kind, encoded) in enumerate(zip(kinds, pictures, strict=True)):
            if kind != "image" or len(encoded or ()) != 1:
                continue
            try:
                code = image_code(read_pixels(encoded[0]))
                if code.kind == "photo":
                    vectors[row] = self._vector(read_color(encoded[0]))
                    codes[row] = code
            except ImageError:
                continue
        column, is_measured = stored(batch.num_rows, vectors)
        told = [codes.get(row) for row in range(batch.num_rows)]
        columns = [
            is_measured,
            pa.array([code and code.pixels for code in told], pa.binary(16)),
            pa.array([code and code.width for code in told], pa.int32()),
            pa.array([code and code.height for code in told], pa.int32()),
            column,
        ]
        return pa.record_batch(columns, schema=SCORES)

    def _vector(self, image: Image.Image) -> Floats:
        (slot,) = self.model.get_inputs()
        given = prepared(image) if slot.type == _FLOATS else np.asarray(_scaled(image))
        found = self.model.run(None, {slot.name: given[None]})[0]
        vector: Floats = np.asarray(found, np.float32)[0]
        return vector


def _scaled(image: Image.Image) -> Image.Image:
    return image.resize((_EDGE_PX, _EDGE_PX), Image.Resampling.BILINEAR)


def prepared(image: Image.Image) -> npt.NDArray[np.float32]:
    """What SSCD's published models take of an RGB picture: 3 x 320 x 320."""
    levels = np.asarray(_scaled(image), np.float32) / np.float32(255)
    whole: npt.NDArray[np.float32] = ((levels - _MEANS) / _SPREADS).transpose(2, 0, 1)
    return np.ascontiguousarray(whole)


MEASURE = ImageEmbedding()
