"""docs/sources.md, written from the cards: `mixture sources --markdown`."""

from __future__ import annotations

from collections.abc import Sequence

from manifests.cards import SourceCard, Subset
from pipelines.card import markdown_table
from pipelines.source_tables import (
    card_facts,
    columns_text,
    commercial_use,
    modalities,
    recipes_by_source,
    short_count,
    short_size,
)

_HEAD = """# Sources

Written from the cards in `manifests/sources/` by `mixture sources --markdown`; a test checks that
it is current. Rows and sizes are upstream's own figures.
"""


def sources_page(cards: Sequence[SourceCard]) -> str:
    """One table of all sources, then a section for each."""
    return "\n".join([_HEAD, _table(cards), *(_section(card) for card in cards), ""])


def _table(cards: Sequence[SourceCard]) -> str:
    header = ("source", "modality", "subsets", "rows", "size", "license", "commercial use")
    rows = [
        (
            f"[{card.name}](#{card.name})",
            ", ".join(modalities(card)),
            len(card.subsets),
            short_count(card.subsets),
            short_size(card),
            card.license,
            commercial_use(card),
            card.redistribution,
            "yes" if card.gated else "no",
            ", ".join(recipes_by_source().get(card.name, ())),
        )
        for card in cards
    ]
    return markdown_table((*header, "redistribution", "gated", "recipes"), rows)


def _section(card: SourceCard) -> str:
    facts = [f"- {name}: {_text(name, value)}" for name, value in card_facts(card)]
    quirks = [f"- {escaped(quirk)}" for quirk in card.quirks]
    parts = [
        f"\n## {card.name}\n",
        f"[{card.title}]({card.homepage})\n",
        *facts,
        "",
        _subsets(card),
        "",
        "What a reader must survive:\n",
        *quirks,
    ]
    return "\n".join(parts)


def _text(name: str, value: str) -> str:
    is_code = name in ("row files", "media files", "not read", "columns", "marker")
    return ", ".join(f"`{part}`" for part in value.split(", ")) if is_code else escaped(value)


def escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def _subsets(card: SourceCard) -> str:
    """A line for all subsets that differ in name and rows alone."""
    groups: dict[tuple[str, ...], list[Subset]] = {}
    for subset in card.subsets:
        terms = (card.license_of(subset), card.commercial_use_of(subset))
        own = (columns_text(subset.columns), subset.note or "")
        groups.setdefault((subset.category, subset.modality, *terms, *own), []).append(subset)
    rows = [
        (", ".join(_subset(subset) for subset in subsets), category, modality, license_, use, note)
        for (category, modality, license_, use, _, note), subsets in groups.items()
    ]
    header = ("subsets (rows)", "category", "modality", "license", "commercial use", "note")
    return markdown_table(header, rows)


def _subset(subset: Subset) -> str:
    return subset.name if subset.num_rows is None else f"{subset.name} ({subset.num_rows:,})"
