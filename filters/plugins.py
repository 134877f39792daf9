"""A user's own filter: a Python file named in a recipe (`filters: {./my_filter.py: {}}`).

The file keeps the contract of every module of this package (`filters.contract` checks it): it binds
`FILTER`, and the filter's name is the file's. It is loaded from its path in each process that needs
it, so on a cluster the recipe's folder must be on a disk that all machines share. Whether its user
has run the contract is not known: what would spoil the store or the ledger is refused here.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from filters.base import Filter, Measure, Params
from filters.models import ModelFilter, Settings
from manifests.errors import UsageError
from manifests.user_modules import load_module

SUFFIX = ".py"
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_MUST_BIND = ("version", "level", "columns", "reasons", "params_type")


@cache
def load(path: str) -> Filter:
    """The filter in the Python file `path`; UsageError says what is wrong with it."""
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"a filter of your own is a Python file, and {file} is not there")
    if not _WORD.fullmatch(file.stem):
        raise UsageError(
            f"{file}: the file's name is its filter's, which conditions name too: small letters, "
            "digits and _, a letter first"
        )
    here = getattr(load_module(file, UsageError), "FILTER", None)
    if not isinstance(here, Filter):
        raise UsageError(f"{file} binds no FILTER")
    if getattr(here, "name", None) != file.stem:
        called = getattr(here, "name", None)
        raise UsageError(f"{file} calls its filter {called!r}; the file's name is its name")
    problem = next(_problems(here), None)
    if problem is not None:
        raise UsageError(f"{file}: {problem}; see filters/base.py")
    here.origin = path
    here.digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return here


def _problems(here: Filter) -> Iterator[str]:
    """What a filter says wrongly of itself, so that it could not be asked."""
    said: dict[str, Any] = {name: getattr(here, name, None) for name in _MUST_BIND}
    unbound = [name for name, value in said.items() if value is None]
    if unbound:
        yield f"its filter says no {', '.join(unbound)}"
        return
    if said["level"] not in ("sample", "media"):
        yield f"level is {said['level']!r}; a filter is of level 'sample' or 'media'"
    if not isinstance(said["reasons"], tuple) or not all(map(_is_word, said["reasons"])):
        yield f"reasons are a tuple of words in small letters, not {said['reasons']!r}"
    if not (isinstance(said["params_type"], type) and issubclass(said["params_type"], Params)):
        yield "params_type is no class derived from filters.base.Params"
    if isinstance(here, ModelFilter):
        asked = getattr(here, "settings_type", None)
        if not (isinstance(asked, type) and issubclass(asked, Settings)):
            yield "a model filter's settings_type is a class derived from filters.models.Settings"
        if not getattr(here, "files", None):
            yield "a model filter's files are patterns of the names of its weights: ('*.onnx',)"
    if not isinstance(getattr(sys.modules[type(here).__module__], "SCORES", None), pa.Schema):
        yield "the file binds no SCORES, a pyarrow schema of what measure gives"


def _is_word(reason: object) -> bool:
    return isinstance(reason, str) and _WORD.fullmatch(reason) is not None


def measure(filter_: Measure, batch: pa.RecordBatch) -> pa.RecordBatch:
    """What the filter measures; a user's is held to SCORES and to one row a row."""
    scores = filter_.measure(batch)
    if filter_.origin:
        if not isinstance(scores, pa.RecordBatch) or scores.schema != filter_.scores:
            raise UsageError(f"{filter_.origin}: measure gives other columns than SCORES")
        if scores.num_rows != batch.num_rows:
            rows = f"{scores.num_rows:,} rows for {batch.num_rows:,}"
            raise UsageError(f"{filter_.origin}: measure gives {rows}; it gives one for each")
    return scores


def judge(filter_: Filter, scores: pl.DataFrame, params: Params) -> pl.Series:
    """A reason or null for each row of `scores`; a user's is held to that."""
    reasons = filter_.judge(scores, params)
    if filter_.origin:
        if not isinstance(reasons, pl.Series) or reasons.dtype not in (pl.String, pl.Null):
            raise UsageError(f"{filter_.origin}: judge gives no series of reasons, of type string")
        if len(reasons) != scores.height:
            rows = f"{len(reasons):,} answers for {scores.height:,} rows"
            raise UsageError(f"{filter_.origin}: judge gives {rows}; it gives one for each")
        strange = set(reasons.drop_nulls().unique()) - set(filter_.reasons)
        if strange:
            raise UsageError(
                f"{filter_.origin}: judge gives {min(strange)!r}, which is none of its reasons"
            )
    return reasons
