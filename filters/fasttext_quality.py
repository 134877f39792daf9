"""The quality of a text by a fastText classifier of one's own, as DataComp-LM filters web pages.

DCLM (arXiv 2406.11794) tells web pages from instructions and well-liked explanations with a linear
model over word n-grams, which reads a whole text in about the time of its tokens; the score is the
probability of one label. A sample's text is all that is said in it, on one line as fastText reads
it. Any supervised fastText model will do: .bin, or .ftz as `fasttext quantize` makes them.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl
import pyarrow as pa
from pydantic import Field

from filters.base import Params, first_reason
from filters.conversation import score_batch
from filters.models import ModelFilter, SampleTexts, Settings
from manifests.errors import UsageError, nearest
from manifests.schema import Kind

# How fastText's files begin: two numbers, 12 of training and a double, then the dictionary.
_MAGIC, _VERSIONS = 793712314, (11, 12)
_HEAD = struct.Struct("<2i12id")
_SIZES = struct.Struct("<3i2q")  # entries, words, labels, tokens, pruned
_SUPERVISED = 3
# Of a dictionary's entry, after its zero-ended word: a count and whether it is a label.
_ENTRY_BYTES = 9
# Said of a model in an error, at most.
_MANY_LABELS = 8

SCORES = pa.schema(
    [
        ("quality_score", pa.float64()),  # probability of the label; 0 without text
        ("num_chars", pa.int64()),  # without white space at both ends
        ("num_nulls", pa.int32()),
    ]
)


class FasttextQualitySettings(Settings):
    """What scores, e.g. `weights: ./model.bin`, `label: __label__hq`."""

    label: str = Field(default="__label__hq", description="whose probability is the score")


class FasttextQualityParams(Params):
    """What passes, e.g. `min_score: 0.1`.

    0.5 is ours: likelier good than not, by the model's own balance of classes. DCLM keeps the best
    tenth of its pool instead; the score at which that begins is a pool's own (`mixture rejudge`
    finds it without measuring again).
    """

    min_score: float = Field(default=0.5, ge=0, le=1, description="least probability of the label")


class FasttextQuality(ModelFilter):
    """Drops texts that a fastText model of the recipe's choice takes for bad ones."""

    name: ClassVar[str] = "fasttext_quality"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat", "document")
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("fasttext_unmeasured", "fasttext_score_too_low")
    params_type: ClassVar[type[Params]] = FasttextQualityParams
    settings_type: ClassVar[type[Settings]] = FasttextQualitySettings
    source: ClassVar[str] = "DataComp-LM (arXiv 2406.11794); fastText (arXiv 1607.01759)"
    files: ClassVar[tuple[str, ...]] = ("*.bin", "*.ftz")

    def check(self, path: Path, settings: Any, params: Sequence[Any]) -> None:
        labels = _labels(path)
        if settings.label not in labels:
            hint = nearest(settings.label, labels) or f"; it has {_some(labels)}"
            raise UsageError(f"the model has no label {settings.label!r}{hint}")

    def load(self, path: Path) -> Any:
        import fasttext

        return fasttext.load_model(str(path))

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = SampleTexts(batch)
        return score_batch(
            SCORES,
            quality_score=texts.scores(self._score),
            num_chars=texts.num_chars_s,
            num_nulls=texts.num_nulls_s,
        )

    def _score(self, texts: Sequence[str]) -> list[float]:
        assert isinstance(self.settings, FasttextQualitySettings)
        found = []
        for text in texts:
            # All labels, by falling probability: the wanted one need not be the likeliest.
            labels, scores = self.model.predict(" ".join(text.splitlines()), k=-1)
            score = dict(zip(labels, scores, strict=True)).get(self.settings.label, 0.0)
            # Rounding of the model's own sums shows as 1.00003.
            found.append(min(float(score), 1.0))
        return found

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, FasttextQualityParams)
        return first_reason(
            scores,
            {
                "fasttext_unmeasured": (pl.col("num_chars") > 0) & (pl.col("num_nulls") == 0),
                "fasttext_score_too_low": pl.col("quality_score") >= params.min_score,
            },
        )


def _labels(path: Path) -> list[str]:
    """Labels of a model's file; they stand behind all words of its dictionary.

    Read without the matrices: those of DCLM's model are 2 GB.
    """
    problem = UsageError(f"{path.name} is no supervised fastText model (.bin or .ftz)")
    if path.stat().st_size < _HEAD.size + _SIZES.size:
        raise problem
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        magic, version, *training = _HEAD.unpack_from(data)
        if magic != _MAGIC or version not in _VERSIONS or training[7] != _SUPERVISED:
            raise problem
        num_entries, num_words, *_ = _SIZES.unpack_from(data, _HEAD.size)
        labels, place = [], _HEAD.size + _SIZES.size
        for entry in range(num_entries):
            end = data.find(b"\0", place)
            if end < 0:
                raise problem
            if entry >= num_words:
                labels.append(data[place:end].decode("utf-8", "replace"))
            place = end + 1 + _ENTRY_BYTES
    return labels


def _some(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _MANY_LABELS} more" if len(labels) > _MANY_LABELS else ""
    return ", ".join(labels[:_MANY_LABELS]) + more


FILTER = FasttextQuality()
