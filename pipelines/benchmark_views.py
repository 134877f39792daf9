"""Benchmark cards and indexes as tables, as JSON, and as docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from manifests.benchmark_cards import BenchmarkCard, HeldOut
from pipelines.benchmark_index import Index
from pipelines.card import markdown_table
from pipelines.progress import human_bytes
from pipelines.source_pages import escaped

_HEAD = """# Benchmarks

Written from the cards in `manifests/benchmarks/` by `mixture benchmarks list --markdown`; a test
checks that it is current. Rows that are in the named splits are left out of a mixture whose recipe
says `decontaminate`; train splits pass. What nobody here has seen upstream is said as unverified.
"""


def describe(card: BenchmarkCard) -> dict[str, Any]:
    return card.model_dump(mode="json") | {"homepage": card.homepage, "num_rows": card.num_rows}


def print_benchmarks(console: Console, cards: Sequence[BenchmarkCard]) -> None:
    names = ("benchmark", "modality", "held out", "rows", "license", "gated")
    table = Table(*names, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.columns[0].no_wrap = True
    table.columns[3].justify = "right"
    for card in cards:
        table.add_row(*_facts(card))
    console.print(table)
    console.print("rows are upstream's; `mixture benchmarks build DIR` makes indexes of them")


def _facts(card: BenchmarkCard) -> tuple[str, ...]:
    rows = "unknown" if card.num_rows is None else f"{card.num_rows:,}"
    gated = "yes" if card.gated else "no"
    return card.name, card.modality, ", ".join(_splits(card)), rows, card.license, gated


def _splits(card: BenchmarkCard) -> list[str]:
    return list(dict.fromkeys(split.split for split in card.held_out))


def index_table(indexes: Sequence[Index]) -> Table:
    names = ("benchmark", "items", "images", "clips", "bytes", "skipped", "revision")
    table = Table(*names, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in table.columns[1:5]:
        column.justify = "right"
    for index in indexes:
        record = index.record()
        lost = dict(record["card"]["skipped"])
        if record["unreadable"]:
            lost["media_undecodable"] = len(record["unreadable"])
        skipped = ", ".join(f"{count:,} {word}" for word, count in sorted(lost.items()))
        table.add_row(
            index.name,
            f"{record['items']:,}",
            f"{record['images']:,}",
            f"{record['clips']:,}",
            human_bytes(index.num_bytes),
            skipped,
            index.revision[:12],
        )
    return table


def benchmarks_page(cards: Sequence[BenchmarkCard]) -> str:
    """One table of all benchmarks, then a section for each."""
    header = ("benchmark", "modality", "held out", "rows", "license", "gated")
    rows = [(f"[{card.name}](#{card.name})", *_facts(card)[1:]) for card in cards]
    table = markdown_table(header, rows)
    return "\n".join([_HEAD, table, *(_section(card) for card in cards), ""])


def _section(card: BenchmarkCard) -> str:
    facts = {
        "repo": f"{card.repo} at {card.revision}",
        "license": card.license,
        "gated": "yes" if card.gated else "no",
        "cite": escaped(card.citation),
        "download": "unknown" if card.num_bytes is None else human_bytes(card.num_bytes),
        "columns": ", ".join(f"`{name}`" for name in card.fields.columns),
        "not held out": escaped(card.train),
    }
    held = [
        (split.split, ", ".join(f"`{p}`" for p in (*split.files, *split.archives)), _rows(split))
        for split in card.held_out
    ]
    notes = [f"- {escaped(quirk)}" for quirk in card.quirks]
    notes += [f"- unverified: {escaped(text)}" for text in card.unverified]
    return "\n".join(
        [
            f"\n## {card.name}\n",
            f"[{card.title}]({card.homepage})\n",
            *(f"- {name}: {value}" for name, value in facts.items()),
            "",
            markdown_table(("held out", "files", "rows"), held),
            *(["", *notes] if notes else []),
        ]
    )


def _rows(split: HeldOut) -> str:
    return "unknown" if split.num_rows is None else f"{split.num_rows:,}"
