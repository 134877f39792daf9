"""The two commands as a user meets them: surface, exit codes, one sentence for each mistake."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.storage import read_json
from pipelines.cli import build_mixture, mixture
from pipelines.progress import human_bytes
from tests.conftest import Built
from tests.pipelines.trees import tree_digests

Command = Callable[[list[str]], int]
Printed = pytest.CaptureFixture[str]

# The surface of issues 2 to 4. Adding to it is a decision, removing from it breaks users.
BUILD_OPTIONS = {
    *("--stage", "--recipe", "--mirror", "--out", "--store", "--limit", "--num-samples"),
    *("--num-tokens", "--seed", "--workers", "--engine", "--ray-address", "--overwrite"),
    *("--media", "--cache-size", "--licenses", "--skip-unavailable", "--exclude"),
    *("--curriculum", "--tokenizer", "--allow-missing", "--memory", "--no-near-duplicates"),
    *("--benchmarks", "--no-decontaminate", "--holdout"),
}
# What every command takes.
COMMON = {"--json", "--quiet", "--log", "--log-level"}
VERBS: dict[str, tuple[set[str], str]] = {
    "doctor": ({"--store", "--out"}, ""),
    "completion": (set(), "{bash,zsh,tcsh}"),
    "samples": ({"--stage", "--scale"}, "dir"),
    "sources": ({"--mirror", "--markdown"}, "[NAME] [NAME]"),
    "filters": ({"--markdown"}, "[NAME]"),
    "benchmarks": ({"--mirror", "--markdown"}, "{list,build} [DIR] [NAME ...]"),
    "store": (
        {"--store", "--older-than", "--source", "--dry-run"},
        "{ls,gc}",
    ),
    "plan": (BUILD_OPTIONS, ""),
    "diff": ({"--ids"}, "a b"),
    "verify": (set(), "build"),
    "show": ({"--split"}, "build"),
    "browse": ({"--store", "--port"}, "where"),
    "report": ({"--out", "--store"}, "build"),
    "export": ({"--format", "--out", "--overwrite"}, "--format FORMAT --out DIR  build"),
    "push": (
        {"--private", "--revision", "--stage-as-config", "--i-have-the-rights"},
        "build repo",
    ),
    "ask": ({"--most-ids"}, "checkpoint image question"),
    "ablate": (
        (BUILD_OPTIONS | {"--vary", "--preset", "--init", "--steps", "--seeds"}),
        "--vary NAME=SHARES --steps N",
    ),
    "refine": ({"--from", "--target", "--out"}, "--from DIR --out FILE recipe"),
    "why": (set(), "build id"),
    "ledger": ({"--fate", "--by", "--examples", "--near", "--store"}, "build"),
    "rejudge": (
        {"--recipe", "--stage", "--against", "--mirror", "--media", "--limit"}
        | {"--skip-unavailable", "--licenses", "--exclude"},
        "store",
    ),
}

RECIPE = """
name: small
description: texts and documents
unit: samples
filters: {roles: {}, image_bounds: {min_side_px: 28}}
components:
  - {name: text, share: 50%, modality: text, sources: [magpie]}
  - {name: documents, share: 1/2, modality: image, sources: [the_cauldron/docvqa]}
"""


def help_of(command: Command, arguments: list[str], printed: Printed) -> str:
    with pytest.raises(SystemExit) as stopped:
        command([*arguments, "--help"])
    assert stopped.value.code == 0
    return printed.readouterr().out


def options_in(text: str) -> set[str]:
    return set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", text, re.MULTILINE)) - {"--help"}


def refused(command: Command, arguments: list[str], printed: Printed, code: int = 2) -> str:
    """The one line that the command ends with; it must fail with this exit code."""
    assert command(arguments) == code
    error = printed.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert "Traceback" not in error
    return error.strip()


def cells(table: str, name: str) -> list[str]:
    """The row of a printed table whose first cell is `name`."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines()]
    return next(row for row in rows if row[:1] == [name])


