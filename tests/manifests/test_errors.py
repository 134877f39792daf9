"""The error tree: drawn as it is, true across pickling, with the exit codes that it states."""

from __future__ import annotations

import pickle
import re

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from manifests import errors
from manifests.errors import SmolmixError, UsageError, invalid_fields, nearest


def _tree(root: type[SmolmixError], depth: int = 0) -> list[tuple[int, type[SmolmixError]]]:
    """Classes of `errors.py` in the order in which they are defined, children after parents."""
    below = [kind for kind in root.__subclasses__() if kind.__module__ == errors.__name__]
    return [(depth, root), *[entry for kind in below for entry in _tree(kind, depth + 1)]]


TREE = _tree(SmolmixError)
CLASSES = [kind for _, kind in TREE]


def _drawn() -> list[tuple[int, str, str]]:
    """(depth, name, rest of the line) of each class in the docstring."""
    lines = re.findall(r"^( {4,})([A-Z]\w+Error)\b(.*)$", errors.__doc__ or "", re.MULTILINE)
    return [(len(indent) // 2 - 2, name, rest) for indent, name, rest in lines]


def test_docstring_draws_the_real_tree() -> None:
    assert [(depth, name) for depth, name, _ in _drawn()] == [
        (depth, kind.__name__) for depth, kind in TREE
    ]


def test_docstring_states_the_real_exit_codes() -> None:
    stated = 1
    by_depth: dict[int, int] = {}
    for depth, name, rest in _drawn():
        said = re.search(r"exit (\d)", rest)
        stated = int(said[1]) if said else by_depth.get(depth - 1, 1)
        by_depth[depth] = stated
        assert getattr(errors, name).exit_code == stated, name


@pytest.mark.parametrize("kind", CLASSES)
def test_survives_pickling_with_its_message(kind: type[SmolmixError]) -> None:
    message = "recipe.yaml: share 1.2 is above 1; shares of one level sum to 1"
    error = pickle.loads(pickle.dumps(kind(message)))
    assert type(error) is kind
    assert str(error) == message
    assert "__init__" not in vars(kind)
    assert kind.__doc__


@pytest.mark.parametrize("kind", CLASSES)
def test_usage_errors_are_value_errors_and_no_others(kind: type[SmolmixError]) -> None:
    assert issubclass(kind, ValueError) == issubclass(kind, UsageError)


def test_nearest() -> None:
    assert nearest("the_couldron", ["the_cauldron", "magpie"]) == "; did you mean 'the_cauldron'?"
    assert nearest("zzz", ["the_cauldron", "magpie"]) == ""


class _Thing(BaseModel):
    size: int
    parts: list[int]

    @field_validator("size")
    @classmethod
    def _even(cls, size: int) -> int:
        if size % 2:
            raise ValueError(f"{size} is odd")
        return size


def test_invalid_fields_is_one_line_with_places() -> None:
    with pytest.raises(ValidationError) as caught:
        _Thing.model_validate({"size": 3, "parts": [1, "x"]})
    said = invalid_fields(caught.value)
    assert said.startswith("size: 3 is odd; parts.1: Input should be a valid integer")
    assert "\n" not in said and "http" not in said


def test_invalid_fields_of_the_whole() -> None:
    with pytest.raises(ValidationError) as caught:
        _Thing.model_validate([])
    assert invalid_fields(caught.value).startswith("Input should be")
