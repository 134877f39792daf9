"""`mixture sources`: the cards as a table, as one whole card, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from manifests.cards import SourceCard, Subset
from mixtures.recipe_file import builtin_names, load_recipe
from pipelines.progress import human_bytes, printable


@cache
def recipes_by_source() -> dict[str, tuple[str, ...]]:
    """Built-in recipes that draw on each source."""
    found: dict[str, list[str]] = {}
    for name in builtin_names():
        for source in load_recipe(name).sources():
            found.setdefault(source, []).append(name)
    return {source: tuple(names) for source, names in found.items()}


def modalities(card: SourceCard) -> list[str]:
    return sorted({subset.modality for subset in card.subsets})


def num_rows(subsets: Iterable[Subset]) -> tuple[int, bool]:
    """(upstream rows of all subsets that are known, whether all are)."""
    counts = [subset.num_rows for subset in subsets]
    known = [count for count in counts if count is not None]
    return sum(known), len(known) == len(counts)


def short_count(subsets: Sequence[Subset]) -> str:
    """`43.8k`, `1.0M+` where some are unknown, `unknown` where all are."""
    count, whole = num_rows(subsets)
    if count == 0 and not whole:
        return "unknown"
    return _short(count) + ("" if whole else "+")


def _short(count: int) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)


def short_size(card: SourceCard) -> str:
    return "unknown" if card.num_bytes is None else human_bytes(card.num_bytes)


def commercial_use(card: SourceCard) -> str:
    """The answer for all subsets, or how many have which: `yes 12, no 1, unknown 2`."""
    found = Counter(card.commercial_use_of(subset) for subset in card.subsets)
    if len(found) == 1:
        return next(iter(found))
    return ", ".join(
        f"{answer} {found[answer]}" for answer in ("yes", "no", "unknown") if found[answer]
    )


def print_sources(console: Console, cards: Sequence[SourceCard]) -> None:
    names = ("source", "modality", "subsets", "rows", "size", "license", "commercial", "gated")
    table = Table(*names, "recipes", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in (*table.columns[2:5], table.columns[8]):
        column.justify, column.no_wrap = "right", True
    table.columns[0].no_wrap = True
    for number, width in ((1, 12), (5, 24), (6, 11)):
        table.columns[number].overflow = "fold"
        table.columns[number].width = width
    for card in cards:
        table.add_row(
            card.name,
            ", ".join(modalities(card)),
            str(len(card.subsets)),
            short_count(card.subsets),
            short_size(card),
            card.license,
            commercial_use(card),
            "yes" if card.gated else "no",
            str(len(recipes_by_source().get(card.name, ()))),
        )
    console.print(table)
    console.print(
        "rows and sizes are upstream's; `mixture sources NAME` prints a whole card, and recipes"
    )


def print_card(console: Console, card: SourceCard) -> None:
    console.print(f"{card.title} ({card.name}): {card.homepage}", soft_wrap=True)
    for name, value in card_facts(card):
        console.print(f"{name}: {printable(value)}", soft_wrap=True)
    console.print(_subset_table(card))
    for quirk in card.quirks:
        console.print(f"- {printable(quirk)}", soft_wrap=True)


def card_facts(card: SourceCard) -> list[tuple[str, str]]:
    """What a card says of the source as a whole, in words, in the order of reading."""
    facts = [
        ("repo", f"{card.repo} at {card.revision}"),
        ("media also in", ", ".join(card.media_repos)),
        ("license", card.license),
        ("commercial use", commercial_use(card)),
        ("redistribution", card.redistribution),
        ("gated", "yes" if card.gated else "no"),
        ("attribution", card.attribution),
        ("cite", card.citation),
        ("download", short_size(card)),
        ("row files", ", ".join(card.row_files)),
        ("media files", ", ".join(card.media_files)),
        ("not read", ", ".join(card.other_files)),
        ("contents", card.contents or ""),
        ("columns", columns_text(card.columns)),
        ("marker", card.marker),
        ("local media", card.local_media or ""),
        ("recipes", ", ".join(recipes_by_source().get(card.name, ()))),
    ]
    return [(name, value) for name, value in facts if value]


def columns_text(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())


def _subset_table(card: SourceCard) -> Table:
    """Terms, repositories and files are columns only where some subset has its own."""
    extra: dict[str, list[str | None]] = {
        "license": [subset.license for subset in card.subsets],
        "commercial": [subset.commercial_use for subset in card.subsets],
        "repo": [subset.repo for subset in card.subsets],
        "files": [", ".join(subset.row_files) or None for subset in card.subsets],
        "columns": [columns_text(subset.columns) or None for subset in card.subsets],
    }
    used = {name: values for name, values in extra.items() if any(values)}
    table = Table("subset", "category", "modality", "rows", *used, "note", box=box.SIMPLE_HEAD)
    table.columns[0].overflow = "fold"
    table.columns[0].min_width = min(36, max(len(subset.name) for subset in card.subsets))
    table.columns[3].justify = "right"
    for number, subset in enumerate(card.subsets):
        rows = f"{subset.num_rows:,}" if subset.num_rows is not None else "unknown"
        own = [values[number] or "" for values in used.values()]
        note = subset.note or ""
        table.add_row(subset.name, subset.category, subset.modality, rows, *own, note)
    return table


def describe(card: SourceCard) -> dict[str, Any]:
    """The whole card for `--json`; every subset with its terms, files and columns in full."""
    raw = card.model_dump(mode="json")
    raw["recipes"] = list(recipes_by_source().get(card.name, ()))
    for entry, subset in zip(raw["subsets"], card.subsets, strict=True):
        entry |= {
            "repo": subset.repo or card.repo,
            "license": card.license_of(subset),
            "commercial_use": card.commercial_use_of(subset),
            "redistribution": card.redistribution_of(subset),
            "row_files": list(card.row_patterns(subset)),
            "media_files": list(card.media_patterns(subset)),
            "columns": dict(card.columns_of(subset)),
        }
    return raw
