"""Documents without marks of citation, and those of a block that have any."""

from __future__ import annotations

import re

import numpy as np

from filters._blocks import one_block
from filters._lines import Documents, Spans
from filters.conversation import Bools

_CITATION = re.compile(r"\[(?:\d*|edit|citation needed)\]")


def without_citations(documents: Documents, spans: Spans) -> tuple[Documents, Spans]:
    """The same lines in a text without marks of citation; what stood around them stays."""
    marks = [match.span() for match in _CITATION.finditer(documents.text)]
    if not marks:
        return documents, spans
    first, last = np.array(marks, dtype=np.int64).T
    change = np.zeros(len(documents.text) + 1, dtype=np.int64)
    change[first] += 1
    change[last] -= 1  # after the other: one mark may begin where another ends
    kept = np.cumsum(change)[:-1] == 0
    at = np.concatenate([[0], np.cumsum(kept)])
    text = _CITATION.sub("", documents.text)
    shorter = Documents(text, at[documents.start_d], at[documents.end_d])
    return shorter, Spans(at[spans.start_l], at[spans.end_l], spans.doc_l)


def alone(documents: Documents, lines: Spans, marked_d: Bools) -> tuple[Documents, Spans]:
    """A block of the marked documents alone, and their lines in it."""
    bounds = zip(documents.start_d[marked_d], documents.end_d[marked_d], strict=True)
    block = one_block([documents.text[start:end] for start, end in bounds])
    doc_l = (np.cumsum(marked_d) - 1)[lines.doc_l]
    moved_l = (block.start_d - documents.start_d[marked_d])[doc_l]
    return block, Spans(lines.start_l + moved_l, lines.end_l + moved_l, doc_l)
