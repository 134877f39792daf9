"""The card's tables of what a mixture holds: shares by modality, category and source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction

from manifests.build import BuildManifest
from pipelines.cells import percent

_DIMENSIONS = ("modality", "category", "source")
_HEADER = ("asked share", "rows", "share of rows", "tokens", "share of tokens")


def content_tables(manifest: BuildManifest) -> list[tuple[Sequence[str], list[Sequence[object]]]]:
    """A header and rows each; none for builds of before contents were counted."""
    if not manifest.contents:
        return []
    return [((name, *_HEADER), _rows(manifest, name)) for name in _DIMENSIONS]


def _rows(manifest: BuildManifest, name: str) -> list[Sequence[object]]:
    rows: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    for part in manifest.contents:
        rows[getattr(part, name)] += part.rows
        tokens[getattr(part, name)] += part.tokens
    asked = _asked(manifest, name)
    all_rows, all_tokens = rows.total(), max(tokens.total(), 1)
    return [
        (
            value,
            percent(asked[value]),
            count,
            percent(Fraction(count, all_rows)),
            tokens[value],
            percent(Fraction(tokens[value], all_tokens)),
        )
        for value, count in sorted(rows.items(), key=lambda entry: (-entry[1], entry[0]))
    ]


def _asked(manifest: BuildManifest, name: str) -> dict[str, Fraction | None]:
    """Shares are asked of components: of a value only where each holds it alone or not at all."""
    values: dict[str, set[str]] = defaultdict(set)
    for part in manifest.contents:
        values[part.component].add(getattr(part, name))
    shares = {part.name: part.share for part in manifest.components}
    found: dict[str, Fraction | None] = {}
    for component, inside in values.items():
        for value in inside:
            before = found.get(value, Fraction(0))
            is_alone = len(inside) == 1 and before is not None
            found[value] = (before or 0) + shares[component] if is_alone else None
    return found
