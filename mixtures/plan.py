"""The plan: a recipe with everything pinned and every quota an integer; the first file of a build.

Its digest names the build: equal digests, equal bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from manifests.errors import IntegrityError
from mixtures.quota import Solution
from mixtures.recipe import Leaf, Recipe
from mixtures.supply import Supply
from mixtures.tokens import get_processor

Rational = Annotated[Fraction, PlainValidator(Fraction), PlainSerializer(str, return_type=str)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlanLeaf(_Frozen):
    """What one leaf of the recipe gives; amounts are in the recipe's unit."""

    path: str = Field(description="component names, outermost first, joined by slashes")
    share: Rational = Field(description='of the whole, exact: "7/50"')
    asked: int = Field(ge=0, description="its quota in the unit: largest remainder of its share")
    amount: int = Field(ge=0, description="what its rows hold in the unit; samples: as asked")
    available: int = Field(ge=0, description="samples that could be drawn")
    available_amount: int = Field(ge=0, description="what they hold in the unit")
    quota: int = Field(ge=0, description="rows that are drawn, repeats included")
    repeats: int = Field(ge=0, description="passes begun; above 1 the leaf is upsampled")
    tokens: int = Field(ge=0, description="ids of the rows that are drawn")
    bytes: int = Field(ge=0, description="text and media of the rows that are drawn")


class RestrictedRows(_Frozen):
    """Rows of one subset that no product may be trained on, or of which that is unknown."""

    source: str
    subset: str
    commercial_use: Literal["no", "unknown"]
    license: str
    rows: int = Field(ge=1, description="drawn, repeats included")


class Validation(_Frozen):
    """What is held out of training, by `--holdout`."""

    share: Rational = Field(description="of media, and of texts without any: 1/100")
    rows: dict[str, PositiveInt] = Field(description="of the validation split, by component")
    shares_media: int = Field(
        ge=0, description="rows in neither split: they show media of both of them"
    )

    @property
    def total(self) -> int:
        return sum(self.rows.values())


class Plan(_Frozen):
    """What `mixture plan` prints and `build-mixture` runs."""

    recipe: Recipe = Field(description="fully resolved; its seed is the build's")
    total: int = Field(ge=1, description="rows")
    amount: int = Field(ge=1, description="the total that quotas were solved for, in the unit")
    leaves: tuple[PlanLeaf, ...]
    binding: str = Field(description="what stops the mixture from being larger; may be empty")
    missing: dict[str, str] = Field(
        default={}, description="components that it was built without, and why"
    )
    processor: str = Field(description="whose ids token counts are in")
    tokenizer: str | None = Field(default=None, description="what counted text; null: estimated")
    pins: dict[str, str] = Field(description="revisions, versions: whatever else decides bytes")
    restricted: tuple[RestrictedRows, ...] = Field(
        default=(), description="what is drawn that is not known to be for commercial use"
    )

    validation: Validation | None = Field(
        default=None, description="null, and not written, where nothing is held out"
    )

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `validation` it is written as it was before that was there."""
        raw: dict[str, Any] = handler(self)
        return {k: v for k, v in raw.items() if k != "validation" or v is not None}

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
    def tokens_estimated(self) -> bool:
        """Whether text was counted without a tokenizer."""
        return self.tokenizer is None

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
    supply: Supply,
    solution: Solution,
    tokenizer: str | None,
    pins: Mapping[str, str],
    missing: Mapping[str, str],
    restricted: Sequence[RestrictedRows] = (),
    validation: Validation | None = None,
) -> Plan:
    """The plan of a solved recipe; the seed is the recipe's."""
    return Plan(
        recipe=recipe,
        total=sum(solution.quotas),
        amount=solution.total,
        leaves=tuple(_plan_leaf(leaf, supply, solution) for leaf in recipe.leaves()),
        binding=str(solution.binding or ""),
        missing=dict(missing),
        processor=get_processor(recipe.processor).name,
        tokenizer=tokenizer,
        pins=dict(pins),
        restricted=tuple(restricted),
        validation=validation,
    )


def _plan_leaf(leaf: Leaf, supply: Supply, solution: Solution) -> PlanLeaf:
    number, unit = leaf.index, solution.unit
    has, quota = supply.samples(number), solution.quotas[number]
    return PlanLeaf(
        path=leaf.path,
        share=solution.shares[leaf.path],
        asked=solution.amounts[number],
        amount=supply.amount(number, unit, quota),
        available=has,
        available_amount=supply.amount(number, unit, has),
        quota=quota,
        repeats=-(-quota // has) if quota else 0,
        tokens=supply.amount(number, "tokens", quota),
        bytes=supply.amount(number, "bytes", quota),
    )