def build_arguments(built: Built, out: Path, *more: str) -> list[str]:
    folders = ["--mirror", str(built.mirror), "--store", str(built.store), "--out", str(out)]
    return ["--stage", "video", "--engine", "inline", *folders, *more]


def script(name: str) -> list[str]:
    return [
        sys.executable,
        "-c",
        f"import sys; from pipelines.cli import {name}; sys.exit({name}())",
    ]


# --- the surface ------------------------------------------------------------------------------


def test_the_options_of_build_mixture(capsys: Printed) -> None:
    assert options_in(help_of(build_mixture, [], capsys)) == BUILD_OPTIONS | COMMON | {"--dry-run"}


def test_the_verbs_of_mixture(capsys: Printed) -> None:
    text = help_of(mixture, [], capsys)
    assert set(re.findall(r"^    (\w+)(?: |$)", text, re.MULTILINE)) == set(VERBS)
    assert options_in(text) == set()


@pytest.mark.parametrize("verb", VERBS)
def test_what_a_verb_takes(verb: str, capsys: Printed) -> None:
    options, places = VERBS[verb]
    text = help_of(mixture, [verb], capsys)
    assert options_in(text) == options | COMMON
    usage = " ".join(text.split("\n\n")[0].split())
    words = re.sub(r"\[-.*?\]+|\(-.*?\)|\|", "", usage).split(verb, 1)[1].split()
    assert words == places.split()


# --- usage ------------------------------------------------------------------------------------

