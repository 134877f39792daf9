"""Checkpoint folders that transformers loads: model, tokenizer, processor, template, generation.

`SmolVLMForConditionalGeneration.from_pretrained` reads one anywhere. `AutoProcessor` needs
torchvision, as for any SmolVLM, and makes the same ids (`tests/trainer/test_saving.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedTokenizerFast, SmolVLMForConditionalGeneration
from transformers.utils import logging

from manifests.storage import write_json
from mixtures.processors import Processor
from trainer.prompts import CHAT_TEMPLATE
from trainer.vocabulary import END, FAKE, GLOBAL, IMAGE, PAD, START, Vocabulary


def save_model(
    folder: Path,
    model: SmolVLMForConditionalGeneration,
    vocabulary: Vocabulary,
    processor: Processor,
) -> None:
    """Into an existing folder."""
    logging.disable_progress_bar()
    model.save_pretrained(folder)
    GenerationConfig(
        bos_token_id=vocabulary.start,
        eos_token_id=vocabulary.end,
        pad_token_id=vocabulary.pad,
    ).save_pretrained(folder)
    _tokenizer(vocabulary, processor).save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    for name, content in _processor_files(processor).items():
        write_json(str(folder / name), content)


def load_weights(folder: Path) -> dict[str, torch.Tensor]:
    """All of a saved model, as single floats."""
    model = SmolVLMForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    weights: dict[str, torch.Tensor] = model.state_dict()
    return weights


def _tokenizer(vocabulary: Vocabulary, processor: Processor) -> PreTrainedTokenizerFast:
    plain = vocabulary.plain()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        unk_token="<|endoftext|>" if plain.token_to_id("<|endoftext|>") is not None else None,
        extra_special_tokens={
            "fake_image_token": FAKE,
            "image_token": IMAGE,
            "global_image_token": GLOBAL,
            "end_of_utterance_token": END,
        },
        model_max_length=processor.context_tokens,
        clean_up_tokenization_spaces=False,
    )


def _processor_files(processor: Processor) -> dict[str, Any]:
    """Of a picture its longest edge and tile, of a clip one tile a frame (SmolVLM2's own files)."""
    half = [0.5, 0.5, 0.5]
    shared = {
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_pad": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": half,
        "image_std": half,
        "max_image_size": {"longest_edge": processor.tile_px},
        "resample": 1,
        "rescale_factor": 1 / 255,
    }
    image = {
        **shared,
        "image_processor_type": "SmolVLMImageProcessor",
        "do_image_splitting": True,
        # Not transformers': whether images smaller than the longest edge grow to it.
        "upscale": processor.upscale,
        "size": {"longest_edge": processor.longest_edge_px},
    }
    video = {
        **shared,
        "video_processor_type": "SmolVLMVideoProcessor",
        "size": {"longest_edge": processor.tile_px},
        "video_sampling": {
            "fps": 1,
            "max_frames": 64,
            "video_size": {"longest_edge": processor.tile_px},
        },
    }
    return {
        "preprocessor_config.json": {**image, "processor_class": "SmolVLMProcessor"},
        "video_preprocessor_config.json": {**video, "processor_class": "SmolVLMProcessor"},
        "processor_config.json": {
            "processor_class": "SmolVLMProcessor",
            "image_seq_len": processor.ids_per_tile,
        },
    }
