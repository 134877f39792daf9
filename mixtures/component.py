"""One component of a recipe, and the leaf: a component that samples are drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator, model_validator

from manifests.schema import Modality
from mixtures.shares import MAX_REPEAT, Repeat, Share
from mixtures.where import parse_where

NAME_PATTERN = r"^[a-z0-9][a-z0-9_.-]*$"
SIZES = ("share", "take", "repeat")


class PlacedError(ValueError):
    """What is wrong with a part below the one that was being checked.

    `place` are names of components from there, then, where it is known, the key.
    """

    def __init__(self, message: str, *place: str) -> None:
        super().__init__(message)
        self.place = place


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Component(Frozen):
    """A named part of its parent. One without components of its own is a leaf and is drawn from."""

    name: str = Field(pattern=NAME_PATTERN)
    share: Share | None = Field(default=None, description="of its parent's amount")
    take: StrictInt | None = Field(default=None, ge=1, description="an amount, in the unit")
    repeat: Repeat | None = Field(default=None, description="passes over what it holds: 1/2, 4")
    unavailable: str | None = Field(
        default=None,
        min_length=1,
        description="why nobody can have its data; built without by --allow-missing",
    )
    modality: Modality | None = Field(default=None, description="null: any")
    category: str | None = Field(default=None, description="null: any")
    sources: tuple[str, ...] = Field(
        default=(), description="source, or source/subset; empty: as its parent has it"
    )
    where: str | None = Field(default=None, description="condition on known columns, see where.py")
    max_samples: StrictInt | None = Field(default=None, ge=1, description="rows, repeats included")
    max_tokens: StrictInt | None = Field(default=None, ge=1, description="tokens, repeats included")
    max_images: StrictInt | None = Field(default=None, ge=1, description="images and frames, too")
    max_duration_s: StrictInt | None = Field(default=None, ge=1, description="of all its videos")
    max_repeat: StrictInt = Field(
        default=1, ge=1, le=MAX_REPEAT, description="passes over a leaf's samples, at most"
    )
    components: tuple[Component, ...] = ()

    @field_validator("where")
    @classmethod
    def _check_where(cls, where: str | None) -> str | None:
        if where is not None:
            parse_where(where)
        return where

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [size for size in SIZES if getattr(self, size) is not None]
        if len(given) != 1:
            found = f"; it has {' and '.join(given)}" if given else ""
            raise ValueError(f"exactly one of share, take and repeat says how much of it{found}")
        if self.components:
            check_level(self.components)
            if self.max_repeat != 1:
                raise PlacedError(
                    "max_repeat belongs to components without components of their own",
                    "max_repeat",
                )
        return self

    @property
    def max_passes(self) -> int:
        """How often a leaf's samples may be drawn: `repeat: 3/2` says by itself that twice."""
        return max(self.max_repeat, math.ceil(self.repeat or 0))

    def claims(self, source: str, subset: str, modality: str, category: str | None) -> bool:
        """Whether a sample satisfies this component's own conditions, `where` not counted."""
        named = not self.sources or source in self.sources or f"{source}/{subset}" in self.sources
        return named and self.modality in (None, modality) and self.category in (None, category)


def check_level(components: Sequence[Component]) -> None:
    """A ValueError unless the siblings' names differ and their sizes are of one kind.

    Shares sum to exactly 1, those of unavailable components included.
    """
    names = [component.name for component in components]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two components are called {name!r}")
    shared = [component.share for component in components if component.share is not None]
    if not shared:
        return
    if len(shared) < len(components):
        _refuse_two_kinds(components)
    total = sum(shared)
    if total != 1:
        parts = " + ".join(f"{component.name} {component.share}" for component in components)
        raise ValueError(
            f"its components' shares sum to {total} ({float(total):.6%}), not 1: {parts}"
        )


def _refuse_two_kinds(components: Sequence[Component]) -> None:
    """Points at the first component whose size is not of the kind of the first one's."""
    first = components[0]
    other = next(c for c in components if (c.share is None) != (first.share is None))
    kinds = {c.name: next(s for s in SIZES if getattr(c, s) is not None) for c in (first, other)}
    said = " and ".join(f"{name} has {kind}" for name, kind in kinds.items())
    raise PlacedError(
        f"the components of one level all have shares, or all amounts (take, repeat); here {said}",
        other.name,
        kinds[other.name],
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
        """Exact share of the whole mixture; only where every level is one of shares."""
        product = Fraction(1)
        for component in self.chain:
            assert component.share is not None, "amounts have no share before they are settled"
            product *= component.share
        return product

    @property
    def component(self) -> Component:
        return self.chain[-1]

    @property
    def unavailable(self) -> str | None:
        """Why nobody can have its data, as it or a component above says."""
        return next((part.unavailable for part in self.chain if part.unavailable), None)

    @property
    def sources(self) -> tuple[str, ...]:
        """The innermost list of sources: what must be read to fill the leaf."""
        return next((part.sources for part in reversed(self.chain) if part.sources), ())

    @property
    def wheres(self) -> tuple[str, ...]:
        """The conditions of its chain: a sample must meet them all."""
        return tuple(part.where for part in self.chain if part.where is not None)

    def claims(self, source: str, subset: str, modality: str, category: str | None) -> bool:
        """Whether the chain takes such samples, `where` not counted; never if unavailable."""
        if self.unavailable is not None:
            return False
        return all(part.claims(source, subset, modality, category) for part in self.chain)


def walk(
    components: Sequence[Component], above: tuple[Component, ...] = ()
) -> Iterator[tuple[Component, ...]]:
    """The chain of every component, inner ones too, depth first: a parent before its children."""
    for component in components:
        chain = (*above, component)
        yield chain
        yield from walk(component.components, chain)


def chain_path(chain: Sequence[Component]) -> str:
    return "/".join(component.name for component in chain)
