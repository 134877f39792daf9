"""A text's class or grade by a transformers classifier of one's own, as FineWeb-Edu filters pages.

FineWeb-Edu (arXiv 2406.17557) and FineMath (arXiv 2502.02737) grade pages from 0 to 5 by a small
encoder with one regression output; other classifiers give each of their labels a probability. The
first 512 tokens are read. Texts of like length are scored together, in batches of one shape: then a
text has the same score alone and among others. Scores are rounded to what kinds of processors agree
on. Weights are safetensors alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._transformers import (
    HERE,
    check_files,
    import_transformers,
    load_network,
    torch_device,
)
from filters.base import Params, first_reason
from filters.conversation import score_batch
from filters.models import ModelFilter, SampleTexts, Settings
from manifests.errors import UsageError, nearest
from manifests.schema import Kind

# As long as FineWeb-Edu's classifier reads.
_MAX_TOKENS = 512
# Texts are filled up to one of these, and batches to so many texts.
_LENGTHS = (32, 64, 128, 256, 512)
_BATCH_TEXTS = 16
# What AVX2, AVX-512 and GPUs differ by is below 1e-5 of a score.
_DECIMALS = 4

SCORES = pa.schema(
    [
        ("class_score", pa.float64()),  # the grade, or the label's probability; 0 without text
        ("num_chars", pa.int64()),  # without white space at both ends
        ("num_nulls", pa.int32()),
    ]
)


class TextClassifierSettings(Settings):
    """What scores, e.g. `weights: HuggingFaceFW/fineweb-edu-classifier`.

    Without a label the model has one output, which is the grade.
    """

    label: str = Field(default="", description="label whose probability is the score; none: grade")


class TextClassifierParams(Params):
    """What passes, e.g. `min_score: 0.8` where a label's probability is the score.

    2.5 is FineWeb-Edu's threshold, grade 3 of 5 where grades are rounded (arXiv 2406.17557).
    """

    min_score: float = Field(default=2.5, description="least grade or probability")


class TextClassifier(ModelFilter):
    """Drops texts that a transformers classifier of the recipe's choice gives too low a grade."""

    name: ClassVar[str] = "text_classifier"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat", "document")
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("class_unmeasured", "class_score_too_low")
    params_type: ClassVar[type[Params]] = TextClassifierParams
    settings_type: ClassVar[type[Settings]] = TextClassifierSettings
    source: ClassVar[str] = "FineWeb-Edu (arXiv 2406.17557), FineMath (arXiv 2502.02737)"
    takes_file: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    files: ClassVar[tuple[str, ...]] = (
        *("config.json", "*.safetensors", "*.safetensors.index.json"),
        *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
        *("vocab.txt", "vocab.json", "merges.txt", "spm.model", "sentencepiece.bpe.model"),
    )

    def check(self, path: Path, settings: Any, params: Sequence[Any]) -> None:
        check_files(path, [["config.json"], ["*.safetensors"]])
        config = orjson.loads((path / "config.json").read_bytes())
        _check_head(config, settings.label)
        highest = max((given.min_score for given in params), default=0.0)
        if settings.label and highest > 1:
            raise UsageError(
                f"min_score {highest} is above 1, and the score is the probability of "
                f"{settings.label!r}; say a lower min_score"
            )

    def load(self, path: Path) -> Any:
        return _Classifier(path)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = SampleTexts(batch)
        return score_batch(
            SCORES,
            class_score=texts.scores(self._score),
            num_chars=texts.num_chars_s,
            num_nulls=texts.num_nulls_s,
        )

    def _score(self, texts: Sequence[str]) -> Any:
        assert isinstance(self.settings, TextClassifierSettings)
        return np.round(self.model.score(texts, self.settings.label), _DECIMALS)

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, TextClassifierParams)
        return first_reason(
            scores,
            {
                "class_unmeasured": (pl.col("num_chars") > 0) & (pl.col("num_nulls") == 0),
                "class_score_too_low": pl.col("class_score") >= params.min_score,
            },
        )


def _check_head(config: dict[str, Any], label: str) -> None:
    """UsageError unless config.json is of a classifier with this label, or of one that grades."""
    made = next(iter(config.get("architectures") or []), "")
    if not made.endswith("ForSequenceClassification") or "auto_map" in config:
        raise UsageError(
            f"config.json is of {made or 'no architecture'}, which is no sequence classifier of "
            "transformers itself; code of a repository's own never runs"
        )
    # transformers writes no names where there are two outputs and they have none.
    labels = list(config.get("id2label", {0: "LABEL_0", 1: "LABEL_1"}).values())
    if not label and len(labels) != 1:
        raise UsageError(f"the model has several labels; say which with `label`: {labels}")
    if label and label not in labels:
        hint = nearest(label, labels) or f"; it has {labels}"
        raise UsageError(f"the model has no label {label!r}{hint}")
    if label and len(labels) == 1:
        raise UsageError("the model grades by one output; leave `label` out")


class _Classifier:
    """Tokenizer and network; on the GPU that the process was given, else on one core."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = import_transformers().AutoTokenizer.from_pretrained(folder, **HERE)
        network = load_network(folder, "AutoModelForSequenceClassification")
        self._device = torch_device()
        self._network = network.to(self._device).eval()
        longest = getattr(network.config, "max_position_embeddings", _MAX_TOKENS)
        self._max_tokens = min(_MAX_TOKENS, longest, self._tokenizer.model_max_length)

    def score(self, texts: Sequence[str], label: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Of each text the grade, or the probability of the label."""
        import torch

        ids = self._tokenizer(list(texts), truncation=True, max_length=self._max_tokens)
        lengths = np.array([len(row) for row in ids["input_ids"]])
        shapes = np.searchsorted(_LENGTHS, lengths)
        found = np.zeros(len(texts))
        with torch.inference_mode():
            for shape in np.unique(shapes):
                places = np.flatnonzero(shapes == shape)
                for first in range(0, len(places), _BATCH_TEXTS):
                    some = places[first : first + _BATCH_TEXTS]
                    rows = {name: [values[at] for at in some] for name, values in ids.items()}
                    logits = self._logits(rows, min(_LENGTHS[shape], self._max_tokens))
                    found[some] = self._scores(logits[: len(some)], label)
        return found

    def _logits(self, rows: dict[str, list[list[int]]], length: int) -> Any:
        """Of a batch that is filled up with copies of its first text."""
        missing = _BATCH_TEXTS - len(rows["input_ids"])
        filled = {name: values + values[:1] * missing for name, values in rows.items()}
        padded = self._tokenizer.pad(
            filled, padding="max_length", max_length=length, return_tensors="pt"
        )
        return self._network(**padded.to(self._device)).logits.float().cpu()

    def _scores(self, logits: Any, label: str) -> Any:
        if not label:
            return logits[:, 0].numpy()
        shares = logits.double().softmax(-1)
        return shares[:, self._network.config.label2id[label]].numpy()


FILTER = TextClassifier()
