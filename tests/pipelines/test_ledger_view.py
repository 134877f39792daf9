"""Counts, examples and near misses of a build's ledger, held to the ledger and to the measures."""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import filters
from filters.base import Params
from manifests.ledger import Fate
from manifests.storage import open_ipc
from pipelines.build import build
from pipelines.build_store import look_up, open_build_store
from pipelines.cli import mixture
from pipelines.cli_ledger import add_ledger_arguments, run_ledger
from pipelines.console import add_common_arguments
from pipelines.judge import Rule
from pipelines.ledger_entries import place_of
from pipelines.ledger_filters import params_for, said_scores, settings_of
from pipelines.ledger_near import near_view
from pipelines.ledger_view import ledger_view
from pipelines.options import BuildOptions
from pipelines.store import measure_path
from pipelines.why import find_rows
from tests.conftest import Built
from tests.pipelines.trees import tree_digests

Printed = pytest.CaptureFixture[str]
Row = dict[str, Any]

_NO_ID = "none: no sample could be made of it"


def ledger_of(built: Built) -> list[Row]:
    files = sorted((built.out / "ledger").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def said(built: Built, capsys: Printed, *more: str) -> Row:
    assert mixture(["ledger", str(built.out), "--json", *more]) == 0
    found: Row = json.loads(capsys.readouterr().out)
    return found


# --- counts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [None, Fate.DROPPED, Fate.KEPT])
def test_counts_are_those_of_the_ledger(built: Built, fate: Fate | None) -> None:
    rows = ledger_of(built)
    mine = [row for row in rows if fate in (None, row["fate"])]
    by_reason = Counter((row["fate"], row["stage"], row["rule"]) for row in mine)
    view = ledger_view(str(built.out), fate, "filter", None)
    num_rows = sum(row["fate"] != "trimmed" for row in rows)
    assert view.num_rows == num_rows < len(rows)
    found = {(g.key["fate"], g.key["stage"], g.key["rule"]): g.rows for g in view.groups}
    assert found == by_reason and {g.whole for g in view.groups} == {num_rows}
    counts = [group.rows for group in view.groups]
    assert counts == sorted(counts, reverse=True)
    by_subset = Counter((row["source"], row["subset"], row["fate"]) for row in mine)
    whole = Counter((row["source"], row["subset"]) for row in rows if row["fate"] != "trimmed")
    groups = ledger_view(str(built.out), fate, "subset", None).groups
    places = {(g.key["source"], g.key["subset"], g.key["fate"]): g for g in groups}
    assert {key: group.rows for key, group in places.items()} == by_subset
    assert all(group.whole == whole[key[:2]] for key, group in places.items())


def test_reasons_are_told_with_their_filter(built: Built) -> None:
    view = ledger_view(str(built.out), None, "filter", None)
    for group in view.groups:
        if group.filter_name is not None:
            assert group.key["rule"] in filters.get(group.filter_name).reasons
        assert (group.filter_name is not None) == (group.key["stage"] == "filter")


# --- examples ---------------------------------------------------------------------------------


def test_examples_say_what_decided(built: Built, capsys: Printed) -> None:
    """`mixture why` finds each by its place; moved thresholds and texts are the rows' own."""
    groups = said(built, capsys, "--fate", "dropped", "--examples")["groups"]
    assert groups
    for group in groups:
        assert len(group["examples"]) == min(3, group["rows"])
        for example in group["examples"]:
            assert example["id"] in {e["id"] for e in find_rows(str(built.out), example["place"])}
            assert example["rule"] == group["rule"] and example["value"]
            assert example["text"].startswith(("user: ", "system: ", "assistant: "))
    (long,) = (group for group in groups if group["rule"] == "turn_too_long")
    for example in long["examples"]:
        length = int(example["value"].partition("longest_turn_chars=")[2].split()[0])
        assert example["thresholds"] == {"max_chars": 32_768}
        assert example["turns_at"] == {"max_chars": length}
    (roles,) = (group for group in groups if group["rule"] == "no_answer")
    assert all(not example["thresholds"] for example in roles["examples"])


def test_texts_are_looked_for_in_store_and_build(
    built: Built, tmp_path: Path, capsys: Printed
) -> None:
    """Where the store is gone what was emitted has its text still, and it is said of the rest."""
    texts = (row for row in ledger_of(built) if row["source"] == "magpie")
    kept = next(row for row in texts if row["fate"] == "kept" and not row["turns"])
    empty = tmp_path / "store"
    empty.mkdir()
    here, gone = (open_build_store(str(built.out), uri) for uri in (None, str(empty)))
    assert here.is_there and not gone.is_there
    (stored,), (written,) = look_up(here, [kept]), look_up(gone, [kept])
    assert stored.text is not None and written.text is not None
    assert stored.policy is not None and written.policy is None
    assert stored.text == written.text
    dropped = ["ledger", str(built.out), "--fate", "dropped", "--examples"]
    assert mixture([*dropped, "--store", str(empty)]) == 0
    out = capsys.readouterr().out
    assert f"the store {empty} holds no rows: name the one of this build with --store" in out
    assert "(its text is neither in the store nor in the build)" in out
    assert "max_chars is 32,768; " in out
    assert mixture(["ledger", str(built.out), "--fate", "unreadable", "--examples"]) == 0
    assert "(no text: no conversation could be made of the row)" in capsys.readouterr().out


def test_scores_are_read_out_of_the_ledger() -> None:
    value = "a b/x.png: shortest_side_px=8 longest_side_px=160 aspect_ratio=20.0"
    scores = said_scores(filters.get("image_bounds"), [value, ""])
    assert scores.rows() == [(8, 160, 20.0), (None, None, None)]
    value = (
        "num_messages=1 num_assistant_messages=0 num_misplaced_messages=0 ends_with_assistant=true"
    )
    assert said_scores(filters.get("roles"), [value]).rows() == [(1, 0, 0, True)]


# --- near -------------------------------------------------------------------------------------


def longest_turns(built: Built) -> dict[str, int]:
    """Of every row by its place the longest turn, as the store measured it."""
    found = {}
    for record in sorted(built.store.glob("rows/*/*/*/done.json")):
        folder, source = record.parent, record.parts[-4]
        file = json.loads(record.read_text())["file"]
        scores = pl.read_parquet(measure_path(str(folder), filters.get("turn_length")))
        table = open_ipc(str(folder / "samples.arrow")).read_all()
        places = table.select(["subset", "row", "group"]).to_pylist()
        for place, longest in zip(places, scores["longest_turn_chars"], strict=True):
            found[place_of({"source": source, "file": file, **place})] = longest
    return found


@pytest.fixture(scope="module")
def near(built: Built) -> Row:
    """What `--near` finds in the store that the build names, which it leaves as it was."""
    before = tree_digests(built.store), tree_digests(built.out)
    found = near_view(str(built.out), None, open_build_store(str(built.out), None))
    assert (tree_digests(built.store), tree_digests(built.out)) == before
    return found.as_json()


@pytest.mark.slow
def test_near_rows_are_the_nearest(built: Built, near: Row) -> None:
    rows = [r for r in near["rows"] if (r["filter"], r["param"]) == ("turn_length", "max_chars")]
    by_place = longest_turns(built)
    ledger = {place_of(row): row for row in ledger_of(built) if row["fate"] != "trimmed"}
    past = {
        place: by_place[place]
        for place, row in ledger.items()
        if row["stage"] not in ("curate", "join", "access", "filter")
    }
    assert near["passed_rows"] == near["measured_rows"] > len(past) // 2
    kept = [row for row in rows if row["side"] == "kept"]
    assert [row["turns_at"] + 1 for row in kept] == sorted(past.values(), reverse=True)[:3]
    assert all(past[row["place"]] == row["turns_at"] + 1 for row in kept)
    failed = [row for row in rows if row["side"] == "dropped"]
    long = [by_place[p] for p, row in ledger.items() if row["rule"] == "turn_too_long"]
    assert [row["turns_at"] for row in failed] == sorted(long)
    # Several conversations of one row have one place.
    fates = {(place_of(row), row["id"], row["fate"]) for row in ledger_of(built)}
    assert {(row["place"], row["id"], row["fate"]) for row in near["rows"]} <= fates
    assert all(row["text"] for row in near["rows"])


def test_near_media(built: Built, near: Row) -> None:
    """A row is as near as the nearest of its media."""
    rows = near["rows"]
    strips = [row for row in rows if row["param"] == "max_aspect_ratio"]
    assert [row["distance"] for row in strips if row["side"] == "kept"]
    measures = sorted(built.store.rglob("measures/image_bounds-1.parquet"))
    ratios = pl.concat([pl.read_parquet(file) for file in measures])["aspect_ratio"]
    kept = next(row["turns_at"] for row in strips if row["side"] == "kept")
    assert kept == pytest.approx(ratios.filter(ratios <= 10).max(), rel=1e-4)
    (failed,) = (row["turns_at"] for row in strips if row["side"] == "dropped")
    assert failed == pytest.approx(ratios.filter(ratios > 10).min(), rel=1e-4)


@pytest.mark.slow
def test_near_of_one_fate(built: Built, capsys: Printed) -> None:
    for fate in ("dropped", "kept"):
        rows = said(built, capsys, "--near", "--fate", fate)["near"]["rows"]
        assert rows and {row["fate"] for row in rows} == {fate}


def test_near_without_the_store(built: Built, tmp_path: Path) -> None:
    """What was dropped is near by the ledger alone; of the rest nothing is known."""
    store = open_build_store(str(built.out), str(tmp_path))
    near = near_view(str(built.out), None, store)
    assert near.num_measured == 0 < near.num_passed
    assert near.rows and {row.side for row in near.rows} == {"dropped"}


@pytest.mark.slow
def test_near_goes_by_what_filters_of_that_version_measured(built: Built, tmp_path: Path) -> None:
    store = Path(shutil.copytree(built.store, tmp_path / "store"))
    for file in (store / "rows" / "magpie").rglob("measures/turn_length-2.parquet"):
        file.rename(file.with_name("turn_length-1.parquet"))
    near = near_view(str(built.out), None, open_build_store(str(built.out), str(store)))
    assert 0 < near.num_measured < near.num_passed
    assert all(r.entry["source"] != "magpie" for r in near.rows if r.side == "kept")


def test_rows_are_near_by_the_params_of_their_policy() -> None:
    bounds = filters.get("turn_length")
    strict, lax = (bounds.params_type.model_validate({"max_chars": n}) for n in (10, 100))
    rule = Rule(bounds, strict, {"code": lax, "video": None})
    assert params_for(rule, "code") == lax and params_for(rule, "chat") == strict
    assert params_for(rule, "video") is None and params_for(rule, None) is None
    assert params_for(Rule(bounds, strict, {}), None) == strict
    found: dict[Params, tuple[str, ...]] = dict(settings_of(rule))
    assert found[lax] == ("code",) and not {"code", "video"} & set(found[strict])


POLICIES = """
name: by-policy
description: what is asked of chats is not asked of letters on paper
unit: samples
filters: {roles: {}, turn_length: {min_chars: 5}}
policies:
  chat: {turn_length: {min_chars: 60}}
components:
  - {name: text, share: 1/2, modality: text, sources: [magpie]}
  - {name: image, share: 1/2, sources: [the_cauldron/docvqa]}
"""


def test_a_build_with_policies(built: Built, tmp_path: Path) -> None:
    """Each row is told with the threshold of its own policy."""
    (tmp_path / "mine.yaml").write_text(POLICIES)
    out = str(tmp_path / "out")
    asked = BuildOptions(
        recipe=str(tmp_path / "mine.yaml"),
        mirror=str(built.mirror),
        store=str(built.store),
        out=out,
        engine="inline",
        num_samples=2,
    )
    build(asked, Console(quiet=True))
    store = open_build_store(out, None)
    near = near_view(out, None, store)
    rows = [row for row in near.rows if row.at.param == "min_chars"]
    found = {(row.at.threshold, row.entry["source"], row.side) for row in rows}
    assert found == {
        (number, source, side)
        for number, source in ((60, "magpie"), (5, "the_cauldron"))
        for side in ("kept", "dropped")
    }
    assert {row.policies for row in rows if row.at.threshold == 60} == {("chat",)}
    assert not any("chat" in row.policies for row in rows if row.at.threshold == 5)
    groups = ledger_view(out, Fate.DROPPED, "subset", store).groups
    examples = [e for g in groups for e in g.examples if e.entry["rule"] == "turn_too_short"]
    decided = {(e.entry["source"], n.threshold) for e in examples for n in e.deciding}
    assert decided == {("magpie", 60), ("the_cauldron", 5)}


# --- the command ------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_printed(built: Built, capsys: Printed) -> None:
    assert mixture(["ledger", str(built.out), "--fate", "dropped"]) == 0
    out = capsys.readouterr().out
    rows = ledger_of(built)
    long = sum(row["rule"] == "turn_too_long" for row in rows)
    lines = [line.split() for line in out.splitlines()]
    assert ["dropped", "turn_length", "turn_too_long", str(long)] in [line[:4] for line in lines]
    fates = Counter(row["fate"] for row in rows)
    num_trimmed = fates.pop("trimmed")
    last = f"{built.out}: {fates.total():,} upstream rows, {fates['dropped']:,} of them dropped"
    assert out.splitlines()[-1] == last
    assert mixture(["ledger", str(built.out), "--fate", "trimmed"]) == 0
    said = f"{fates.total():,} upstream rows, {num_trimmed:,} of them written without some turns"
    assert said in capsys.readouterr().out
    assert mixture(["ledger", str(built.out), "--by", "subset", "--near"]) == 0
    out = capsys.readouterr().out
    assert "turn_length.max_chars is 32,768\n" in out and "would drop it: " in out


@pytest.mark.slow
def test_a_narrow_terminal_cuts_nothing_off(built: Built) -> None:
    """Long words are broken, what stands below a row stays below it, and ids stay whole."""
    printed = StringIO()
    console = Console(file=printed, width=60, force_terminal=True, color_system=None)
    words = [str(built.out), "--by", "subset", "--examples"]
    parser = argparse.ArgumentParser()
    add_ledger_arguments(parser)
    add_common_arguments(parser)
    assert run_ledger(parser.parse_args(words), console) == 0
    table, _, rest = printed.getvalue().partition(f"{built.out}: ")
    assert "\u2026" not in table and max(map(len, table.splitlines())) == 60
    below = [line for line in rest.splitlines() if line.startswith("    ")]
    ids = [line.removeprefix("    id ") for line in below if line.startswith("    id ")]
    assert {row["id"] for row in ledger_of(built)} >= set(ids) - {_NO_ID} != set()
    assert max(len(line) for line in below if not line.startswith("    id ")) <= 60


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{tmp}", "manifest.json does not exist, so this is no complete build"),
        ("{built} --fate drop", "there is no fate 'drop'; did you mean 'dropped'?"),
        ("{built} --store x", "--store is read for --examples and --near; say one of them"),
        ("{built} --near --store {tmp}/none", "there is no store {tmp}/none; name one with"),
        ("{built} --by source", "invalid choice: 'source'"),
    ],
)
def test_mistakes(line: str, words: str, built: Built, tmp_path: Path, capsys: Printed) -> None:
    places = {"tmp": str(tmp_path), "built": str(built.out)}
    assert mixture(["ledger", *line.format(**places).split()]) == 2
    error = capsys.readouterr().err
    assert words.format(**places) in error and error.count("\n") == 1
