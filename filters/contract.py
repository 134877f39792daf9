"""What every filter promises, as checks that a user's own filter can be held to as well.

    from filters.contract import CHECKS, load_subject

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_filter(check):
        check(load_subject("my_filter.py", "my_filter.json"))

A case file is a list of {name, input, expect, near, params}: `input` holds the columns that differ
from the defaults below, `expect` is a reason or null, and `near` names the reason that an innocent
input only just escapes. `pictures`, of a filter of pixels, are base64 of encoded files, or are
described as `filters._drawn` says; of a pair they are such a list for each of the sample's media.
Each check raises an AssertionError that says what was promised.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

import filters
from filters import plugins
from filters._drawn import picture_bytes
from filters.base import Filter, Params
from manifests.schema import MEDIA_SCHEMA, STORE_SCHEMA

Row = dict[str, Any]

STORE_DEFAULTS: Row = {
    "row": 0,
    "group": 0,
    "subset": "demo",
    "category": "vqa",
    "kind": "chat",
    "messages": [],
    "media": [],
    "license": "CC0-1.0",
    "extra": None,
}
MEDIA_DEFAULTS: Row = {
    "key": "demo/0",
    "kind": "image",
    "digest": "0" * 64,
    "reason": None,
    "detail": None,
    "pack": 0,
    "offsets": [512],
    "lengths": [1000],
    "timestamps_ms": [],
    "width": 640,
    "height": 480,
    "frame_sizes": [640, 480],
    "format": "JPEG",
    "upstream_bytes": 1000,
    "duration_ms": None,
}
# What a filter of pixels is given beside the facts of a media.
_PICTURES = pa.field("pictures", pa.list_(pa.binary()))

_REASON = re.compile(r"[a-z]+(_[a-z]+)*")
# A score's name says its unit, or that it is a count, a truth or a class word.
_UNIT_FIRST = re.compile(r"(num|is|has|ends_with)_")
_UNIT_LAST = re.compile(
    r"_(px|chars|words|ratio|share|score|bytes|seconds|per_second|per_minute|mean|std|bits|code|cosine)$"
)


class Case(BaseModel):
    """One entry of a case file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    input: dict[str, Any]
    expect: str | None
    near: str | None = None
    params: dict[str, Any] = {}

    @model_validator(mode="after")
    def _near_is_innocent(self) -> Case:
        if self.expect is not None and self.near is not None:
            raise ValueError(f"{self.name}: what is a hit is near nothing")
        return self


def read_cases(path: str | Path) -> list[Case]:
    raw = json.loads(Path(path).read_text(encoding="utf-8"))
    return [Case.model_validate(case) for case in raw]


def schema_of(a_filter: Filter) -> pa.Schema:
    """Columns of the batches that the filter measures."""
    if a_filter.level == "sample":
        return STORE_SCHEMA
    if a_filter.level == "pair":
        return STORE_SCHEMA.append(pa.field(_PICTURES.name, pa.list_(_PICTURES.type)))
    sees = _PICTURES.name in a_filter.columns
    return MEDIA_SCHEMA.append(_PICTURES) if sees else MEDIA_SCHEMA


def batch_of(a_filter: Filter, rows: Sequence[Row]) -> pa.RecordBatch:
    """A batch of the filter's level; what a row leaves out has its default."""
    schema = schema_of(a_filter)
    defaults = MEDIA_DEFAULTS if a_filter.level == "media" else STORE_DEFAULTS
    defaults = {name: defaults.get(name) for name in schema.names}
    for row in rows:
        assert row.keys() <= defaults.keys(), f"unknown columns in {row}"
    whole = [{**defaults, **row} for row in rows]
    if _PICTURES.name in schema.names:
        encoded = _all_encoded if a_filter.level == "pair" else _encoded
        whole = [{**row, _PICTURES.name: encoded(row[_PICTURES.name])} for row in whole]
    return pa.RecordBatch.from_pylist(whole, schema=schema)


def _encoded(pictures: Sequence[Any] | None) -> list[bytes | None] | None:
    return None if pictures is None else [picture_bytes(picture) for picture in pictures]


def _all_encoded(media: Sequence[Any] | None) -> list[list[bytes | None] | None] | None:
    return None if media is None else [_encoded(pictures) for pictures in media]


@dataclass(frozen=True)
class Subject:
    """A filter, the `SCORES` of its module and its cases."""

    filter: Filter
    scores: pa.Schema
    cases: Sequence[Case]

    @property
    def rows(self) -> list[Row]:
        return [case.input for case in self.cases]

    @property
    def batch(self) -> pa.RecordBatch:
        return batch_of(self.filter, self.rows)

    def judged(self, batch: pa.RecordBatch, params: Params | None = None) -> list[str | None]:
        """A reason or null for each row of the batch."""
        asked = params or self.filter.params_type()
        reasons = self.filter.judge(pl.DataFrame(self.filter.measure(batch)), asked)
        _hold(reasons.dtype == pl.String, "judge answers with text", reasons.dtype)
        _hold(len(reasons) == batch.num_rows, "judge answers once a row", len(reasons))
        found: list[str | None] = reasons.to_list()
        return found


def load_subject(module: str | Path, cases: str | Path) -> Subject:
    """The filter in a user's Python file, and its case file."""
    here = plugins.load(str(Path(module).absolute()))
    scores = getattr(sys.modules[type(here).__module__], "SCORES", None)
    _hold(isinstance(scores, pa.Schema), "the module binds SCORES, an Arrow schema", scores)
    return Subject(here, scores, read_cases(cases))


def _hold(holds: bool, promise: str, found: object) -> None:
    if not holds:
        raise AssertionError(f"{promise}; found: {found}")


