"""Numbers as table cells; what is not known is a dash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

from pipelines.progress import human_bytes

UNKNOWN = "-"
# Below it two decimals of a percentage would show next to nothing.
_SMALL_SHARE = Fraction(1, 1000)


def percent(share: Fraction | None) -> str:
    if share is None:
        return UNKNOWN
    return f"{float(share):.4%}" if 0 < share < _SMALL_SHARE else f"{float(share):.2%}"


def points(difference: Fraction) -> str:
    """A difference of shares in percentage points, signed: `+2.00`."""
    value = float(difference) * 100
    return f"{value:+.4f}" if 0 < abs(difference) < _SMALL_SHARE else f"{value:+.2f}"


def count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def size(num_bytes: int | None) -> str:
    return UNKNOWN if num_bytes is None else human_bytes(num_bytes)


def passes(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"


def short(value: int | None, all_known: bool = True) -> str:
    """`43.8k`; `43.8k+` where more is there and not counted; `-` where nothing is known."""
    if value is None:
        return UNKNOWN
    for unit, scale in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= scale:
            return f"{value / scale:.1f}{unit}" + ("" if all_known else "+")
    return str(value) + ("" if all_known else "+")


def uses(by_subset: Mapping[str, str]) -> str:
    """Commercial use of some subsets: the answer of all, or how many have which."""
    counts = Counter(by_subset.values())
    if len(counts) < 2:
        return next(iter(counts), UNKNOWN)
    return ", ".join(f"{counts[a]} {a}" for a in ("yes", "no", "unknown") if counts[a])


def duration(seconds: float) -> str:
    """In the unit in which it is a small number: `40 s`, `25 min`, `3.2 h`, `11 days`."""
    if 0 < seconds < 1:
        return "< 1 s"
    for unit, scale, below in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < below * scale:
            value = seconds / scale
            return f"{value:.1f} {unit}" if unit == "h" and value < 10 else f"{value:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
