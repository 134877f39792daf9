"""The plan: a recipe with everything pinned and every quota an integer; the first file of a build.

Its digest names the build: equal digests, equal bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    model_validator,
)

from manifests.errors import IntegrityError
from mixtures.quota import Solution
from mixtures.recipe import Recipe
from mixtures.tokens import TEXT_IS_ESTIMATED, Processor

Rational = Annotated[Fraction, PlainValidator(Fraction), PlainSerializer(str, return_type=str)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlanLeaf(_Frozen):
    """What one leaf of the recipe gives."""

    path: str = Field(description="component names, outermost first, joined by slashes")
    share: Rational = Field(description='of the whole, exact: "7/50"')
    asked: Rational = Field(description="rows: share times total, exact")
    available: int = Field(ge=0, description="samples that could be drawn")
    quota: int = Field(ge=0, description="rows that are drawn, repeats included")
    repeats: int = Field(ge=0, description="passes begun; above 1 the leaf is upsampled")


class RestrictedRows(_Frozen):
    """Rows of one subset that no product may be trained on, or of which that is unknown."""

    source: str
    subset: str
    commercial_use: Literal["no", "unknown"]
    license: str
    rows: int = Field(ge=1, description="drawn, repeats included")


class Plan(_Frozen):
    """What `mixture plan` prints and `build-mixture` runs."""

    recipe: Recipe = Field(description="fully resolved; its seed is the build's")
    total: int = Field(ge=1)
    leaves: tuple[PlanLeaf, ...]
    binding: str = Field(description="what stops one row more; empty where nothing does")
    processor: str = Field(description="whose ids token counts are in")
    tokens_estimated: bool = Field(description="whether text was counted without a tokenizer")
    pins: dict[str, str] = Field(description="revisions, versions: whatever else decides bytes")
    restricted: tuple[RestrictedRows, ...] = Field(
        default=(), description="what is drawn that is not known to be for commercial use"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if [leaf.path for leaf in self.leaves] != [leaf.path for leaf in self.recipe.leaves()]:
            raise ValueError("the plan's leaves are not those of its recipe")
        drawn = sum(self.quotas)
        if drawn != self.total:
            raise ValueError(f"the plan's quotas sum to {drawn}, not to its total {self.total}")
        return self

    @property
    def seed(self) -> int:
        return self.recipe.seed

    @property
    def quotas(self) -> tuple[int, ...]:
        return tuple(leaf.quota for leaf in self.leaves)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the plan as canonical JSON: sorted keys, no spaces, ASCII."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> Self:
        """The plan in a build's plan.json; `where` stands for the file in errors."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "plan"
            raise IntegrityError(f"{where} is no plan: {place}: {first['msg']}") from None


def make_plan(
    recipe: Recipe,
    available: Sequence[int],
    solution: Solution,
    processor: Processor,
    pins: Mapping[str, str],
    restricted: Sequence[RestrictedRows] = (),
) -> Plan:
    """The plan of a solved recipe; `available` is by leaf index, the seed is the recipe's."""
    leaves = [
        PlanLeaf(
            path=leaf.path,
            share=leaf.share,
            asked=leaf.share * solution.total,
            available=has,
            quota=quota,
            repeats=-(-quota // has) if quota else 0,
        )
        for leaf, has, quota in zip(recipe.leaves(), available, solution.quotas, strict=True)
    ]
    return Plan(
        recipe=recipe,
        total=solution.total,
        leaves=tuple(leaves),
        binding=str(solution.binding or ""),
        processor=processor.name,
        tokens_estimated=TEXT_IS_ESTIMATED,
        pins=dict(pins),
        restricted=tuple(restricted),
    )
