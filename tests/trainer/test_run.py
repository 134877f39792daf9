"""A killed run goes on to the same losses; two processes take the step that one would."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from tests.conftest import Built  # noqa: E402
from trainer import cli  # noqa: E402
from trainer.build_rows import BuildRows  # noqa: E402
from trainer.checkpoints import latest, path_of  # noqa: E402
from trainer.feed import Feed  # noqa: E402
from trainer.items import Encoder  # noqa: E402
from trainer.losses import weights_of  # noqa: E402
from trainer.model import LossModel, batch_of, new_model  # noqa: E402
from trainer.optimizer import optimizer_of, schedule_of  # noqa: E402
from trainer.packing import Packer  # noqa: E402
from trainer.presets import PRESETS, STAGES  # noqa: E402
from trainer.saving import load_weights  # noqa: E402
from trainer.settings import TrainSettings  # noqa: E402
from trainer.vocabulary import load_vocabulary  # noqa: E402

STEPS = 12
# Steps of a second or less; 0 workers, which test_feed has.
SHORT = ["--context", "1024", "--workers", "0", "--log-every", "1", "--checkpoint-every", "4"]


def _arguments(built: Built, out: Path, *more: str) -> list[str]:
    return ["--mixture", str(built.out), "--out", str(out), *SHORT, *more]


def _log(out: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (out / "log.jsonl").read_bytes().splitlines()]


def _state(out: Path) -> dict[str, Any]:
    newest = latest(out)
    assert newest is not None
    state: dict[str, Any] = orjson.loads((newest / "state.json").read_bytes())
    return state


@pytest.fixture(scope="module")
def whole(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing stopped."""
    out = tmp_path_factory.mktemp("whole") / "run"
    assert cli.main(_arguments(built, out, "--steps", str(STEPS))) == 0
    return out


def test_a_run_learns_and_tells_of_it(whole: Path, built: Built) -> None:
    log = _log(whole)
    assert [record["step"] for record in log] == list(range(1, STEPS + 1))
    assert log[-1]["loss"] < log[0]["loss"] - 0.5
    assert log[0]["lr"] == 2e-3 and log[-1]["lr"] < log[0]["lr"]
    last = log[-1]
    assert last["asked"] == {"text": 0.14, "video": 0.33, "multi_image": 0.12, "image": 0.41}
    assert sum(last["mixture"].values()) == pytest.approx(1, abs=1e-4)
    assert set(last["losses"]) <= {"modality", "category", "source", "component"}
    assert 0 <= last["padding"] < 1 and 0 < last["data_wait"] < 1 and last["tokens_per_s"] > 0
    # Rows trained on are those taken and no longer open.
    (feed,) = _state(whole)["feeds"]
    assert last["rows"] == feed["taken"] - sum(map(len, feed["open"])) - feed["left_out"]
    assert any((whole / "tensorboard").iterdir())


def test_a_killed_run_goes_on_to_the_same_losses(whole: Path, built: Built, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "trainer.cli", *_arguments(built, out, "--steps", str(STEPS))]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wanted = path_of(out, 4)
    while running.poll() is None and not (wanted.exists() and len(_log(out)) > 5):
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    killed_at = _log(out)[-1]["step"]
    assert 5 < killed_at < STEPS
    # A line half written, and a checkpoint half written.
    with (out / "log.jsonl").open("ab") as file:
        file.write(b'{"step": 99, "lo')
    (out / "checkpoints" / ".step-000099.part").mkdir()
    assert cli.main(_arguments(built, out, "--steps", str(STEPS))) == 0
    one, other = _log(whole), _log(out)
    assert [record["step"] for record in other] == [record["step"] for record in one]
    for left, right in zip(one, other, strict=True):
        assert right["loss"] == pytest.approx(left["loss"], abs=1e-5)
        assert right["mixture"] == left["mixture"] and right["rows"] == left["rows"]
    assert _state(out) == _state(whole)
    weights = (load_weights(path_of(run, STEPS)) for run in (whole, out))
    for a, b in zip(*(weight.values() for weight in weights), strict=True):
        # Where a gradient is near zero Adam makes a step of its rounding, which differs with the
        # number of threads: by 4e-5 in single weights, 1e-7 in the mean. Second moments that came
        # back off by one in a hundred are 2e-6 in the mean.
        assert (a - b).abs().mean() < 1e-6


