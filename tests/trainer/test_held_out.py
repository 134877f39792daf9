"""Scores on the validation split of a build, after training on the other."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from rich.console import Console

torch = pytest.importorskip("torch", reason="torch is not installed")

from pipelines.build import build  # noqa: E402
from pipelines.options import BuildOptions  # noqa: E402
from tests.conftest import Built  # noqa: E402
from tests.trainer.tiny import items_of, loss_model  # noqa: E402
from trainer import cli  # noqa: E402
from trainer.build_rows import BuildRows  # noqa: E402
from trainer.evaluate import evaluate, shuffled  # noqa: E402


@pytest.fixture(scope="module")
def held(small_built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mixtures.holdout import parse_holdout

    out = tmp_path_factory.mktemp("held") / "build"
    options = BuildOptions(
        recipe=small_built.recipe,
        mirror=str(small_built.mirror),
        store=str(small_built.store),
        out=str(out),
        engine="inline",
        holdout=parse_holdout("30%"),
    )
    build(options, Console(quiet=True))
    return out


def test_a_run_ends_with_scores_of_what_is_held_out(
    held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    arguments = ["--mixture", str(held), "--out", str(out), "--steps", "2", "--workers", "0"]
    assert cli.main([*arguments, "--written-answers", "1"]) == 0
    rows = BuildRows.open(str(held), "validation")
    printed = capsys.readouterr().out
    assert f"held out: {len(rows)} rows" in printed
    found = orjson.loads((out / "validation.json").read_bytes())
    assert found["step"] == 2 and found["all"]["all"]["rows"] == len(rows)
    for name in ("source", "modality", "category", "component"):
        assert sum(score["rows"] for score in found[name].values()) == len(rows)
    written = found["all"]["all"]["written"]
    assert written["rows"] == sum(one["written"]["rows"] == 1 for one in found["source"].values())
    assert written["rows"] + sum(written["left_out"].values()) == len(rows)
    assert f"answers written to held-out rows: {written['rows']}" in printed
    assert "not asked to write: not short" in printed
    texts = found["modality"].get("text")
    if texts is not None:
        assert texts["exact_shuffled"] is None and texts["visual_dependency"] is None


def test_the_loss_held_out_is_that_of_training(built: Built) -> None:
    """Averaged over rows, of each row's labels."""
    encoder, items = items_of(built.out, 20)
    model = loss_model(encoder)
    scores = evaluate(model, items, encoder.vocabulary, 2048, 2000).as_json()
    with torch.no_grad():
        from trainer.model import batch_of
        from trainer.packing import Sequence

        pad = encoder.vocabulary.pad
        each = [float(model(batch_of([Sequence([item])], pad)).mean()) for item in items]
    assert scores["all"]["all"]["loss"] == pytest.approx(sum(each) / len(each), abs=1e-4)
    assert not model.training


def test_shuffled_rows_have_pictures_of_another(built: Built) -> None:
    _, items = items_of(built.out, 64)
    own = {item.row: item for item in items}
    taken = shuffled([item for item in items if len(item.tiles)])
    assert len(taken) > 10
    for item in taken:
        assert item.tiles.shape == own[item.row].tiles.shape
        assert not torch.equal(item.tiles, own[item.row].tiles)
        assert item.ids.tolist() == own[item.row].ids.tolist()
