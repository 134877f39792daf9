"""What `mixture plan` says: by the cards before a download, by the store after curation."""

from __future__ import annotations

import io
import json
import re
from fractions import Fraction
from typing import Any

import pytest
from rich.console import Console

from manifests.cards import SourceCard, parse_card
from mixtures.recipe import Recipe
from mixtures.recipe_file import builtin_names, load_recipe
from pipelines.card_view import Asked, card_view
from pipelines.plan_view import PlanView, render_plan
from pipelines.views import with_inner
from pipelines.work import RATES, card_work

CARD = """
name: {name}
title: T
repo: org/{name}
revision: main
homepage: https://example.org
license: CC-BY-4.0
commercial_use: yes
redistribution: yes
attribution: A
gated: false
citation: C
num_bytes: {num_bytes}
row_files: ["*.parquet"]
columns: {{a: string}}
marker: none
quirks: []
subsets:
{subsets}
"""


def card(name: str, num_bytes: str, *subsets: str) -> SourceCard:
    lines = "\n".join(f"  - {{{subset}}}" for subset in subsets)
    return parse_card(CARD.format(name=name, num_bytes=num_bytes, subsets=lines), name, name)


CARDS = {
    "texts": card(
        "texts",
        "70000000",
        "name: few, category: chat, modality: text, num_rows: 100",
        "name: many, category: chat, modality: text, num_rows: 900, commercial_use: no",
    ),
    "clips": card("clips", "null", "name: all, category: qa, modality: video, num_rows: 400"),
    "mixed": card(
        "mixed",
        "25000000",
        "name: one, category: vqa, modality: image, num_rows: 50",
        "name: two, category: vqa, modality: multi_image, num_rows: null",
    ),
}


def recipe(*components: dict[str, Any], unit: str = "samples") -> Recipe:
    facts = {"name": "mine", "description": "", "unit": unit, "components": components}
    return Recipe.model_validate(facts)


HALVES = recipe(
    {"name": "text", "share": "1/2", "sources": ["texts"]},
    {
        "name": "seen",
        "share": "1/2",
        "components": [
            {"name": "clips", "share": "1/4", "sources": ["clips"]},
            {"name": "images", "share": "3/4", "sources": ["mixed"], "modality": "image"},
        ],
    },
)


def leaves_of(made: Recipe, **asked: Any) -> dict[str, Any]:
    found = card_view(made, CARDS, Asked(**asked), {})
    return {view.path: view for view in with_inner(found.leaves)} | {"binding": found.binding}


# --- by the cards -----------------------------------------------------------------------------


def test_the_largest_total_that_the_cards_allow() -> None:
    """50 images are 3/4 of 67, the lesser half of 135; of 136 they would be 51."""
    found = leaves_of(HALVES)
    assert [found[path].rows for path in ("text", "seen", "seen/clips", "seen/images")] == [
        68,
        67,
        17,
        50,
    ]
    assert found["text"].available == 1000 and found["seen"].available == 450
    assert found["seen/images"].repeats == 1
    assert found["binding"].startswith(
        "one more row would not fit: component seen/images can give 50 rows and would need 51"
    )


def test_a_total_that_was_asked_for() -> None:
    assert leaves_of(HALVES, num_samples=100)["seen/images"].rows == 37
    found = leaves_of(HALVES, num_samples=1000)
    assert found["text"].rows is None and "the largest total that works" in found["binding"]


def test_what_no_card_counts_does_not_bind() -> None:
    made = recipe(
        {"name": "text", "share": "1/2", "sources": ["texts"]},
        {"name": "pairs", "share": "1/2", "sources": ["mixed"], "modality": "multi_image"},
    )
    found = leaves_of(made)
    assert (found["pairs"].available, found["pairs"].all_known) == (None, False)
    assert (found["text"].rows, found["pairs"].rows, found["pairs"].repeats) == (1000, 1000, None)


def test_a_recipe_of_what_no_card_counts() -> None:
    found = leaves_of(
        recipe({"name": "pairs", "share": 1, "sources": ["mixed"], "modality": "multi_image"})
    )
    assert found["pairs"].share == 1 and found["pairs"].rows is None and found["binding"] == ""


def test_licenses_leave_fewer_rows() -> None:
    assert leaves_of(HALVES, licenses="permissive")["text"].available == 100


def test_a_limit_is_of_rows_a_subset() -> None:
    found = leaves_of(HALVES, limit=200)
    assert found["text"].available == 300 and found["seen/clips"].available == 200


@pytest.mark.parametrize("unit", ["tokens", "answer_tokens"])
def test_tokens_are_known_after_curation(unit: str) -> None:
    found = leaves_of(HALVES.model_copy(update={"unit": unit}), num_tokens=800)
    asked = 400 if unit == "tokens" else None
    assert (found["text"].share, found["text"].asked) == (Fraction(1, 2), asked)
    assert found["text"].rows is None and found["text"].tokens is None


