"""DIR/ablation.json: all that an ablation found, and what it was found with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from statistics import fmean, stdev
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    ValidationError,
    model_validator,
)

from manifests.errors import IntegrityError, UsageError, invalid_fields
from manifests.storage import canonical_json, join, read_json, write_json
from mixtures.recipe import Recipe

NAME = "ablation.json"
_Exact = Annotated[Fraction, PlainValidator(Fraction), PlainSerializer(str, return_type=str)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GroupRecord(_Frozen):
    """A component, or those of a modality, whose share was varied; `level` is its parent."""

    name: str
    level: str
    members: tuple[str, ...]
    own: _Exact = Field(description="its share of its parent in the recipe")


class RunRecord(_Frozen):
    """One arm from one seed."""

    seed: int
    losses: dict[str, dict[str, float]] = Field(
        description="by category, modality and all: nats a label, averaged over rows held out"
    )
    seconds: float = Field(description="of training and scoring, in the process that finished it")


class ArmRecord(_Frozen):
    label: str
    varied: str = Field(description="the group that was set; the others follow in proportion")
    asked: dict[str, _Exact] = Field(description="by group, of its parent")
    achieved: dict[str, _Exact] = Field(description="the same of the rows that were built")
    build_digest: str
    rows: PositiveInt
    runs: tuple[RunRecord, ...]


class Ablation(_Frozen):
    """Losses of all arms are of the same rows: `held_out_digest` is of their ids."""

    format_version: int = 1
    recipe: str = Field(description="its name")
    recipe_digest: str
    groups: tuple[GroupRecord, ...]
    preset: str
    init: str | None
    steps: PositiveInt
    seeds: PositiveInt
    settings: dict[str, str] = Field(description="of builds and training, beside the defaults")
    tokenizer_digest: str | None = Field(description="that all arms share; null: the model's own")
    holdout: _Exact
    held_out_digest: str
    held_out_rows: dict[str, dict[str, int]] = Field(description="by category, modality and all")
    unit: str = Field(description="of shares")
    arms: tuple[ArmRecord, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        short = [arm.label for arm in self.arms if len(arm.runs) != self.seeds]
        if short:
            raise ValueError(f"arm {short[0]} has not one run for each of {self.seeds} seeds")
        return self

    @property
    def categories(self) -> list[str]:
        return sorted(self.held_out_rows["category"])

    def digest(self) -> str:
        return hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()


def recipe_digest(recipe: Recipe) -> str:
    return hashlib.sha256(canonical_json(recipe.model_dump(mode="json"))).hexdigest()


def write_ablation(folder: str, found: Ablation) -> None:
    write_json(join(folder, NAME), found.model_dump(mode="json"))


def load_ablation(folder: str) -> Ablation:
    """UsageError where there is none, IntegrityError where it is no such file."""
    path = join(folder, NAME)
    try:
        return Ablation.model_validate(read_json(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            f"{path} does not exist, so no ablation was finished there: run mixture ablate --out "
            f"{folder} again"
        ) from error
    except ValidationError as error:
        raise IntegrityError(
            f"{path}: {invalid_fields(error)}; run mixture ablate again"
        ) from error
    except ValueError as error:
        raise IntegrityError(f"{path} is not JSON ({error}); run mixture ablate again") from error


def equal_weights(categories: Sequence[str]) -> dict[str, float]:
    return dict.fromkeys(categories, 1.0)


def target_of(run: RunRecord, weights: Mapping[str, float]) -> float:
    """The weighted mean of losses by category: fixed, whatever an arm was trained on."""
    losses = run.losses["category"]
    return sum(losses[name] * weight for name, weight in weights.items()) / sum(weights.values())


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation over seeds; of one seed that is not known, 0."""
    return fmean(values), stdev(values) if len(values) > 1 else 0.0
