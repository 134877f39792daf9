"""Every module that discovery finds and its JSON of cases, held to `filters.contract`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from filters import discover, get
from filters.contract import CHECKS, Case, Subject, batch_of, check_cases, read_cases
from tests.models import bound

CASES = Path(__file__).parent / "cases"
NAMES = sorted(discover())
# Of cases each is a test of its own.
WHOLE = [check for check in CHECKS if check is not check_cases]


@cache
def cases(name: str) -> list[Case]:
    """None for a filter that has no file yet: its tests fail then, and no others."""
    file = CASES / f"{name}.json"
    return read_cases(file) if file.is_file() else []


@cache
def subject(name: str) -> Subject:
    return Subject(bound(name), importlib.import_module(f"filters.{name}").SCORES, cases(name))


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(n, case, id=f"{n}-{case.name}") for n in NAMES for case in cases(n)],
)
def test_case(name: str, case: Case) -> None:
    here = get(name)
    params = here.params_type(**case.params)
    assert subject(name).judged(batch_of(here, [case.input]), params) == [case.expect]


def test_every_case_file_has_its_filter() -> None:
    assert sorted(path.stem for path in CASES.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", WHOLE, ids=lambda check: str(check.__name__))
def test_promise(check: Callable[[Subject], None], name: str) -> None:
    check(subject(name))
