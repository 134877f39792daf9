"""How well a sample's text goes with its pictures, by CLIP or SigLIP: the cosine of their vectors.

LAION-400M (arXiv 2111.02114) keeps pairs of a picture and its caption whose CLIP vectors
(arXiv 2103.00020) have a cosine of 0.3 and more; SigLIP (arXiv 2303.15343) was trained by another
loss, and its cosines are lower. The text is all that is said in the sample, of which a model reads
the first 77 or 64 tokens: what asks before it answers scores lower than a caption. A clip's vector
is the mean of those of at most eight frames, evenly spread. Of several media the best counts, for a
document may well show what it says little about. Samples without media or words are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pyarrow as pa
from PIL import Image
from pydantic import Field

from filters._two_towers import (
    BATCH_PICTURES,
    FILES,
    PictureTower,
    TextTower,
    check_towers,
    match_cosine,
)
from filters._vectors import Floats, cosines, stored, unit
from filters.base import Level, Params, first_reason
from filters.conversation import Ints, children, score_batch, truth
from filters.models import ModelFilter, SampleTexts, Settings
from filters.pairs import PairFilter, Side
from filters.pixels import read_color
from manifests.errors import UsageError
from manifests.images import ImageError

_MAX_FRAMES = 8
_DECIMALS = 4

SCORES = pa.schema(
    [
        ("similarity_cosine", pa.float64()),  # of the text and the best of the media
        ("is_pair", pa.bool_()),  # there are media and words; else the sample is passed over
        ("is_measured", pa.bool_()),  # the text and all media have a vector
    ]
)
# As filters/_vectors.py says.
_VECTOR = ("vector_bytes", pa.large_binary())
_TEXT_SCHEMA = pa.schema([_VECTOR, ("is_pair", pa.bool_()), ("is_measured", pa.bool_())])
_MEDIA_SCHEMA = pa.schema([_VECTOR, ("is_measured", pa.bool_())])


class ImageTextAlignmentSettings(Settings):
    """What scores: `weights: ./siglip`, a folder, or `weights: openai/clip-vit-large-patch14`."""


class ImageTextAlignmentParams(Params):
    """What passes, e.g. `min_similarity: 0.05` for a SigLIP.

    0.3 is LAION-400M's (arXiv 2111.02114), for CLIP ViT-B/32 and captions alone; of a SigLIP the
    recipe must say it. `mixture rejudge` finds what fits without measuring again.
    """

    min_similarity: float = Field(
        default=0.3, ge=-1, le=1, description="least cosine; of a SigLIP it must be said"
    )


class _OfTwoTowers(ModelFilter):
    """What the filter and its sides have in common."""

    version: ClassVar[int] = 1
    params_type: ClassVar[type[Params]] = ImageTextAlignmentParams
    settings_type: ClassVar[type[Settings]] = ImageTextAlignmentSettings
    source: ClassVar[str] = (
        "CLIP (arXiv 2103.00020), SigLIP (arXiv 2303.15343), LAION-400M (arXiv 2111.02114)"
    )
    takes_file: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    files: ClassVar[tuple[str, ...]] = FILES

    def check(self, path: Path, settings: Any, params: Sequence[Any]) -> None:
        family = check_towers(path)
        if family == "siglip" and any("min_similarity" not in p.model_fields_set for p in params):
            match = match_cosine(path)
            hint = "" if match is None else f" (it takes pairs for a match from {match:.3f} on)"
            raise UsageError(
                "the default of min_similarity is CLIP's, and a SigLIP's cosines are lower; say "
                f"min_similarity{hint}"
            )


class _Side(_OfTwoTowers, Side):
    reasons: ClassVar[tuple[str, ...]] = ("alignment_unmeasured",)

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        return first_reason(scores, {"alignment_unmeasured": pl.col("is_measured")})


class TextSide(_Side):
    """The vector of a sample's text, where there are media that it could go with."""

    name: ClassVar[str] = "image_text_alignment_text"
    side: ClassVar[str] = "text"
    schema: ClassVar[pa.Schema] = _TEXT_SCHEMA
    level: ClassVar[Level] = "sample"
    columns: ClassVar[tuple[str, ...]] = ("messages", "media")

    def load(self, path: Path) -> TextTower:
        return TextTower(path)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts, media = SampleTexts(batch), batch.column("media")
        has_media = truth(media.is_null()) | (children(media)[1] > 0)
        is_pair = has_media & ((texts.num_chars_s > 0) | (texts.num_nulls_s > 0))
        is_known = truth(media.is_valid()) & (texts.num_nulls_s == 0)
        places = np.flatnonzero(is_pair & is_known).tolist()
        vectors: Iterable[Floats] = ()
        if places:
            vectors = self.model.embed([texts.texts_s[place] for place in places])
        column, is_measured = stored(batch.num_rows, dict(zip(places, vectors, strict=True)))
        return pa.record_batch([column, pa.array(is_pair), is_measured], schema=self.schema)


