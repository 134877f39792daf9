"""`mixture sources`: the sources as a table, one source's card."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

import sources


def add_sources_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?")


def run_sources(args: argparse.Namespace, console: Console) -> int:
    if args.name:
        _print_card(args.name, console)
        return 0
    table = Table("source", "modality", "subsets", "rows", "license", "gated", "from")
    for name, source in sources.discover().items():
        card = source.card
        modalities = sorted({subset.modality for subset in card.subsets})
        known = [subset.num_rows for subset in card.subsets if subset.num_rows is not None]
        rows = f"{sum(known):,}" + ("+" if len(known) < len(card.subsets) else "")
        gated = "yes" if card.gated else "no"
        cells = (
            ", ".join(modalities),
            str(len(card.subsets)),
            rows,
            card.license,
            gated,
            card.repo,
        )
        table.add_row(name, *cells)
    console.print(table)
    return 0


def _print_card(name: str, console: Console) -> None:
    card = sources.get(name).card
    console.print(f"{card.title}: {card.homepage}")
    facts = (f"repo {card.repo} at {card.revision}", f"license {card.license}")
    console.print(*facts, f"gated {'yes' if card.gated else 'no'}", sep="\n")
    console.print(f"cite {card.citation}")
    table = Table("subset", "category", "modality", "rows", "note")
    for subset in card.subsets:
        rows = f"{subset.num_rows:,}" if subset.num_rows is not None else "unknown"
        table.add_row(subset.name, subset.category, subset.modality, rows, subset.note or "")
    console.print(table)
    for quirk in card.quirks:
        console.print(f"- {quirk}")
