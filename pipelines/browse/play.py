"""The page of thresholds, and what a store holds: what they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from filters.base import Params
from manifests.errors import UsageError, nearest
from pipelines.browse.asked import Fields, one, whole_number
from pipelines.browse.context import Context
from pipelines.browse.views import View
from pipelines.ledger_entries import place_of
from pipelines.nearest import Number, thresholds
from pipelines.store_files import scan, summary

# Fields of the form that are no threshold.
_FORM = ("filter", "setting")


@dataclass(frozen=True, slots=True)
class Knob:
    """A threshold with the bounds of its slider."""

    name: str
    value: Number
    now: Number
    low: Number
    high: Number
    step: Number
    about: str


def play(context: Context, fields: Fields) -> View:
    played = context.thresholds
    # What has no number among its parameters cannot be moved.
    names = [
        name
        for name in played.rules
        if any(thresholds(params) for params, _ in played.settings(name))
    ]
    shown: dict[str, Any] = {"names": names, "name": one(fields, "filter"), "knobs": []}
    shown |= {"gone": {} if context.build is None else context.build.gone}
    name = shown["name"]
    if not (name and context.store.is_there):
        return "thresholds", shown
    if name not in names:
        raise UsageError(f"no filter {name!r} judged here{nearest(name, names)}")
    number = whole_number(one(fields, "setting") or "0", "setting")
    values = {key: one(fields, key) for key in fields if key not in _FORM}
    params = played.moved(name, number, values)
    settings = played.settings(name)
    spreads = played.spreads(name)
    found = played.play(name, number, params)
    return "thresholds", shown | {
        "setting": number,
        "settings": [policies for _, policies in settings],
        "knobs": _knobs(settings[number][0], params),
        "fixed": _fixed(params),
        "spreads": spreads,
        "played": found,
        "went": [(entry, place_of(entry)) for entry in found.dropped],
        "came": [(entry, place_of(entry)) for entry in found.kept],
    }


def _knobs(params: Params, now: Params) -> list[Knob]:
    said = thresholds(now)
    return [_knob(params, name, value, said[name]) for name, value in thresholds(params).items()]


def _knob(params: Params, name: str, value: Number, now: Number) -> Knob:
    """From the least that is allowed, or 0, to the most, or some times the threshold: what is at
    least something is tried higher, what is at most something lower."""
    declared = type(params).model_fields[name]
    low = _bound(declared.metadata, ("ge", "gt"), min(0, 10 * value, now))
    times = 2 if name.startswith("max_") else 10
    high = _bound(declared.metadata, ("le", "lt"), max(times * value, now, 1))
    step = 1 if isinstance(value, int) else (high - low) / 200
    return Knob(name, value, now, low, high, step, declared.description or "")


def _bound(metadata: list[Any], names: tuple[str, ...], default: Number) -> Number:
    found = [getattr(limit, name, None) for limit in metadata for name in names]
    return next((limit for limit in found if limit is not None), default)


def _fixed(params: Params) -> dict[str, Any]:
    """Parameters that are no numbers."""
    moved = thresholds(params)
    return {name: value for name, value in params.model_dump().items() if name not in moved}


def facts(context: Context, _: Fields) -> View:
    """A store's sources, as `mixture store ls` lists them."""
    return "store", {"lines": summary(scan(context.where)), "names": list(context.scores.rules)}
