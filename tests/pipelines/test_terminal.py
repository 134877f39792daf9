"""What every command takes: --json, --quiet, --log; what it says alone; completion; colours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mixtures.curriculum import curriculum_names
from mixtures.recipe_file import builtin_names
from pipelines.cli import build_mixture, mixture
from tests.conftest import Built
from tests.pipelines.test_cli import VERBS, Command, script

Printed = pytest.CaptureFixture[str]

# What each verb is asked in `--json`; {out}, {store}, {mirror}, {recipe} are of a small build.
ASKED: dict[str, str] = {
    "samples": "{mirror} --stage video",
    "sources": "",
    "filters": "roles",
    "benchmarks": "list",
    "plan": "--recipe {recipe} --mirror {mirror} --store {store} --engine inline",
    "diff": "{out} {out}",
    "verify": "{out}",
    "show": "{out}",
    "report": "{out} --out {tmp}/report.html",
    "export": "{out} --format text --out {tmp}/text",
    "why": "{out} {id}",
    "ledger": "{out}",
    "rejudge": "{store} --recipe {recipe} --mirror {mirror}",
    "store": "ls --store {store}",
    "completion": "bash",
}
# They need a Hub, a checkpoint, an ablation or a Ray of their own; browse ends when it is stopped.
ELSEWHERE = {"push", "ask", "doctor", "ablate", "refine", "browse"}


@pytest.fixture(scope="module")
def one_id(small_built: Built) -> str:
    import polars as pl

    kept = pl.read_parquet(str(small_built.out / "ledger" / "*.parquet")).filter(fate="kept")
    return str(kept["id"].sort()[0])


def words_of(line: str, built: Built, tmp_path: Path, one_id: str) -> list[str]:
    places = {name: str(getattr(built, name)) for name in ("out", "store", "mirror", "recipe")}
    return [word.format(**places, tmp=tmp_path, id=one_id) for word in line.split()]


def only_json(command: Command, words: list[str], printed: Printed, code: int = 0) -> Any:
    """What is printed, which must be one JSON value and nothing else."""
    assert command([*words, "--json"]) == code
    return json.loads(printed.readouterr().out)


def test_every_verb_is_asked() -> None:
    assert set(ASKED) | ELSEWHERE == set(VERBS)


@pytest.mark.parametrize("verb", ASKED)
def test_json_and_nothing_else(
    verb: str, small_built: Built, one_id: str, tmp_path: Path, capsys: Printed
) -> None:
    words = words_of(ASKED[verb], small_built, tmp_path, one_id)
    assert only_json(mixture, [verb, *words], capsys)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("verb", ["verify", "ledger", "export", "plan", "store"])
def test_quiet_prints_nothing(
    verb: str, small_built: Built, one_id: str, tmp_path: Path, capsys: Printed
) -> None:
    words = words_of(ASKED[verb], small_built, tmp_path, one_id)
    assert mixture([verb, *words, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_build_in_json(small_built: Built, capsys: Printed) -> None:
    """Shares of the highest level sum to 1, those inside a component to its own."""
    built = small_built
    words = ["--recipe", built.recipe, "--mirror", str(built.mirror), "--out", str(built.out)]
    words += ["--store", str(built.store), "--engine", "inline"]
    said = only_json(build_mixture, words, capsys)
    verified = only_json(mixture, ["verify", str(built.out)], capsys)
    assert said == verified and said["rows"] > 0
    top = [part for part in said["components"] if "/" not in part["name"]]
    assert sum(part["asked"] for part in top) == pytest.approx(1)
    assert sum(part["achieved"] for part in top) == pytest.approx(1)
    said = only_json(build_mixture, [*words, "--dry-run"], capsys)
    assert said["recipe"] == "small" and said["basis"] == "store"


def test_samples_in_json_hold_no_bytes(small_built: Built, capsys: Printed) -> None:
    said = only_json(mixture, ["show", str(small_built.out)], capsys)
    assert all(set(image) == {"num_bytes"} for sample in said for image in sample["images"])
    assert all(sample["messages"] for sample in said)


def test_an_error_in_json(tmp_path: Path, capsys: Printed) -> None:
    assert mixture(["verify", str(tmp_path), "--json"]) == 2
    out, error = capsys.readouterr()
    said = json.loads(out)
    assert said["exit_code"] == 2 and error == f"error: {said['error']}\n"
    assert "so this is no complete build" in said["error"]
    said = only_json(mixture, ["verfy"], capsys, code=2)
    assert "invalid choice: 'verfy'" in said["error"]


# --- the log ----------------------------------------------------------------------------------


def test_a_log_has_what_was_printed(small_built: Built, tmp_path: Path, capsys: Printed) -> None:
    """Also of a command that was to be quiet, and one after another."""
    log = tmp_path / "logs" / "mixture.log"
    for verb in ("verify", "ledger"):
        assert mixture([verb, str(small_built.out), "--quiet", "--log", str(log)]) == 0
    lines = log.read_text().splitlines()
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO smolmix \S.*"
    assert all(re.fullmatch(form, line) for line in lines)
    assert f"mixture verify {small_built.out}" in lines[0]
    assert f"{small_built.out} holds: " in lines[1]
    assert sum("exit code 0 after " in line for line in lines) == 2
    assert any(" | " in line for line in lines), "the ledger's table is in it, a line a row"


@pytest.mark.parametrize(
    ("level", "levels", "has_trace"),
    [
        ("error", {"ERROR"}, False),
        ("info", {"ERROR", "INFO"}, False),
        ("debug", {"ERROR", "INFO", "DEBUG"}, True),
    ],
)
def test_a_log_of_what_failed(
    level: str, levels: set[str], has_trace: bool, tmp_path: Path, capsys: Printed
) -> None:
    log = tmp_path / "log"
    words = ["--mirror", "https://user:secret@nowhere/data?key=secret", "--engine", "inline"]
    words += ["--store", str(tmp_path / "store"), "--log", str(log), "--log-level", level]
    assert build_mixture(["--stage", "video", *words]) != 0
    text = log.read_text()
    assert set(re.findall(r"Z ([A-Z]+) smolmix", text)) == levels
    assert ("Traceback" in text) == has_trace
    assert "secret" not in text
    assert capsys.readouterr().err.strip().removeprefix("error: ") in text


def test_a_log_of_a_build_has_its_tasks(small_built: Built, tmp_path: Path) -> None:
    built, log = small_built, tmp_path / "log"
    words = ["--recipe", built.recipe, "--mirror", str(built.mirror), "--engine", "inline"]
    words += ["--store", str(tmp_path / "store"), "--out", str(tmp_path / "out"), "--quiet"]
    assert build_mixture([*words, "--log", str(log), "--log-level", "debug"]) == 0
    text = log.read_text()
    for stage in ("curate", "emit"):
        assert re.search(rf"DEBUG smolmix {stage}: \S.* ended", text)
    assert "INFO smolmix   curate done: " in text


# --- first run, completion, colours -----------------------------------------------------------


def test_alone_it_says_what_can_be_built(capsys: Printed) -> None:
    assert build_mixture([]) == 0
    out = capsys.readouterr().out
    for name in builtin_names():
        assert re.search(rf"^ +{re.escape(name)} ", out, re.MULTILINE)
    for name in curriculum_names():
        assert f"--curriculum {name}: " in out
    assert "a token for" in out and "mixture doctor" in out
    said = only_json(build_mixture, [], capsys)
    assert [stage["name"] for stage in said["stages"]] == builtin_names()
    assert all(line in out for line in said["begin"])


COMPLETED = [
    ("mixture ver", {"verify"}),
    ("build-mixture --stage vis", {"vision"}),
    ("build-mixture --curr", {"--curriculum"}),
    ("mixture sources the_", {"the_cauldron"}),
    ("mixture filters ro", {"roles"}),
    ("mixture ledger x --by sub", {"subset"}),
    ("mixture ledger x --log-level d", {"debug"}),
    ("train-reference --mixt", {"--mixture"}),
]


def test_bash_completes(capsys: Printed) -> None:
    assert mixture(["completion", "bash"]) == 0
    made = capsys.readouterr().out
    asked = "\n".join(f"try {line}" for line, _ in COMPLETED)
    # As bash calls it: the words, which of them is typed, and the function that was registered.
    tries = (
        'try() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); COMPREPLY=(); '
        "$(complete -p $1 | sed 's/.*-F \\([^ ]*\\).*/\\1/'); echo \"${COMPREPLY[*]}\"; }"
    )
    done = subprocess.run(
        ["bash", "-c", f"{made}\n{tries}\n{asked}"], capture_output=True, text=True, check=True
    )
    found = [set(line.split()) for line in done.stdout.splitlines()]
    assert found == [words for _, words in COMPLETED]


@pytest.mark.parametrize("has_no_color", [True, False])
def test_no_color(has_no_color: bool, small_built: Built) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    environment |= {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    environment |= {"NO_COLOR": "1"} if has_no_color else {}
    done = subprocess.run(
        [*script("mixture"), "show", str(small_built.out)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert (
        sys.platform != "win32"
        and bool(re.search(r"\x1b\[[0-9;]*3\d", done.stdout)) != has_no_color
    )


def test_an_error_is_printed_once() -> None:
    """In a process of its own, without pytest's handlers: Python prints what no handler takes."""
    code = "import sys; from pipelines.cli import mixture; sys.exit(mixture(['verify', 'nothing']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert [line[:7] for line in done.stderr.splitlines()] == ["error: "]
