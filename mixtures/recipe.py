"""What a mixture is: a tree of components with exact shares, read from YAML by `recipe_file`.

    description: half text, half pictures
    name: halves
    unit: samples
    filters: {roles: {}, image_bounds: {min_side_px: 28}}
    components:
      - {name: text, share: 50%, modality: text, sources: [magpie]}
      - {name: image, share: 1/2, modality: image, sources: [the_cauldron/ai2d, mathwriting]}

Shares are exact rationals ("14%", "7/50" and 0.14 are the same) and sum to 1 at each level. A leaf
claims the samples that satisfy its own conditions and those of every component above it; no sample
may be claimed twice (`mixtures.assign` refuses it). Order of components is order of ties.

A source is named by its name, or, if it is the user's own, by the path of its module from the
recipe's folder (`./my_source.py`, `./my_source.py/subset`). Data of the user's own in a common form
are declared under `local` (manifests/local_sets.py) and named `local/NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictInt,
    model_validator,
)

from manifests.errors import RecipeError, nearest
from manifests.local_sets import LocalSet
from manifests.schema import Modality

_SHARE = re.compile(r"(?P<decimal>\d+(\.\d+)?)(?P<percent>%?)|\d+/0*[1-9]\d*")
# `repeat` is an int16 column.
_MAX_REPEAT = 32_767


def parse_share(value: object) -> Fraction:
    """ "14%", "7/50", "0.14" or a number as an exact rational in (0, 1]; floats by their digits."""
    if isinstance(value, Fraction):
        share = value
    else:
        text = format(Decimal(str(value)), "f") if isinstance(value, float) else str(value)
        match = _SHARE.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{value!r} is no share; write it as 14%, 7/50 or 0.14")
        share = Fraction(match["decimal"] or match[0])
        share = share / 100 if match["percent"] else share
    if not 0 < share <= 1:
        raise ValueError(f"{value!r} is not a share: it must be above 0 and at most 1 (100%)")
    return share


Share = Annotated[Fraction, PlainValidator(parse_share), PlainSerializer(str, return_type=str)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Component(_Frozen):
    """A named part of its parent. One without components of its own is a leaf and is drawn from."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    share: Share = Field(description="of its parent's rows")
    modality: Modality | None = Field(default=None, description="null: any")
    category: str | None = Field(default=None, description="null: any")
    sources: tuple[str, ...] = Field(
        default=(), description="source, or source/subset; empty: as its parent has it"
    )
    max_samples: StrictInt | None = Field(default=None, ge=1, description="rows, repeats included")
    max_repeat: StrictInt = Field(
        default=1, ge=1, le=_MAX_REPEAT, description="passes over a leaf's samples, at most"
    )
    components: tuple[Component, ...] = ()

    @model_validator(mode="after")
    def _check_level(self) -> Self:
        if self.components:
            check_level(self.components)
            if self.max_repeat != 1:
                raise ValueError("max_repeat belongs to components without components of their own")
        return self

    def claims(self, source: str, subset: str, modality: str, category: str | None) -> bool:
        """Whether a sample satisfies this component's own conditions."""
        named = not self.sources or source in self.sources or f"{source}/{subset}" in self.sources
        return named and self.modality in (None, modality) and self.category in (None, category)


def check_level(components: Sequence[Component]) -> None:
    """A ValueError unless the siblings' names differ and their shares sum to exactly 1."""
    names = [component.name for component in components]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two components are called {name!r}")
    total = sum(component.share for component in components)
    if total != 1:
        parts = " + ".join(f"{component.name} {component.share}" for component in components)
        raise ValueError(
            f"its components' shares sum to {total} ({float(total):.6%}), not 1: {parts}"
        )


@dataclass(frozen=True)
class Leaf:
    """A component that samples are drawn from, with the components above it, outermost first."""

    index: int
    chain: tuple[Component, ...]

    @property
    def path(self) -> str:
        return "/".join(component.name for component in self.chain)

    @property
    def share(self) -> Fraction:
        """Exact share of the whole mixture."""
        product = Fraction(1)
        for component in self.chain:
            product *= component.share
        return product

    @property
    def component(self) -> Component:
        return self.chain[-1]

    @property
    def sources(self) -> tuple[str, ...]:
        """The innermost list of sources: what must be read to fill the leaf."""
        return next((part.sources for part in reversed(self.chain) if part.sources), ())

    def claims(self, source: str, subset: str, modality: str, category: str | None) -> bool:
        return all(part.claims(source, subset, modality, category) for part in self.chain)


class Recipe(_Frozen):
    """A mixture as it was asked for: every setting that decides what a build holds."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    description: str
    unit: Literal["samples"] = Field(description="what shares are shares of")
    seed: StrictInt = Field(default=0, description="of draws and order")
    filters: Mapping[str, Mapping[str, Any]] = Field(
        default_factory=dict, description="filters to apply; of each, params that are not default"
    )
    components: tuple[Component, ...] = Field(min_length=1)
    local: Mapping[str, LocalSet] = Field(
        default_factory=dict, description="the user's own data: subsets of the source `local`"
    )
    modules: Mapping[str, str] = Field(
        default_factory=dict, description="the user's own sources: paths of modules by name"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_level(self.components)
        for leaf in self.leaves():
            _check_leaf(leaf)
        return self

    def leaves(self) -> list[Leaf]:
        """All leaves, depth first: their positions are the leaf indices of every other module."""
        chains = _chains(self.components, ())
        return [Leaf(index, chain) for index, chain in enumerate(chains)]

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Subsets to read of each source, in recipe order; an empty tuple means all of them."""
        found: dict[str, list[str]] = {}
        for leaf in self.leaves():
            for entry in leaf.sources:
                source, _, subset = entry.partition("/")
                found.setdefault(source, []).append(subset)
        return {
            source: () if "" in subsets else tuple(dict.fromkeys(subsets))
            for source, subsets in found.items()
        }


def _chains(
    components: Sequence[Component], above: tuple[Component, ...]
) -> Iterator[tuple[Component, ...]]:
    for component in components:
        chain = (*above, component)
        if component.components:
            yield from _chains(component.components, chain)
        else:
            yield chain


def _check_leaf(leaf: Leaf) -> None:
    if not leaf.sources:
        raise ValueError(f"component {leaf.path!r} names no sources, nor does one above it")
    for field in ("modality", "category"):
        asked = {getattr(part, field) for part in leaf.chain} - {None}
        if len(asked) > 1:
            both = " and ".join(sorted(asked))
            raise ValueError(f"component {leaf.path!r} can hold nothing: its {field} is {both}")


def check_sources(recipe: Recipe, known: Mapping[str, Collection[str]]) -> None:
    """A RecipeError unless `known` (subsets by source name) has all that the recipe names."""
    for source, subsets in recipe.sources().items():
        if source not in known:
            hint = nearest(source, known) or f" (there are {', '.join(sorted(known))})"
            raise RecipeError(f"recipe {recipe.name}: there is no source {source!r}{hint}")
        for subset in subsets:
            if subset not in known[source]:
                hint = nearest(subset, known[source])
                raise RecipeError(
                    f"recipe {recipe.name}: source {source} has no subset {subset!r}{hint}"
                )
