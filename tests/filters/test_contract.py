"""What every filter promises, over every module that discovery finds and its JSON of cases.

A case file `cases/<filter>.json` is a list of {name, input, expect, near, params}: `input` holds
the columns that differ from the defaults of `tests.filters.rows`, `expect` is a reason or null, and
`near` names the reason that an innocent input only just escapes. A filter module also binds
`SCORES`, the Arrow schema of its scores.
"""

from __future__ import annotations

import importlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from filters import discover, get
from filters.base import Filter, Params
from tests.filters.rows import Row, batch_of, schema_of

CASES = Path(__file__).parent / "cases"
NAMES = sorted(discover())


class Case(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    input: dict[str, Any]
    expect: str | None
    near: str | None = None
    params: dict[str, Any] = {}

    @model_validator(mode="after")
    def _near_is_innocent(self) -> Case:
        assert self.expect is None or self.near is None, f"{self.name}: a hit is near nothing"
        return self


@cache
def cases(name: str) -> list[Case]:
    raw = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return [Case.model_validate(case) for case in raw]


def _rows(name: str) -> list[Row]:
    return [case.input for case in cases(name)]


def _judged(here: Filter, batch: pa.RecordBatch, params: Params | None = None) -> list[str | None]:
    reasons = here.judge(pl.DataFrame(here.measure(batch)), params or here.params_type())
    assert reasons.dtype == pl.String
    assert len(reasons) == batch.num_rows
    found: list[str | None] = reasons.to_list()
    return found


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(n, case, id=f"{n}-{case.name}") for n in NAMES for case in cases(n)],
)
def test_case(name: str, case: Case) -> None:
    here = get(name)
    params = here.params_type(**case.params)
    assert _judged(here, batch_of(here, [case.input]), params) == [case.expect]


def test_every_case_file_has_its_filter() -> None:
    assert sorted(path.stem for path in CASES.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_reason_has_a_hit_and_a_near_miss(name: str) -> None:
    reasons = set(get(name).reasons)
    assert {case.expect for case in cases(name)} - {None} == reasons
    assert {case.near for case in cases(name)} - {None} == reasons


@pytest.mark.parametrize("name", NAMES)
def test_declaration(name: str) -> None:
    here = get(name)
    assert here.version >= 1
    assert len(set(here.reasons)) == len(here.reasons) > 0
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", reason) for reason in here.reasons)
    assert set(here.columns) <= set(schema_of(here).names)
    params = here.params_type()
    assert here.params_type.model_validate(params.model_dump(mode="json")) == params
    with pytest.raises(ValidationError, match="no_such_setting"):
        here.params_type.model_validate({"no_such_setting": 1})
    for setting, field in here.params_type.model_fields.items():
        assert field.description, f"{setting} says nothing"


@pytest.mark.parametrize("name", NAMES)
def test_reasons_belong_to_one_filter(name: str) -> None:
    others = {reason for other in NAMES if other != name for reason in get(other).reasons}
    assert not others & set(get(name).reasons)


@pytest.mark.parametrize("name", NAMES)
def test_scores_have_the_documented_types(name: str) -> None:
    here = get(name)
    measured = here.measure(batch_of(here, _rows(name)))
    assert measured.schema == importlib.import_module(f"filters.{name}").SCORES
    assert all(column.null_count == 0 for column in measured.columns)
    for field in measured.schema:
        assert re.match(r"num_|is_|has_|ends_with_", field.name) or re.search(
            r"_(px|chars|words|ratio|share|score|bytes|seconds|per_minute|mean|std|bits|code)$",
            field.name,
        ), f"{field.name} names no unit"


@pytest.mark.parametrize("name", NAMES)
def test_only_declared_columns_are_read(name: str) -> None:
    here = get(name)
    batch = batch_of(here, _rows(name))
    assert here.measure(batch.select(list(here.columns))).equals(here.measure(batch))


@pytest.mark.parametrize("name", NAMES)
def test_batch_size_order_and_slices_do_not_matter(name: str) -> None:
    here = get(name)
    rows = _rows(name)
    whole = here.measure(batch_of(here, rows)).to_pylist()
    single = [here.measure(batch_of(here, [row])).to_pylist()[0] for row in rows]
    backwards = here.measure(batch_of(here, rows[::-1])).to_pylist()[::-1]
    assert whole == single == backwards
    for start in range(len(rows)):
        sliced = batch_of(here, rows).slice(start, 3)
        assert here.measure(sliced).to_pylist() == whole[start : start + 3]


@pytest.mark.parametrize("name", NAMES)
def test_pure(name: str) -> None:
    here = get(name)
    batch = batch_of(here, _rows(name))
    measured = here.measure(batch)
    scores = pl.DataFrame(measured)
    kept = scores.clone()
    first = here.judge(scores, here.params_type())
    assert batch.equals(batch_of(here, _rows(name)))
    assert here.measure(batch).equals(measured)
    assert scores.equals(kept)
    assert here.judge(scores, here.params_type()).equals(first)


@pytest.mark.parametrize("name", NAMES)
def test_empty_batch(name: str) -> None:
    here = get(name)
    assert _judged(here, batch_of(here, [])) == []
    assert _judged(here, batch_of(here, _rows(name)).slice(1, 0)) == []


@pytest.mark.parametrize("name", NAMES)
def test_null_columns_fail_closed(name: str) -> None:
    here = get(name)
    nulls: Row = dict.fromkeys(here.columns)
    assert set(_judged(here, batch_of(here, [nulls, nulls]))) <= set(here.reasons)


@pytest.mark.parametrize("name", NAMES)
def test_null_scores_fail_closed(name: str) -> None:
    here = get(name)
    scores = here.measure(batch_of(here, _rows(name))).schema
    empty = pl.DataFrame(pa.RecordBatch.from_pylist([dict.fromkeys(scores.names)], schema=scores))
    assert here.judge(empty, here.params_type())[0] in here.reasons