USAGE: list[tuple[Command, str, str]] = [
    (build_mixture, "--limit 5", "one of the arguments --stage --recipe --curriculum is required"),
    (build_mixture, "--stage video --log-level loud", "invalid choice: 'loud'"),
    (build_mixture, "--stage video --log {file}/x", "--log {file}/x cannot be written"),
    (build_mixture, "--stage vdeo", "there is no stage 'vdeo'; did you mean 'video'?"),
    (build_mixture, "--stage ./my.yaml", "for a file of your own say --recipe FILE"),
    (build_mixture, "--stage video --recipe x.yaml", "not allowed with argument --stage"),
    (
        build_mixture,
        "--stage video --no-decontaminate gsm8k,mnlu",
        "--no-decontaminate: there is no benchmark 'mnlu'; did you mean 'mmlu'?",
    ),
    (build_mixture, "--stage video --benchmarks /nowhere", "there is no such folder"),
    (mixture, "benchmarks build", "say where the indexes go"),
    (mixture, "benchmarks list DIR", "belong to `mixture benchmarks build`"),
    (mixture, "benchmarks build {tmp}/i --markdown", "belongs to `mixture benchmarks list`"),
    (mixture, "completion fish", "invalid choice: 'fish' (choose from 'bash', 'zsh', 'tcsh')"),
    (mixture, "benchmarks build {tmp}/i gsm9k", "there is no benchmark 'gsm9k'; did you mean"),
    (build_mixture, "--recipe none.yaml", "there is no recipe file 'none.yaml'"),
    (build_mixture, "--recipe .", "there is no recipe file '.'"),
    (build_mixture, "--stage video --mirror /nowhere", "the mirror /nowhere does not exist"),
    (build_mixture, "--stage video --mirrors x", "unrecognized arguments: --mirrors"),
    (build_mixture, "--stage video --limit 0", "argument --limit: 0 is not at least 1"),
    (build_mixture, "--stage video --limit few", "'few' is not a whole number"),
    (build_mixture, "--stage video --workers 0", "argument --workers: 0 is not at least 1"),
    (build_mixture, "--stage video --workers 1.5", "'1.5' is not a whole number"),
    (build_mixture, "--stage video --num-samples -1", "argument --num-samples: -1 is not at least"),
    (build_mixture, "--stage video --num-tokens x", "argument --num-tokens: 'x' is not a whole"),
    (
        build_mixture,
        "--stage video --holdout 60%",
        "argument --holdout: 60% is not above 0 and below 50%; 1% is a good start",
    ),
    (build_mixture, "--stage video --holdout 1/9", "'1/9' is not a share such as 1% or 0.01"),
    (build_mixture, "--stage video --seed x", "argument --seed: 'x' is not a whole number"),
    (build_mixture, "--stage video --engine dask", "invalid choice: 'dask'"),
    (
        build_mixture,
        "--stage video --num-samples 5 --num-tokens 5",
        "argument --num-tokens: not allowed with argument --num-samples",
    ),
    (
        build_mixture,
        "--stage video --engine inline --ray-address auto",
        "--ray-address needs --engine ray",
    ),
    (
        build_mixture,
        "--curriculum smolvm",
        "there is no curriculum 'smolvm'; did you mean 'smolvlm'",
    ),
    (
        build_mixture,
        "--curriculum smolvlm --stage video",
        "--stage: not allowed with argument --cu",
    ),
    (build_mixture, "--stage video --memory lots", "'lots' is not a size such as 50GB, 800MB or 0"),
    (mixture, "", "the following arguments are required: VERB"),
    (mixture, "plan --curriculum smolvm", "there is no curriculum 'smolvm'; did you mean"),
    (mixture, "diff video", "the following arguments are required: b"),
    (mixture, "diff video vdeo", "there is no 'vdeo'; did you mean 'video'?"),
    (mixture, "diff video {tmp}", "manifest.json does not exist, so this is no complete build"),
    (mixture, "diff video {file}", "a recipe is a mapping with name, unit and components"),
    (mixture, "verfy x", "invalid choice: 'verfy' (choose from 'doctor', 'samples', 'sources'"),
    (mixture, "verify", "the following arguments are required: build"),
    (mixture, "export {tmp}", "the following arguments are required: --format, --out"),
    (
        mixture,
        "export x --format lava --out {tmp}",
        "text, webdataset, energon; did you mean 'llava'?",
    ),
    (mixture, "export {tmp} --format llava --out {tmp}/o", "so this is no complete build"),
    (mixture, "plan --stage vide", "there is no stage 'vide'; did you mean 'video'?"),
    (mixture, "plan --stage video --dry-run", "unrecognized arguments: --dry-run"),
    (mixture, "sources magpi", "there is no source 'magpi'; did you mean 'magpie'?"),
    (mixture, "sources nme", "there is no source 'nme'; see `mixture sources`"),
    (mixture, "sources check magpi", "there is no source 'magpi'; did you mean 'magpie'?"),
    (mixture, "sources check --mirror /nowhere", "the mirror /nowhere does not exist"),
    (mixture, "sources check --markdown", "--markdown does not go with `check`; --json does"),
    (mixture, "sources magpie lima", "a second NAME belong to `mixture sources check`"),
    (mixture, "sources --mirror {tmp}", "--mirror and a second NAME belong to `mixture sources"),
    (mixture, "sources lima --markdown", "prints the page of all sources; leave NAME out"),
    (mixture, "sources --json --markdown", "prints a page; leave --json and --quiet out"),
    (mixture, "filters --quiet --markdown", "prints a page; leave --json and --quiet out"),
    (mixture, "store", "the following arguments are required: action"),
    (build_mixture, "--stage video --licenses free", "invalid choice: 'free' (choose from"),
    (build_mixture, "--stage video --exclude {tmp}/no", "no: No such file or directory; name a"),
    (mixture, "samples {tmp}/s --stage vdeo", "there is no stage 'vdeo'; did you mean 'video'?"),
    (mixture, "samples {tmp}/s --scale 0", "argument --scale: 0 is not at least 1"),
    (mixture, "samples {file}/s", "{file} is a file; name a folder"),
    (mixture, "verify {tmp}", "manifest.json does not exist, so this is no complete build"),
    (mixture, "verify {file}", "manifest.json does not exist, so this is no complete build"),
    (mixture, "show {tmp}", "holds no data/*.parquet: it is not a build"),
    (mixture, "why {tmp} a/b/c", "holds no ledger: it is not a finished build"),
    (mixture, "ledger {tmp}", "manifest.json does not exist, so this is no complete build"),
    (mixture, "ledger {tmp} --fate gone", "there is no fate 'gone' (kept, dropped, merged_into"),
    (mixture, "rejudge {tmp}", "one of the arguments --stage --recipe is required"),
    (mixture, "rejudge {tmp}/none --stage video", "there is no store {tmp}/none; build-mixture"),
]


