"""A small model over a build of the samples, for tests of what is around it."""

from __future__ import annotations

from pathlib import Path

from transformers import SmolVLMForConditionalGeneration

from trainer.build_rows import BuildRows
from trainer.items import Encoder, Item, read_items
from trainer.model import LossModel, new_model
from trainer.presets import PRESETS
from trainer.vocabulary import train_vocabulary

PRESET = PRESETS["tiny"]


def encoder_of(rows: BuildRows) -> Encoder:
    texts = (
        item["text"]
        for row in rows.read(rows.units[0])
        for message in row["messages"]
        for item in message["content"]
    )
    return Encoder(PRESET.processor, train_vocabulary(texts, 600))


def items_of(build: Path, number: int) -> tuple[Encoder, list[Item]]:
    """The first rows of a build."""
    rows = BuildRows.open(str(build))
    encoder = encoder_of(rows)
    units = [unit for unit in rows.units if unit.first < number]
    return encoder, list(read_items(rows, units, encoder, 0))[:number]


def loss_model(encoder: Encoder, seed: int = 0) -> LossModel:
    vlm: SmolVLMForConditionalGeneration = new_model(PRESET, encoder.vocabulary, seed)
    model = LossModel(vlm)
    model.eval()
    return model
