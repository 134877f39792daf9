"""Every error that smolmix raises on purpose.

    SmolmixError
      UsageError          the command, recipe or setting is wrong: exit 2   (also a ValueError)
        CardError         a source card does not hold together
        RecipeError       a recipe does not hold together
        InfeasibleError   the asked mixture cannot be drawn from what there is
      SourceError         upstream is missing, gated, unreachable or of another shape: exit 2
        UnavailableError  it is gated, unreachable or missing: --skip-unavailable passes it over
        SchemaDriftError  an upstream file no longer has the columns that its card promises
      WorkError           the work failed half way: exit 1
        IntegrityError    bytes on disk are not the bytes that the manifest promises
        EngineError       a task could not be finished

Messages say what was wrong, the value, what is allowed, where, and what to do, in one sentence.
Each class takes only its message, so that all of them survive pickling and reach the driver as
themselves (an exception with its own `__init__` would arrive as Ray's UnserializableException).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from pydantic import ValidationError


class SmolmixError(Exception):
    """Root of the tree; `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(SmolmixError, ValueError):
    """What the user typed or wrote cannot be done as it stands."""

    exit_code = 2


class CardError(UsageError):
    """A source card (manifests/sources/*.yaml) is wrong."""


class RecipeError(UsageError):
    """A recipe is wrong."""


class InfeasibleError(UsageError):
    """The asked totals or shares cannot be met from the available samples."""


class SourceError(SmolmixError):
    """Upstream cannot be read: missing, gated, offline, or not what it should be."""

    exit_code = 2


class UnavailableError(SourceError):
    """Upstream is gated, unreachable or missing."""


class SchemaDriftError(SourceError):
    """An upstream file lacks what its card promises."""


class WorkError(SmolmixError):
    """Work that was started could not be finished."""


class IntegrityError(WorkError):
    """Files on disk differ from what their manifest says."""


class EngineError(WorkError):
    """The engine could not finish a task."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest allowed name, else the empty string."""
    close = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def invalid_fields(error: ValidationError) -> str:
    """`license: Field required; subsets.0.name: ...`: what pydantic refused, on one line."""
    found = []
    for problem in error.errors(include_url=False):
        place = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        found.append(f"{place}: {message}" if place else message)
    return "; ".join(found)


def without_secrets(text: str) -> str:
    """The text without what may be a credential in a URI: it must reach no file, no message."""
    if "://" not in text:
        return text
    address, mark, query = text.partition("?")
    address = re.sub(r"(?<=://)[^/@\s]+@", "***@", address)
    return address + mark + re.sub(r"=[^&\s]*", "=***", query)


def masked(text: str) -> str:
    """The text with every address in it without what may be a credential."""
    return re.sub(r"\w+://\S+", lambda found: without_secrets(found[0]), text)
