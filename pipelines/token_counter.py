"""What texts and media weigh in ids: exactly with a tokenizer, by a calibrated estimate without.

Texts are counted in units, which add up over a sample and become ids at the end: ids themselves
where there is a tokenizer, UTF-8 bytes where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixtures.processors import Processor, get_processor
from mixtures.recipe import Recipe
from mixtures.tokens import ESTIMATED, Template, text_ids
from pipelines.tokenizers import TokenizerRef, load_tokenizer

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counter:
    """The processor whose ids are counted, and what counts text; null: it is estimated."""

    processor: Processor
    tokenizer: TokenizerRef | None = None

    @classmethod
    def of(cls, recipe: Recipe, tokenizer: TokenizerRef | None) -> Counter:
        """For the recipe's processor."""
        return cls(get_processor(recipe.processor), tokenizer)

    @property
    def is_estimated(self) -> bool:
        return self.tokenizer is None

    @property
    def template(self) -> Template:
        return ESTIMATED if self.tokenizer is None else load_tokenizer(self.tokenizer).template

    def units(self, texts: Iterable[str]) -> _Ints:
        """Units of each text as it stands after a special token (an image, a message's end)."""
        wanted: Sequence[str] = list(texts)
        if self.tokenizer is None:
            return np.array([len(text.encode()) for text in wanted], np.int64)
        return load_tokenizer(self.tokenizer).counts(wanted)

    def ids(self, units: _Ints) -> _Ints:
        return text_ids(units) if self.tokenizer is None else units
