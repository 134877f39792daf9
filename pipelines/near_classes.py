"""Which media stand for which: from pairs, and the order in which copies are preferred.

`same`: the same picture, or the same clip from end to end. `like`: also a picture that is cut or
mirrored, a page encoded anew, a clip that is a part of another: what is said of one may not hold of
the other. Each is walked in its order, and what is dropped is verified against one that is kept.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.flat import Ints
from pipelines.near.jaccard import Alike
from pipelines.near.kept import NOBODY, walk

# Rules of pairs that are alike, and not the same.
_PARTS = ("clip_part", "alike", "model")
CLASSES = {
    "digest": pl.Binary,
    "same": pl.Binary,
    "like": pl.Binary,
    "rule": pl.String,
    "value": pl.String,
}


def media_classes_of(seen: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """CLASSES of all digests that do not stay, sorted by digest.

    `seen` has digest, node, priority, pixels and duration_ms, and `pairs` one, other, rule, value;
    those of nodes that are not seen count for nothing. Before others stay those of a lower
    priority, longer ones (by the second), those of more pixels, lower digests; a clip that is part
    of another goes whatever its priority. `rule` and `value` are of `same` where that is another,
    else of `like`.
    """
    seconds = (pl.col("duration_ms") / 1000).round()
    order = ["priority", -seconds, -pl.col("pixels").cast(pl.Int64), "digest"]
    seen = seen.sort(order)
    first = seen.unique("node", keep="first", maintain_order=True).with_row_index("c")
    first = first.with_columns(pl.col("c").cast(pl.Int64))
    pairs = _numbered(pairs, first)
    rank = np.arange(first.height)
    whole = ~pl.col("rule").is_in(_PARTS)
    same_c = _walked(pairs.filter(whole), rank, rank)
    like_c = _walked(pairs, _longest_first(first), np.flatnonzero(same_c == rank))[same_c]
    rows = seen.select("digest", "node").join(first.select("node", "c"), on="node")
    return _told(rows, first["digest"], same_c, like_c, pairs)


def _numbered(pairs: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    """With the numbers of their nodes, `a` below `b`."""
    numbers = first.select("node", "c")
    named = pairs.join(numbers.rename({"c": "x"}), left_on="one", right_on="node").join(
        numbers.rename({"c": "y"}), left_on="other", right_on="node"
    )
    return named.select(
        "rule",
        "value",
        a=pl.min_horizontal("x", "y"),
        b=pl.max_horizontal("x", "y"),
    )


def _walked(pairs: pl.DataFrame, rank: Ints, among: Ints) -> Ints:
    """For each node the one that stands for it; itself, if it stays or is not `among` them."""
    is_there = np.zeros(len(rank), np.bool_)
    is_there[among] = True
    left, right = (pairs[name].to_numpy() for name in ("a", "b"))
    both = is_there[left] & is_there[right]
    alike = Alike(left[both], right[both], np.ones(int(both.sum())))
    match, _ = walk(alike, rank)
    return np.where(match == NOBODY, np.arange(len(rank)), match)


def _longest_first(first: pl.DataFrame) -> Ints:
    """Each node's place in that order: the part of a pair comes after the whole."""
    order = first.sort(-pl.col("duration_ms"), "c")["c"].to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _told(
    rows: pl.DataFrame, digests: pl.Series, same_c: Ints, like_c: Ints, pairs: pl.DataFrame
) -> pl.DataFrame:
    numbers = rows["c"].to_numpy()
    same, like = same_c[numbers], like_c[numbers]
    match = np.where(same != numbers, same, like)
    told = rows.with_columns(
        same=digests.gather(same),
        like=digests.gather(like),
        a=pl.Series(np.minimum(numbers, match)),
        b=pl.Series(np.maximum(numbers, match)),
    ).join(pairs, on=["a", "b"], how="left")
    # The same pixels, and so the same node: whatever that was dropped for, or for itself.
    told = told.with_columns(
        rule=pl.col("rule").fill_null("pixels"), value=pl.col("value").fill_null("")
    )
    is_gone = (pl.col("same") != pl.col("digest")) | (pl.col("like") != pl.col("digest"))
    return told.filter(is_gone).select(*CLASSES).sort("digest")
