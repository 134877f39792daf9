"""`Collator`: rows of a build as `datasets` gives them to what a SmolVLM's forward takes.

    rows = datasets.load_dataset("parquet", data_files="mixtures-out/video/data/*.parquet")["train"]
    SFTTrainer(model, train_dataset=rows, data_collator=Collator(CHECKPOINT, "smolvlm-256m"), ...)

For trainers of others (docs/train). Those make ordinary images of a clip's frames, which are then
cut into tiles: 8 frames become some 7,000 ids in place of 600. Here a frame is one tile, and labels
are what the recipe means to be learned.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from manifests.errors import UsageError
from mixtures.processors import Processor, get_processor
from trainer.items import Encoder, Item
from trainer.prompts import Learn
from trainer.vocabulary import load_vocabulary

_IGNORED = -100


class Collator:
    """Pads ids to the longest row and pictures to the most tiles; rows are not packed."""

    def __init__(
        self,
        checkpoint: str,
        processor: str | Processor,
        learn: Learn = "answers",
        max_ids: int | None = None,
    ) -> None:
        """`checkpoint`: folder or Hub id of the tokenizer. Rows longer than `max_ids` raise."""
        self._encoder = Encoder(get_processor(processor), load_vocabulary(checkpoint), learn)
        self._max_ids = max_ids

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """input_ids, attention_mask and labels: (rows, ids). With pictures, pixel_values:
        (rows, tiles, 3, edge, edge) from -1 to 1, zeros where it has fewer than another."""
        items = [self._item(number, row) for number, row in enumerate(rows)]
        length = max(item.num_ids for item in items)
        vocabulary = self._encoder.vocabulary
        ids = torch.full((len(items), length), vocabulary.pad)
        labels = torch.full((len(items), length), _IGNORED)
        mask = torch.zeros((len(items), length), dtype=torch.int64)
        for row, item in enumerate(items):
            used = item.num_ids
            own, is_learned = torch.from_numpy(item.ids), torch.from_numpy(item.is_learned)
            ids[row, :used] = own
            mask[row, :used] = 1
            labels[row, :used] = torch.where(is_learned, own, _IGNORED)
        made = {"input_ids": ids, "attention_mask": mask, "labels": labels}
        return made | self._pixels(items)

    def _pixels(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        most = max(len(item.tiles) for item in items)
        if not most:
            return {}
        edge = self._encoder.processor.tile_px
        pixels = torch.zeros((len(items), most, 3, edge, edge))
        for row, item in enumerate(items):
            pixels[row, : len(item.tiles)] = item.tiles.permute(0, 3, 1, 2) / 127.5 - 1
        return {"pixel_values": pixels}

    def _item(self, number: int, row: Mapping[str, Any]) -> Item:
        images = [{"bytes": _encoded(image)} for image in row["images"]]
        item = self._encoder.item(number, {**row, "images": images})
        if self._max_ids is not None and item.num_ids > self._max_ids:
            raise UsageError(
                f"row {item.id} has {item.num_ids} ids, more than {self._max_ids}; build the "
                "mixture for this context (processor in the recipe), or raise max_ids"
            )
        return item


def _encoded(image: Any) -> bytes:
    """The bytes as they are, or, of an image that was decoded, as PNG."""
    if isinstance(image, Mapping):
        return bytes(image["bytes"])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
