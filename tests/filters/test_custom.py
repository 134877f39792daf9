"""A user's own filter, named by its path: CONTRIBUTING.md's example, done in an empty folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import filters
from filters import plugins
from filters.base import Filter
from filters.contract import CHECKS, Subject, load_subject
from manifests.build import load_manifest
from manifests.errors import RecipeError, UsageError
from manifests.storage import read_parquet
from mixtures.recipe_file import load_recipe
from pipelines.build import build
from pipelines.cli import mixture
from pipelines.diff import diff
from pipelines.engine import RayEngine
from pipelines.judge import parse_rules
from pipelines.options import BuildOptions
from pipelines.verify import verify
from tests.pipelines.on_ray import build_on
from tests.pipelines.trees import tree_digests

Printed = pytest.CaptureFixture[str]

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```\w+\n# \./(?P<name>\S+)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
_CASES = re.compile(r"^```json\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
_ANSWERS = ["Yes.", "NO!", "It is a CAT.", "OFF. OFf", "Well."]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The folder with the page's files and some data."""
    folder = tmp_path / "mine"
    folder.mkdir()
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = {match["name"]: match["text"] for match in _BLOCK.finditer(guide)}
    cases = [match["text"] for match in _CASES.finditer(guide)]
    assert sorted(found) == ["calm.yaml", "shouting.py", "test_shouting.py"] and len(cases) == 1
    for name, text in {**found, "shouting.json": cases[0]}.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("talks", "code"):
        rows = [
            {
                "messages": [
                    {"role": "user", "content": f"{name} {number}?"},
                    {"role": "assistant", "content": answer},
                ]
            }
            for number, answer in enumerate(_ANSWERS)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def options(folder: Path, **more: Any) -> BuildOptions:
    places = {name: str(folder / name) for name in ("store", "out")}
    return BuildOptions(recipe=str(folder / "calm.yaml"), **{**places, "engine": "inline", **more})


def reasons(out: Path) -> dict[str, list[str | None]]:
    """Of each subset's rows, in order: the filter's reason, or null."""
    ledger = read_parquet(str(out / "ledger/local.parquet")).to_pylist()
    ledger.sort(key=lambda entry: entry["row"])
    return {
        name: [e["rule"] if e["fate"] == "dropped" else None for e in ledger if e["subset"] == name]
        for name in ("talks", "code")
    }


def test_the_pages_own_test_passes(example: Path) -> None:
    command = [sys.executable, "-m", "pytest", "test_shouting.py", "-p", "no:cacheprovider"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, cwd=example, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0 and f"{len(CHECKS)} passed" in ran.stdout, ran.stdout + ran.stderr


def test_it_judges_by_policy_and_is_told_of(example: Path) -> None:
    build(options(example), Console(quiet=True))
    shouts = "answer_shouts"
    assert reasons(example / "out") == {
        "talks": [None, shouts, None, shouts, None],
        "code": [None, shouts, None, None, None],
    }
    manifest = load_manifest(str(example / "out"))
    used = {use.name: use for use in manifest.filters}["shouting"]
    assert used.params == {"max_upper_share": 0.5}
    assert used.policies == {"code": {"max_upper_share": 0.9}}
    card = (example / "out/README.md").read_text()
    assert "| shouting | code | max_upper_share 0.9 |" in card
    assert "| shouting | all others | max_upper_share 0.5 |" in card
    verify(str(example / "out"), lambda path: None)


def test_a_plan_holds_its_digest_and_not_its_place(example: Path) -> None:
    build(options(example), Console(quiet=True))
    text = (example / "out/plan.json").read_text()
    plan = json.loads(text)
    digest = filters.get(str(example / "shouting.py")).digest
    assert plan["pins"]["filter:shouting"] == f"1-{digest}"
    assert plan["recipe"]["filter_modules"] == {"shouting": "./shouting.py"}
    assert str(example) not in text


def test_builds_of_it_are_compared_without_its_module(example: Path) -> None:
    build(options(example), Console(quiet=True))
    (example / "shouting.py").rename(example / "gone.py")
    other = example / "other.yaml"
    other.write_text((example / "calm.yaml").read_text().replace("0.9}", "0.8}"))
    said = diff(str(example / "out"), str(other)).as_json()["settings"]
    assert said == {"policies.code.shouting.max_upper_share": [0.9, 0.8]}


def test_an_edited_filter_is_measured_again(example: Path) -> None:
    build(options(example), Console(quiet=True))
    module = example / "shouting.py"
    before = module.stat()
    module.write_text(module.read_text().replace(r"\p{Lu}", r"\p{Ll}"))  # what is small is loud
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))  # within the clock's grain
    plugins.load.cache_clear()  # a process loads a path once
    build(options(example, out=str(example / "again")), Console(quiet=True))
    assert reasons(example / "again")["talks"] == [
        *("answer_shouts", None, None, None, "answer_shouts")
    ]
    assert len(list((example / "store").rglob("shouting-1-*.parquet"))) == 4
    assert not (example / "__pycache__").exists()