def check_cases(subject: Subject) -> None:
    """Each case by itself, with its own params."""
    for case in subject.cases:
        params = subject.filter.params_type.model_validate(case.params)
        found = subject.judged(batch_of(subject.filter, [case.input]), params)
        _hold(found == [case.expect], f"case {case.name} is judged {case.expect!r}", found)


def check_every_reason_has_a_hit_and_a_near_miss(subject: Subject) -> None:
    reasons = set(subject.filter.reasons)
    hits = {case.expect for case in subject.cases} - {None}
    near = {case.near for case in subject.cases} - {None}
    _hold(hits == reasons, f"cases expect each of {sorted(reasons)}", hits)
    _hold(near == reasons, f"innocent cases are near each of {sorted(reasons)}", near)


def check_declaration(subject: Subject) -> None:
    """Version, reasons and columns are in order; params say what they mean and refuse the rest."""
    here = subject.filter
    _hold(here.version >= 1, "versions count from 1", here.version)
    once = len(set(here.reasons)) == len(here.reasons) > 0
    _hold(once, "there are reasons, each named once", here.reasons)
    odd = [reason for reason in here.reasons if not _REASON.fullmatch(reason)]
    _hold(not odd, "reasons are small words joined by _", odd)
    unknown = set(here.columns) - set(schema_of(here).names)
    _hold(not unknown, f"columns are those of a {here.level}", unknown)
    params = here.params_type()
    again = here.params_type.model_validate(params.model_dump(mode="json"))
    _hold(again == params, "params are the same after JSON", again)
    silent = [name for name, f in here.params_type.model_fields.items() if not f.description]
    _hold(not silent, "params have descriptions", silent)
    try:
        here.params_type.model_validate({"no_such_setting": 1})
    except ValidationError:
        return
    raise AssertionError("unknown params are refused; found: no_such_setting is taken")


def check_reasons_belong_to_one_filter(subject: Subject) -> None:
    others = filters.discover().values()
    taken = {reason for f in others if f.name != subject.filter.name for reason in f.reasons}
    both = taken & set(subject.filter.reasons)
    _hold(not both, "no other filter has these reasons", both)


def check_scores_have_the_documented_types(subject: Subject) -> None:
    measured = subject.filter.measure(subject.batch)
    _hold(measured.schema == subject.scores, "measure gives the columns of SCORES", measured.schema)
    nulls = [c for c in measured.schema.names if measured.column(c).null_count]
    _hold(not nulls, "scores are never null", nulls)
    names = measured.schema.names
    bare = [n for n in names if not _UNIT_FIRST.match(n) and not _UNIT_LAST.search(n)]
    _hold(not bare, "scores name their unit", bare)


def check_only_declared_columns_are_read(subject: Subject) -> None:
    here, batch = subject.filter, subject.batch
    declared = here.measure(batch.select(list(here.columns)))
    _hold(declared.equals(here.measure(batch)), "`columns` are all that is read", here.columns)


def check_batch_size_order_and_slices_do_not_matter(subject: Subject) -> None:
    here, rows = subject.filter, subject.rows
    whole = here.measure(subject.batch).to_pylist()
    single = [here.measure(batch_of(here, [row])).to_pylist()[0] for row in rows]
    _hold(single == whole, "one row scores as it does among others", single)
    backwards = here.measure(batch_of(here, rows[::-1])).to_pylist()[::-1]
    _hold(backwards == whole, "the order of rows does not matter", backwards)
    for start in range(len(rows)):
        sliced = here.measure(subject.batch.slice(start, 3)).to_pylist()
        _hold(sliced == whole[start : start + 3], "a slice scores as the whole", sliced)


def check_pure(subject: Subject) -> None:
    here, batch = subject.filter, subject.batch
    measured = here.measure(batch)
    scores = pl.DataFrame(measured)
    kept = scores.clone()
    first = here.judge(scores, here.params_type())
    _hold(batch.equals(subject.batch), "measure leaves its batch as it is", batch)
    _hold(here.measure(batch).equals(measured), "measure gives the same again", measured)
    _hold(scores.equals(kept), "judge leaves the scores as they are", scores)
    again = here.judge(scores, here.params_type())
    _hold(again.equals(first, null_equal=True), "judge gives the same again", again)


def check_empty_batch(subject: Subject) -> None:
    for batch in (batch_of(subject.filter, []), subject.batch.slice(1, 0)):
        _hold(subject.judged(batch) == [], "no rows, no reasons", batch)


def check_null_columns_fail_closed(subject: Subject) -> None:
    nulls: Row = dict.fromkeys(subject.filter.columns)
    found = subject.judged(batch_of(subject.filter, [nulls, nulls]))
    _hold(set(found) <= set(subject.filter.reasons), "what is null has a reason", found)


def check_null_scores_fail_closed(subject: Subject) -> None:
    schema = subject.scores
    nulls = pa.RecordBatch.from_pylist([dict.fromkeys(schema.names)], schema=schema)
    found = subject.filter.judge(pl.DataFrame(nulls), subject.filter.params_type())[0]
    _hold(found in subject.filter.reasons, "what was not measured has a reason", found)


CHECKS: tuple[Callable[[Subject], None], ...] = (
    check_cases,
    check_every_reason_has_a_hit_and_a_near_miss,
    check_declaration,
    check_reasons_belong_to_one_filter,
    check_scores_have_the_documented_types,
    check_only_declared_columns_are_read,
    check_batch_size_order_and_slices_do_not_matter,
    check_pure,
    check_empty_batch,
    check_null_columns_fail_closed,
    check_null_scores_fail_closed,
)
