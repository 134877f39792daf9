"""`mixture filters`: every filter is listed, and says all that its module declares."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

import filters
from filters.base import Filter
from filters.models import ModelFilter
from filters.refusal import Refusal, RefusalParams
from mixtures.policies import POLICIES
from pipelines.cli import mixture
from pipelines.filter_drops import RECIPES, count_drops, read_drops
from pipelines.filter_pages import filters_page
from pipelines.filter_tables import filter_facts, meaning, parameters, policies_text
from tests.pipelines.test_cli import refused

Printed = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
EVERY = list(filters.discover().values())


def test_all_are_listed(capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert mixture(["filters"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [words[0] for words in lines if words][2:] == list(filters.discover())


def test_one_says_all_that_it_declares(capsys: Printed) -> None:
    assert mixture(["filters", "turn_length"]) == 0
    text = capsys.readouterr().out
    for name, field in filters.get("turn_length").params_type.model_fields.items():
        assert f"{name} " in text and (field.description or "") in text
    for word in (*filters.get("turn_length").reasons, *filters.get("turn_length").scores.names):
        assert word in text
    assert "recipes: idefics3-mix9, " in text and "video" in text


def test_a_users_own_filter(capsys: Printed, tmp_path: Path) -> None:
    text = (ROOT / "filters" / "refusal.py").read_text(encoding="utf-8")
    own = tmp_path / "shy.py"
    own.write_text(text.replace('"refusal"', '"shy"').replace('"answer_refuses"', '"too_shy"'))
    assert mixture(["filters", str(own)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("shy: Drops chats in which") and "reasons: too_shy" in text


def test_usage(capsys: Printed) -> None:
    assert "there is no filter 'refusals'; did you mean 'refusal'" in refused(
        mixture, ["filters", "refusals"], capsys
    )
    assert "leave NAME out" in refused(mixture, ["filters", "roles", "--markdown"], capsys)


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_each_says_what_it_is_for(one: Filter) -> None:
    """In whole sentences: of its class, or of its module."""
    assert meaning(one)[-1] in ".:" and len(meaning(one).split()) >= 4
    assert dict(filter_facts(one))["source"] == one.source
    for _, default, said in parameters(one):
        assert default and said


def test_policies_in_words() -> None:
    class Everywhere(Refusal):
        policies: ClassVar[tuple[str, ...]] = POLICIES[::-1]

    class Nowhere(Refusal):
        policies: ClassVar[tuple[str, ...]] = ()

    class Some(Refusal):
        policies: ClassVar[tuple[str, ...]] = ("photo", "chat")

    assert [policies_text(one()) for one in (Everywhere, Nowhere, Some)] == [
        "all",
        "any",
        "chat, photo",
    ]


def test_what_a_default_is() -> None:
    class Required(RefusalParams):
        languages: tuple[str, ...] = ()
        label: str = "hq"

    class Asking(Refusal):
        params_type: ClassVar[type[RefusalParams]] = Required

    defaults = {name: default for name, default, _ in parameters(Asking())}
    assert defaults == {"max_refusal_share": "0.0", "languages": "[]", "label": '"hq"'}


def test_the_page_is_what_the_command_prints(capsys: Printed) -> None:
    assert mixture(["filters", "--markdown"]) == 0
    page = capsys.readouterr().out
    assert page == filters_page(EVERY, read_drops())
    for one in EVERY:
        assert f"\n## {one.name}\n" in page
    assert "| video samples | chat | `answer_refuses` | 1 |" in page


def test_the_page_of_the_filters_is_current() -> None:
    """`mixture filters --markdown > docs/filters.md` writes it again."""
    page = filters_page(EVERY, read_drops())
    assert (ROOT / "docs" / "filters.md").read_text(encoding="utf-8") == page


def test_drops_are_what_filters_say() -> None:
    drops = read_drops()
    assert set(drops.rows) == set(RECIPES)
    for drop in drops.drops:
        one = filters.get(drop.filter)
        assert drop.reason in one.reasons and drop.num_rows > 0
        assert not one.policies or drop.policy in one.policies
        assert drop.num_rows <= drops.rows[drop.recipe][drop.policy]
    assert drops.dropped("refusal") == 2
    assert drops.dropped("fasttext_quality") is None


@pytest.mark.slow
def test_drops_are_counted_as_they_are_written(tmp_path: Path) -> None:
    """`python -m pipelines.filter_drops > pipelines/filter_drops.json` writes them again."""
    counted = count_drops(tmp_path)
    assert counted == read_drops()
    assert list(counted.filters) == [f.name for f in EVERY if not isinstance(f, ModelFilter)]
