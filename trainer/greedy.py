"""Answers of many questions at once, by greedy decoding with transformers' cache."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Many

import torch
from transformers import SmolVLMForConditionalGeneration

from trainer.items import Item
from trainer.vocabulary import Vocabulary

_AT_ONCE, _TILES_AT_ONCE = 16, 64


def answers(
    vlm: SmolVLMForConditionalGeneration, items: Many[Item], vocabulary: Vocabulary, most_ids: int
) -> dict[int, str]:
    """By row, stripped; items end where the model goes on. Those of a batch have as many tiles."""
    plain = vocabulary.plain()
    found: dict[int, str] = {}
    for batch in _batches(items):
        written = _written(vlm, batch, vocabulary, most_ids)
        for item, ids in zip(batch, written.tolist(), strict=True):
            end = ids.index(vocabulary.end) if vocabulary.end in ids else len(ids)
            found[item.row] = plain.decode(ids[:end]).strip()
    return found


def _batches(items: Many[Item]) -> Iterator[list[Item]]:
    """Of like lengths, so that little is padded."""
    batch: list[Item] = []
    for item in sorted(items, key=lambda item: (len(item.tiles), item.num_ids)):
        is_other = batch and len(item.tiles) != len(batch[0].tiles)
        num_tiles = (len(batch) + 1) * len(item.tiles)
        if is_other or len(batch) == _AT_ONCE or (batch and num_tiles > _TILES_AT_ONCE):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _written(
    vlm: SmolVLMForConditionalGeneration, batch: list[Item], vocabulary: Vocabulary, most_ids: int
) -> torch.Tensor:
    """(items, new ids): padded on the left, where nothing is seen."""
    length = batch[-1].num_ids
    ids = torch.full((len(batch), length), vocabulary.pad)
    mask = torch.zeros_like(ids)
    for row, item in enumerate(batch):
        ids[row, length - item.num_ids :] = torch.from_numpy(item.ids)
        mask[row, length - item.num_ids :] = 1
    more = {}
    if len(batch[0].tiles):
        tiles = torch.stack([item.tiles for item in batch]).to(vlm.device)
        more["pixel_values"] = tiles.permute(0, 1, 4, 2, 3).to(vlm.dtype) / 127.5 - 1
    made: torch.Tensor = vlm.generate(
        input_ids=ids.to(vlm.device),
        attention_mask=mask.to(vlm.device),
        max_new_tokens=most_ids,
        do_sample=False,
        eos_token_id=vocabulary.end,
        pad_token_id=vocabulary.pad,
        **more,
    )
    return made[:, length:].cpu()
