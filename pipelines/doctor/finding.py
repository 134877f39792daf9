"""What one look found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["works", "look", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`look`: builds run without it, or may fail later; `broken`: no build runs."""

    what: str
    state: State
    found: str
    to_do: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
