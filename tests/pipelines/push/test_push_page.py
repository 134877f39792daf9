"""docs/push.md: every command and every line of Python in it, against a Hub on loopback."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Built
from tests.push_hub import TOKEN, PushHub, serve_pushes

_PAGE = Path(__file__).parents[3] / "docs" / "push.md"
_RUN = "import sys; from pipelines.cli import mixture; sys.exit(mixture())"


def _blocks(language: str) -> list[str]:
    text = _PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block for name, block in found if name == language]


def _commands() -> list[str]:
    lines = [line for block in _blocks("") for line in block.splitlines()]
    return [line for line in lines if re.match(r"(mixture|hf) ", line)]


def _argv(command: str) -> list[str]:
    program, *words = shlex.split(command)
    if program == "mixture":
        return [sys.executable, "-c", _RUN, *words]
    return [str(Path(sys.executable).parent / program), *words]


@pytest.mark.slow
def test_the_page(built: Built, tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "video").symlink_to(built.out)
    with serve_pushes(PushHub(tmp_path / "hub")) as hub:
        settings = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}
        settings |= {"HF_HOME": str(tmp_path / "hf")}
        env = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"} | settings
        steps = [_argv(command) for command in _commands()]
        steps.append([sys.executable, "-c", "\n".join(_blocks("python"))])
        for step in steps:
            done = subprocess.run(
                step, env=env, cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, (step, done.stdout, done.stderr)
        assert hub.state("org/video-demo")["private"]
        assert "video/manifest.json" in hub.tree("org/mixtures")
        assert "manifest.json" in hub.tree("org/video-demo", "next")
    assert len(_commands()) == 5
