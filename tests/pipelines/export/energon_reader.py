"""Energon's side of the round trip: what it hands to a model is the sample as it decoded it."""

from __future__ import annotations

from typing import Any

from megatron.energon import Cooker, DefaultTaskEncoder, stateless


@stateless  # type: ignore[untyped-decorator]
def cook(sample: Any) -> Any:
    return dict(sample)


class Encoder(DefaultTaskEncoder):
    cookers = [Cooker(cook)]

    def encode_sample(self, sample: Any) -> Any:
        return sample

    def batch(self, samples: Any) -> Any:
        return samples
