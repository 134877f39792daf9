"""Exact match, ANLS and relaxed accuracy by cases worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.metrics import METRICS, best, normalised

CASES = json.loads((Path(__file__).parent / "metric_cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_metrics(case: dict[str, Any]) -> None:
    found = best(case["said"], [case["answer"]])
    assert found == pytest.approx({name: case[name] for name in METRICS})


def test_the_best_of_several_answers_counts() -> None:
    assert best("five", ["blue", "5", "4.9"]) == {"exact": 1, "anls": 0, "relaxed": 1}
    assert best("a cap", ["hat", "cap"])["anls"] == pytest.approx(0.6)


@given(st.text(max_size=20), st.text(max_size=20))
def test_every_metric_is_a_share_and_knows_what_is_equal(said: str, answer: str) -> None:
    assert all(0 <= score <= 1 for score in best(said, [answer]).values())
    assert best(said, [said]) == dict.fromkeys(METRICS, 1.0)
    assert bool(normalised(said)) == bool(said.strip())
