"""What the command says where torch is not installed."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys
sys.modules["torch"] = None
from trainer import cli
sys.exit(cli.main(["--mixture", "build", "--out", "run"]))
"""


def test_without_torch_it_says_what_to_install() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        "error: train-reference needs torch, transformers and accelerate: pip install "
        "'smolmix[train]' (torch is missing)\n"
    )


def test_asking_without_torch_says_so_too() -> None:
    script = "import sys; sys.modules['torch'] = None; from pipelines.cli import mixture; "
    script += "sys.exit(mixture(['ask', 'run', 'a.png', 'What?']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2 and "mixture ask needs torch" in done.stderr


def test_help_needs_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trainer.cli", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "--mixture BUILD" in done.stdout
