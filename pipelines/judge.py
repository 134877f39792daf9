"""Filters as judges: which rows of an index they drop, from the scores that the store holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
from pydantic import ValidationError

import filters
from filters.base import Filter, Params
from manifests.errors import RecipeError
from manifests.ledger import Fate, Stage
from manifests.storage import read_parquet
from pipelines.join import Joined
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


def score_schemas(names: Iterable[str]) -> dict[str, pa.Schema]:
    """Score columns of those of the filters that judge samples."""
    used = [filters.get(name) for name in names]
    return {f.name: f.scores for f in used if f.level == "sample"}


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


def _judged(folder: str, filter_: Filter, params: Params) -> pl.DataFrame:
    """Reason and the scores as text, a row for each row of the folder's facts."""
    scores = pl.DataFrame(pl.from_arrow(read_parquet(measure_path(folder, filter_))))
    shown = pl.concat_str(
        [pl.format(f"{name}={{}}", pl.col(name)) for name in scores.columns],
        separator=" ",
        ignore_nulls=True,
    )
    judged = scores.with_columns(rule=filter_.judge(scores, params))
    bad = judged.with_row_index("place").filter(pl.col("rule").is_not_null())
    return bad.select(pl.col("place").cast(pl.Int64), "rule", value=shown)


def _sample_reasons(
    joined: Joined, index: pl.DataFrame, filter_: Filter, params: Params
) -> pl.DataFrame:
    found = _judged_folders(range(len(joined.row_folders)), joined.row_folders, filter_, params)
    rows = index.filter(pl.col("kind").is_in(filter_.kinds)).select("at", "folder", "pos")
    return rows.join(found.rename({"place": "pos"}), on=["folder", "pos"], how="inner")


def _judged_folders(
    numbers: Iterable[int], folders: Sequence[str], filter_: Filter, params: Params
) -> pl.DataFrame:
    """What is wrong in these of the folders: folder, place in it, rule and value."""
    schema = {"place": pl.Int64, "rule": pl.String, "value": pl.String, "folder": pl.Int32}
    parts = [pl.DataFrame(schema=schema)]
    for number in numbers:
        judged = _judged(folders[number], filter_, params)
        parts.append(judged.with_columns(folder=pl.lit(number, pl.Int32)))
    return pl.concat(parts)


def _media_reasons(
    joined: Joined, index: pl.DataFrame, filter_: Filter, params: Params
) -> pl.DataFrame:
    """A sample falls with the first of its media that the filter names a reason for."""
    places = pl.DataFrame(pl.from_arrow(joined.media.select(["folder", "place", "key"])))
    numbers = places["folder"].unique().sort().to_list()
    judged = _judged_folders(numbers, joined.media_folders, filter_, params)
    media = places.with_row_index("media").with_columns(pl.col("media").cast(pl.Int64))
    bad = media.join(judged, on=["folder", "place"]).with_columns(
        value=pl.format("{}: {}", "key", "value")
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