def test_passes_over_tokens_have_no_share_yet() -> None:
    made = recipe(
        {"name": "a", "repeat": 2, "sources": ["texts"]},
        {"name": "b", "repeat": 1, "sources": ["clips"]},
        unit="tokens",
    )
    assert leaves_of(made)["a"].share is None
    passes = made.model_copy(update={"unit": "samples"})
    assert leaves_of(passes)["a"].share == Fraction(2000, 2400)


@pytest.mark.parametrize("name", builtin_names())
def test_every_built_in_recipe_has_a_plan_without_a_network(name: str) -> None:
    import sources
    from mixtures.missing import unavailable_components, without_missing

    whole = load_recipe(name)
    made = without_missing(whole)
    cards = {source: sources.get(source).card for source in made.sources()}
    missing = dict(unavailable_components(whole))
    found = card_view(made, cards, Asked(), missing)
    works = tuple(card_work(cards[n], subsets) for n, subsets in made.sources().items())
    text = printed(
        PlanView(
            recipe=made,
            basis="cards",
            leaves=found.leaves,
            works=works,
            num_workers=2,
            binding=found.binding,
        )
    )
    assert max(len(line.rstrip()) for line in table_lines(text)) <= 100
    for view in found.leaves:
        assert view.missing or view.available is not None or not view.all_known


# --- the work ---------------------------------------------------------------------------------


def test_work_by_the_card() -> None:
    texts = card_work(CARDS["texts"], ())
    assert (texts.rows, texts.num_bytes, texts.is_bound) == (1000, 70_000_000, False)
    assert texts.seconds == 70_000_000 / RATES["rows"]
    assert card_work(CARDS["texts"], ("few",)).is_bound
    assert card_work(CARDS["mixed"], ()).seconds == 25_000_000 / RATES["images"]
    assert not card_work(CARDS["mixed"], ()).all_rows_known
    clips = card_work(CARDS["clips"], ())
    assert (clips.num_bytes, clips.pending_bytes, clips.seconds) == (None, None, None)


# --- what is printed --------------------------------------------------------------------------


def printed(view: PlanView) -> str:
    console = Console(file=io.StringIO(), width=100, highlight=False, markup=False)
    render_plan(console, view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def table_lines(text: str) -> list[str]:
    """Lines of the tables; sentences may be longer."""
    return [line for line in text.splitlines() if line.startswith(" ")]


def view_of(made: Recipe, **more: Any) -> PlanView:
    found = card_view(made, CARDS, Asked(), {"gone": "null upstream"})
    works = [card_work(CARDS[name], subsets) for name, subsets in made.sources().items()]
    facts = {"recipe": made, "basis": "cards", "leaves": found.leaves, "works": tuple(works)}
    return PlanView(**{**facts, "num_workers": 2, "binding": found.binding, **more})


def test_the_tables() -> None:
    text = printed(view_of(HALVES, why_cards="no network"))
    assert text.startswith("plan of mine, by the cards alone (no network)\n")
    rows = [re.split(r"  +", line.strip()) for line in table_lines(text)]
    assert ["text", "50.00%", "1.0k", "68", "0.07", "1 yes, 1 no"] in rows
    assert ["images", "37.50%", "50", "50", "1.00", "yes"] in rows
    assert ["gone", "-", "none", "-", "-", "-"] in rows
    assert ["total", "100.00%", "1.4k", "135", "0.09", "3 yes, 1 no"] in rows
    assert ["texts", "1.0k", "70.0 MB", "70.0 MB", "2 s", "1 yes, 1 no"] in rows
    assert ["clips", "400", "-", "-", "-", "yes"] in rows
    lines = text.splitlines()
    assert "without gone: null upstream" in lines
    assert (
        "curate: very roughly 2 s on 2 cores after the download, and what 1 source of unknown "
        "size take"
    ) in lines
    assert lines[-1].startswith("one more row would not fit: component seen/images")


def test_a_plan_that_a_build_would_refuse() -> None:
    assert printed(view_of(HALVES, refusal="this needs --allow-missing")).endswith(
        "\nthis needs --allow-missing\n"
    )


def test_benchmarks() -> None:
    named = ("arc", "gsm8k", "math")
    view = view_of(HALVES, benchmarks=named, to_index={"arc": 2000}, not_held_against=("math",))
    text = printed(view)
    assert "\nheld against 2 benchmarks: arc, gsm8k\n" in text
    assert "\nindexes to be made of arc: 2.0 kB to read\n" in text
    assert "\nnot held against math\n" in text
    said = view.as_json()
    assert said["benchmarks"] == list(named) and said["to_index"] == {"arc": 2000}
    assert said["not_held_against"] == ["math"]


def test_json_has_everything() -> None:
    said = json.loads(json.dumps(view_of(HALVES, why_cards="no network").as_json()))
    assert [part["path"] for part in said["components"]] == [
        "text",
        "seen",
        "seen/clips",
        "seen/images",
        "gone",
    ]
    assert said["components"][3]["share"] == "3/8" and said["components"][3]["rows"] == 50
    assert said["components"][4]["missing"] == "null upstream"
    assert [source["bytes"] for source in said["sources"]] == [70_000_000, None, 25_000_000]
    assert (said["basis"], said["why_cards"], said["plan"]) == ("cards", "no network", None)