def test_a_build_on_ray_has_the_same_bytes(
    example: Path, ray_engine: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers load the file by its path: to measure, to judge, and for conditions."""
    build(options(example), Console(quiet=True))
    build_on(ray_engine, monkeypatch)
    more = {"store": str(example / "store-of-ray"), "out": str(example / "out-of-ray")}
    build(options(example, engine="ray", **more), Console(quiet=True))
    for part in ("data", "ledger"):
        assert tree_digests(example / "out" / part) == tree_digests(example / "out-of-ray" / part)


# --- what is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("FILTER = Shouting()", "", "binds no FILTER"),
        ("FILTER = Shouting()", "FILTER = Shouting", "binds no FILTER"),
        ('= "shouting"', '= "calm"', "calls its filter 'calm'; the file's name is its name"),
        ("version: ClassVar[int] = 1", "", "its filter says no version"),
        ("SCORES = pa.schema(", "SCORE = pa.schema(", "the file binds no SCORES"),
        ('"sample", "media"]] = "sample"', '"sample", "media"]] = "row"', "level is 'row'"),
        ('("answer_shouts",)', '("It shouts",)', "reasons are a tuple of words in small letters"),
        ('("answer_shouts",)', '("turn_too_long",)', "'turn_too_long' is the filter turn_length's"),
        ("] = ShoutingParams", "] = dict", "params_type is no class derived from"),
        ("FILTER = Shouting()", "raise SystemExit(3)", r"shouting.py, line \d+: SystemExit: 3"),
        ("import numpy as np", "import nunpy as np", r"shouting.py, line 7: ModuleNotFoundError"),
        ("SCORES = pa.schema(", "SCORES = pa.schema((", r"shouting.py, line \d+: SyntaxError"),
    ],
)
def test_a_module_that_is_no_filter(example: Path, before: str, after: str, said: str) -> None:
    module = example / "shouting.py"
    module.write_text(module.read_text().replace(before, after))
    with pytest.raises(UsageError, match=said):
        filters.get(str(module))


_NO_MODEL = """
from filters.turn_length import SCORES, TurnLength
from filters.models import ModelFilter

class Mine(ModelFilter, TurnLength):
    name = "mine"
    reasons = ("mine_too_long",)
    check = load = None
    LINE

FILTER = Mine()
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("files = ('*.bin',)", "settings_type is a class derived from filters.models.Settings"),
        ("from filters.models import Settings as settings_type", "files are patterns of the names"),
    ],
)
def test_a_module_that_is_no_model_filter(tmp_path: Path, line: str, said: str) -> None:
    module = tmp_path / "mine.py"
    module.write_text(_NO_MODEL.replace("LINE", line))
    with pytest.raises(UsageError, match=said):
        filters.get(str(module))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("share = upper", "share = lower", r"shouting.py, line \d+: NameError: name 'lower'"),
        (
            "return score_batch(SCORES, upper_share=share, num_nulls=chats.num_nulls_s)",
            "return pa.RecordBatch.from_pydict({'upper_share': share})",
            "measure gives other columns than SCORES",
        ),
        (
            "upper_share=share, num_nulls=chats.num_nulls_s",
            "upper_share=share[:2], num_nulls=chats.num_nulls_s[:2]",
            "measure gives 2 rows for 5; it gives one for each",
        ),
        ('pl.col("num_nulls")', 'pl.col("nulls")', r"shouting.py, line \d+: ColumnNotFoundError"),
        (
            "return first_reason(scores, {",
            "return (lambda *a: a)(scores, {",
            "no series of reasons",
        ),
        ("return first_reason(scores,", "return first_reason(scores[:1],", "gives 1 answers for 5"),
        (
            '{"answer_shouts": (pl',
            '{"loud": (pl',
            "judge gives 'loud', which is none of its reasons",
        ),
    ],
)
def test_what_goes_wrong_in_it_is_told(example: Path, before: str, after: str, said: str) -> None:
    module = example / "shouting.py"
    assert before in module.read_text()
    module.write_text(module.read_text().replace(before, after))
    with pytest.raises(UsageError, match=said):
        build(options(example), Console(quiet=True))


