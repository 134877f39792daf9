"""SmolVLM through transformers' own classes, and its loss over packed rows.

Only positions that predict a label go through the head. A step without tiles still runs the vision
tower, on one gray tile whose features count nothing, so that every rank has gradients of all parts.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional
from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration

from trainer.packing import Sequence
from trainer.presets import Preset
from trainer.vocabulary import Vocabulary

# SigLIP's: 0 to 255 becomes -1 to 1 (transformers, IMAGENET_STANDARD_MEAN and _STD are 0.5).
_HALF = 127.5


def config_of(preset: Preset, num_ids: int, image_id: int, pad_id: int) -> SmolVLMConfig:
    text = {
        **preset.text,
        "vocab_size": num_ids,
        "pad_token_id": pad_id,
        "tie_word_embeddings": False,
    }
    return SmolVLMConfig(
        vision_config=dict(preset.vision),
        text_config=text,
        scale_factor=preset.shuffle,
        image_token_id=image_id,
        pad_token_id=pad_id,
        tie_word_embeddings=False,
    )


def new_model(preset: Preset, vocabulary: Vocabulary, seed: int) -> SmolVLMForConditionalGeneration:
    """With random weights; the same seed, the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = config_of(preset, len(vocabulary), vocabulary.image, vocabulary.pad)
        return SmolVLMForConditionalGeneration(config)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Sequences padded to the longest: ids and positions (sequences, length), tiles 8-bit.

    `at` are the flat places whose next id is a label, `labels` these ids, and `owner` the item of
    each, counted over the batch.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    tiles: torch.Tensor
    at: torch.Tensor
    labels: torch.Tensor
    owner: torch.Tensor
    num_ids: int  # without padding

    @property
    def padding(self) -> int:
        return int(self.ids.numel()) - self.num_ids

    def to(self, device: torch.device) -> Batch:
        names = ("ids", "positions", "tiles", "at", "labels", "owner")
        moved = {name: getattr(self, name).to(device, non_blocking=True) for name in names}
        return replace(self, **moved)


def batch_of(sequences: Many[Sequence], pad_id: int) -> Batch:
    """Padding is a stretch of its own at the end of a sequence: no item sees it."""
    length = max(sequence.num_ids for sequence in sequences)
    ids = torch.full((len(sequences), length), pad_id)
    positions = torch.zeros((len(sequences), length), dtype=torch.int64)
    at, labels, owner, tiles = [], [], [], []
    number = 0
    for row, sequence in enumerate(sequences):
        used = sequence.num_ids
        positions[row, :used] = torch.from_numpy(sequence.positions())
        positions[row, used:] = torch.arange(length - used)
        start = 0
        for item in sequence.items:
            ids[row, start : start + item.num_ids] = torch.from_numpy(item.ids)
            learned = torch.from_numpy(item.is_learned).nonzero().flatten()
            at.append(row * length + start + learned - 1)
            labels.append(torch.from_numpy(item.ids)[learned])
            owner.append(torch.full((len(learned),), number))
            tiles.append(item.tiles)
            start += item.num_ids
            number += 1
    num_ids = sum(sequence.num_ids for sequence in sequences)
    return Batch(
        ids,
        positions,
        tiles=torch.cat(tiles),
        at=torch.cat(at),
        labels=torch.cat(labels),
        owner=torch.cat(owner),
        num_ids=num_ids,
    )


class LossModel(nn.Module):
    """A SmolVLM whose forward gives the loss of each label: what is wrapped for several devices."""

    def __init__(self, vlm: SmolVLMForConditionalGeneration, neftune: float = 0.0) -> None:
        super().__init__()
        self.vlm = vlm
        self.neftune = neftune

    def forward(self, batch: Batch) -> torch.Tensor:
        """(labels,) in nats, in the order of `Batch.labels`."""
        loss: torch.Tensor = functional.cross_entropy(
            self.logits(batch).float(), batch.labels, reduction="none"
        )
        return loss

    @property
    def device(self) -> torch.device:
        return self.vlm.device

    def logits(self, batch: Batch) -> torch.Tensor:
        """(labels, vocabulary)."""
        core = self.vlm.model
        embedded = core.text_model.get_input_embeddings()(batch.ids)
        if self.training and self.neftune:
            embedded = embedded + _noise(embedded, self.neftune)
        embedded = self._with_pictures(embedded, batch)
        # No mask and no cache: where positions begin anew, attention does.
        hidden = core.text_model(
            inputs_embeds=embedded, position_ids=batch.positions, use_cache=False
        ).last_hidden_state
        found: torch.Tensor = self.vlm.lm_head(hidden.flatten(0, 1)[batch.at])
        return found

    def _with_pictures(self, embedded: torch.Tensor, batch: Batch) -> torch.Tensor:
        tiles = batch.tiles
        if not len(tiles):
            edge = self.vlm.config.vision_config.image_size
            gray = torch.full((1, edge, edge, 3), 100, dtype=torch.uint8, device=embedded.device)
            return embedded + 0 * self._features(gray).sum().to(embedded.dtype)
        is_image = (batch.ids == self.vlm.config.image_token_id).unsqueeze(-1)
        return embedded.masked_scatter(is_image, self._features(tiles).to(embedded.dtype))

    def _features(self, tiles: torch.Tensor) -> torch.Tensor:
        """(ids of all tiles, hidden)."""
        weight = self.vlm.model.connector.modality_projection.proj.weight
        pixels = (tiles.to(weight.dtype) / _HALF - 1).permute(0, 3, 1, 2).unsqueeze(0)
        found = self.vlm.model.get_image_features(pixels, return_dict=True).pooler_output
        if isinstance(found, list | tuple):
            found = torch.cat(list(found))
        return found.flatten(0, -2)


def _noise(embedded: torch.Tensor, alpha: float) -> torch.Tensor:
    """NEFTune (arXiv 2310.05914): uniform, by the root of a sequence's numbers."""
    size = (embedded.shape[1] * embedded.shape[2]) ** 0.5
    return torch.empty_like(embedded).uniform_(-1, 1) * (alpha / size)
