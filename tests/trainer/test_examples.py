"""The examples of docs/train run on a build, and learn."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed")

from tests.conftest import Built  # noqa: E402
from tests.trainer.tiny import PRESET, items_of, loss_model  # noqa: E402
from trainer.saving import save_model  # noqa: E402

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "docs/train").glob("*.py"))
_LOSS = re.compile(r"loss'?:? '?(\d+\.\d+)")


def test_there_is_one_a_trainer() -> None:
    names = {path.stem for path in EXAMPLES}
    assert names == {"trl_sft", "transformers_trainer", "datasets_stream", "ray_data"}


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, built: Built, tmp_path: Path) -> None:
    if path.stem == "trl_sft":
        pytest.importorskip("trl", reason="trl is not installed: .ci/run installs it")
    encoder, _ = items_of(built.out, 1)
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    save_model(checkpoint, loss_model(encoder).vlm, encoder.vocabulary, PRESET.processor)
    arguments = [str(built.out), str(checkpoint), "tiny"]
    if "BUILD CHECKPOINT PROCESSOR OUT" in path.read_text():
        arguments.append(str(tmp_path / "out"))
    done = subprocess.run(
        [sys.executable, str(path), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path / "hf")},
    )
    assert done.returncode == 0, done.stderr
    losses = [float(loss) for loss in _LOSS.findall(done.stdout)]
    assert len(losses) >= 3 and losses[2] < losses[0]
