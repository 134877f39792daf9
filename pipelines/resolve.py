"""Resolve: decides on the index alone what becomes of every row of the recipe.

In this order: join rows to media, judge filters, decontaminate, exact duplicates, near duplicates,
merge, style and trim, token gate, quotas, order. Leaks, near duplicates, merging, trimming and the
token gate have their place in `build._resolve` and no rule yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
from pydantic import ValidationError

import filters
from filters.base import Filter, Params
from manifests.errors import RecipeError
from manifests.ledger import Fate, Stage
from manifests.storage import read_parquet
from pipelines.join import ORDER, Joined
from pipelines.store import measure_path

_OPEN = pl.col("fate").is_null()


def parse_policies(policies: Mapping[str, Mapping[str, Any]]) -> list[tuple[Filter, Params]]:
    """The recipe's filters in its order, each with its validated parameters."""
    parsed = []
    for name, overrides in policies.items():
        filter_ = filters.get(name)
        try:
            parsed.append((filter_, filter_.params_type.model_validate(dict(overrides))))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            allowed = ", ".join(filter_.params_type.model_fields) or "no parameters"
            raise RecipeError(
                f"filter {name}: {where}: {first['msg']} (it takes {allowed})"
            ) from error
    return parsed


def judge_filters(joined: Joined, policies: Sequence[tuple[Filter, Params]]) -> pl.DataFrame:
    """The index with `dropped` fates: of several reasons the first in the recipe's order counts."""
    index = joined.index.with_row_index("at")
    for filter_, params in policies:
        if filter_.level == "sample":
            reasons = _sample_reasons(joined, index, filter_, params)
        else:
            reasons = _media_reasons(joined, index, filter_, params)
        index = _set_fate(index, reasons, Fate.DROPPED, Stage.FILTER)
    return index.drop("at")


def _scores(folders: Sequence[str], filter_: Filter) -> pl.DataFrame:
    """One filter's score columns over several folders, in their order."""
    tables = [read_parquet(measure_path(folder, filter_)) for folder in folders]
    return pl.DataFrame(pl.from_arrow(pa.concat_tables(tables))) if tables else pl.DataFrame()


def _judged(folders: Sequence[str], filter_: Filter, params: Params) -> pl.DataFrame:
    """Reason and the scores as text, a row for each row of the folders' facts."""
    scores = _scores(folders, filter_)
    if scores.is_empty():
        return pl.DataFrame(schema={"rule": pl.String, "value": pl.String})
    shown = pl.concat_str(
        [pl.format(f"{name}={{}}", pl.col(name)) for name in scores.columns],
        separator=" ",
        ignore_nulls=True,
    )
    return scores.select(rule=filter_.judge(scores, params), value=shown)


def _sample_reasons(
    joined: Joined, index: pl.DataFrame, filter_: Filter, params: Params
) -> pl.DataFrame:
    parts = []
    for number, folder in enumerate(joined.row_folders):
        judged = _judged([folder], filter_, params).with_row_index("pos")
        parts.append(judged.with_columns(folder=pl.lit(number, pl.Int32)))
    judged = pl.concat(parts).with_columns(pl.col("pos").cast(pl.Int64))
    found = judged.filter(pl.col("rule").is_not_null())
    rows = index.filter(pl.col("kind").is_in(filter_.kinds)).select("at", "folder", "pos")
    return rows.join(found, on=["folder", "pos"], how="inner")


def _media_reasons(
    joined: Joined, index: pl.DataFrame, filter_: Filter, params: Params
) -> pl.DataFrame:
    """A sample falls with the first of its media that the filter names a reason for."""
    judged = _judged(joined.media_folders, filter_, params).with_row_index("media")
    keys = pl.Series("key", joined.media["key"])
    bad = (
        judged.with_columns(keys, pl.col("media").cast(pl.Int64))
        .filter(pl.col("rule").is_not_null())
        .with_columns(value=pl.format("{}: {}", "key", "value"))
    )
    exploded = index.filter(_OPEN).select("at", "media").explode("media", empty_as_null=True)
    return exploded.join(bad, on="media", how="inner", maintain_order="left").unique(
        "at", keep="first", maintain_order=True
    )


def _set_fate(index: pl.DataFrame, reasons: pl.DataFrame, fate: Fate, stage: Stage) -> pl.DataFrame:
    """Give rows at `reasons.at` that have no fate yet this one, with rule and value."""
    found = reasons.select("at", new_rule="rule", new_value="value")
    both = index.join(found, on="at", how="left", maintain_order="left")
    hit = _OPEN & pl.col("new_rule").is_not_null()
    return both.with_columns(
        rule=pl.when(hit).then("new_rule").otherwise("rule"),
        value=pl.when(hit).then("new_value").otherwise("value"),
        stage=pl.when(hit).then(pl.lit(stage.value)).otherwise("stage"),
        fate=pl.when(hit).then(pl.lit(fate.value)).otherwise("fate"),
    ).drop("new_rule", "new_value")


def sample_id() -> pl.Expr:
    return pl.format("{}/{}/{}", "source", "subset", "content_id")


def drop_exact_duplicates(index: pl.DataFrame) -> pl.DataFrame:
    """Of rows with the same turns and media the first in ORDER stays, whatever arrived first."""
    ordered = index.sort(ORDER)
    firsts = (
        ordered.filter(_OPEN)
        .unique("content_id", keep="first", maintain_order=True)
        .select("content_id", first=sample_id(), first_at=pl.struct(ORDER))
    )
    both = ordered.join(firsts, on="content_id", how="left", maintain_order="left")
    hit = _OPEN & pl.col("first_at").is_not_null() & (pl.struct(ORDER) != pl.col("first_at"))
    return both.with_columns(
        fate=pl.when(hit).then(pl.lit(Fate.DUPLICATE.value)).otherwise("fate"),
        stage=pl.when(hit).then(pl.lit(Stage.DEDUPLICATE.value)).otherwise("stage"),
        rule=pl.when(hit).then(pl.lit("exact_duplicate")).otherwise("rule"),
        matched=pl.when(hit).then("first").otherwise("matched"),
    ).drop("first", "first_at")


def lost_rows(index: pl.DataFrame) -> str:
    """How many rows were read, and what most of those that are lost were lost to."""
    lost = index.filter(~_OPEN).group_by("fate", "rule").len()
    most = lost.sort("len", "fate", "rule", descending=[True, False, False]).head(3)
    reasons = [f"{count} {fate} by {rule}" for fate, rule, count in most.iter_rows()]
    return f"of {index.height} rows read: {', '.join(reasons) or 'none is lost'}"
