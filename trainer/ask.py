"""`mixture ask CHECKPOINT IMAGE QUESTION`: what a checkpoint says, by greedy decoding."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import SmolVLMForConditionalGeneration

from manifests.errors import IntegrityError, UsageError
from manifests.storage import read_bytes, read_json
from mixtures.processors import Processor
from trainer.initial import loaded
from trainer.pictures import read_picture
from trainer.prompts import encode
from trainer.vocabulary import load_vocabulary


def ask(checkpoint: str, image: str, question: str, most_ids: int) -> str:
    """`checkpoint` is a folder as `train-reference` leaves it, or any SmolVLM's.

    UsageError where it or the image cannot be read. Answers end at `<end_of_utterance>`, or after
    `most_ids` ids.
    """
    processor = processor_of(Path(checkpoint))
    vocabulary = load_vocabulary(checkpoint)
    try:
        picture = read_picture(read_bytes(image), processor, split=True)
    except (OSError, IntegrityError) as error:
        raise UsageError(f"{image}: no image that can be read ({error})") from error
    layout = vocabulary.picture(picture.rows, picture.columns, processor.ids_per_tile)
    content = [{"type": "image", "text": ""}, {"type": "text", "text": question}]
    messages = [{"role": "user", "content": content}]
    ids = torch.from_numpy(encode(vocabulary, messages, [layout], is_asked=True).ids)[None]
    pixels = torch.from_numpy(picture.tiles.copy()).permute(0, 3, 1, 2)[None] / 127.5 - 1
    model = loaded(SmolVLMForConditionalGeneration, checkpoint).eval()
    made = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        pixel_values=pixels,
        max_new_tokens=most_ids,
        do_sample=False,
    )
    answer: str = vocabulary.plain().decode(made[0, ids.shape[1] :].tolist())
    return answer.strip()


def processor_of(folder: Path) -> Processor:
    """As its processor files say; UsageError where there are none."""
    try:
        image = read_json(str(folder / "preprocessor_config.json"))
        length = read_json(str(folder / "processor_config.json"))["image_seq_len"]
        return Processor(
            name=folder.name.lower(),
            tile_px=image["max_image_size"]["longest_edge"],
            longest_edge_px=image["size"]["longest_edge"],
            ids_per_tile=length,
            upscale=image.get("upscale", True),
            context_tokens=read_json(str(folder / "config.json"))["text_config"][
                "max_position_embeddings"
            ],
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{folder}: no checkpoint of a SmolVLM ({error})") from error
