"""A small model learns to see: drawn pictures, answers that nothing in the question tells."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from rich.console import Console

torch = pytest.importorskip("torch", reason="torch is not installed")

from pipelines.build import build  # noqa: E402
from pipelines.cli import mixture  # noqa: E402
from pipelines.options import BuildOptions  # noqa: E402
from trainer import cli  # noqa: E402
from trainer.build_rows import BuildRows  # noqa: E402
from trainer.checkpoints import latest  # noqa: E402
from trainer.evaluate import evaluate  # noqa: E402
from trainer.initial import initial_model  # noqa: E402
from trainer.items import Encoder, read_items  # noqa: E402
from trainer.model import LossModel  # noqa: E402
from trainer.presets import PRESETS  # noqa: E402
from trainer.settings import TrainSettings  # noqa: E402
from trainer.vocabulary import load_vocabulary  # noqa: E402

COLORS = {
    "red": (220, 30, 30),
    "green": (30, 170, 60),
    "blue": (40, 60, 220),
    "yellow": (230, 210, 40),
    "white": (250, 250, 250),
    "black": (10, 10, 10),
    "pink": (240, 130, 190),
    "brown": (120, 70, 30),
}
QUESTIONS = ("What colour is the shape?", "Name the colour of it.", "Which colour do you see?")
_RECIPE = """
name: shapes
description: drawn shapes
unit: samples
processor: tiny
filters: {}
local:
  shapes: {path: rows.json, media: images, modality: image, license: CC0-1.0}
components:
  - {name: shapes, share: 100%, sources: [local/shapes]}
"""


def _draw(rng: random.Random, color: str) -> Image.Image:
    """A shape of the colour, at any place and of any size, on gray noise."""
    size = 64
    image = Image.effect_noise((size, size), 20).convert("RGB")
    pen = ImageDraw.Draw(image)
    edge = rng.randint(24, 44)
    left, top = (rng.randint(0, size - edge) for _ in range(2))
    box = (left, top, left + edge, top + edge)
    shade = tuple(min(255, max(0, level + rng.randint(-12, 12))) for level in COLORS[color])
    rng.choice((pen.rectangle, pen.ellipse))(box, fill=shade)
    return image


def _build(folder: Path, number: int, seed: int) -> Path:
    """Answers are balanced, and no two pictures are the same."""
    rng = random.Random(seed)
    (folder / "images").mkdir(parents=True)
    rows = []
    for place in range(number):
        color = list(COLORS)[place % len(COLORS)]
        _draw(rng, color).save(folder / f"images/{place}.png")
        question = f"<image>\n{rng.choice(QUESTIONS)}"
        turns = [{"from": "human", "value": question}, {"from": "gpt", "value": color}]
        rows.append({"image": f"{place}.png", "conversations": turns})
    (folder / "rows.json").write_text(json.dumps(rows))
    recipe = folder / "recipe.yaml"
    recipe.write_text(_RECIPE)
    options = BuildOptions(
        recipe=str(recipe),
        store=str(folder / "store"),
        out=str(folder / "out"),
        engine="inline",
    )
    build(options, Console(quiet=True))
    return folder / "out"


@pytest.mark.slow
def test_held_out_pictures_are_answered_and_shuffled_ones_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = _build(tmp_path / "train", 500, 1)
    held = _build(tmp_path / "held", 200, 2)
    right = 0
    for seed in range(3):
        out = tmp_path / f"run-{seed}"
        arguments = ["--mixture", str(train), "--out", str(out), "--steps", "150"]
        assert cli.main([*arguments, "--context", "512", "--seed", str(seed)]) == 0
        scores = _scores(out, held)["all"]["all"]
        assert scores["exact"] >= 0.9 and scores["exact_shuffled"] <= 0.25, (seed, scores)
        place = 5 * seed
        image = str(tmp_path / f"held/images/{place}.png")
        checkpoint = str(latest(out))
        assert mixture(["ask", checkpoint, image, QUESTIONS[0]]) == 0
        said = capsys.readouterr().out.splitlines()[-1]
        right += said == list(COLORS)[place % len(COLORS)]
        assert scores["exact_blank"] <= 0.25 and scores["visual_dependency"] > 0.65
    # What `mixture ask` writes, letter by letter, of three of them.
    assert right >= 2


def _scores(out: Path, held: Path) -> dict[str, dict[str, Any]]:
    newest = latest(out)
    assert newest is not None
    settings = TrainSettings.model_validate_json((out / "settings.json").read_text())
    vocabulary = load_vocabulary(str(newest))
    settings = settings.model_copy(update={"init": str(newest)})
    preset = PRESETS["tiny"]
    model = LossModel(initial_model(settings, preset, vocabulary))
    rows = BuildRows.open(str(held))
    encoder = Encoder(preset.processor, vocabulary)
    items = list(read_items(rows, rows.units, encoder, 0))
    assert len(items) == 200
    return evaluate(model, items, vocabulary, 512, 512).as_json()
