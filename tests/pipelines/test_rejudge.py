"""What moved thresholds would keep: what a build with them keeps, found without making one."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from manifests.errors import InfeasibleError
from manifests.ledger import Stage
from pipelines.build import build
from pipelines.cli import mixture
from pipelines.options import BuildOptions
from pipelines.rejudge import Rejudged, rejudge
from pipelines.why import read_ledger
from tests.conftest import Built
from tests.pipelines.trees import tree_digests

Printed = pytest.CaptureFixture[str]

# Of images some are too small and some answers too short, of texts neither.
FILTERS: dict[str, Any] = {"roles": {}, "turn_length": {}, "image_bounds": {}}
STRICTER: dict[str, Any] = {
    "roles": {},
    "turn_length": {"min_chars": 5},
    "image_bounds": {"min_side_px": 325},
}


def recipe(folder: Path, name: str, filters: dict[str, Any]) -> str:
    raw = {
        "name": name,
        "description": "",
        "unit": "samples",
        "filters": filters,
        "components": [
            {"name": "text", "share": "1/2", "modality": "text", "sources": ["magpie"]},
            {"name": "image", "share": "1/2", "sources": ["the_cauldron/docvqa"]},
        ],
    }
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(raw, sort_keys=False))
    return str(file)


def options(built: Built, path: str, store: Path | None = None, **more: Any) -> BuildOptions:
    return BuildOptions(
        recipe=path,
        mirror=str(built.mirror),
        store=str(store or built.store),
        engine="inline",
        **{"out": "unused", **more},
    )


def dropped_by(found: Rejudged) -> dict[str, int]:
    return {change.reason: change.now for change in found.changes if change.now}


def test_it_says_what_a_build_does(built: Built, tmp_path: Path) -> None:
    path = recipe(tmp_path, "stricter", STRICTER)
    before = tree_digests(built.store)
    found = rejudge(options(built, path), None)
    assert tree_digests(built.store) == before
    out = tmp_path / "out"
    build(options(built, path, out=str(out), num_samples=2), Console(quiet=True))
    ledger = read_ledger(str(out))
    rules = ledger.filter(ledger["stage"] == Stage.FILTER.value)["rule"].to_list()
    assert dropped_by(found) == dict(Counter(rules))
    assert {"turn_too_short", "image_side_too_small"} <= set(rules)
    unreadable = ledger["fate"].to_list().count("unreadable")
    assert (found.num_unreadable, found.num_rows) == (unreadable, ledger.height - unreadable)
    assert found.kept_now == found.num_rows - len(rules)
    assert found.kept_before == found.num_rows


def test_against_the_recipe_as_it_was(built: Built, tmp_path: Path) -> None:
    old, new = recipe(tmp_path, "old", FILTERS), recipe(tmp_path, "new", STRICTER)
    alone = [rejudge(options(built, path), None) for path in (old, new)]
    found = rejudge(options(built, new), old)
    assert {c.reason: c.before for c in found.changes if c.before} == dropped_by(alone[0])
    assert dropped_by(found) == dropped_by(alone[1])
    assert (found.kept_before, found.kept_now) == (alone[0].kept_now, alone[1].kept_now)
    assert sum(c.newly_dropped for c in found.changes) == found.kept_before - found.kept_now > 0
    back = rejudge(options(built, old), new)
    kept = {c.reason: c.newly_kept for c in back.changes if c.newly_kept}
    assert kept == {c.reason: c.newly_dropped for c in found.changes if c.newly_dropped}
    assert back.num_moved == found.num_moved
    same = rejudge(options(built, new), new)
    assert not any(c.newly_dropped or c.newly_kept for c in same.changes)
    assert same.num_moved == 0


def test_against_a_build_its_filters_judge_in_its_order(built: Built, tmp_path: Path) -> None:
    """A plan's keys are sorted, and of several reasons the first counts."""
    order = ("turn_length", "image_bounds", "roles")
    path = recipe(tmp_path, "ordered", {name: STRICTER[name] for name in order})
    out = str(tmp_path / "out")
    build(options(built, path, out=out, num_samples=2), Console(quiet=True))
    for against in (out, f"{out}/plan.json"):
        found = rejudge(options(built, path), against)
        assert found.num_moved == 0 and found.kept_before == found.kept_now
        assert {c.reason: c.before for c in found.changes} == dropped_by(found)
    sorted_path = recipe(tmp_path, "sorted", dict(sorted(STRICTER.items())))
    assert rejudge(options(built, path), sorted_path).num_moved > 0


