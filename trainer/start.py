"""From arguments to a run: the build, the vocabulary, the model, and what they must agree on."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeVar

import torch
from accelerate import Accelerator
from transformers import SmolVLMForConditionalGeneration

from manifests.errors import UsageError, nearest
from trainer import checkpoints
from trainer.build_rows import BuildRows
from trainer.initial import initial_model
from trainer.items import Encoder
from trainer.model import LossModel
from trainer.presets import PRESETS, STAGES, Preset
from trainer.run import Run
from trainer.settings import TrainSettings
from trainer.vocabulary import Vocabulary, load_vocabulary, train_vocabulary

_T = TypeVar("_T")
# Rows whose texts a vocabulary of one's own is made from.
_VOCABULARY_ROWS = 2000


def prepare(asked: argparse.Namespace) -> Run:
    """UsageError where something asked for does not exist or does not fit."""
    preset = named(PRESETS, "preset", asked.preset)
    is_new = asked.init is None and asked.text is None
    stage = named(STAGES, "stage", asked.stage or ("scratch" if is_new else "video"))
    rows = BuildRows.open(asked.mixture)
    # Processes without an accelerator find each other only where that is said.
    is_cpu = not torch.accelerator.is_available()
    accelerator = Accelerator(cpu=is_cpu, mixed_precision=_precision())
    context = asked.context or preset.context
    settings = TrainSettings(
        mixture=asked.mixture,
        build_digest=rows.manifest.digest(),
        preset=preset.name,
        init=asked.init,
        vision=asked.vision,
        text=asked.text,
        tokenizer=asked.tokenizer,
        stage=stage.name,
        learning_rate=asked.learning_rate,
        steps=asked.steps,
        batch=asked.batch,
        accumulate=asked.accumulate,
        context=context,
        max_tiles=asked.max_tiles or context,
        learn=asked.learn,
        image_scale=asked.image_scale,
        reduction=asked.loss_reduction,
        neftune=stage.neftune if asked.neftune is None else asked.neftune,
        checkpoint_layers=asked.gradient_checkpointing,
        seed=asked.seed,
        ranks=accelerator.num_processes,
    )
    if accelerator.is_main_process:
        asked.out.mkdir(parents=True, exist_ok=True)
        checkpoints.check_same(asked.out, settings)
    vocabulary = _vocabulary(settings, preset, rows)
    model = initial_model(settings, preset, vocabulary)
    torch.manual_seed(settings.seed + accelerator.process_index)
    encoder = Encoder(
        preset.processor, vocabulary, settings.learn, settings.image_scale, settings.seed
    )
    loss = LossModel(model, settings.neftune)
    return Run(settings, rows, encoder, loss, asked.out, asked.workers, accelerator)


def headline(run: Run) -> str:
    vlm: SmolVLMForConditionalGeneration = run.bare.vlm
    count = sum(parameter.numel() for parameter in vlm.parameters())
    settings = run.settings
    return (
        f"{settings.preset}: {count:,} parameters, {settings.steps:,} steps of "
        f"{settings.batch * settings.accumulate * settings.ranks} x {settings.context:,} ids, "
        f"stage {settings.stage}"
    )


def named(known: Mapping[str, _T], kind: str, name: str) -> _T:
    """UsageError where there is none of that name."""
    if name not in known:
        raise UsageError(
            f"there is no {kind} {name!r}{nearest(name, known)} (there are {', '.join(known)})"
        )
    return known[name]


def _precision() -> str:
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"


def _vocabulary(settings: TrainSettings, preset: Preset, rows: BuildRows) -> Vocabulary:
    spec = settings.tokenizer or settings.init or settings.text
    if spec is not None:
        return load_vocabulary(spec)
    if not preset.vocabulary:
        raise UsageError(
            f"preset {preset.name} needs a tokenizer: give --tokenizer, --init or --text; tiny "
            "alone makes one from the build"
        )
    return vocabulary_of(preset, rows)


def vocabulary_of(preset: Preset, rows: BuildRows) -> Vocabulary:
    """Made from the build's first rows."""
    return train_vocabulary(islice(texts_of(rows), _VOCABULARY_ROWS), preset.vocabulary)


def texts_of(rows: BuildRows) -> Iterator[str]:
    """Of each row of a split in order, what it says."""
    for unit in rows.units:
        for row in rows.read(unit):
            contents = (item for message in row["messages"] for item in message["content"])
            yield "\n".join(item["text"] for item in contents if item["text"])
