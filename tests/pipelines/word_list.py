"""A model filter as a user may write one: its weights are words, and each load leaves a mark."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters.base import Params, first_reason
from filters.conversation import score_batch
from filters.models import ModelFilter, SampleTexts, Settings

SCORES = pa.schema([("listed_share", pa.float64()), ("num_nulls", pa.int32())])


class WordListParams(Params):
    max_listed_share: float = Field(default=0.2, ge=0, le=1, description="share of words allowed")


class WordList(ModelFilter):
    name: ClassVar[str] = "word_list"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("words_are_listed",)
    params_type: ClassVar[type[Params]] = WordListParams
    settings_type: ClassVar[type[Settings]] = Settings
    files: ClassVar[tuple[str, ...]] = ("*.txt",)
    packages: ClassVar[tuple[str, ...]] = ()

    def check(self, path: Path, settings: Any, params: Sequence[Any]) -> None:
        path.read_text()

    def load(self, path: Path) -> Any:
        with (path.parent / "loads.log").open("a") as log:
            log.write(f"{os.getpid()}\n")
        return set(path.read_text().split())

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = SampleTexts(batch)
        share = texts.scores(self._shares)
        return score_batch(SCORES, listed_share=share, num_nulls=texts.num_nulls_s)

    def _shares(self, texts: Sequence[str]) -> list[float]:
        words = [text.split() for text in texts]
        return [float(np.mean([word in self.model for word in said])) for said in words]

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, WordListParams)
        clean = pl.col("listed_share") <= params.max_listed_share
        return first_reason(scores, {"words_are_listed": clean & (pl.col("num_nulls") == 0)})


FILTER = WordList()
