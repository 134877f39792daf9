"""`mixture ledger` of rows that leaked, and of duplicates, in a build of the samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from manifests.benchmark_cards import benchmark_cards
from pipelines.build import build
from pipelines.cli import mixture
from pipelines.options import BuildOptions
from pipelines.samples import benchmarks, magpie
from pipelines.samples.truth import Truth

RECIPE = """
name: talks
description: chats
unit: samples
decontaminate: {benchmarks: [gsm8k]}
components: [{name: talks, take: 3, sources: [magpie]}]
"""
Printed = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leaked")
    benchmarks.write(folder / "mirror", benchmark_cards()["gsm8k"])
    magpie.write(folder / "mirror", Truth(1, ["magpie"]), 1)
    (folder / "talks.yaml").write_text(RECIPE)
    options = BuildOptions(
        recipe=str(folder / "talks.yaml"),
        out=str(folder / "out"),
        store=str(folder / "store"),
        mirror=str(folder / "mirror"),
        engine="inline",
    )
    build(options, Console(quiet=True))
    return folder / "out"


def _groups(out: Path, capsys: Printed, *more: str) -> list[dict[str, Any]]:
    store = str(out.parent / "store")
    assert mixture(["ledger", str(out), "--json", "--examples", "--store", store, *more]) == 0
    groups: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["groups"]
    return groups


def _entries(out: Path, fate: str) -> list[dict[str, Any]]:
    rows = pq.read_table(out / "ledger" / "magpie.parquet").to_pylist()
    return [row for row in rows if row["fate"] == fate]


def test_leaks_are_counted_by_benchmark_and_shown(out: Path, capsys: Printed) -> None:
    (leaked,) = _entries(out, "leaked_from")
    assert leaked["stage"] == "decontaminate" and leaked["matched"] == "gsm8k/main/test/0"
    (group,) = _groups(out, capsys, "--fate", "leaked", "--by", "benchmark")
    assert (group["benchmark"], group["source"], group["rule"]) == (
        *("gsm8k", "magpie", "leaked_question"),
    )
    assert group["rows"] == 1 and 0 < group["share"] < 1
    (example,) = group["examples"]
    assert example["id"] == leaked["id"] and example["matched"] == leaked["matched"]
    assert example["value"].startswith("gsm8k/main/test/0: coverage=1.0 words=")
    assert example["text"].startswith("user: ")
    assert _groups(out, capsys, "--fate", "leaked_from", "--by", "benchmark") == [group]


def test_duplicates_are_shown_with_what_they_are_of(out: Path, capsys: Printed) -> None:
    pairs = {row["id"]: row["matched"] for row in _entries(out, "duplicate_of")}
    assert pairs
    for group in _groups(out, capsys, "--fate", "duplicate"):
        for example in group["examples"]:
            assert example["matched"] == pairs[example["id"]]
            assert example["matched_text"] == example["text"]


@pytest.mark.parametrize("more", [[], ["--fate", "dropped"]])
def test_only_leaks_have_a_benchmark(out: Path, capsys: Printed, more: list[str]) -> None:
    assert mixture(["ledger", str(out), "--by", "benchmark", *more]) == 2
    assert "--by benchmark counts rows that leaked; say --fate leaked" in capsys.readouterr().err


def test_the_table_names_benchmark_and_item(out: Path, capsys: Printed) -> None:
    store = str(out.parent / "store")
    asked = ["--fate", "leaked", "--by", "benchmark", "--examples", "--store", store]
    assert mixture(["ledger", str(out), *asked]) == 0
    printed = capsys.readouterr().out
    assert "share of the source" in printed and "gsm8k/main/test/0: coverage=1.0" in printed
