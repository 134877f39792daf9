"""A curriculum's stages are trained one after another, each from what the one before became."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from manifests.errors import UsageError  # noqa: E402
from tests.conftest import Built  # noqa: E402
from trainer import cli  # noqa: E402
from trainer.checkpoints import latest  # noqa: E402
from trainer.saving import load_weights  # noqa: E402
from trainer.stages import each_stage, stage_names  # noqa: E402

_WORDS = ("--steps", "4", "--context", "512", "--workers", "0", "--log-every", "1")


@pytest.fixture
def curriculum(small_built: Built, tmp_path: Path) -> Path:
    """As `build-mixture --curriculum smolvlm` leaves it: a build a stage."""
    folder = tmp_path / "curriculum"
    for name in ("1-vision", "2-video"):
        shutil.copytree(small_built.out, folder / name)
    return folder


def _asked(mixture: Path, out: Path, *words: str) -> list[str]:
    return ["--mixture", str(mixture), "--out", str(out), *_WORDS, *words]


def _settings(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "settings.json").read_text())
    return found


def test_a_stage_begins_where_the_one_before_ended(
    curriculum: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    # So small a rate that the second stage ends, to the eye, where it began.
    words = _asked(curriculum, out, "--learning-rate", "1e-9")
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "stage 1 of 2: 1-vision" in said and "stage 2 of 2: 2-video" in said
    first, second = latest(out / "1-vision"), latest(out / "2-video")
    assert first is not None and second is not None
    assert _settings(out / "2-video")["init"] == str(first)
    after = load_weights(second)
    for name, weight in load_weights(first).items():
        assert torch.allclose(weight, after[name], atol=1e-6), name
    # Again: nothing is left to train, and nothing is begun anew.
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert cli.main(words) == 0
    assert capsys.readouterr().out.count("goes on from step 4") == 2
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == before


@pytest.mark.parametrize(
    ("words", "stages"),
    [
        ((), ["scratch", "scratch"]),
        (("--init", "model"), ["vision", "video"]),
        (("--init", "model", "--stage", "video"), ["video", "video"]),
    ],
)
def test_rates_are_those_of_the_stage(
    words: tuple[str, ...], stages: list[str], curriculum: Path, tmp_path: Path
) -> None:
    asked = cli.parser().parse_args(_asked(curriculum, tmp_path / "run", *words))
    found = []
    for _, one in each_stage(asked):
        found.append(one.stage)
        (one.out / "checkpoints/step-000004").mkdir(parents=True)
    assert found == stages


def test_one_build_is_no_curriculum(small_built: Built) -> None:
    assert stage_names(str(small_built.out)) == []


def test_a_stage_that_is_not_complete_stops_before_anything_is_trained(
    curriculum: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (curriculum / "2-video/manifest.json").unlink()
    out = tmp_path / "run"
    assert cli.main(_asked(curriculum, out)) == 2
    assert "2-video" in capsys.readouterr().err and not out.exists()


def test_a_stage_that_is_missing_is_told(curriculum: Path) -> None:
    shutil.rmtree(curriculum / "1-vision")
    with pytest.raises(UsageError, match="has stages 1 to 1"):
        stage_names(str(curriculum))
