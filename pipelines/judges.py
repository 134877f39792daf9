"""All that decides fates before quotas are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import filters
from manifests.cards import SourceCard
from mixtures.recipe import Recipe
from pipelines.access import Licenses
from pipelines.exclude import Exclusions
from pipelines.token_counter import Counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """A recipe with what was asked for beside it; `cards` are of its sources."""

    recipe: Recipe
    cards: Mapping[str, SourceCard]
    licenses: Licenses
    exclusions: Exclusions
    counter: Counter

    @property
    def filters(self) -> list[tuple[str, int]]:
        """Names and versions, in the order in which they judge."""
        return [(name, filters.get(name).version) for name in self.recipe.filters]
