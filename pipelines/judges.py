"""All that decides fates before quotas are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import filters
from manifests.cards import SourceCard
from mixtures.recipe import Recipe
from pipelines.access import Licenses
from pipelines.exclude import Exclusions
from pipelines.leaks.index_set import IndexSet
from pipelines.token_counter import Counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """A recipe with what was asked for beside it; `cards` are of its sources."""

    recipe: Recipe
    cards: Mapping[str, SourceCard]
    licenses: Licenses
    exclusions: Exclusions
    counter: Counter
    benchmarks: IndexSet = IndexSet(())

    @property
    def filters(self) -> list[tuple[str, str]]:
        """Names and fingerprints, in the order in which they judge."""
        used = [filters.get(self.recipe.filter_ref(n)) for n in self.recipe.filter_settings()]
        return [(used_.name, used_.fingerprint) for used_ in used]
