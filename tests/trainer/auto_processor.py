"""What `AutoProcessor` makes of a checkpoint and an image, as JSON; a process of its own.

    python -m tests.trainer.auto_processor TORCHVISION CHECKPOINT IMAGE TEXT

PyPI's torchvision is compiled for another torch than the CPU build: its Python loads once the names
of its compiled operators are there, which no image processor calls.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import torch

_NAMES = re.compile(r'register_meta\("(\w+)"')


def _named_operators(folder: Path) -> torch.library.Library:
    """They are there for as long as this is held."""
    text = (folder / "torchvision/_meta_registrations.py").read_text()
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in {*_NAMES.findall(text), "nms", "qnms"}:
        library.define(f"{name}(Tensor a) -> Tensor")
    return library


def main(torchvision: str, checkpoint: str, image: str, text: str) -> None:
    library = _named_operators(Path(torchvision))
    sys.path.insert(0, torchvision)
    from PIL import Image
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(checkpoint)
    content = [{"type": "image"}, {"type": "text", "text": text}]
    chat = [{"role": "user", "content": content}]
    prompt = processor.apply_chat_template(chat, add_generation_prompt=True)
    picture = Image.open(image).convert("RGB")
    made = processor(text=prompt, images=[picture], return_tensors="pt")
    np.save(f"{image}.npy", made["pixel_values"][0].numpy())
    print(json.dumps({"kind": type(processor).__name__, "ids": made["input_ids"][0].tolist()}))
    del library


if __name__ == "__main__":
    main(*sys.argv[1:])
