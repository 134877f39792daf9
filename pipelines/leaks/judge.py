"""Leaks as fates: which rows are a benchmark's, by a recipe's thresholds, from what was measured.

    leaked_question   a question that user turns ask: exact, or enough of its words
    leaked_text       an item in a document or an answer: enough of its words in their order
    leaked_image      a picture that an item shows

Of several the first in this order counts, then the higher score, then the item that is first by
benchmark and place in it. An item that shows a picture is leaked by its picture, or by picture and
question both, as the recipe says: never by its words alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from manifests.ledger import Fate, Stage
from mixtures.likeness import Decontaminate
from pipelines.flat import Ints
from pipelines.join import Joined
from pipelines.judge import set_fate
from pipelines.leaks.index_set import IndexSet, Items, open_items
from pipelines.leaks.measure import SCHEMA as TEXTS
from pipelines.leaks.measure import read_text_leaks
from pipelines.leaks.media_measure import SCHEMA as MEDIA
from pipelines.leaks.media_measure import read_media_leaks

QUESTION, TEXT, IMAGE = "leaked_question", "leaked_text", "leaked_image"
_ORDER = {QUESTION: 0, TEXT: 1, IMAGE: 2}
# A question of fewer words that is a turn says nothing: "Is it true?"
_LEAST_WORDS = 4
_OPEN = pl.col("fate").is_null()
_REASON = ["at", "rule", "score", "item", "value"]


def decontaminate(joined: Joined, settings: Decontaminate, index_set: IndexSet) -> pl.DataFrame:
    """The index with `leaked` fates, `matched` the item. All its folders are measured."""
    items = open_items(index_set)
    index = joined.index.with_row_index("at")
    rows = index.filter(_OPEN & pl.col("pos").is_not_null())
    rows = rows.select("at", "folder", "pos", "media")
    texts = _texts(joined, rows, settings, index_set, items)
    shown = _shown(joined, rows, index_set, items)
    if settings.vqa == "image_and_question":
        shown = _asked_too(shown, texts, items)
    found = pl.concat([_told_alone(texts, items), shown.select(_REASON)])
    order = pl.col("rule").replace_strict(_ORDER, return_dtype=pl.Int8)
    found = found.sort("at", order, pl.col("score").neg(), "item", "value")
    found = found.unique("at", keep="first", maintain_order=True)
    matched = pl.Series(items.names_of(found["item"].to_numpy()), dtype=pl.String)
    reasons = found.with_columns(matched=matched, value=pl.format("{}: {}", matched, "value"))
    return set_fate(index, reasons, Fate.LEAKED, Stage.DECONTAMINATE).drop("at")


def _texts(
    joined: Joined, rows: pl.DataFrame, settings: Decontaminate, index_set: IndexSet, items: Items
) -> pl.DataFrame:
    """Texts of the benchmarks that rows have by the thresholds: at, rule, score, text, value."""
    numbers = rows["folder"].unique().sort().to_list()
    tables = [read_text_leaks(joined.row_folders[number], index_set) for number in numbers]
    found = _in_one(numbers, tables, TEXTS).join(rows, on=["folder", "pos"], how="inner")
    enough = (
        pl.when(pl.col("rule") == "subsequence")
        .then(pl.col("score") >= settings.least_subsequence)
        .otherwise(pl.col("score") >= settings.least_coverage)
    )
    found = found.filter(enough).with_columns(
        text=pl.col("text") + _number(items, items.first_text)
    )
    value = pl.format("{}={} words={}", "rule", pl.col("score").round(3), "words")
    is_told = pl.col("rule") == "subsequence"
    is_short = (pl.col("rule") == "exact") & (pl.col("words") < _LEAST_WORDS)
    rule = pl.when(is_told).then(pl.lit(TEXT)).otherwise(pl.lit(QUESTION))
    return found.select("at", "score", "text", "media", value=value, is_short=is_short, rule=rule)


def _told_alone(texts: pl.DataFrame, items: Items) -> pl.DataFrame:
    """Those that are an item without a picture."""
    item = pl.Series("item", items.alone[texts["text"].to_numpy()])
    return (
        texts.with_columns(item).filter((pl.col("item") >= 0) & ~pl.col("is_short")).select(_REASON)
    )


def _shown(joined: Joined, rows: pl.DataFrame, index_set: IndexSet, items: Items) -> pl.DataFrame:
    """Items that rows show a picture of."""
    media = pl.DataFrame(pl.from_arrow(joined.media.select(["folder", "place"])))
    media = media.with_columns(media=pl.Series(np.arange(media.height, dtype=np.int64)))
    named = rows.select("at", "media").explode("media").drop_nulls("media")
    named = named.join(media, on="media", how="inner")
    numbers = named["folder"].unique().sort().to_list()
    tables = [read_media_leaks(joined.media_folders[number], index_set) for number in numbers]
    found = _in_one(numbers, tables, MEDIA).join(named, on=["folder", "place"], how="inner")
    return found.select(
        "at",
        "score",
        "value",
        rule=pl.lit(IMAGE),
        item=pl.col("item") + _number(items, items.first_item),
    )


def _asked_too(shown: pl.DataFrame, texts: pl.DataFrame, items: Items) -> pl.DataFrame:
    """Those whose row has the item's question, or its whole, as well."""
    item = shown["item"].to_numpy()
    either = pl.concat(
        [
            shown.with_columns(text=pl.Series(texts_of[item]))
            for texts_of in (items.question, items.whole)
        ]
    )
    said = texts.select("at", "text", said="value")
    found = either.filter(pl.col("text") >= 0).join(said, on=["at", "text"], how="inner")
    return found.with_columns(value=pl.format("{}, {}", "value", "said"))


def _number(items: Items, first: Ints) -> pl.Expr:
    """Of each benchmark its first text or item among those of all."""
    known = dict(zip(items.names, first.tolist(), strict=False))
    return pl.col("benchmark").replace_strict(known, default=None, return_dtype=pl.Int64)


def _in_one(numbers: Sequence[int], tables: Sequence[pa.Table], empty: pa.Schema) -> pl.DataFrame:
    """Tables of the numbered folders, with `folder`."""
    if not tables:
        tables, numbers = [empty.empty_table()], [0]
    counts = [table.num_rows for table in tables]
    folder = pl.Series("folder", np.repeat(np.array(numbers, np.int32), counts))
    whole = pl.DataFrame(pl.from_arrow(pa.concat_tables(tables).combine_chunks()))
    return whole.with_columns(folder)