@pytest.mark.parametrize(("command", "line", "words"), USAGE, ids=[c[1] or "none" for c in USAGE])
def test_wrong_usage(
    command: Command, line: str, words: str, tmp_path: Path, capsys: Printed
) -> None:
    places = {"tmp": str(tmp_path), "file": str(tmp_path / "file")}
    (tmp_path / "file").write_text("not a folder")
    arguments = [part.format(**places) for part in line.split()]
    assert words.format(**places) in refused(command, arguments, capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


RECIPES: list[tuple[str, str, str, str]] = [
    ("sum", "1/2", "1/3", "recipe: its components' shares sum to 5/6 (83.333333%), not 1"),
    ("key", "filters:", "filter:", "line 5: filter: unknown key; did you mean 'filters'?"),
    ("no key", "unit: samples", "", "unit: this key is required"),
    ("unit", "unit: samples", "unit: rows", "line 4: unit: input should be 'samples'"),
    ("modality", "modality: text", "modality: sound", "line 7: text/modality: input should be"),
    ("source", "[magpie]", "[magpy]", "there is no source 'magpy'; did you mean 'magpie'?"),
    ("subset", "docvqa", "docvq", "source the_cauldron has no subset 'docvq'; did you mean"),
    ("filter", "roles:", "rolls:", "there is no filter 'rolls'; did you mean 'roles'?"),
    ("param", "min_side_px", "min_side", "filter image_bounds: min_side: Extra inputs are not"),
    ("value", "28", "x", "filter image_bounds: min_side_px: Input should be a valid integer"),
    ("YAML", "components:", "components: [", "this is not YAML"),
    ("empty", RECIPE, "", "a recipe is a mapping with name, unit and components"),
]


@pytest.mark.parametrize(("name", "old", "new", "words"), RECIPES, ids=[r[0] for r in RECIPES])
def test_a_wrong_recipe(
    name: str, old: str, new: str, words: str, built: Built, tmp_path: Path, capsys: Printed
) -> None:
    assert old in RECIPE
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE.replace(old, new))
    arguments = ["--recipe", str(path), "--mirror", str(built.mirror)]
    error = refused(build_mixture, arguments, capsys)
    assert words in error
    assert error.startswith((f"error: {path}", "error: recipe small: ", "error: filter ")) or (
        "filter" in name
    )