def test_a_finished_run_has_nothing_to_do(
    whole: Path, built: Built, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _log(whole)
    assert cli.main(_arguments(built, whole, "--steps", str(STEPS))) == 0
    assert _log(whole) == before
    assert f"goes on from step {STEPS}" in capsys.readouterr().out


def test_another_run_in_the_same_place_is_refused(
    whole: Path, built: Built, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(_arguments(built, whole, "--steps", str(STEPS), "--learn", "smolvlm2")) == 2
    error = capsys.readouterr().err
    assert "holds a run with learn 'answers', and this one has 'smolvlm2'" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "tiyn"], "there is no preset 'tiyn'; did you mean 'tiny'?"),
        (["--stage", "vidoe"], "there is no stage 'vidoe'; did you mean 'video'?"),
        (["--preset", "256m"], "preset 256m needs a tokenizer"),
        (["--steps", "0"], "0 is not at least 1"),
        (["--steps", "many"], "'many' is not a whole number"),
        (["--workers=-1"], "'-1' is not a whole number from 0 on"),
        (["--learning-rate", "nan"], "nan is not a number from 0 on"),
        (["--neftune=-1"], "-1 is not a number from 0 on"),
        (["--init", "/nowhere/at/all"], "no such folder"),
    ],
)
def test_wrong_arguments_are_one_sentence(
    arguments: list[str],
    message: str,
    built: Built,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main([*_arguments(built, tmp_path / "run"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_two_processes_take_the_step_of_one(built: Built, tmp_path: Path) -> None:
    """Each its own windows; weights after a step are those of both ranks' labels together."""
    out = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    arguments = _arguments(built, out, "--steps", "1", "--loss-reduction", "square")
    done = subprocess.run(
        [*torchrun, "-m", "trainer.cli", *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    settings = TrainSettings.model_validate(orjson.loads((out / "settings.json").read_bytes()))
    assert settings.ranks == 2
    (record,) = _log(out)
    loss, rows, weights = _by_one(settings, built, path_of(out, 1))
    assert record["loss"] == pytest.approx(loss, abs=1e-5) and record["rows"] == rows
    for name, weight in load_weights(path_of(out, 1)).items():
        # Adam's first step is the rate times the sign of each gradient, also of those near zero:
        # there, and there alone, rounding shows. A step of one rank's labels is off by 1e-3.
        assert (weight - weights[name]).abs().mean() < 1e-6, name


@pytest.mark.slow
def test_one_process_goes_on_where_two_were_killed(built: Built, tmp_path: Path) -> None:
    """To the last step, each row trained on as often as passes were taken."""
    out = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    arguments = _arguments(built, out, "--steps", str(STEPS))
    command = [*torchrun, "-m", "trainer.cli", *arguments]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while running.poll() is None and not path_of(out, 4).exists():
        time.sleep(0.05)
    # torchrun's processes are in sessions of their own.
    launcher = psutil.Process(running.pid)
    everyone = [*launcher.children(recursive=True), launcher]
    for process in everyone:
        process.kill()
    assert running.wait() == -signal.SIGKILL
    psutil.wait_procs(everyone, timeout=20)
    assert len(_state(out)["feeds"]) == 2
    assert cli.main(arguments) == 0
    log, (feed,) = _log(out), _state(out)["feeds"]
    assert [record["step"] for record in log] == list(range(1, STEPS + 1))
    num_rows = len(BuildRows.open(str(built.out)))
    lacking = sum(count for _, count in feed["behind"])
    taken = feed["epoch"] * num_rows + feed["taken"] - lacking
    assert log[-1]["rows"] == taken - sum(map(len, feed["open"])) - feed["left_out"]


def _by_one(
    settings: TrainSettings, built: Built, saved: Path
) -> tuple[float, int, dict[str, Any]]:
    """(loss, rows, weights) of the first step, over both ranks' sequences in one process."""
    rows = BuildRows.open(str(built.out))
    preset = PRESETS["tiny"]
    encoder = Encoder(preset.processor, load_vocabulary(str(saved)))
    feeds = [
        Feed(rows, encoder, Packer(settings.context, settings.max_tiles), rank, 2, 0)
        for rank in range(2)
    ]
    sequences = [sequence for feed in feeds for sequence in islice(feed.sequences(), 1)]
    model = LossModel(new_model(preset, encoder.vocabulary, settings.seed))
    optimizer = optimizer_of(model, STAGES["scratch"], settings)
    schedule_of(optimizer, STAGES["scratch"], settings.steps)
    batch = batch_of(sequences, encoder.vocabulary.pad)
    weights = weights_of(batch, "square")
    loss = (model(batch) * weights).sum() / weights.sum()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    num_rows = sum(len(sequence.items) for sequence in sequences)
    return float(loss.detach()), num_rows, model.vlm.state_dict()