def test_what_a_build_would_not_let_in_is_not_judged(built: Built, tmp_path: Path) -> None:
    path, listed = recipe(tmp_path, "stricter", STRICTER), tmp_path / "listed.txt"
    whole = rejudge(options(built, path), None)
    rows = read_ledger(str(built.out))
    magpie = rows.filter((rows["source"] == "magpie") & (rows["fate"] == "kept"))
    listed.write_text("\n".join(magpie["id"].to_list()))
    out = str(tmp_path / "out")
    more: dict[str, Any] = {"exclude": (str(listed),)}
    build(options(built, path, out=out, num_samples=2, **more), Console(quiet=True))
    found = rejudge(options(built, path, **more), None)
    ledger = read_ledger(out)
    excluded = ledger["rule"].to_list().count("excluded")
    assert found.num_left_out == excluded >= magpie["id"].n_unique() > 0
    assert found.num_rows == whole.num_rows - excluded
    rules = ledger.filter(ledger["stage"] == Stage.FILTER.value)["rule"].to_list()
    assert dropped_by(found) == dict(Counter(rules))
    with pytest.raises(InfeasibleError, match="--licenses permissive lets in"):
        rejudge(options(built, path, licenses="permissive"), None)


def test_a_filter_that_is_not_measured_is_named(
    built: Built, tmp_path: Path, capsys: Printed
) -> None:
    """It judges nothing, for what it would say is not known; and it is not measured."""
    store = Path(shutil.copytree(built.store, tmp_path / "store"))
    for source in ("magpie", "the_cauldron"):
        for file in (store / "rows" / source).rglob("measures/roles-1.parquet"):
            file.unlink()
    before = tree_digests(store)
    path = recipe(tmp_path, "stricter", STRICTER)
    arguments = ["rejudge", str(store), "--recipe", path, "--mirror", str(built.mirror)]
    assert mixture(arguments) == 0
    out = capsys.readouterr().out
    assert "without roles: " in out
    again = f"--recipe {path} --mirror {built.mirror} --store {store}"
    assert f"this measures: build-mixture {again}\n" in out
    assert mixture([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    (lack,) = said["unmeasured"]
    assert (lack["filter"], lack["version"]) == ("roles", 1)
    assert 0 < lack["folders_without"] == lack["folders"]
    assert "roles" not in {reason["filter"] for reason in said["reasons"]}
    whole = rejudge(options(built, path), None)
    shown = {r["reason"]: r["now"] for r in said["reasons"]}
    assert (
        shown.items()
        >= {c.reason: c.now for c in whole.changes if c.filter_name == "image_bounds"}.items()
    )
    assert tree_digests(store) == before


def test_shards_that_are_not_there_are_counted(built: Built, tmp_path: Path) -> None:
    store = Path(shutil.copytree(built.store, tmp_path / "store"))
    shutil.rmtree(store / "rows" / "magpie")
    path = recipe(tmp_path, "stricter", STRICTER)
    found = rejudge(options(built, path, store), None)
    assert found.num_absent > 0
    assert set(dropped_by(found)) <= set(dropped_by(rejudge(options(built, path), None)))
    assert 0 < found.num_rows < rejudge(options(built, path), None).num_rows


def test_what_is_printed(built: Built, tmp_path: Path, capsys: Printed) -> None:
    old, new = recipe(tmp_path, "old", FILTERS), recipe(tmp_path, "new", STRICTER)
    arguments = ["rejudge", str(built.store), "--recipe", new, "--mirror", str(built.mirror)]
    assert mixture([*arguments, "--against", old]) == 0
    out = capsys.readouterr().out
    found = rejudge(options(built, new), old)
    lines = [line.split() for line in out.splitlines()]
    (short,) = (c for c in found.changes if c.reason == "turn_too_short")
    counts = [str(short.newly_dropped), str(short.newly_kept)]
    (row,) = (line for line in lines if line[:1] == ["turn_too_short"])
    assert row[1:3] == [f"{short.before:,}", f"{short.now:,}"] and row[4:] == counts
    assert lines[lines.index(row) - 1] == ["turn_length"]
    assert ["kept", f"{found.kept_before:,}", f"{found.kept_now:,}"] in [li[:3] for li in lines]
    assert f"recipe new against {old}: {found.num_rows:,} rows judged" in out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{tmp}/none --stage video", "there is no store {tmp}/none; build-mixture --store makes"),
        ("{tmp} --stage video --mirror {mirror}", "holds no rows for recipe video: build it once"),
        ("{tmp} --stage vdeo", "there is no stage 'vdeo'; did you mean 'video'?"),
        ("{tmp} --recipe {tmp}/none.yaml", "there is no recipe file"),
        ("{tmp} --stage video --against vdeo", "there is no 'vdeo'; did you mean 'video'?"),
        ("{tmp} --stage video --mirror /nowhere", "the mirror /nowhere does not exist"),
    ],
)
def test_mistakes(line: str, words: str, built: Built, tmp_path: Path, capsys: Printed) -> None:
    places = {"tmp": str(tmp_path), "mirror": str(built.mirror)}
    assert mixture(["rejudge", *line.format(**places).split()]) == 2
    error = capsys.readouterr().err
    assert words.format(**places) in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
