"""What labels weigh, and what is told of their losses.

    token   every label counts the same
    sample  every sample does: a label of a sample with n of them counts 1 / n
    square  between the two, 1 / sqrt(n) (InternVL 2.5, arXiv 2412.05271, section 3.3)

Weights are divided by their sum over all ranks and accumulated batches of the step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from trainer.items import GROUPS, Item
from trainer.model import Batch
from trainer.settings import Reduction

_POWERS: Mapping[Reduction, float] = {"token": 0.0, "sample": 1.0, "square": 0.5}


def weights_of(batch: Batch, reduction: Reduction) -> torch.Tensor:
    """(labels,), before they are divided by their sum."""
    counts = torch.bincount(batch.owner)[batch.owner]
    return counts.to(torch.float32) ** -_POWERS[reduction]


@dataclass
class Tally:
    """Sums of losses and labels by group, such as ("source", "finevideo")."""

    sums: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def add(self, losses: torch.Tensor, owner: torch.Tensor, items: Sequence[Item]) -> None:
        """`losses` in nats, one a label; `owner` its item."""
        sums = torch.zeros(len(items), dtype=torch.float64)
        sums.index_add_(0, owner.cpu(), losses.detach().cpu().double())
        for item, total in zip(items, sums.tolist(), strict=True):
            for name in GROUPS:
                self._put((name, item.groups[name]), total, item.num_learned)

    def merge(self, other: Tally) -> None:
        for key, (total, count) in other.sums.items():
            self._put(key, total, count)

    def means(self) -> dict[str, dict[str, float]]:
        """Loss a label: {"source": {"finevideo": 2.1}}."""
        found: dict[str, dict[str, float]] = {}
        for (name, group), (total, count) in sorted(self.sums.items()):
            if count:
                found.setdefault(name, {})[group] = round(total / count, 5)
        return found

    def _put(self, key: tuple[str, str], total: float, count: int) -> None:
        before = self.sums.get(key, (0.0, 0))
        self.sums[key] = (before[0] + total, before[1] + count)
