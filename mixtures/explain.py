"""What pydantic refuses in a file, as one sentence with file, line, place and the right name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from manifests.errors import RecipeError, nearest
from mixtures.component import PlacedError
from mixtures.marked import Marked, MarkedList
from mixtures.places import Mark

_Place = Sequence[int | str]
# Lists whose items are known by their names.
_ITEMS: dict[int | str, str] = {"components": "component", "stages": "stage"}


def explain(error: ValidationError, raw: Marked, models: dict[str, type[BaseModel]]) -> RecipeError:
    """The first problem; `models` by the list that holds them, "" for the whole."""
    # A misspelt key is also a missing one: say what was written wrong first.
    found = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first: dict[str, Any] = dict(found[0])
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    mark, names = locate(raw, _place(first))
    at = "/".join(names) or "recipe"
    return RecipeError(f"{mark}: {at}: {_problem(first, models)}{more}")


def _place(problem: dict[str, Any]) -> _Place:
    place = problem["loc"]
    cause = problem.get("ctx", {}).get("error")
    return (*place, *cause.place) if isinstance(cause, PlacedError) else place


def locate(raw: Marked, place: _Place) -> tuple[Mark, list[str]]:
    """(mark of the innermost part that was written, names to say where) of a place.

    Steps are keys, positions, or names of components: ("components", 0, "share") -> text, share.
    Tags of what a key can hold (`<mapping>`) are no places.
    """
    mark = raw.mark
    names: list[str] = []
    here: Any = raw
    above: int | str = ""
    for step in place:
        if isinstance(step, str) and step.startswith("<"):
            continue
        if isinstance(step, str) and isinstance(here, Marked) and step not in here:
            position = _position(here, step)
            if position is not None:
                here, step = here["components"], position
        mark = _mark(here, step) or mark
        here = _inside(here, step)
        if isinstance(step, int):
            if above in _ITEMS:
                names.pop()
            name = here.get("name") if isinstance(here, dict) else None
            names.append(str(name or f"{_ITEMS.get(above, 'item')} {step + 1}"))
        else:
            names.append(step)
        above = step
    return mark, names


def _position(component: Marked, name: str) -> int | None:
    parts = component.get("components")
    for position, part in enumerate(parts if isinstance(parts, list) else ()):
        if isinstance(part, dict) and part.get("name") == name:
            return position
    return None


def _mark(here: Any, step: int | str) -> Mark | None:
    if isinstance(here, Marked) and isinstance(step, str):
        return here.marks.get(step)
    if isinstance(here, MarkedList) and isinstance(step, int) and step < len(here.marks):
        return here.marks[step]
    return None


def _inside(here: Any, step: int | str) -> Any:
    try:
        return here[step]
    except (KeyError, IndexError, TypeError):
        return None


def _problem(problem: dict[str, Any], models: dict[str, type[BaseModel]]) -> str:
    place = problem["loc"]
    if problem["type"] == "extra_forbidden":
        holder = next((step for step in reversed(place) if step in models), "")
        allowed = list(models[holder].model_fields)
        hint = nearest(str(place[-1]), allowed) or f" (known: {', '.join(allowed)})"
        return f"unknown key{hint}"
    if problem["type"] == "missing":
        return "this key is required"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    wrong = problem["input"]
    if problem["type"] in ("dict_type", "mapping_type", "model_type"):
        return f"a mapping is expected here, not {wrong!r}"
    if problem["type"] == "tuple_type":
        return f"a list is expected here, not {wrong!r}"
    hint = nearest(wrong, _words(problem)) if isinstance(wrong, str) else ""
    return f"{str(problem['msg']).lower()}, not {wrong!r}{hint}"


def _words(problem: dict[str, Any]) -> list[str]:
    """What a literal may be, of pydantic's own "'samples', 'tokens' or 'answer_tokens'"."""
    expected = str(problem.get("ctx", {}).get("expected", ""))
    return expected.split("'")[1::2]
