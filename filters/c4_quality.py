"""The rules of C4 for pretraining documents: enough sentences in clean lines, no braces, no filler.

C4 removes single lines and then drops a page that has too little left. A filter changes no text:
it tells which lines C4 would remove and judges what would be left, and the share removed. Rules are
those of Raffel et al. 2019 (1910.10683, section 2.2), in the order of datatrove's
`C4QualityFilter`, which follows the released code. A line (`str.splitlines`) is removed if

    it has a word of over 1,000 characters;
    it does not end in . ? ! or a quotation mark, or ends in an ellipsis;
    it has fewer than 3 words;
    it says "javascript";
    it says that of cookies, privacy or terms of use which pages say beside their text.

Marks of citation ("[1]", "[edit]") are not seen. A sentence ends at a word that is one mark of a
sentence's end, if words follow. "Lorem ipsum" and braces count where they stand in lines that pass
the rules before them. C4's list of bad words is not part of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._blocks import measure_documents
from filters._characters import ENDS_SENTENCE, NOT_PUNCTUATION, SPACE
from filters._citations import alone, without_citations
from filters._lines import Documents, Spans, ratio, sum_by_document
from filters._words import stripped, words
from filters.base import Filter, Params, first_reason
from filters.conversation import Bools, Ints
from manifests.schema import Kind

MAX_WORD_CHARS = 1_000
MIN_LINE_WORDS = 3
NOTICES = (
    *("terms of use", "privacy policy", "cookie policy"),
    *("uses cookies", "use of cookies", "use cookies"),
)
_ENDS = [ord(char) for char in ".?!\"'"]

SCORES = pa.schema(
    [
        ("num_kept_sentences", pa.int64()),  # in lines that C4 would keep
        ("num_filler_lines", pa.int32()),  # with "lorem ipsum"
        ("num_brace_lines", pa.int32()),  # with an opening curly bracket
        ("unfinished_lines_share", pa.float64()),  # without a mark at their end, or too long a word
        ("short_lines_share", pa.float64()),
        ("notice_lines_share", pa.float64()),  # javascript, cookies, terms of use
        ("num_nulls", pa.int32()),
    ]
)


class C4QualityParams(Params):
    """Bounds, e.g. `drop_braces: false` for maths and code, where a brace is no sign of a script.

    Defaults are C4's (Raffel et al. 2019), which drops no page for the lines it removes alone:
    `max_removed_lines` is ours and off at 1.
    """

    min_sentences: int = Field(default=5, ge=0, description="fewest sentences in kept lines")
    drop_filler: bool = Field(default=True, description='drop at "lorem ipsum"')
    drop_braces: bool = Field(default=True, description="drop at an opening curly bracket")
    max_removed_lines: float = Field(
        default=1.0, ge=0, le=1, description="share of lines that C4 would remove; 1 is off"
    )


def _hits(text: str, phrase: str) -> Ints:
    """Every place of a phrase; the loop is over what is found."""
    places = []
    place = text.find(phrase)
    while place >= 0:
        places.append(place)
        place = text.find(phrase, place + 1)
    return np.array(places, dtype=np.int64)


def _counts(spans: Spans, places: Ints) -> Ints:
    return np.searchsorted(places, spans.end_l) - np.searchsorted(places, spans.start_l)


def _piece_counts(documents: Documents, spans: Spans) -> tuple[Ints, Bools]:
    """(words between white space in each line, whether one of them is too long)."""
    space = (words(documents).flags & SPACE) > 0
    edges = np.flatnonzero(space[1:] != space[:-1]) + 1  # a block begins and ends with space
    start, end = edges[::2], edges[1::2]
    too_long = start[end - start > MAX_WORD_CHARS]
    return _counts(spans, start), _counts(spans, too_long) > 0


def _ends_well(documents: Documents, spans: Spans) -> Bools:
    codes, end = documents.codes, spans.end_l
    dots = np.logical_and.reduce([codes[end - back] == ord(".") for back in (1, 2, 3)])
    dots &= spans.chars_l >= 3
    return np.asarray(np.isin(codes[end - 1], _ENDS) & ~dots & (spans.chars_l > 0))


def _num_sentences(documents: Documents, spans: Spans) -> Ints:
    """Sentences of each line, 1 or more: a new one begins at the first word after its end."""
    found = words(documents)
    start = found.spans.start_l
    flags = found.flags_w
    ends = (found.spans.chars_l == 1) & ((flags & ENDS_SENTENCE) > 0)
    plain = np.flatnonzero(((flags & NOT_PUNCTUATION) > 0) & ~ends)
    before = np.concatenate([[0], np.cumsum(ends)])  # ends before each word
    line = np.searchsorted(spans.start_l, start[plain], side="right") - 1
    opening = np.append(-1, line[:-1]) != line if len(line) else np.zeros(0, np.bool_)
    of_line = before[np.searchsorted(start, spans.start_l[line])]
    earlier = np.where(opening, of_line, np.append(0, before[plain][:-1])[: len(plain)])
    begins = before[plain] > earlier
    return 1 + np.bincount(line[begins], minlength=len(spans.start_l)).astype(np.int64)


def _sentences(given: Documents, lines: Spans, shorter: Documents, cut: Spans) -> Ints:
    """Sentences of each line, read without marks of citation where a document has any."""
    found = _num_sentences(given, lines)
    marked_d = given.chars_d != shorter.chars_d
    if marked_d.any():
        marked_l = marked_d[lines.doc_l]
        found[marked_l] = _num_sentences(*alone(shorter, cut.where(marked_l), marked_d))
    return found


def _measure(documents: Documents) -> Mapping[str, npt.NDArray[Any]]:
    lines, num = stripped(documents.splitlines(), words(documents)), len(documents.start_d)
    num_pieces, too_long = _piece_counts(documents, lines)
    shorter, spans = without_citations(documents, lines)
    finished = ~too_long & _ends_well(shorter, spans)
    passed = finished & (num_pieces >= MIN_LINE_WORDS)
    # The one letter that grows by lowering would move every place after it.
    lower = shorter.text.replace("\u0130", "i").lower()
    filler = passed & (_counts(spans, _hits(lower, "lorem ipsum")) > 0)
    scripts = _counts(spans, _hits(lower, "javascript")) > 0
    braces = passed & ~scripts & (_counts(spans, _hits(lower, "{")) > 0)
    notices = np.sort(np.concatenate([_hits(lower, phrase) for phrase in NOTICES]))
    noted = passed & (scripts | (_counts(spans, notices) > 0))
    sentences = np.where(passed & ~noted, _sentences(documents, lines, shorter, spans), 0)
    doc_l = spans.doc_l
    num_lines = np.bincount(doc_l, minlength=num)
    return {
        "num_kept_sentences": sum_by_document(doc_l, sentences, num),
        "num_filler_lines": sum_by_document(doc_l, filler, num),
        "num_brace_lines": sum_by_document(doc_l, braces, num),
        "unfinished_lines_share": ratio(sum_by_document(doc_l, ~finished, num), num_lines),
        "short_lines_share": ratio(sum_by_document(doc_l, finished & ~passed, num), num_lines),
        "notice_lines_share": ratio(sum_by_document(doc_l, noted, num), num_lines),
    }


class C4Quality(Filter):
    """Drops documents with too few sentences in lines that C4 would keep, with filler text, or with
    curly brackets (off for maths and code). Defaults: C4 (Raffel et al. 2019).
    """

    name: ClassVar[str] = "c4_quality"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("document",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = (
        "c_four_unmeasured",
        "c_four_filler",
        "c_four_braces",
        "c_four_too_few_sentences",
        "c_four_too_many_removed",
    )
    params_type: ClassVar[type[Params]] = C4QualityParams
    source: ClassVar[str] = "C4 (Raffel et al. 2019, arXiv 1910.10683), section 2.2"
    policies: ClassVar[tuple[str, ...]] = ("web",)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return measure_documents(batch, SCORES, _measure)

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, C4QualityParams)
        kinds = ("unfinished", "short", "notice")
        removed = pl.sum_horizontal(
            [pl.col(f"{kind}_lines_share") for kind in kinds], ignore_nulls=False
        )
        return first_reason(
            scores,
            {
                "c_four_unmeasured": pl.col("num_nulls") == 0,
                "c_four_filler": (pl.col("num_filler_lines") == 0) | (not params.drop_filler),
                "c_four_braces": (pl.col("num_brace_lines") == 0) | (not params.drop_braces),
                "c_four_too_few_sentences": pl.col("num_kept_sentences") >= params.min_sentences,
                # Three shares of one whole may add to a little over 1.
                "c_four_too_many_removed": removed <= params.max_removed_lines + 1e-9,
            },
        )


FILTER = C4Quality()
