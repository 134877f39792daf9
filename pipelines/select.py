"""Resolve, last step: which rows are drawn, in which order, and into which output shards."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from manifests.errors import InfeasibleError
from manifests.ledger import Fate, Stage
from mixtures.assign import NO_COMPONENT_RULE, NO_LEAF, assign
from mixtures.draw import Drawn, draw
from mixtures.order import row_order
from mixtures.quota import Solution, largest_total, solve
from mixtures.recipe import Recipe
from mixtures.shards import shard_bounds
from pipelines.join import ORDER
from pipelines.resolve import sample_id

# Output shards of about this size: large enough for throughput, small enough to hold eight at once.
_SHARD_BYTES = 500_000_000
# What `emit.EmitTask.rows` needs of the index, beside id, repeat and text_bytes.
_EMIT_COLUMNS = [
    *(
        "leaf",
        "folder",
        "pos",
        "source",
        "subset",
        "modality",
        "category",
        "kind",
        "license",
        "file",
    ),
    *("row", "num_turns", "media", "num_tokens", "num_media_tokens", "num_answer_tokens"),
    "num_text_tokens",
]


@dataclass(frozen=True, slots=True)
class Selection:
    """`rows` in output order; `bounds` of output shards; `available` and quotas by leaf index."""

    available: tuple[int, ...]
    solution: Solution
    rows: pl.DataFrame
    bounds: tuple[tuple[int, int], ...]


def claim(index: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """The index with `leaf`; open rows that no component asks for are not drawn."""
    open_rows = pl.col("fate").is_null()
    leaf = np.full(index.height, NO_LEAF, dtype=np.int32)
    places = index.select(open_rows.arg_true()).to_series().to_numpy()
    leaf[places] = assign(recipe, index.filter(open_rows))
    index = index.with_columns(pl.Series("leaf", leaf, dtype=pl.Int32))
    hit = open_rows & (pl.col("leaf") == NO_LEAF)
    return index.with_columns(
        fate=pl.when(hit).then(pl.lit(Fate.NOT_DRAWN.value)).otherwise("fate"),
        stage=pl.when(hit).then(pl.lit(Stage.QUOTA.value)).otherwise("stage"),
        rule=pl.when(hit).then(pl.lit(NO_COMPONENT_RULE)).otherwise("rule"),
    )


def index_digest(index: pl.DataFrame) -> str:
    """32 hex digits over every row's place, content and fate: what was read, and what it became."""
    state = hashlib.blake2b(digest_size=16)
    columns = [*ORDER, "content_id", "license", "category", "fate", "rule", "matched"]
    for batch in index.select(columns).iter_slices(65_536):
        state.update(batch.write_csv(include_header=False).encode())
    return state.hexdigest()


def select(
    index: pl.DataFrame,
    recipe: Recipe,
    media_bytes: npt.NDArray[np.int64],
    num_samples: int | None,
    num_tokens: int | None,
) -> tuple[pl.DataFrame, Selection]:
    """(index with every fate decided, what is emitted); `media_bytes` is by media position."""
    pool = index.filter(pl.col("fate").is_null())
    num_leaves = len(recipe.leaves())
    leaf = pool["leaf"].to_numpy()
    available = np.bincount(leaf, minlength=num_leaves).tolist()
    if num_tokens is not None:
        num_samples = _total_for_tokens(pool, recipe, available, num_tokens)
    solution = solve(recipe, available, num_samples)
    drawn = draw(pool["content_id"].to_list(), leaf, solution.quotas, recipe.seed)
    rows = _rows(pool, drawn, row_order(recipe, drawn, recipe.seed))
    sizes = _row_bytes(rows, media_bytes)
    bounds = shard_bounds(sizes, _SHARD_BYTES)
    rows = rows.with_columns(pl.Series("bytes", sizes))
    selection = Selection(tuple(available), solution, rows, tuple(bounds))
    return _settle(index, pool, drawn, recipe), selection