def test_a_fault_in_it_is_told_by_workers(
    example: Path, ray_engine: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = example / "shouting.py"
    module.write_text(module.read_text().replace("share = upper", "share = lower"))
    build_on(ray_engine, monkeypatch)
    with pytest.raises(UsageError, match=r"shouting.py, line \d+: NameError: name 'lower'"):
        build(options(example, engine="ray"), Console(quiet=True))


def test_a_build_of_it_is_looked_at_from_anywhere(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """Its ledger, and what another threshold would keep: the plan says no place, run.json does."""
    monkeypatch.chdir(example)
    places: dict[str, Any] = {"recipe": "calm.yaml", "store": "store", "out": "out"}
    build(BuildOptions(**places, engine="inline"), Console(quiet=True))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    out = str(example / "out")
    assert mixture(["ledger", out, "--fate", "dropped", "--near", "--examples", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["gone"] == {}
    near = {(row["threshold"], row["place"]): row["turns_at"] for row in said["near"]["rows"]}
    assert near == pytest.approx(
        {
            (0.5, "local/talks/talks.jsonl#3"): 5 / 6,
            (0.5, "local/talks/talks.jsonl#1"): 1.0,
            (0.9, "local/code/code.jsonl#1"): 1.0,
        },
        rel=1e-5,
    )
    (group,) = said["groups"]
    assert group["filter"] == "shouting"
    assert {e["place"]: e["thresholds"] for e in group["examples"]} == {
        "local/talks/talks.jsonl#1": {"max_upper_share": 0.5},
        "local/talks/talks.jsonl#3": {"max_upper_share": 0.5},
        "local/code/code.jsonl#1": {"max_upper_share": 0.9},
    }
    other = example / "other.yaml"
    other.write_text((example / "calm.yaml").read_text().replace("0.5}", "0.9}"))
    words = [str(example / "store"), "--recipe", str(other), "--against", out, "--json"]
    assert mixture(["rejudge", *words]) == 0
    (change,) = json.loads(capsys.readouterr().out)["reasons"]
    assert (change["before"], change["now"], change["newly_kept"]) == (3, 2, 1)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda module: module.write_text(module.read_text() + "# more\n"), "has changed since"),
        (lambda module: module.unlink(), "shouting.py is not there"),
    ],
)
def test_a_ledger_tells_of_filters_that_are_gone(
    example: Path, edit: Callable[[Path], Any], why: str, capsys: Printed
) -> None:
    build(options(example), Console(quiet=True))
    edit(example / "shouting.py")
    plugins.load.cache_clear()
    assert mixture(["ledger", str(example / "out"), "--fate", "dropped", "--near"]) == 0
    out = capsys.readouterr().out
    assert "no thresholds of shouting: " in out and why in out
    assert "shouting.max_upper_share" not in out and "no row is near a threshold" in out


def test_a_list_names_filters_too(example: Path) -> None:
    recipe = example / "calm.yaml"
    said = "filters: {roles: {}, ./shouting.py: {max_upper_share: 0.5}}"
    assert said in recipe.read_text()
    recipe.write_text(recipe.read_text().replace(said, "filters: [roles, ./shouting.py]"))
    rules = {rule.filter.name: rule for rule in parse_rules(load_recipe(str(recipe)))}
    assert list(rules) == ["roles", "shouting"]
    assert rules["shouting"].params == rules["shouting"].filter.params_type()
    assert rules["shouting"].filter.origin == str(example / "shouting.py")
    recipe.write_text(recipe.read_text().replace("[roles, ", "[roles, roles, "))
    with pytest.raises(RecipeError, match=r"line 4: the filter 'roles' is named twice"):
        load_recipe(str(recipe))


def test_a_module_that_is_not_there(example: Path) -> None:
    (example / "shouting.py").unlink()
    with pytest.raises(UsageError, match=r"shouting\.py is not there"):
        build(options(example), Console(quiet=True))


def test_a_name_that_no_condition_could_say(tmp_path: Path) -> None:
    (tmp_path / "my-filter.py").write_text("FILTER = 1\n")
    with pytest.raises(UsageError, match="small letters, digits and _"):
        filters.get(str(tmp_path / "my-filter.py"))


def test_the_name_of_a_filter_of_ours_is_taken(example: Path) -> None:
    recipe = example / "calm.yaml"
    recipe.write_text(recipe.read_text().replace("roles: {}, ./shouting.py", "./roles.py"))
    with pytest.raises(
        RecipeError, match=r"line 4: .*/roles\.py is called like the filter 'roles'"
    ):
        build(options(example), Console(quiet=True))


def test_wrong_params_are_told_with_file_and_line(example: Path) -> None:
    recipe = example / "calm.yaml"
    recipe.write_text(recipe.read_text().replace("share: 0.9", "shar: 0.9"))
    said = r"calm\.yaml, line 6: recipe: filter shouting: max_upper_shar: .*mean 'max_upper_share'"
    with pytest.raises(RecipeError, match=said):
        build(options(example), Console(quiet=True))


def test_paths_start_at_the_folder_of_the_recipe_that_says_them(example: Path) -> None:
    below = example / "below"
    below.mkdir()
    (below / "child.yaml").write_text("name: child\nextends: ../calm.yaml\n")
    rules = {
        rule.filter.name: rule.filter
        for rule in parse_rules(load_recipe(str(below / "child.yaml")))
    }
    assert rules["shouting"].origin == str(example / "shouting.py")


# --- the contract can fail ------------------------------------------------------------------------

_BREAKS: dict[str, tuple[str, str]] = {
    "check_cases": ("<= params", "< 0 * params"),
    "check_every_reason_has_a_hit_and_a_near_miss": ('("answer_shouts",)', '("shouts", "loud")'),
    "check_declaration": (', description="share allowed"', ""),
    "check_reasons_belong_to_one_filter": ('("answer_shouts",)', '("turn_too_long",)'),
    "check_scores_have_the_documented_types": ("upper_share", "upper_part"),
    "check_only_declared_columns_are_read": (
        "chats = flatten(batch)",
        'chats = flatten(batch)\n        assert "row" in batch.schema.names',
    ),
    "check_batch_size_order_and_slices_do_not_matter": (
        "np.maximum(letters, 1)",
        "np.maximum(letters.sum(), 1)",
    ),
    "check_pure": ("chats = flatten(batch)", "chats = flatten(batch)\n        type(self).n += 1"),
    "check_empty_batch": ("np.maximum(letters, 1)", "max(letters.max(), 1)"),
    "check_null_columns_fail_closed": ('(pl.col("num_nulls") == 0) & ', ""),
    "check_null_scores_fail_closed": (
        '(pl.col("num_nulls") == 0) & is_calm',
        "is_calm.fill_null(True)",
    ),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
def test_each_check_finds_what_it_is_for(example: Path, check: Callable[[Subject], None]) -> None:
    module = example / "shouting.py"
    before, after = _BREAKS[check.__name__]
    text = module.read_text()
    assert text.count(before) >= 1
    text = text.replace(before, after)
    if "self).n" in after:
        text = text.replace("share = upper", "share = self.n * upper")
        text = text.replace("    name: ClassVar", "    n = 0\n    name: ClassVar")
    module.write_text(text)
    with pytest.raises((AssertionError, ValueError)):
        check(load_subject(module, example / "shouting.json"))


def test_ours_are_known_by_their_names() -> None:
    assert all(isinstance(found, Filter) for found in filters.discover().values())
    roles = filters.get("roles")
    assert (roles.ref, roles.fingerprint) == ("roles", str(roles.version))