def test_a_recipe_file_of_a_built_in_name_is_the_file(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("video").write_text(RECIPE)
    folders = ["--mirror", str(built.mirror), "--store", str(built.store)]
    assert mixture(["plan", "--recipe", "video", *folders]) == 0
    assert "recipe small" in capsys.readouterr().out
    Path("mine").write_text(RECIPE)
    assert "--recipe FILE" in refused(build_mixture, ["--stage", "mine"], capsys)


# --- folders ----------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--out", "--store"])
def test_a_folder_that_cannot_be_written_is_told_before_work_starts(
    option: str, built: Built, tmp_path: Path, capsys: Printed
) -> None:
    """A path below a file, since root may write anywhere."""
    (tmp_path / "file").write_text("not a folder")
    arguments = build_arguments(built, tmp_path / "out", "--store", str(tmp_path / "store"))
    error = refused(build_mixture, [*arguments, option, str(tmp_path / "file" / "x")], capsys)
    assert f"{option} {tmp_path / 'file' / 'x'}: {tmp_path / 'file'} is a file" in error
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write(built: Built, tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "mine").mkdir(mode=0o555)
    arguments = build_arguments(built, tmp_path / "mine" / "out")
    assert "cannot be written to" in refused(build_mixture, arguments, capsys)


@pytest.mark.parametrize(
    ("name", "text"),
    [("thesis.txt", "mine"), ("plan.json", "{"), ("plan.json", '{"floors": 3}')],
)
def test_a_folder_of_somebody_else_is_left_alone(
    name: str, text: str, built: Built, tmp_path: Path, capsys: Printed
) -> None:
    """Also with --overwrite, and also one whose files are named as ours are."""
    out = tmp_path / "out"
    (out / "data").mkdir(parents=True)
    (out / "data" / "measured.csv").write_text("1,2")
    (out / name).write_text(text)
    before = tree_digests(out)
    for more in ([], ["--overwrite"]):
        error = refused(build_mixture, build_arguments(built, out, *more), capsys)
        assert f"--out {out} is not empty and not a build; name another folder" in error
    assert tree_digests(out) == before


def test_out_is_a_file(built: Built, tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "out").write_text("mine")
    error = refused(build_mixture, build_arguments(built, tmp_path / "out"), capsys)
    assert f"--out {tmp_path / 'out'}: {tmp_path / 'out'} is a file; name a folder" in error


def test_too_little_disk_is_told_before_work_starts(
    built: Built, tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("build", "write"):
        monkeypatch.setattr(f"pipelines.{module}.free_bytes", lambda uri: 1000)
    fresh = ["--store", str(tmp_path / "store")]
    error = refused(build_mixture, build_arguments(built, tmp_path / "out", *fresh), capsys)
    assert "and its disk has 1.0 kB free; name another with --store" in error
    error = refused(build_mixture, build_arguments(built, tmp_path / "out"), capsys)
    assert "has 1.0 kB free; name another --out, or ask for less with --num-samples" in error
    assert not (tmp_path / "store").exists() and not (tmp_path / "out" / "data").exists()


def test_a_mirror_without_a_source(built: Built, tmp_path: Path, capsys: Printed) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(built.mirror / "Magpie-Align", mirror / "Magpie-Align")
    arguments = build_arguments(built, tmp_path / "out", "--mirror", str(mirror))
    assert "source finevideo has no annotation files below the mirror" in refused(
        build_mixture, arguments, capsys
    )


def test_more_than_there_is(built: Built, tmp_path: Path, capsys: Printed) -> None:
    arguments = build_arguments(built, tmp_path / "out", "--num-samples", "1000000000")
    assert "the largest total that works is " in refused(build_mixture, arguments, capsys)
    arguments = build_arguments(built, tmp_path / "out", "--num-tokens", "3")
    assert "--num-tokens 3 is less than one sample" in refused(build_mixture, arguments, capsys)


def test_a_damaged_store_is_named(built: Built, tmp_path: Path, capsys: Printed) -> None:
    store = Path(shutil.copytree(built.store, tmp_path / "store"))
    for pattern in ("rows/magpie/*/*/turns.parquet", "rows/magpie/*/*/samples.arrow"):
        file = sorted(store.glob(pattern))[0]
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        arguments = build_arguments(built, tmp_path / "out", "--store", str(store))
        error = refused(build_mixture, arguments, capsys, code=1)
        assert f"{file} is damaged" in error and "run the build-mixture command again" in error
        file.write_bytes(whole)


def test_a_damaged_build_is_named(built: Built, tmp_path: Path, capsys: Printed) -> None:
    out = Path(shutil.copytree(built.out, tmp_path / "out"))
    for verb, name in (
        ("show", "data/train-00000-of-00008.parquet"),
        ("why", "ledger/magpie.parquet"),
    ):
        (out / name).write_bytes(b"PAR1")
        arguments = [verb, str(out), *(["a/b/c"] if verb == "why" else [])]
        assert f"{name} is damaged" in refused(mixture, arguments, capsys, code=1)


# --- what works -------------------------------------------------------------------------------


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_plan_writes_nothing(
    dry_run: bool, built: Built, tmp_path: Path, capsys: Printed
) -> None:
    """`mixture plan` and `build-mixture --dry-run` are one."""
    arguments = build_arguments(built, tmp_path / "out", "--store", str(tmp_path / "store"))
    assert (
        build_mixture([*arguments, "--dry-run"]) if dry_run else mixture(["plan", *arguments])
    ) == 0
    out, error = capsys.readouterr()
    assert error == "" and list(tmp_path.iterdir()) == []
    assert "plan of video, components by the cards, sizes as upstream has them" in out
    assert re.search(r"in the store: 0 shards; to curate: \d+ shards, \d+\.\d MB", out)
    assert re.search(r"^ +text +14\.00% ", out, re.MULTILINE)
    size = sum(f.stat().st_size for f in built.mirror.glob("Magpie-Align/**/*.parquet"))
    assert re.search(rf"^ +magpie +4\.5M +{human_bytes(size)} +{human_bytes(size)} ", out, re.M)
    assert re.search(r"curate: very roughly \d+ s on \d+ cores after the download\n", out)


def test_a_plan_over_a_full_store_says_what_is_drawn(
    built: Built, tmp_path: Path, capsys: Printed
) -> None:
    before = tree_digests(built.store)
    assert mixture(["plan", *build_arguments(built, tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "plan of video, by the facts in the store" in out
    assert "to curate: 0 shards, 0 B" in out and "one more row would not fit: component" in out
    drawn = read_json(str(built.out / "plan.json"))
    rows = {
        path: sum(leaf["quota"] for leaf in drawn["leaves"] if leaf["path"].startswith(path))
        for path in ("image", "video")
    }
    for path, share in (("image", "41.00%"), ("video", "33.00%")):
        assert re.search(rf"^ +{path} +{share} +\S+ +{rows[path]:,} ", out, re.M)
    assert tree_digests(built.store) == before and not (tmp_path / "out").exists()


def test_a_plan_without_upstream_goes_by_the_cards(tmp_path: Path, capsys: Printed) -> None:
    arguments = ["--stage", "video", "--store", str(tmp_path / "store")]
    assert mixture(["plan", *arguments]) == 0
    out = capsys.readouterr().out
    assert "plan of video, by the cards alone (hf://datasets/" in out and "[Errno" not in out
    assert re.search(r"^ +finevideo +43\.8k +600\.0 GB ", out, re.MULTILINE)
    assert mixture(["plan", *arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["basis"] == "cards" and said["components"][0]["share"] == "7/50"
    assert list(tmp_path.iterdir()) == []
    assert "finevideo cannot be reached" in refused(build_mixture, arguments, capsys)


def test_a_plan_of_a_recipe_that_needs_allow_missing(
    built: Built, tmp_path: Path, capsys: Printed
) -> None:
    """What would be built with it is shown, and that it is needed; a build is refused."""
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE.replace("sources: [magpie]", "unavailable: it is not published"))
    folders = ["--mirror", str(built.mirror), "--store", str(built.store), "--engine", "inline"]
    arguments = ["--recipe", str(path), *folders, "--out", str(tmp_path / "out")]
    assert mixture(["plan", *arguments]) == 0
    out = capsys.readouterr().out
    assert "without text: it is not published" in out
    assert out.splitlines()[-1].startswith("this needs --allow-missing: nobody can have the data")
    assert re.search(r"^ +documents +100\.00% ", out, re.MULTILINE)
    assert "--allow-missing builds without" in refused(build_mixture, arguments, capsys)
    assert mixture(["plan", *arguments, "--allow-missing"]) == 0
    assert "this needs" not in capsys.readouterr().out
    assert build_mixture([*arguments, "--allow-missing", "--num-samples", "8"]) == 0
    assert "without text: it is not published" in capsys.readouterr().out


def test_a_plan_where_a_measure_is_missing_does_not_make_it(
    built: Built, tmp_path: Path, capsys: Printed
) -> None:
    store = Path(shutil.copytree(built.store, tmp_path / "store"))
    sorted(store.rglob("measures/roles-1.parquet"))[0].unlink()
    before = tree_digests(store)
    arguments = build_arguments(built, tmp_path / "out", "--store", str(store))
    assert mixture(["plan", *arguments]) == 0
    out = capsys.readouterr().out
    assert "to curate: 0 shards" in out and "components by the cards" in out
    assert "measures of filters or tokens are still to be made; a build makes them" in out
    assert tree_digests(store) == before


def test_a_build_prints_what_was_asked_and_achieved(
    built: Built, tmp_path: Path, capsys: Printed
) -> None:
    """A path is printed as it is, also where it looks like markup."""
    out = tmp_path / "my [/red] build"
    arguments = build_arguments(built, out, "--num-samples", "64")
    assert build_mixture(arguments) == 0
    text, error = capsys.readouterr()
    assert error == ""
    assert f"recipe video, store {built.store}, out {out}\n" in text
    assert cells(text, "text")[1:4] == ["14.00%", "14.06%", "9"]
    assert text.endswith(f"report: {out}/report.html\n")
    assert build_mixture(arguments) == 0
    assert "this build is complete already; nothing to do" in capsys.readouterr().out
    changed = build_arguments(built, out, "--num-samples", "128")
    assert "say --overwrite to replace it" in refused(build_mixture, changed, capsys)


def test_a_recipe_of_texts_alone(built: Built, tmp_path: Path, capsys: Printed) -> None:
    """No media anywhere, and a filter of media in the recipe all the same."""
    path = tmp_path / "texts.yaml"
    path.write_text(RECIPE.split("  - {name: documents")[0].replace("50%", "100%"))
    out = tmp_path / "out"
    folders = ["--mirror", str(built.mirror), "--store", str(built.store), "--out", str(out)]
    assert build_mixture(["--recipe", str(path), "--engine", "inline", *folders]) == 0
    assert mixture(["verify", str(out)]) == 0
    assert cells(capsys.readouterr().out, "text")[1:3] == ["100.00%", "100.00%"]


def test_a_file_of_the_mirror_that_is_damaged(
    built: Built, tmp_path: Path, capsys: Printed
) -> None:
    (tmp_path / "mine.yaml").write_text(RECIPE)
    mirror = tmp_path / "mirror"
    for name in ("Magpie-Align", "HuggingFaceM4"):
        shutil.copytree(built.mirror / name, mirror / name)
    file = sorted(mirror.glob("HuggingFaceM4/the_cauldron/docvqa/*.parquet"))[0]
    file.write_bytes(b"PAR1 no table PAR1")
    arguments = ["--recipe", str(tmp_path / "mine.yaml"), "--mirror", str(mirror)]
    assert file.name in refused(mixture, ["plan", *arguments], capsys)


def test_why_and_show(built: Built, capsys: Printed) -> None:
    assert mixture(["show", str(built.out)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("user: ") >= 5
    first = re.search(r"0  (\S+/\S+/[0-9a-f]{32})", shown)
    assert first is not None
    assert mixture(["why", str(built.out), first[1]]) == 0
    answer = capsys.readouterr().out
    assert ": kept at quota by " in answer and f"; id {first[1]}" in answer
    assert re.search(r"emitted as row 0 of data/train-00000-of-\d{5}.parquet", answer)


@pytest.mark.parametrize("verb", ["show", "plan"])
def test_a_reader_that_went_away_is_no_error(verb: str, built: Built, tmp_path: Path) -> None:
    """`mixture show BUILD | head -1`: here the pipe is closed before the first line."""
    arguments = ["show", str(built.out)] if verb == "show" else []
    arguments = arguments or ["plan", *build_arguments(built, tmp_path / "out")]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*script("mixture"), *arguments], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