def _rows(pool: pl.DataFrame, drawn: Drawn, order: npt.NDArray[np.int64]) -> pl.DataFrame:
    columns = [
        sample_id().alias("id"),
        *_EMIT_COLUMNS,
        (pl.col("system_bytes") + pl.col("user_bytes") + pl.col("assistant_bytes")).alias(
            "text_bytes"
        ),
    ]
    repeat = pl.Series("repeat", drawn.repeat[order], dtype=pl.Int16)
    return pool.select(columns)[drawn.sample[order]].with_columns(repeat)


def _row_bytes(rows: pl.DataFrame, media_bytes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    counts = rows["media"].list.len().to_numpy().astype(np.int64)
    flat = rows["media"].explode(empty_as_null=False).to_numpy().astype(np.int64)
    owner = np.repeat(np.arange(rows.height), counts)
    media = np.bincount(owner, weights=media_bytes[flat], minlength=rows.height)
    sizes: npt.NDArray[np.int64] = media.astype(np.int64) + rows["text_bytes"].to_numpy()
    return sizes


def _settle(index: pl.DataFrame, pool: pl.DataFrame, drawn: Drawn, recipe: Recipe) -> pl.DataFrame:
    """Open rows become kept or not drawn; the rule is the component that claimed them."""
    kept = np.zeros(pool.height, dtype=bool)
    kept[drawn.sample] = True
    places = index.select(pl.col("fate").is_null().arg_true()).to_series().to_numpy()
    is_kept = np.zeros(index.height, dtype=bool)
    is_kept[places] = kept
    open_rows = pl.col("fate").is_null()
    names = pl.Series("names", [leaf.path for leaf in recipe.leaves()])
    fate = pl.when(pl.lit(pl.Series(is_kept))).then(pl.lit(Fate.KEPT.value))
    return index.with_columns(
        rule=pl.when(open_rows)
        .then(pl.lit(names).gather(pl.when(pl.col("leaf") >= 0).then("leaf").otherwise(0)))
        .otherwise("rule"),
        stage=pl.when(open_rows).then(pl.lit(Stage.QUOTA.value)).otherwise("stage"),
        fate=pl.when(open_rows)
        .then(fate.otherwise(pl.lit(Fate.NOT_DRAWN.value)))
        .otherwise("fate"),
    )


def _total_for_tokens(
    pool: pl.DataFrame, recipe: Recipe, available: list[int], num_tokens: int
) -> int:
    """The total, found by bisection, whose drawn samples hold at most `num_tokens` tokens.

    A larger total draws nearly all that a smaller one did, so tokens grow with it. Totals that fit
    under the caps may have one between them that does not (`mixtures.quota`): it is passed over.
    """
    tokens = pool["num_tokens"].to_numpy().astype(np.int64)
    ids, leaf = pool["content_id"].to_list(), pool["leaf"].to_numpy()

    def spent(total: int) -> int:
        quotas = solve(recipe, available, total).quotas
        return int(tokens[draw(ids, leaf, quotas, recipe.seed).sample].sum())

    best, low, high = 0, 0, solve(recipe, available).total
    while low < high:
        middle = (low + high + 1) // 2
        total = largest_total(recipe, available, at_most=middle)
        if total == 0 or spent(total) <= num_tokens:
            best, low = total, middle
        else:
            high = middle - 1
    if best == 0:
        raise InfeasibleError(
            f"--num-tokens {num_tokens} is less than one sample of the mixture holds"
        )
    return best


def shard_media(rows: pl.DataFrame, media: pa.Table) -> tuple[pa.Table, pa.Table]:
    """(rows, media) of one output shard: only the media that its rows use, renumbered from 0."""
    positions = rows["media"].explode(empty_as_null=False).to_numpy().astype(np.int64)
    used, local = np.unique(positions, return_inverse=True)
    lengths = rows["media"].list.len().to_numpy().astype(np.int64)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    column = pa.ListArray.from_arrays(offsets, pa.array(local, pa.int64()))
    table = rows.drop("media").to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.append_column("media", column), media.take(pa.array(used))
