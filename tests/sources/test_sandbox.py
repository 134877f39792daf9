"""The decoder's child: whatever it does, the caller gets an answer or one of two reasons."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from manifests.errors import EngineError
from manifests.images import ImageError
from pipelines.frames import FrameError
from sources.sandbox import DecoderError, Sandbox, shared_sandbox
from tests.sources import sandbox_tasks as tasks

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def kept() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as fresh:
        yield fresh


def test_one_child_is_kept(kept: Sandbox) -> None:
    first = kept.call(tasks.process_id, (), TIMEOUT_S)
    assert first not in (os.getpid(), None)
    assert kept.call(tasks.process_id, (), TIMEOUT_S) == first
    assert kept.call(tasks.echo, ({"a": [1, None]},), TIMEOUT_S) == {"a": [1, None]}


@pytest.mark.parametrize("crash", [(tasks.leave, (0,)), (tasks.leave, (3,)), (tasks.read_null, ())])
def test_a_crash_costs_that_call_alone(
    kept: Sandbox, crash: tuple[Callable[..., None], tuple[int, ...]]
) -> None:
    with pytest.raises(DecoderError, match="^decoder_crashed$"):
        kept.call(*crash, TIMEOUT_S)
    assert kept.call(tasks.echo, (1,), TIMEOUT_S) == 1


@pytest.mark.parametrize("stop", [tasks.hang, tasks.fall_asleep])
def test_a_hang_ends_in_time(kept: Sandbox, stop: Callable[[], None]) -> None:
    kept.call(tasks.echo, (1,), TIMEOUT_S)
    started = time.monotonic()
    with pytest.raises(DecoderError, match="^decoder_timeout$"):
        kept.call(stop, (), 0.3)
    assert time.monotonic() - started < 10
    assert kept.call(tasks.echo, (2,), TIMEOUT_S) == 2


def test_a_child_that_takes_no_request_ends_in_time(sandbox: Sandbox) -> None:
    child = sandbox.call(tasks.process_id, (), TIMEOUT_S)
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(DecoderError, match="^decoder_timeout$"):
        sandbox.call(tasks.echo, (bytes(10_000_000),), 0.3)
    assert sandbox.call(tasks.echo, (1,), TIMEOUT_S) == 1


def test_errors_with_two_arguments_arrive_whole(kept: Sandbox) -> None:
    with pytest.raises(FrameError) as video:
        kept.call(tasks.raise_frame_error, (), TIMEOUT_S)
    assert (video.value.reason, video.value.detail) == ("video_no_frames", "detail")
    with pytest.raises(ImageError) as image:
        kept.call(tasks.raise_image_error, (), TIMEOUT_S)
    assert (image.value.reason, image.value.detail) == ("image_truncated", "detail")


def test_errors_keep_their_fields(kept: Sandbox) -> None:
    with pytest.raises(tasks.FieldError, match="^text$") as raised:
        kept.call(tasks.raise_with_field, (), TIMEOUT_S)
    assert vars(raised.value) == {"field": 7}


def test_errors_that_do_not_travel_are_quoted(kept: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="^UnpicklableError: text$"):
        kept.call(tasks.raise_unpicklable, (), TIMEOUT_S)
    with pytest.raises(RuntimeError, match="^UnbuildableError: onetwo$"):
        kept.call(tasks.raise_unbuildable, (), TIMEOUT_S)
    assert kept.call(tasks.echo, (1,), TIMEOUT_S) == 1


def test_what_cannot_be_pickled_does_not_break_step(kept: Sandbox) -> None:
    child = kept.call(tasks.process_id, (), TIMEOUT_S)
    with pytest.raises(TypeError, match="cannot pickle"):
        kept.call(tasks.return_unpicklable, (), TIMEOUT_S)
    with pytest.raises(TypeError, match="cannot pickle"):
        kept.call(tasks.echo, (threading.Lock(),), TIMEOUT_S)
    assert kept.call(tasks.process_id, (), TIMEOUT_S) == child


def test_a_function_that_the_child_lacks_is_no_crash(kept: Sandbox) -> None:
    vars(tasks)["only_here"] = function = lambda: None  # noqa: E731
    function.__qualname__, function.__module__ = "only_here", tasks.__name__
    with pytest.raises(AttributeError, match="only_here"):
        kept.call(function, (), TIMEOUT_S)
    assert kept.call(tasks.echo, (1,), TIMEOUT_S) == 1


def test_large_requests_and_results(kept: Sandbox) -> None:
    assert kept.call(tasks.big, (100_000_000,), TIMEOUT_S) == bytes(100_000_000)
    assert kept.call(len, (bytes(100_000_000),), TIMEOUT_S) == 100_000_000


def test_prints_are_not_in_the_way(kept: Sandbox) -> None:
    assert kept.call(tasks.chatter, (), TIMEOUT_S) == ""


def test_it_can_be_used_after_close(sandbox: Sandbox) -> None:
    first = sandbox.call(tasks.process_id, (), TIMEOUT_S)
    sandbox.close()
    sandbox.close()
    assert not psutil.pid_exists(first)
    assert sandbox.call(tasks.process_id, (), TIMEOUT_S) != first


def test_a_child_that_died_meanwhile_is_replaced(sandbox: Sandbox) -> None:
    child = sandbox.call(tasks.process_id, (), TIMEOUT_S)
    os.kill(child, signal.SIGKILL)
    psutil.Process(child).wait(10)
    assert sandbox.call(tasks.echo, (1,), TIMEOUT_S) == 1


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT as it is in a terminal: a shell starts what it puts in the background without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_does_not_break_step(sandbox: Sandbox) -> None:
    sandbox.call(tasks.echo, (1,), TIMEOUT_S)
    here = threading.get_ident()
    threading.Timer(0.3, signal.pthread_kill, [here, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        sandbox.call(tasks.fall_asleep, (), TIMEOUT_S)
    assert sandbox.call(tasks.echo, (2,), TIMEOUT_S) == 2


def test_threads_take_turns(kept: Sandbox) -> None:
    found: dict[int, int] = {}

    def ask(number: int) -> None:
        found[number] = kept.call(tasks.echo, (number,), TIMEOUT_S)

    kept.call(tasks.echo, (0,), TIMEOUT_S)
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number for number in range(20)}


def test_restarts_leak_nothing(sandbox: Sandbox) -> None:
    sandbox.call(os.getpid, (), TIMEOUT_S)
    before = psutil.Process().num_fds(), len(psutil.Process().children())
    for _ in range(100):
        with pytest.raises(DecoderError):
            sandbox.call(os._exit, (1,), TIMEOUT_S)
    sandbox.call(os.getpid, (), TIMEOUT_S)
    assert (psutil.Process().num_fds(), len(psutil.Process().children())) == before


def test_many_open_files_are_no_obstacle(sandbox: Sandbox) -> None:
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert sandbox.call(tasks.echo, (1,), TIMEOUT_S) == 1
    finally:
        for handle in held:
            os.close(handle)


def test_what_lies_in_the_folder_is_not_imported(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    assert sandbox.call(tasks.echo, (1,), TIMEOUT_S) == 1


def test_a_child_that_does_not_start_is_not_the_fault_of_media(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = psutil.Process().num_fds()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EngineError, match="does not start"):
        sandbox.call(tasks.echo, (1,), TIMEOUT_S)
    assert psutil.Process().num_fds() == before


_PARENT = """
import sys
from sources.sandbox import shared_sandbox
from tests.sources import sandbox_tasks as tasks
print(shared_sandbox().call(tasks.process_id, (), 30), flush=True)
if sys.argv[1] == "busy":
    shared_sandbox().call(tasks.hang, (), 1000)
elif sys.argv[1] == "idle":
    sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["idle", "busy", "ended"])
def test_no_child_outlives_its_parent(state: str) -> None:
    command = [sys.executable, "-c", _PARENT, state]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        time.sleep(0.2)
        if state != "ended":
            parent.kill()
        parent.wait(30)
        child.wait(10)


def test_one_is_shared_in_a_process() -> None:
    assert shared_sandbox() is shared_sandbox()
