"""The model that training starts from: random, a whole SmolVLM, or an encoder and a language model.

Of a language model with tied embeddings these are copied into the head. Rows of the embeddings that
it does not have (SmolVLM adds 128 ids to SmolLM2's 49,152), and the connector, start at random.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from transformers import AutoModel, AutoModelForCausalLM, SmolVLMForConditionalGeneration
from transformers.utils import logging

from manifests.errors import UsageError
from trainer.model import new_model
from trainer.presets import Preset
from trainer.settings import TrainSettings
from trainer.vocabulary import Vocabulary

_Weights = Mapping[str, torch.Tensor]


def initial_model(
    settings: TrainSettings, preset: Preset, vocabulary: Vocabulary
) -> SmolVLMForConditionalGeneration:
    """UsageError where a checkpoint cannot be had or has another form."""
    if settings.init is not None:
        return _whole(settings.init, preset, vocabulary)
    model = new_model(preset, vocabulary, settings.seed)
    if settings.vision is not None:
        _put(model.model.vision_model, _vision_weights(settings.vision), settings.vision)
    if settings.text is not None:
        put_text(model, settings.text)
    return model


def _whole(spec: str, preset: Preset, vocabulary: Vocabulary) -> SmolVLMForConditionalGeneration:
    model = loaded(SmolVLMForConditionalGeneration, spec)
    edge = model.config.vision_config.image_size
    if edge != preset.processor.tile_px:
        raise UsageError(
            f"--init {spec}: its tiles are {edge} px, those of preset {preset.name} "
            f"{preset.processor.tile_px}"
        )
    num_ids = model.get_input_embeddings().num_embeddings
    if len(vocabulary) > num_ids:
        raise UsageError(
            f"--init {spec}: it knows {num_ids} ids and the tokenizer has {len(vocabulary)}"
        )
    return model


def _vision_weights(spec: str) -> _Weights:
    weights = loaded(AutoModel, spec).state_dict()
    return {
        name.removeprefix("vision_model."): weight
        for name, weight in weights.items()
        if not name.startswith(("text_model.", "logit_")) and ".head." not in f".{name}"
    }


def put_text(model: SmolVLMForConditionalGeneration, spec: str) -> None:
    """Give it the language side of another model; UsageError where that has another form."""
    source = loaded(AutoModelForCausalLM, spec)
    body = dict(source.model.state_dict())
    target = model.model.text_model
    own = target.get_input_embeddings().weight.data
    given = body.pop("embed_tokens.weight")
    _put(target, {**body, "embed_tokens.weight": _grown(own, given, spec)}, spec)
    head = source.get_output_embeddings().weight.data
    model.lm_head.weight.data.copy_(_grown(model.lm_head.weight.data, head, spec))


def _grown(own: torch.Tensor, given: torch.Tensor, spec: str) -> torch.Tensor:
    """Our rows, the first of which are those that are given."""
    if given.shape[1] != own.shape[1] or len(given) > len(own):
        raise UsageError(
            f"{spec}: its embeddings are {tuple(given.shape)}, the preset's {tuple(own.shape)}"
        )
    return torch.cat([given.to(own.dtype), own[len(given) :]])


def _put(part: torch.nn.Module, weights: _Weights, spec: str) -> None:
    own = part.state_dict()
    missing = sorted(own.keys() - weights.keys())
    if missing:
        raise UsageError(
            f"{spec}: it has no {missing[0]} ({len(missing)} of {len(own)} are missing)"
        )
    for name, weight in own.items():
        if weight.shape != weights[name].shape:
            given, wanted = tuple(weights[name].shape), tuple(weight.shape)
            raise UsageError(f"{spec}: {name} is {given}, the preset's {wanted}")
    part.load_state_dict({name: weights[name] for name in own})


def loaded(kind: type, spec: str) -> torch.nn.Module:
    """Weights as single floats; never code of the model's."""
    logging.disable_progress_bar()
    try:
        return kind.from_pretrained(spec, dtype=torch.float32, trust_remote_code=False)  # type: ignore[attr-defined, no-any-return, unused-ignore]
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{spec}: no model that can be loaded ({error})") from error
