"""Sizes of models, and how each stage of SmolVLM's was trained.

    preset  encoder                    text                  parameters     from
    tiny    8 px patches, 2 x 96       2 x 128               about 1 M      ours
    256m    SigLIP-B/16-512            SmolLM2-135M          256,484,928    [1]
    500m    SigLIP-B/16-512            SmolLM2-360M          507,482,304    [1]
    2.2b    SigLIP-SO400M/14-384       SmolLM2-1.7B        2,246,784,880    [1]

    stage   lr vision  connector  language  schedule  warm-up  weight decay  NEFTune  from
    video   5e-6       1e-4       2e-5      cosine    0.03     0             -        [2]
    vision  1e-4       1e-4       1e-4      linear    100      0.1           5        [3]

    [1] the models' config.json; parameters with a vocabulary of 49,280 and a head of its own
    [2] huggingface/smollm, vision/smolvlm2/scripts/train/multinode25.sh and multinode26-*.sh
    [3] huggingface/smollm, vision/experiments/pretraining/vloom: stage 2 and 3 (tr_345 to tr_350)

`tiny` starts from nothing and takes one larger rate for all, a hundred times that of the language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mixtures.processors import PROCESSORS, Processor

_LLAMA: Mapping[str, Any] = {
    "model_type": "llama",
    "rms_norm_eps": 1e-5,
    "rope_theta": 100_000,
    "max_position_embeddings": 8192,
    "head_dim": 64,
}


@dataclass(frozen=True, slots=True)
class Preset:
    """A model's form, as transformers' configuration names it, and the processor that it takes."""

    name: str
    vision: Mapping[str, int]
    text: Mapping[str, Any]
    shuffle: int
    processor: Processor
    # Of a preset that brings its own vocabulary; 0: a tokenizer has to be given.
    vocabulary: int = 0

    @property
    def context(self) -> int:
        return self.processor.context_tokens


def _vision(
    hidden: int, inner: int, layers: int, heads: int, image: int, patch: int
) -> dict[str, int]:
    return {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "image_size": image,
        "patch_size": patch,
    }


def _text(hidden: int, inner: int, layers: int, heads: int, groups: int) -> dict[str, Any]:
    return {
        **_LLAMA,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
    }


_SIGLIP_B = _vision(768, 3072, 12, 12, 512, 16)
PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "tiny",
            _vision(96, 256, 2, 4, 64, 8),
            {**_text(128, 352, 2, 4, 2), "head_dim": 32, "max_position_embeddings": 2048},
            4,
            PROCESSORS["tiny"],
            vocabulary=1024,
        ),
        Preset("256m", _SIGLIP_B, _text(576, 1536, 30, 9, 3), 4, PROCESSORS["smolvlm-256m"]),
        Preset("500m", _SIGLIP_B, _text(960, 2560, 32, 15, 5), 4, PROCESSORS["smolvlm-500m"]),
        Preset(
            "2.2b",
            _vision(1152, 4304, 27, 16, 384, 14),
            _text(2048, 8192, 24, 32, 32),
            3,
            PROCESSORS["smolvlm-2.2b"],
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How a stage is trained; `warm_up` is a share of all steps or, from 1 on, a number of them."""

    name: str
    lr_vision: float
    lr_connector: float
    lr_language: float
    schedule: Literal["cosine", "linear"]
    warm_up: float
    weight_decay: float = 0.0
    neftune: float = 0.0


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="video",
            lr_vision=5e-6,
            lr_connector=1e-4,
            lr_language=2e-5,
            schedule="cosine",
            warm_up=0.03,
        ),
        Stage(
            name="vision",
            lr_vision=1e-4,
            lr_connector=1e-4,
            lr_language=1e-4,
            schedule="linear",
            warm_up=100,
            weight_decay=0.1,
            neftune=5.0,
        ),
        Stage(
            name="scratch",
            lr_vision=2e-3,
            lr_connector=2e-3,
            lr_language=2e-3,
            schedule="cosine",
            warm_up=0.03,
        ),
    )
}
