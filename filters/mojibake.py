"""Text that was decoded with the wrong table: UTF-8 read as Latin-1, CP1252 and their like.

"CafÃ©" and "donâ€™t" are found by ftfy's badness: the number of places where characters stand
together as they do in wrongly decoded text and hardly ever elsewhere. ftfy's expression is slow in
Python, so the same expression, made a little wider, runs over whole batches first, and only texts
that it hits go to ftfy. U+FFFD, the sign of what could not be decoded at all, is counted by itself:
ftfy passes over one that stands alone.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from ftfy.badness import BADNESS_RE, badness
from pydantic import Field

from filters.base import Filter, Params, first_reason
from filters.conversation import Ints, flatten, score_batch, sum_per
from manifests.schema import Kind

SCORES = pa.schema(
    [
        ("num_mojibake", pa.int64()),  # ftfy's badness over all texts of the sample
        ("mojibake_share", pa.float64()),  # of it, a character of text
        ("num_replacement_chars", pa.int64()),  # U+FFFD
        ("replacement_share", pa.float64()),  # of them, a character of text
        ("num_nulls", pa.int32()),  # texts that could not be searched, among them
    ]
)


def _for_polars(pattern: str) -> str:
    """A verbose Python expression in the dialect of Rust's engine, matching at least as much.

    In Rust, white space in a verbose pattern is passed over inside of classes too, `\\w` has no
    superscripts and fractions, and `\\s` no separators below U+0020.
    """

    def spelled(found: re.Match[str]) -> str:
        return re.sub(r"\s", lambda space: f"\\x{{{ord(space[0]):x}}}", found[0])

    pattern = re.sub(r"\[[^\]]*\]", spelled, pattern)
    wider = pattern.replace(r"\w", r"[\w\p{N}]").replace(r"\s", r"[\s\x1c-\x1f]")
    return f"(?x){wider}"


_SUSPICIOUS = _for_polars(BADNESS_RE.pattern)
# Every match holds a character beyond ASCII and at most two of ASCII on a side of it, so the middle
# of a long ASCII run can be left out without adding or losing a match.
_ASCII_RUN = r"([\x00-\x7f]{4})[\x00-\x7f]+([\x00-\x7f]{4})"


class MojibakeParams(Params):
    """What may stand, e.g. `max_mojibake: 5` for texts about encodings.

    Ours: ftfy itself takes any badness at all as a sign, but in a long text an odd pair is
    innocent, so that a sample falls only beyond both bounds of a sign: 0.0005 is one a page.
    """

    max_mojibake: int = Field(
        default=1, ge=0, description="places like mojibake that may stand whatever their share"
    )
    max_mojibake_share: float = Field(
        default=0.0005, ge=0, le=1, description="most such places a character of text"
    )
    max_replacement_chars: int = Field(
        default=0, ge=0, description="U+FFFD signs that may stand whatever their share"
    )
    max_replacement_share: float = Field(
        default=0.0005, ge=0, le=1, description="most U+FFFD signs a character of text"
    )


class Mojibake(Filter):
    """Drops samples with wrongly decoded text: a model learns the debris as spelling."""

    name: ClassVar[str] = "mojibake"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat", "document")
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("wrongly_decoded", "replacement_characters")
    params_type: ClassVar[type[Params]] = MojibakeParams
    source: ClassVar[str] = "ftfy's badness (Robyn Speer, ftfy 6); thresholds ours"
    policies: ClassVar[tuple[str, ...]] = (
        "web",
        "chat",
        "math",
        "code",
        "document_image",
        "chart",
        "photo",
        "video",
    )

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        chats = flatten(batch)
        items_s = sum_per(chats.num_messages_s, chats.num_items_m)
        texts = pl.Series(chats.texts_i, dtype=pl.String).fill_null("")
        suspicious = texts.str.contains(_SUSPICIOUS)
        bad_i = np.zeros(len(texts), dtype=np.int64)
        cores = texts.filter(suspicious).str.replace_all(_ASCII_RUN, "${1}${2}")
        bad_i[suspicious.to_numpy()] = [badness(core) for core in cores]
        found = sum_per(items_s, bad_i)
        chars = sum_per(items_s, _counts(texts.str.len_chars()))
        lost = sum_per(items_s, _counts(texts.str.count_matches("\ufffd", literal=True)))
        return score_batch(
            SCORES,
            num_mojibake=found,
            mojibake_share=found / np.maximum(chars, 1),
            num_replacement_chars=lost,
            replacement_share=lost / np.maximum(chars, 1),
            num_nulls=chats.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, MojibakeParams)
        few = pl.col("num_mojibake") <= params.max_mojibake
        thin = pl.col("mojibake_share") <= params.max_mojibake_share
        few_lost = pl.col("num_replacement_chars") <= params.max_replacement_chars
        thinly_lost = pl.col("replacement_share") <= params.max_replacement_share
        known = pl.col("num_nulls") == 0
        return first_reason(
            scores,
            {
                "wrongly_decoded": known & (few | thin),
                "replacement_characters": few_lost | thinly_lost,
            },
        )


def _counts(series: pl.Series) -> Ints:
    return series.cast(pl.Int64).to_numpy()


FILTER = Mojibake()
