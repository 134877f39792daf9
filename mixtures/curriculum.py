"""A curriculum: recipes in the order in which a model is trained on them, read from YAML.

    name: smolvlm
    description: the two stages of SmolVLM
    stages:
      - {name: vision, recipe: vision, description: images and text}
      - {name: video, recipe: ./my_video.yaml, description: with clips}

A recipe is a built-in name or a path from the curriculum's folder. Stages share one store, and no
more than that: each is a build of its own.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from manifests.errors import RecipeError, nearest
from mixtures.component import NAME_PATTERN, Frozen, PlacedError
from mixtures.explain import explain
from mixtures.marked import Marked, parse_yaml, read_text
from mixtures.recipe_file import builtin_names, find_recipe, no_recipe


class Stage(Frozen):
    """One build of a curriculum."""

    name: str = Field(pattern=NAME_PATTERN)
    recipe: str = Field(description="built-in name, or the path of a YAML file", min_length=1)
    description: str = ""


class Curriculum(Frozen):
    """Stages in the order of training."""

    name: str = Field(pattern=NAME_PATTERN)
    description: str
    stages: tuple[Stage, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [stage.name for stage in self.stages]
        for name in names:
            if names.count(name) > 1:
                raise PlacedError(f"two stages are called {name!r}", "stages")
        return self


_MODELS: dict[str, type[BaseModel]] = {"": Curriculum, "stages": Stage}


def curriculum_names() -> list[str]:
    """Names of the curricula that come with smolmix, sorted."""
    return sorted(path.stem for path in _builtin_folder().glob("*.yaml"))


def load_curriculum(name_or_path: str) -> Curriculum:
    """The built-in curriculum of that name, else the one in that YAML file.

    Its recipes are what `load_recipe` takes; they are looked for, not read.
    """
    names = curriculum_names()
    builtin = name_or_path in names
    path = _builtin_folder() / f"{name_or_path}.yaml" if builtin else Path(name_or_path)
    if not path.is_file():
        raise RecipeError(
            f"there is no curriculum {name_or_path!r}{nearest(name_or_path, names)}"
            f" (built in: {', '.join(names) or 'none'}; any other is the path of a YAML file)"
        )
    return parse_curriculum(read_text(path), path.name if builtin else str(path), path.parent)


def parse_curriculum(text: str, where: str, folder: Path | None = None) -> Curriculum:
    """The curriculum in YAML `text`; `where` stands for the file in errors."""
    raw = parse_yaml(text, where, "a curriculum is a mapping with name, description and stages")
    try:
        found = Curriculum.model_validate(raw)
    except ValidationError as error:
        raise explain(error, raw, _MODELS) from None
    stages = [
        stage.model_copy(update={"recipe": _found(stage, raw["stages"][number], folder or Path())})
        for number, stage in enumerate(found.stages)
    ]
    return found.model_copy(update={"stages": tuple(stages)})


def _builtin_folder() -> Path:
    return Path(str(resources.files("mixtures"))) / "curricula"


def _found(stage: Stage, raw: Marked, folder: Path) -> str:
    """What `load_recipe` takes for the stage's recipe."""
    if stage.recipe in builtin_names():
        return stage.recipe
    path = find_recipe(stage.recipe, folder)
    if path is None:
        raise RecipeError(f"{raw.marks['recipe']}: {stage.name}: {no_recipe(stage.recipe)}")
    return str(path)
