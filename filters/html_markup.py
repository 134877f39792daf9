"""Stray HTML in answers and documents: tags, comments and entities that extraction left behind.

What is counted stands in prose: code in fences and in backticks, lines indented as code and maths
between dollar signs are cut out first. A tag is a known HTML element between angle brackets, so
`a < b`, `List<String>`, `<think>` and mail addresses are none. Elements of one letter can be
variables (`<b>`), so alone they count only beside other markup. `<sub>`, `<sup>` and `<kbd>` never
count: Markdown has no other way to write them. An answer that is a page, a table or a drawing from
its first tag on is what was asked for, so it is code as a whole; a document never is.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._answers import Answers, answers, where
from filters.base import Filter, Params, first_reason
from filters.conversation import Ints, is_document, score_batch

SCORES = pa.schema(
    [
        ("num_html_tags", pa.int64()),
        ("num_html_entities", pa.int64()),
        ("html_tag_share", pa.float64()),  # characters of tags among those of prose
        ("html_entity_share", pa.float64()),
        ("num_nulls", pa.int32()),  # texts that could not be searched, among them
    ]
)

# Elements of HTML 5 and its forerunners whose names are no English words in angle brackets:
# `<title>`, `<time>`, `<address>` and the like are left out, people write them as placeholders.
_ELEMENTS = (
    "html|head|body|meta|script|style|link|noscript|iframe|div|span|center|font|nobr|br|hr|wbr|"
    "h[1-6]|ul|ol|li|dl|dt|dd|table|thead|tbody|tfoot|tr|td|th|caption|colgroup|img|href|"
    "strong|em|small|big|strike|del|ins|blockquote|pre|tt|form|input|button|textarea|"
    "nav|footer|svg|figcaption"
)
_LETTERS = "[abipqsu]"
_CODE = (
    r"(?s:```.*?(?:```|\z)|~~~.*?(?:~~~|\z))|`[^`\n]+`|(?m:^(?: {4}|\t)[^\n]*$)"
    r"|\$\$[^$]*\$\$|\$[^$\n]+\$"
)
_TAG = (
    rf"(?i:<!--|-->|<!doctype\b[^<>]*>|</?(?:{_ELEMENTS})(?:\s[^<>]*)?\s*/?>"
    rf"|</{_LETTERS}>|<{_LETTERS}\s[a-z-]+=[^<>]*>)"
)
_LETTER_TAG = rf"(?i:<{_LETTERS}>)"
_PAGE = r"(?i)^\s*<(?:!doctype|html|svg|table)[\s>]"
_ENTITY = (
    r"&(?:#[0-9]{2,6}|#[xX][0-9a-fA-F]{2,6}|nbsp|amp|lt|gt|quot|apos|[mn]dash|hellip|[lrsb][sd]?quo"
    r"|[lr]aquo|copy|reg|trade|times|divide|middot|bull|deg|euro|pound|cent|yen|sect|para|shy|plusmn"
    r"|frac(?:12|14|34)|[lrud]arr|[ente][nm]sp|thinsp|zwn?j"
    r"|[a-zA-Z](?:acute|grave|circ|uml|tilde|cedil|ring|slash|caron)|szlig|aelig|AElig|oelig);"
)


class HtmlMarkupParams(Params):
    """What may stand, e.g. `max_tags: 0, max_tag_share: 0` for none. A sample falls where it has
    more markup than both bounds allow.

    All are ours. One tag or entity in a text is as often its subject ("the <br> tag") as a
    remainder; two per cent of the characters is about one tag a sentence.
    """

    max_tags: int = Field(default=1, ge=0, description="tags that may stand whatever their share")
    max_tag_share: float = Field(
        default=0.02, ge=0, le=1, description="largest share of characters that are tags"
    )
    max_entities: int = Field(
        default=1, ge=0, description="entities that may stand whatever their share"
    )
    max_entity_share: float = Field(
        default=0.005, ge=0, le=1, description="largest share of characters that are entities"
    )


def _searched(texts: pl.Series) -> pl.DataFrame:
    """Numbers and characters of tags and entities, one row a text; prose without its code."""
    prose = pl.col("prose")
    any_tag = rf"{_TAG}|{_LETTER_TAG}"
    # One-letter elements wait for surer markup beside them.
    is_tagged = prose.str.contains(_TAG)
    num_tags = pl.when(is_tagged).then(prose.str.count_matches(any_tag)).otherwise(0)
    untagged = pl.when(is_tagged).then(prose.str.replace_all(any_tag, "")).otherwise(prose)
    chars = prose.str.len_chars().cast(pl.Int64)
    return pl.DataFrame({"prose": texts.str.replace_all(_CODE, "")}).select(
        num_tags=num_tags.cast(pl.Int64),
        num_entities=prose.str.count_matches(_ENTITY).cast(pl.Int64),
        tag_chars=chars - untagged.str.len_chars(),
        entity_chars=chars - prose.str.replace_all(_ENTITY, "").str.len_chars(),
        prose_chars=chars,
    )


def _sums(said: Answers, values_a: Ints) -> Ints:
    """Each sample's sum over its answers."""
    totals = np.bincount(said.sample_a, weights=values_a, minlength=said.chats.num_samples)
    return totals.astype(np.int64)


class HtmlMarkup(Filter):
    """Drops samples whose answers or document are full of HTML outside of code: remains of a page,
    which a model would write into its own prose."""

    name: ClassVar[str] = "html_markup"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    columns: ClassVar[tuple[str, ...]] = ("messages", "kind")
    reasons: ClassVar[tuple[str, ...]] = ("html_tags", "html_entities")
    params_type: ClassVar[type[Params]] = HtmlMarkupParams
    source: ClassVar[str] = "ours"
    # Not for code, nor where a table's or a page's HTML is what is asked for (document images).
    policies: ClassVar[tuple[str, ...]] = ("web", "chat", "math", "chart", "photo", "video")

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        said = answers(batch)
        # Most texts hold neither sign and are done here.
        in_document = pl.Series(is_document(batch)[said.sample_a])
        is_stray = in_document | ~said.texts_a.str.contains(_PAGE)
        has_signs = is_stray & said.texts_a.str.contains("[<&]")
        searched = _searched(said.texts_a.filter(has_signs))
        chars_a = said.texts_a.str.len_chars().cast(pl.Int64).to_numpy().copy()
        chars_a[has_signs.to_numpy()] = searched["prose_chars"].to_numpy()
        chars_s = np.maximum(_sums(said, chars_a), 1)
        sums = {
            name: _sums(said, where(has_signs, said.texts_a, searched[name]).to_numpy())
            for name in ("num_tags", "num_entities", "tag_chars", "entity_chars")
        }
        return score_batch(
            SCORES,
            num_html_tags=sums["num_tags"],
            num_html_entities=sums["num_entities"],
            html_tag_share=sums["tag_chars"] / chars_s,
            html_entity_share=sums["entity_chars"] / chars_s,
            num_nulls=said.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, HtmlMarkupParams)
        known = pl.col("num_nulls") == 0
        few_tags = pl.col("num_html_tags") <= params.max_tags
        few_entities = pl.col("num_html_entities") <= params.max_entities
        thin_tags = pl.col("html_tag_share") <= params.max_tag_share
        thin_entities = pl.col("html_entity_share") <= params.max_entity_share
        return first_reason(
            scores,
            {
                "html_tags": known & (few_tags | thin_tags),
                "html_entities": few_entities | thin_entities,
            },
        )


FILTER = HtmlMarkup()