class MediaSide(_Side):
    """The vector of a picture, or the mean of those of a clip's frames."""

    name: ClassVar[str] = "image_text_alignment_media"
    side: ClassVar[str] = "media"
    schema: ClassVar[pa.Schema] = _MEDIA_SCHEMA
    level: ClassVar[Level] = "media"
    columns: ClassVar[tuple[str, ...]] = ("pictures",)

    def load(self, path: Path) -> PictureTower:
        return PictureTower(path)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        sums: dict[int, Floats] = {}
        seen = self._prepared(batch.column("pictures").to_pylist())
        while some := list(islice(seen, BATCH_PICTURES)):
            vectors = self.model.embed([picture for _, picture in some])
            for (row, _), vector in zip(some, vectors, strict=True):
                sums[row] = sums.get(row, np.float32(0)) + unit(vector)
        return pa.record_batch(stored(batch.num_rows, sums), schema=self.schema)

    def _prepared(
        self, media: Sequence[Sequence[bytes | None] | None]
    ) -> Iterator[tuple[int, Floats]]:
        """(row, what the model takes) of each picture; of media with one that is none, nothing."""
        for row, encoded in enumerate(media):
            try:
                made = [self.model.prepare(_decoded(data)) for data in _spread(encoded or ())]
            except ImageError:
                continue
            yield from ((row, picture) for picture in made)


def _spread(frames: Sequence[bytes | None]) -> list[bytes | None]:
    """The first, the last and some between; all where they are few."""
    if len(frames) <= _MAX_FRAMES:
        return list(frames)
    places = np.linspace(0, len(frames) - 1, _MAX_FRAMES).round().astype(int)
    return [frames[place] for place in places.tolist()]


def _decoded(data: bytes | None) -> Image.Image:
    if data is None:
        raise ImageError("image_undecodable", "no bytes")
    return read_color(data)


class ImageTextAlignment(_OfTwoTowers, PairFilter):
    """Drops samples whose text has little to do with any of their pictures or clips."""

    name: ClassVar[str] = "image_text_alignment"
    columns: ClassVar[tuple[str, ...]] = ("messages", "media", "pictures")
    reasons: ClassVar[tuple[str, ...]] = ("alignment_unmeasured", "alignment_too_low")
    text_side: ClassVar[type[Side]] = TextSide
    media_side: ClassVar[type[Side]] = MediaSide

    def join(self, texts: pa.Table, media: pa.Table, owners: Ints, named: Ints) -> pa.RecordBatch:
        found, is_known = cosines(texts["vector_bytes"], media["vector_bytes"], owners, named)
        best = np.full(texts.num_rows, -1.0)
        np.maximum.at(best, owners, found)
        num_known = np.bincount(owners, weights=is_known, minlength=texts.num_rows)
        num_named = np.bincount(owners, minlength=texts.num_rows)
        is_measured = (num_named > 0) & (num_known == num_named)
        return score_batch(
            SCORES,
            similarity_cosine=np.where(is_measured, best.round(_DECIMALS), 0.0),
            is_pair=truth(texts["is_pair"]),
            is_measured=is_measured,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, ImageTextAlignmentParams)
        passed = ~pl.col("is_pair")
        return first_reason(
            scores,
            {
                "alignment_unmeasured": passed | pl.col("is_measured"),
                "alignment_too_low": passed
                | (pl.col("similarity_cosine") >= params.min_similarity),
            },
        )


FILTER = ImageTextAlignment()
