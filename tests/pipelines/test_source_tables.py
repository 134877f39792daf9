"""The cards as people and programs read them: table, card, JSON, and the page of all."""

from __future__ import annotations

import json
from typing import Any

import pytest

import sources
from manifests.cards import SourceCard, load_card
from pipelines.cli import mixture
from pipelines.source_pages import sources_page
from pipelines.source_tables import commercial_use, recipes_by_source, short_count, short_size

Printed = pytest.CaptureFixture[str]


def said(printed: Printed, *arguments: str) -> str:
    assert mixture(["sources", *arguments]) == 0
    out, error = printed.readouterr()
    assert error == ""
    return out


def card(num_rows: list[int | None], **changes: Any) -> SourceCard:
    """The card of Magpie with as many subsets as there are counts."""
    found = load_card("magpie")
    first = found.subsets[0]
    subsets = [
        first.model_copy(update={"name": f"s{n}", "num_rows": rows})
        for n, rows in enumerate(num_rows)
    ]
    return found.model_copy(update={"subsets": tuple(subsets), **changes})


def test_the_table_names_every_source_and_fits_a_terminal(
    capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table = said(capsys)
    rows = {line.split()[0]: line for line in table.splitlines() if line.split()}
    assert set(sources.discover()) <= set(rows)
    assert max(len(line) for line in table.splitlines()) <= 120
    assert "\u2026" not in table, "a cell is cut"
    assert rows["finevideo"].split()[1:5] == ["video", "1", "43.8k", "600.0"]
    assert {"yes", "video"} <= set(rows["finevideo"].split())
    assert {"CC-BY-NC-SA-4.0", "no"} <= set(rows["mathwriting"].split())


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ([None], "unknown"),
        ([0], "0"),
        ([999], "999"),
        ([1000, None], "1.0k+"),
        ([600_000, 500_000], "1.1M"),
        ([2_700_000_000], "2.7G"),
    ],
)
def test_counts(counts: list[int | None], text: str) -> None:
    assert short_count(card(counts).subsets) == text


def test_sizes_and_answers() -> None:
    assert short_size(card([1], num_bytes=None)) == "unknown"
    assert short_size(card([1], num_bytes=3_096_141_721)) == "3.1 GB"
    assert commercial_use(card([1, 2])) == "no"
    mixed = card([1, 2])
    first = mixed.subsets[0].model_copy(update={"commercial_use": "yes"})
    assert commercial_use(mixed.model_copy(update={"subsets": (first, mixed.subsets[1])})) == (
        "yes 1, no 1"
    )


def test_recipes_name_their_sources() -> None:
    assert "video" in recipes_by_source()["finevideo"]


@pytest.mark.parametrize("name", ["magpie", "the_cauldron", "mathwriting", "llava_video_178k"])
def test_a_whole_card(name: str, capsys: Printed) -> None:
    text = said(capsys, name)
    found = load_card(name)
    facts = (found.title, found.homepage, found.repo, found.license, found.attribution)
    for fact in (*facts, found.citation, *found.quirks, *found.row_files, *found.media_repos):
        assert fact in text
    for column, kind in found.columns.items():
        assert f"{column} {kind}" in text
    cells = {line.split()[0] for line in text.splitlines() if line.strip()}
    assert all(s.name in cells for s in found.subsets if len(s.name) < 36)


@pytest.mark.parametrize("name", list(sources.discover()))
def test_every_card_can_be_printed(name: str, capsys: Printed) -> None:
    assert load_card(name).title in said(capsys, name)


def test_json_is_complete_and_says_the_effective_terms(capsys: Printed) -> None:
    every = json.loads(said(capsys, "--json"))
    assert [entry["name"] for entry in every] == list(sources.discover())
    one = json.loads(said(capsys, "magpie", "--json"))
    assert one == next(entry for entry in every if entry["name"] == "magpie")
    assert set(SourceCard.model_fields) | {"recipes"} == set(one)
    ultra = next(s for s in one["subsets"] if s["name"] == "magpie-ultra-v0.1")
    assert (ultra["license"], ultra["commercial_use"]) == ("LicenseRef-unknown", "unknown")
    assert ultra["row_files"] == ["data/train-*.parquet"] and "uuid" in ultra["columns"]
    assert said(capsys, "magpie", "--json") == said(capsys, "magpie", "--json")


def test_the_page(capsys: Printed) -> None:
    cards = [source.card for source in sources.discover().values()]
    page = sources_page(cards)
    assert said(capsys, "--markdown") == page
    assert page.endswith("\n") and not page.endswith("\n\n")
    for found in cards:
        assert f"\n## {found.name}\n" in page and f"({found.homepage})" in page
    assert "&lt;image>" in page, "a marker in a text is no HTML"
