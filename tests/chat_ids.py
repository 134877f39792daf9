"""Ids of a conversation as SmolVLM's own processor makes them: its chat template, its image strings
and its image processor, all of transformers, on the whole text at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
from tokenizers import Tokenizer

from mixtures.processors import Processor

# transformers says on import that it found no torch; nothing here needs it.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

_IMAGE = "<image>"
_HEAD = "Assistant:"


@dataclass(frozen=True)
class Image:
    width: int
    height: int
    split: bool = True


@dataclass(frozen=True)
class ChatIds:
    """The four counts of `Sample`."""

    num_tokens: int
    num_media_tokens: int
    num_answer_tokens: int
    num_text_tokens: int


@cache
def image_processor(tile_px: int, longest_edge_px: int) -> Any:
    """transformers' Pillow processor."""
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    return SmolVLMImageProcessorPil(
        size={"longest_edge": longest_edge_px}, max_image_size={"longest_edge": tile_px}
    )


def processor_of(processor: Processor) -> Any:
    return image_processor(processor.tile_px, processor.longest_edge_px)


@cache
def _template() -> jinja2.Template:
    from transformers.models.smolvlm.processing_smolvlm import DEFAULT_CHAT_TEMPLATE

    return jinja2.Environment().from_string(DEFAULT_CHAT_TEMPLATE)


def image_text(processor: Processor, rows: int, columns: int) -> str:
    """What stands for an image in the prompt; 0 rows where it is not split."""
    from transformers.models.smolvlm import processing_smolvlm

    write: Any = processing_smolvlm.get_image_prompt_string
    tokens = ("<fake_token_around_image>", _IMAGE, "<global-img>")
    return str(write(rows, columns, processor.ids_per_tile, *tokens))


def _tiles(processor: Processor, image: Image) -> tuple[int, int]:
    if not image.split:
        return 0, 0
    settings = {}
    if not processor.upscale:
        edge = min(processor.longest_edge_px, max(image.width, image.height))
        settings = {"size": {"longest_edge": edge}}
    patches = processor_of(processor).get_number_of_image_patches
    _, rows, columns = patches(image.height, image.width, settings)
    return rows, columns


def chat_ids(
    messages: Sequence[dict[str, Any]],
    images: Sequence[Image],
    processor: Processor,
    tokenizer: Tokenizer,
) -> ChatIds:
    """Counts of the whole conversation; `images` stand at its image items, in order.

    Learned are the texts of answers and the `<end_of_utterance>` after each, images there are not.
    """
    shown = iter(images)
    text, answers = "<|im_start|>", set[int]()
    for message in messages:
        one = _template().render(messages=[message]).removeprefix("<|im_start|>")
        for number, piece in enumerate(one.split(_IMAGE)):
            if number:
                text += image_text(processor, *_tiles(processor, next(shown)))
            if message["role"] == "assistant":
                begin = len(text) + (0 if number else len(_HEAD))
                answers |= set(range(begin, len(text) + len(piece.removesuffix("\n"))))
            text += piece
    assert next(shown, None) is None, "more images than image items"
    return _counted(text, answers, tokenizer)


def _counted(text: str, answers: set[int], tokenizer: Tokenizer) -> ChatIds:
    """`answers` are the places of the characters that are learned."""
    encoded = tokenizer.encode(text, add_special_tokens=False)
    num_media = sum(number == tokenizer.token_to_id(_IMAGE) for number in encoded.ids)
    num_answer = sum(start in answers for start, _ in encoded.offsets)
    total = len(encoded.ids)
    return ChatIds(total, num_media, num_answer, total - num_media - num_answer)
