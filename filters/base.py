"""What a filter is: it measures a batch into score columns, and judges scores into reasons.

A `Measure` alone judges nothing: what it gives is asked by other steps than the filters'.

Measures are stored, judging is repeated at will: a moved threshold never measures again. `judge`
answers with a reason or null, never with a bare False, and what could not be measured is a reason
too: filters fail closed.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from manifests.schema import Kind

Level = Literal["sample", "media", "pair"]


class Params(BaseModel):
    """Thresholds of a filter: frozen, keyword-only, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Measure(ABC):
    """What is measured of each row of a folder of the store, into a column file beside its facts.

    `level` says what a row of the batch is: a sample of the store (`STORE_SCHEMA` columns), a media
    (`MEDIA_SCHEMA` columns), any of which fells the samples that name it, or a pair, a sample with
    all its media (filters/pairs.py).
    """

    name: ClassVar[str]
    # Part of the measure's file name: bump it when scores for the same input change.
    version: ClassVar[int]
    level: ClassVar[Level]
    # Columns that `measure` reads.
    columns: ClassVar[tuple[str, ...]]
    # Of a user's own filter: the path of its module, and a digest over it.
    origin: str = ""
    digest: str = ""

    @property
    def ref(self) -> str:
        """What `filters.get` finds it by in any process; tasks carry this, never the object."""
        return self.origin or self.name

    @property
    def fingerprint(self) -> str:
        """Part of the measure's file name: a changed module never meets what an older one left."""
        return f"{self.version}-{self.digest}" if self.digest else str(self.version)

    @property
    def parts(self) -> tuple[Measure, ...]:
        """What is measured into files of its own: of all but pairs itself."""
        return (self,)

    @property
    def scores(self) -> pa.Schema:
        """Columns that `measure` gives: the module's constant SCORES."""
        schema: pa.Schema = sys.modules[type(self).__module__].SCORES
        return schema

    @abstractmethod
    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Score columns, one row a row of `batch`; pure, and the same for any batch size."""


class Filter(Measure):
    """One idea, one module; a module binds its instance to the constant `FILTER`."""

    # Samples of other kinds are passed over: what is asked of a chat is not asked of a document.
    kinds: ClassVar[tuple[Kind, ...]] = ("chat", "document")
    # Stable snake_case words that `judge` may answer with.
    reasons: ClassVar[tuple[str, ...]]
    params_type: ClassVar[type[Params]]
    # Where the idea and its thresholds come from, in one line.
    source: ClassVar[str] = "ours"
    # Policies that it is on for by default.
    policies: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        """A string series as long as `scores`: a reason, or null to keep."""


def first_reason(scores: pl.DataFrame, keep: dict[str, pl.Expr]) -> pl.Series:
    """For each row the first reason whose keep-condition does not hold, or null.

    Conditions say what is right, not what is wrong: one that a null score makes null does not
    hold, so that what was not measured never passes.
    """
    verdicts = [pl.when(good).then(None).otherwise(pl.lit(why)) for why, good in keep.items()]
    return scores.select(pl.coalesce(verdicts).cast(pl.String).alias("reason")).to_series()
