"""`import smolmix`: the same as the commands, for notebooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pytest

import smolmix
from manifests.build import load_manifest
from manifests.errors import UsageError
from tests.conftest import Built

_README = Path(__file__).parents[1] / "README.md"


def options(built: Built) -> dict[str, Any]:
    return {"mirror": built.mirror, "store": built.store, "out": built.out, "engine": "inline"}


def test_plan_and_build(small_built: Built) -> None:
    built = small_built
    view = smolmix.plan(built.recipe, **options(built))
    assert view.basis == "store" and view.plan is not None
    made = smolmix.build(built.recipe, verbose=False, **options(built))
    assert made == smolmix.manifest(built.out) == load_manifest(str(built.out))
    assert view.plan.total == made.num_rows


@pytest.mark.parametrize("streaming", [False, True])
def test_load(streaming: bool, small_built: Built) -> None:
    rows = smolmix.load(small_built.out, streaming=streaming)
    kind = datasets.IterableDataset if streaming else datasets.Dataset
    assert isinstance(rows, kind)
    # To the end: a stream that is left before it may hang or abort the process's own end.
    first, *_ = rows
    assert first["messages"] and first["id"]
    if not streaming:
        assert rows.num_rows == smolmix.manifest(small_built.out).num_rows


def test_ledger(small_built: Built) -> None:
    found = smolmix.ledger(small_built.out)
    funnel = smolmix.manifest(small_built.out).funnel
    assert isinstance(found, pl.DataFrame)
    assert found.height == sum(part.read for part in funnel)


def test_report(small_built: Built, tmp_path: Path) -> None:
    where = smolmix.report(small_built.out, str(tmp_path / "report.html"))
    assert Path(where).read_bytes() == (small_built.out / "report.html").read_bytes()


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda built: smolmix.plan("vdeo"), "did you mean 'video'"),
        (lambda built: smolmix.build("video", mirrors="x"), "did you mean 'mirror'?"),
        (lambda built: smolmix.load("/nowhere"), "so this is no complete build"),
        (lambda built: smolmix.load(built.out, "validation"), "has no split 'validation'"),
    ],
)
def test_what_is_wrong_is_one_sentence(action: object, words: str, small_built: Built) -> None:
    assert callable(action)
    with pytest.raises(UsageError, match=re.escape(words)):
        action(small_built)
