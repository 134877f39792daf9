"""Which rows are drawn: fates after quotas, sizes of shards, and the digest of what was read."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from manifests.errors import InfeasibleError
from manifests.ids import stable_draws
from mixtures.recipe import Recipe
from pipelines.select import claim, index_digest, select, shard_media

# Two leaves of equal share; vqa images of one source are claimed by neither.
RECIPE = Recipe.model_validate(
    {
        "name": "halves",
        "description": "half texts, half charts",
        "unit": "samples",
        "components": [
            {"name": "text", "share": "1/2", "modality": "text", "sources": ["magpie"]},
            {
                "name": "visual",
                "share": "1/2",
                "sources": ["the_cauldron"],
                "components": [{"name": "chart", "share": "1", "category": "chart"}],
            },
        ],
    }
)
MEDIA_BYTES = np.array([1000, 70], dtype=np.int64)


def content(number: int) -> str:
    return f"{number:032x}"


def index_of(*rows: tuple[str, str, str, list[int], str | None]) -> pl.DataFrame:
    """Rows of (source, modality, category, media, fate); row i has content i and i + 1 tokens."""
    names = ["source", "modality", "category", "media", "fate"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_row_index("row")
    small = {name: pl.lit(0, pl.Int32) for name in ("folder", "num_turns", "num_media_tokens")}
    small |= {name: pl.lit(0, pl.Int32) for name in ("num_answer_tokens", "num_text_tokens")}
    empty = {name: pl.lit(None, pl.String) for name in ("stage", "rule", "value", "matched")}
    return frame.with_columns(
        pl.col("row").cast(pl.Int64),
        pl.col("fate").cast(pl.String),
        pl.col("media").cast(pl.List(pl.Int64)),
        pl.Series("content_id", [content(n) for n in range(frame.height)]),
        (pl.col("row").cast(pl.Int32) + 1).alias("num_tokens"),
        subset=pl.lit("s"),
        file=pl.lit("f"),
        group=pl.lit(0, pl.Int16),
        pos=pl.col("row").cast(pl.Int64),
        kind=pl.lit("chat"),
        license=pl.lit("MIT"),
        system_bytes=pl.lit(1, pl.Int64),
        user_bytes=pl.lit(2, pl.Int64),
        assistant_bytes=pl.lit(4, pl.Int64),
        **small,
        **empty,
    )


TEXT = ("magpie", "text", "math", list[int](), None)
CHART = ("the_cauldron", "image", "chart", [0], None)
VQA = ("the_cauldron", "image", "vqa", [1], None)
DROPPED = ("magpie", "text", "math", list[int](), "dropped")
POOL = index_of(TEXT, CHART, VQA, DROPPED, TEXT, CHART, TEXT, TEXT)


def run(index: pl.DataFrame, **asked: Any) -> tuple[pl.DataFrame, Any]:
    limits = {"num_samples": None, "num_tokens": None} | asked
    return select(claim(index, RECIPE), RECIPE, MEDIA_BYTES, **limits)


def test_rows_that_no_component_asks_for_are_not_drawn() -> None:
    index = claim(POOL, RECIPE)
    assert index["leaf"].to_list() == [0, 1, -1, -1, 0, 1, 0, 0]
    assert index.filter(pl.col("fate").is_not_null()).select(
        "row", "fate", "stage", "rule"
    ).rows() == [
        (2, "not_drawn", "quota", "no_component"),
        (3, "dropped", None, None),
    ]


def test_every_row_ends_with_a_fate_and_its_component() -> None:
    index, selection = run(POOL, num_samples=4)
    assert selection.available == (4, 2)
    assert selection.solution.quotas == (2, 2)
    order = [
        r
        for _, r in sorted(
            zip(stable_draws([content(n) for n in (0, 4, 6, 7)], 0), (0, 4, 6, 7), strict=True)
        )
    ]
    kept = {1, 5, *order[:2]}
    facts = index.select("row", "fate", "stage", "rule").rows()
    for row, fate, stage, rule in facts:
        if row == 2:
            assert (fate, stage, rule) == ("not_drawn", "quota", "no_component")
        elif row == 3:
            assert (fate, stage, rule) == ("dropped", None, None)
        else:
            name = "visual/chart" if row in (1, 5) else "text"
            assert (fate, stage, rule) == ("kept" if row in kept else "not_drawn", "quota", name)
    assert set(selection.rows["row"].to_list()) == kept


def test_what_emit_is_given() -> None:
    _, selection = run(POOL, num_samples=4)
    rows = selection.rows
    assert rows["repeat"].to_list() == [1] * 4
    assert sorted(rows["id"].to_list())[0].split("/")[:2] == ["magpie", "s"]
    assert rows["text_bytes"].to_list() == [7] * 4
    sizes = dict(zip(rows["row"].to_list(), rows["bytes"].to_list(), strict=True))
    assert sizes[1] == sizes[5] == 1007 and sum(sizes.values()) == 2028
    assert selection.bounds == ((0, 4),)


def test_fewer_are_a_part_of_more() -> None:
    _, whole = run(POOL)
    _, part = run(POOL, num_samples=2)
    assert part.solution.quotas == (1, 1)
    assert set(part.rows["id"]) < set(whole.rows["id"])


def test_tokens_are_an_upper_bound() -> None:
    _, part = run(POOL, num_samples=4)
    tokens = int(part.rows["num_tokens"].sum())
    assert run(POOL, num_tokens=tokens)[1].solution.total == 4
    below = run(POOL, num_tokens=tokens - 1)[1]
    assert below.solution.total < 4 and below.rows["num_tokens"].sum() < tokens
    assert run(POOL, num_tokens=1000)[1].solution.total == 5
    with pytest.raises(InfeasibleError, match="--num-tokens 0 is less than one sample"):
        run(index_of(*[TEXT] * 2, *[CHART] * 2), num_tokens=0)


def test_a_total_between_that_does_not_fit_is_passed_over() -> None:
    """Of 3/7, 3/7, 1/7 ten rows are 4, 4, 2 and eleven are 5, 5, 1 (the Alabama paradox)."""
    shares = {"math": "3/7", "code": "3/7", "chat": "1/7"}
    parts = [
        {"name": name, "share": share, "category": name, "sources": ["magpie"]}
        for name, share in shares.items()
    ]
    fields = {"name": "sevenths", "description": "", "unit": "samples", "components": parts}
    rows = [("magpie", "text", name, list[int](), None) for name in ["math", "code"] * 5 + ["chat"]]
    recipe = Recipe.model_validate(fields)
    index = claim(index_of(*rows), recipe)
    with pytest.raises(InfeasibleError):
        select(index, recipe, MEDIA_BYTES, 10, None)
    totals = [select(index, recipe, MEDIA_BYTES, None, n)[1].solution.total for n in (66, 65)]
    assert totals == [11, 9]


def test_a_component_without_samples_is_named() -> None:
    with pytest.raises(InfeasibleError, match="component visual/chart has no samples"):
        run(index_of(TEXT, VQA))


@pytest.mark.parametrize("column", ["content_id", "license", "category", "fate", "rule", "matched"])
def test_the_digest_is_of_places_contents_and_fates(column: str) -> None:
    before = index_digest(POOL)
    first = pl.int_range(pl.len()) == 0
    changed = POOL.with_columns(pl.when(first).then(pl.lit("x")).otherwise(column).alias(column))
    assert index_digest(changed) != before
    assert index_digest(POOL.with_columns(value=pl.lit("x"))) == before
    assert index_digest(POOL.with_columns(row=pl.col("row") + 1)) != before


def test_the_media_of_a_shard_are_numbered_anew() -> None:
    rows = pl.DataFrame(
        {"id": ["a", "b", "c"], "media": [[5, 2], [], [5]]},
        schema_overrides={"media": pl.List(pl.Int64)},
    )
    media = pa.table({"key": list("uvwxyz")})
    table, used = shard_media(rows, media)
    assert used["key"].to_pylist() == ["w", "z"]
    assert table["media"].to_pylist() == [[1, 0], [], [1]]
    assert table["id"].to_pylist() == ["a", "b", "c"]


def test_a_shard_without_media() -> None:
    rows = pl.DataFrame({"media": [[], []]}, schema_overrides={"media": pl.List(pl.Int64)})
    table, used = shard_media(rows, pa.table({"key": ["u"]}))
    assert table["media"].to_pylist() == [[], []] and used.num_rows == 0
