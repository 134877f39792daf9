"""Pages run as a reader would run them: what is in `sh` fences, in order, in one folder.

A page's fences are of three kinds. `sh` is run, each fence by one `bash -e` (`sh code=2`: it ends
with 2); a `text` fence right below it is what that printed; any other is neither. The plain rule:

- time, rates, memory and digests depend on the machine: `FIGURE` names their shapes, and such a
  figure stands for any other of its shape. All other figures, rows above all, must agree;
- a line `...` stands for any lines, and ` ...` at the end of a line for the rest of it;
- white space, and the frames of tables, are as wide as the terminal is and count as one space.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^```(\w*)(?: code=(\d))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
# What depends on the machine: rates, times and sizes, losses, digests, addresses on loopback.
FIGURE = re.compile(
    rf"{_NUMBER} (?:[kMG]?B|rows|tokens)/s"
    rf"|{_NUMBER} (?:ms|s|min|h)\b"
    rf"|{_NUMBER} [kMG]?B\b"
    rf"|(?:loss|padding|waited) +{_NUMBER}%?"
    rf"|\b[0-9a-f]{{12,}}\b"
    rf"|(?:written|there already),"  # samples, which tests share
    rf"|http://127\.0\.0\.1:\d+"
)
_FRAMES = re.compile(r"[\s─-╿]+")


@dataclass(frozen=True)
class Step:
    """Commands of one fence, and what the page says they print; nothing where it says nothing."""

    line: int
    script: str
    shown: tuple[str, ...]
    code: int


def steps_of(page: str) -> list[Step]:
    """The `sh` fences of a page with the `text` fences right below them."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found: list[Step] = []
    end = -1
    for fence in _FENCE.finditer(text):
        if fence[1] == "sh":
            found.append(
                Step(text.count("\n", 0, fence.start()) + 1, fence[3], (), int(fence[2] or 0))
            )
        elif fence[1] == "text" and found and not text[end : fence.start()].strip():
            found[-1] = replace(found[-1], shown=tuple(fence[3].splitlines()))
        end = fence.end()
    return found


def plain(line: str) -> str:
    """A line without what depends on the machine or on the terminal's width."""
    line = _FRAMES.sub(" ", line).strip()
    return FIGURE.sub("FIGURE", line)


def missing_line(shown: Sequence[str], printed: Sequence[str]) -> str | None:
    """The first line of the page that was not printed where the page has it; none if all were."""
    lines = [found for line in printed if (found := plain(line))]
    at, is_free = 0, False
    for raw in shown:
        if raw.strip() == "...":
            is_free = True
            continue
        if not (wanted := plain(raw)):
            continue
        last = len(lines) if is_free else min(at + 1, len(lines))
        at = next((i for i in range(at, last) if _agrees(wanted, lines[i])), -1) + 1
        if not at:
            return raw
        is_free = False
    return None if is_free or at == len(lines) else f"more was printed: {lines[at]}"


def _agrees(wanted: str, line: str) -> bool:
    if wanted.endswith(" ..."):
        return line.startswith(wanted.removesuffix("..."))
    return line == wanted


def run_step(step: Step, folder: Path, environment: Mapping[str, str]) -> None:
    """Run a fence in the folder; its exit code and what it printed are as the page says."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step.script],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    place = f"line {step.line}: {step.script}"
    assert done.returncode == step.code, f"{place}\n{done.stdout}"
    if step.shown:
        missing = missing_line(step.shown, done.stdout.splitlines())
        assert missing is None, f"{place}\nthe page has: {missing}\nprinted:\n{done.stdout}"
