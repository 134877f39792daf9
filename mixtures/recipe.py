"""What a mixture is: a tree of components with exact sizes, read from YAML by `recipe_file`.

    description: half text, half pictures
    name: halves
    unit: samples
    filters: {roles: {}, image_bounds: {min_side_px: 28}}
    components:
      - {name: text, share: 50%, modality: text, sources: [magpie]}
      - {name: image, share: 1/2, modality: image, sources: [the_cauldron/ai2d, mathwriting]}

Each component has exactly one of three sizes, and siblings have shares or amounts, never both:

    share: 14%     of its parent's amount; siblings' shares sum to exactly 1
    take: 1000     an amount in the recipe's unit
    repeat: 3/2    of a leaf: so many passes over what it holds; of others: over what those below it
                   ask for. It may be drawn in as many passes without `max_repeat`

Below a share or a `take` amounts are weights: the parent says how much there is, they say the
ratios. Shares and passes are exact rationals ("14%", "7/50" and 0.14 are the same). A leaf claims
the samples that satisfy its own conditions and those of every component above it; no sample may be
claimed twice (`mixtures.assign` refuses it). Order of components is order of ties. A component that
says why it is `unavailable` counts in the sum of shares, needs no sources, and a build does without
it only if told to (`mixtures.missing`).

A source is named by its name, or, if it is the user's own, by the path of its module from the
recipe's folder (`./my_source.py`, `./my_source.py/subset`); so is a filter (`./my_filter.py`). Data
of the user's own in a common form are declared under `local` (manifests/local_sets.py) and named
`local/NAME`. What is asked of rows by their kind of source stands under `policies` (policies.py).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    StrictInt,
    Tag,
    field_validator,
    model_serializer,
    model_validator,
)

from manifests.errors import RecipeError, nearest
from manifests.local_sets import LocalSet
from mixtures.component import (
    NAME_PATTERN,
    Component,
    Frozen,
    Leaf,
    PlacedError,
    chain_path,
    check_level,
    walk,
)
from mixtures.custom_processor import CustomProcessor
from mixtures.likeness import Decontaminate, NearDuplicates
from mixtures.places import Places
from mixtures.policies import POLICIES, Choice, Policy, Setting, filter_settings
from mixtures.processors import get_processor
from mixtures.shares import parse_repeat, parse_share
from mixtures.where import EXTRA, parse_where
from mixtures.where_text import where_error

__all__ = [
    "Component",
    "Leaf",
    "Recipe",
    "Remedy",
    "StyleName",
    "Unit",
    "check_level",
    "check_sources",
    "parse_repeat",
    "parse_share",
]

Unit = Literal["samples", "tokens", "answer_tokens"]
StyleName = Literal["plain", "smolvlm2", "smolvlm-inference"]
Remedy = Literal["fewer_frames", "unsplit_images", "trim_turns", "drop"]

# Told apart by what is written, so that an error is about that alone.
ProcessorSpec = Annotated[
    Annotated[CustomProcessor, Tag("<mapping>")] | Annotated[str, Tag("<name>")],
    Discriminator(lambda value: "<name>" if isinstance(value, str) else "<mapping>"),
]
TokenLimit = Annotated[
    Annotated[Literal["context", "none"], Tag("<word>")]
    | Annotated[StrictInt, Field(ge=1), Tag("<number>")],
    Discriminator(lambda value: "<word>" if isinstance(value, str) else "<number>"),
]


class Recipe(Frozen):
    """A mixture as it was asked for: every setting that decides what a build holds."""

    name: str = Field(pattern=NAME_PATTERN)
    description: str
    unit: Unit = Field(description="what shares are shares of, and amounts amounts of")
    seed: StrictInt = Field(default=0, description="of draws and order")
    processor: ProcessorSpec = Field(
        default="smolvlm-256m", description="target model, whose ids are counted"
    )
    style: StyleName = Field(default="plain", description="words around media (styles.py)")
    max_turns: StrictInt | None = Field(
        default=None, ge=1, description="user turns a sample, at most; null: all"
    )
    shuffle_turns: bool = Field(
        default=False, description="independent turns in a stable random order; never dialogue"
    )
    merge: Literal["none", "same_media"] = Field(
        default="none", description="questions about the same media as one conversation"
    )
    duplicates: Literal["mixture", "component"] = Field(
        default="mixture", description="among which samples equal ones are duplicates"
    )
    max_sample_tokens: TokenLimit = Field(
        default="context", description="ids a sample, at most; context: the processor's"
    )
    over_length: tuple[Remedy, ...] = Field(
        default=("fewer_frames", "unsplit_images", "trim_turns", "drop"),
        description="what is tried in turn on a longer sample; drop comes last",
    )
    filters: Mapping[str, Mapping[str, Any]] = Field(
        default_factory=dict, description="filters to apply; of each, params that are not default"
    )
    policies: Mapping[Policy, Mapping[str, Choice]] = Field(
        default_factory=dict,
        description="by kind of source: filters' other params, or off (policies.py)",
    )
    mask_pii: tuple[Policy, ...] = Field(
        default=(), description="policies in whose rows e-mail and public IP addresses are replaced"
    )
    near_duplicates: NearDuplicates | None = Field(
        default=None, description="rows that are nearly the same as another, to be left out"
    )
    decontaminate: Decontaminate | None = Field(
        default=None, description="rows that are in benchmarks, to be left out"
    )
    components: tuple[Component, ...] = Field(min_length=1)
    local: Mapping[str, LocalSet] = Field(
        default_factory=dict, description="the user's own data: subsets of the source `local`"
    )
    modules: Mapping[str, str] = Field(
        default_factory=dict, description="the user's own sources: paths of modules by name"
    )
    filter_modules: Mapping[str, str] = Field(
        default_factory=dict, description="the user's own filters: paths of modules by name"
    )

    _places: Places = PrivateAttr(default_factory=Places)

    @field_validator("processor")
    @classmethod
    def _check_processor(cls, processor: str | CustomProcessor) -> str | CustomProcessor:
        get_processor(processor)
        return processor

    @field_validator("policies", mode="before")
    @classmethod
    def _check_policies(cls, policies: Any) -> Any:
        for name in policies if isinstance(policies, Mapping) else ():
            if name not in POLICIES:
                hint = nearest(str(name), POLICIES) or f" (there are {', '.join(POLICIES)})"
                raise PlacedError(f"there is no policy {name!r}{hint}", str(name))
        return policies

    @field_validator("mask_pii")
    @classmethod
    def _check_mask_pii(cls, policies: tuple[Policy, ...]) -> tuple[Policy, ...]:
        twice = [policy for policy in policies if policies.count(policy) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is named twice")
        return policies

    @field_validator("over_length")
    @classmethod
    def _check_over_length(cls, remedies: tuple[Remedy, ...]) -> tuple[Remedy, ...]:
        twice = [remedy for remedy in remedies if remedies.count(remedy) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is named twice")
        if not remedies or remedies[-1] != "drop":
            raise ValueError("the last remedy must be drop: some samples fit in no other way")
        return remedies

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_level(self.components)
        for chain in walk(self.components):
            _check_where(chain, self.filter_settings())
        for leaf in self.leaves():
            _check_leaf(leaf)
        return self

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A recipe that says nothing of these is written as it was before they were there."""
        raw: dict[str, Any] = handler(self)
        late = ("policies", "filter_modules", "mask_pii", "near_duplicates", "decontaminate")
        unsaid = [name for name in late if not getattr(self, name)]
        return {name: value for name, value in raw.items() if name not in unsaid}

    def lying_in(self, folder: str) -> Self:
        """The same, with its own filters looked for from `folder`: no plan says where it lay."""
        placed = self.model_copy()
        placed._places = replace(self._places, folder=folder)
        return placed

    @property
    def folder(self) -> str:
        """The absolute path from which it names the user's own files; empty: unknown."""
        return self._places.folder

    def with_filter_refs(self, refs: Mapping[str, str]) -> Self:
        """The same, with these filters known by their `Filter.ref` (those bound to weights)."""
        placed = self.model_copy()
        placed._places = replace(self._places, refs=refs)
        return placed

    def filter_settings(self) -> dict[str, Setting]:
        """What it says of each filter that is on somewhere, in the order of judging."""
        return filter_settings(self.filters, self.policies)

    def filter_ref(self, name: str) -> str:
        """What `filters.get` knows a filter by: its name, or where the user's own one lies."""
        if name in self._places.refs:
            return self._places.refs[name]
        path = self.filter_modules.get(name)
        return name if path is None else os.path.abspath(os.path.join(self._places.folder, path))

    def leaves(self) -> list[Leaf]:
        """All leaves, depth first: their positions are the leaf indices of every other module."""
        chains = (chain for chain in walk(self.components) if not chain[-1].components)
        return [Leaf(index, chain) for index, chain in enumerate(chains)]

    def paths(self) -> list[str]:
        """Paths of all components, inner ones too, depth first."""
        return [chain_path(chain) for chain in walk(self.components)]

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Subsets to read of each source, in recipe order; an empty tuple means all of them.

        Those of unavailable components are not read.
        """
        found: dict[str, list[str]] = {}
        for _, entry in self._entries():
            source, _, subset = entry.partition("/")
            found.setdefault(source, []).append(subset)
        return {
            source: () if "" in subsets else tuple(dict.fromkeys(subsets))
            for source, subsets in found.items()
        }

    def place(self, path: str, *keys: str) -> str:
        """`video.yaml, line 24: text`, for an error about a component's key, the first with a mark.

        Without a file `recipe video: component text`. An empty path is the recipe itself.
        """
        mark = self._places.find(path, keys)
        if mark is not None:
            return f"{mark}: {path or 'recipe'}"
        return f"recipe {self.name}: component {path}" if path else f"recipe {self.name}"

    def _entries(self) -> Iterator[tuple[str, str]]:
        """(path of the component that lists it, entry) of every source to read, once each."""
        seen = set()
        for leaf in self.leaves():
            depth = max((n for n, part in enumerate(leaf.chain) if part.sources), default=0)
            path = chain_path(leaf.chain[: depth + 1])
            if leaf.unavailable is None and path not in seen:
                seen.add(path)
                yield from ((path, entry) for entry in leaf.sources)


def _check_leaf(leaf: Leaf) -> None:
    names = [part.name for part in leaf.chain]
    if leaf.unavailable is None and not leaf.sources:
        problem = f"component {leaf.path!r} names no sources, nor does one above it"
        raise PlacedError(f"{problem}; only an `unavailable` one needs none", *names)
    for field in ("modality", "category"):
        asked = {getattr(part, field) for part in leaf.chain} - {None}
        if len(asked) > 1:
            both = " and ".join(sorted(asked))
            raise PlacedError(
                f"component {leaf.path!r} can hold nothing: its {field} is {both}", *names, field
            )


def _check_where(chain: Sequence[Component], filters: Collection[str]) -> None:
    """Scores are stored for the filters that the recipe names, and only for those."""
    text = chain[-1].where
    for use in parse_where(text).uses if text is not None else ():
        owner, dot, _ = use.column.partition(".")
        if dot and owner not in (EXTRA, *filters):
            hint = nearest(owner, [EXTRA, *filters]) or "; name it under filters"
            error = where_error(text or "", use.at, f"the recipe has no filter {owner!r}{hint}")
            raise PlacedError(str(error), *(part.name for part in chain), "where")


def check_sources(recipe: Recipe, known: Mapping[str, Collection[str]]) -> None:
    """A RecipeError unless `known` (subsets by source name) has all that the recipe names."""
    for path, entry in recipe._entries():
        source, _, subset = entry.partition("/")
        where = recipe.place(path, f"sources/{entry}", "sources")
        if source not in known:
            hint = nearest(source, known) or f" (there are {', '.join(sorted(known))})"
            raise RecipeError(f"{where}: there is no source {source!r}{hint}")
        if subset and subset not in known[source]:
            hint = nearest(subset, known[source])
            raise RecipeError(f"{where}: source {source} has no subset {subset!r}{hint}")
    for name in recipe.near_duplicates.prefer if recipe.near_duplicates else ():
        if name not in known:
            where = recipe.place("", "near_duplicates")
            raise RecipeError(f"{where}: prefer: there is no source {name!r}{nearest(name, known)}")
