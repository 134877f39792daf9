"""Progress: plain lines in a log, live bars on a terminal, nothing where there is nothing to do."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time

import pytest
from rich.console import Console

from pipelines import progress
from pipelines.engine import Task
from pipelines.progress import MemoryWatch, StageProgress, human_bytes, printable


def task(group: str, weight: int) -> Task:
    return Task("a task", group, dict, (), memory_bytes=1, weight=weight)


TASKS = [task("magpie", 1_000_000), task("finevideo", 3_000_000)]


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_plain_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PLAIN_INTERVAL_S", -1.0)
    console = Console(file=io.StringIO(), width=40)
    with StageProgress(console, "curate", TASKS) as stage:
        for done in TASKS:
            stage.advance(done, {})
    rate = r"[\d.]+ \wB/s, [\d.]+ s"
    peak = r"peak memory [\d.]+ \w+"
    first, second, last = text_of(console).splitlines()
    assert re.fullmatch(
        rf"  curate so far: 1\.0 MB of 4\.0 MB, {rate}, about \d+ s left, {peak}", first
    )
    assert re.fullmatch(rf"  curate so far: 4\.0 MB of 4\.0 MB, {rate}, {peak}", second)
    assert re.fullmatch(rf"  curate done: 4\.0 MB of 4\.0 MB, {rate}, {peak}", last)
    assert "\x1b" not in text_of(console)


def test_plain_lines_are_seldom() -> None:
    console = Console(file=io.StringIO())
    with StageProgress(console, "emit", TASKS * 50) as stage:
        for done in TASKS * 50:
            stage.advance(done, {})
    assert text_of(console).count("\n") == 1


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with StageProgress(console, "curate", TASKS) as stage:
        stage.advance(TASKS[1], {"rejected": 1200})
        assert stage._bars is not None
        stage._bars.refresh()
    text = text_of(console)
    for words in (
        "curate magpie",
        "curate finevideo",
        "━",
        "0/1.0 MB",
        "3.0/3.0 MB",
        "peak ",
        "1,200 rows",
    ):
        assert words in text
    assert "curate done: 3.0 MB of 4.0 MB" in text
    assert ", 1,200 rows dropped, peak memory" in text


def test_no_tasks_print_nothing() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    with StageProgress(console, "curate", []):
        pass
    assert text_of(console) == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_a_stage_that_fails_is_not_called_done(terminal: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal)
    with pytest.raises(KeyboardInterrupt), StageProgress(console, "curate", TASKS) as stage:
        stage.advance(TASKS[0], {})
        raise KeyboardInterrupt
    assert "done" not in text_of(console)
    assert not stage._memory._thread.is_alive()


def test_memory_is_of_this_process_and_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that holds 200 MB for a while, beside us who do not."""
    monkeypatch.setattr(progress, "_MEMORY_INTERVAL_S", 0.01)
    alone = MemoryWatch()
    alone.start()
    alone.stop()
    watch = MemoryWatch()
    code = "import sys; x = b'1' * 200_000_000; print(len(x), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
        watch.start()
        deadline = time.monotonic() + 20
        while not watch.peak_bytes and time.monotonic() < deadline:
            time.sleep(0.01)
        child.stdin.close()
    watch.stop()
    assert watch.peak_bytes > alone.peak_bytes + 150_000_000


@pytest.mark.parametrize(
    ("count", "text"),
    [
        *((0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_550_000, "1.6 MB")),
        *((999_900_000, "999.9 MB"), (2e9, "2.0 GB"), (5e12, "5.0 TB"), (5e15, "5000.0 TB")),
    ],
)
def test_bytes_for_people(count: float, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc é 世", "a\tb\nc é 世"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\rb\x00\x7f\x9b", "a\\rb\\x00\\x7f\\x9b"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
