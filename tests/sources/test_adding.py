"""CONTRIBUTING.md's own example of a new source, done in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"```(?:yaml|python)\n# (?P<path>\S+/riddles\S*)\n(?P<text>.*?)```", re.DOTALL)
_COPIED = ("manifests", "sources", "filters", "mixtures", "pipelines", "pyproject.toml")


def _write_example(folder: Path) -> list[str]:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    written = []
    for match in _BLOCK.finditer(guide):
        file = folder / match["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(match["text"], encoding="utf-8")
        written.append(match["path"])
    return written


def _run(folder: Path, *command: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the example in it, and no fixture of any other source."""
    folder = tmp_path_factory.mktemp("project")
    for name in _COPIED:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, folder / name)
    ignored = shutil.ignore_patterns("__pycache__", "fixtures")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=ignored)
    written = _write_example(folder)
    assert written == [
        "manifests/sources/riddles.yaml",
        "sources/riddles.py",
        "tests/sources/fixtures/riddles/make.py",
    ]
    return folder


def test_the_example_keeps_the_contract(copy: Path) -> None:
    _run(copy, "tests/sources/make_fixtures.py", "--expected", "riddles")
    expected = copy / "tests/sources/fixtures/riddles/expected.json"
    assert '"row_malformed"' in expected.read_text(encoding="utf-8")
    ran = _run(
        copy,
        "-m",
        "pytest",
        "tests/sources/test_contract.py",
        "-k",
        "riddles",
        "-p",
        "no:cacheprovider",
    )
    assert re.search(r"\d+ passed", ran) and "failed" not in ran


def test_the_command_line_knows_it(copy: Path) -> None:
    program = (
        "import sys; from pipelines.cli import mixture; sys.exit(mixture(['sources', 'riddles']))"
    )
    assert "Riddles" in _run(copy, "-c", program)
