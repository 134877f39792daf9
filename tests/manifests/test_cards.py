"""Source cards: what is required is required, and an error names the file and the field."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from manifests.cards import SourceCard, card_names, load_card, parse_card
from manifests.errors import CardError

GOOD: dict[str, Any] = {
    "name": "demo",
    "title": "Demo",
    "repo": "someone/demo",
    "revision": "main",
    "homepage": "https://example.org",
    "license": "CC-BY-4.0",
    "commercial_use": "yes",
    "redistribution": "unknown",
    "attribution": "Demo by Nobody",
    "gated": False,
    "citation": "Nobody, 2024",
    "num_bytes": None,
    "quirks": [],
    "row_files": ["{subset}/train-*.parquet"],
    "media_files": ["{subset}.zip"],
    "columns": {"id": "string|integer?", "turns": "list"},
    "marker": "<image>",
    "subsets": [
        {"name": "one", "category": "vqa", "modality": "image", "num_rows": 10},
        {
            "name": "two",
            "category": "chat",
            "modality": "text",
            "num_rows": None,
            "license": "LicenseRef-llama3 AND CC-BY-NC-4.0",
            "commercial_use": "no",
            "redistribution": "no",
            "row_files": ["all.json"],
            "media_files": [],
            "columns": {"text": "string"},
            "repo": "someone/other",
        },
    ],
}


def _parse(**changes: Any) -> SourceCard:
    """The good card with fields changed, or left out where the change is Ellipsis."""
    fields = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return parse_card(yaml.safe_dump(fields), "demo", "manifests/sources/demo.yaml")


def test_good_card() -> None:
    card = _parse()
    assert card.subset("two").num_rows is None
    assert card.layout == "hub"


def test_what_a_subset_says_counts_before_its_card() -> None:
    card = _parse()
    facts = [
        (
            card.license_of(subset),
            card.commercial_use_of(subset),
            card.redistribution_of(subset),
            card.row_patterns(subset),
            card.media_patterns(subset),
            list(card.columns_of(subset)),
        )
        for subset in card.subsets
    ]
    assert facts == [
        ("CC-BY-4.0", "yes", "unknown", ("one/train-*.parquet",), ("one.zip",), ["id", "turns"]),
        ("LicenseRef-llama3 AND CC-BY-NC-4.0", "no", "no", ("all.json",), (), ["text"]),
    ]


def test_repos_are_each_named_once_in_order() -> None:
    assert _parse().repos == ("someone/demo", "someone/other")
    media = ["someone/other", "someone/media"]
    assert _parse(media_repos=media).repos == ("someone/demo", "someone/other", "someone/media")


def test_unknown_subset_says_the_nearest() -> None:
    with pytest.raises(CardError, match=r"demo has no subset 'tow'; did you mean 'two'\? \(it has"):
        _parse().subset("tow")


@pytest.mark.parametrize("field", [n for n in GOOD if n not in ("name", "media_files")])
def test_every_field_is_required(field: str) -> None:
    with pytest.raises(CardError, match=rf"sources/demo\.yaml: {field}: Field required"):
        _parse(**{field: ...})


@pytest.mark.parametrize(("value", "answer"), [(True, "yes"), (False, "no"), ("unknown",) * 2])
def test_a_bare_yes_or_no_is_an_answer(value: object, answer: str) -> None:
    assert _parse(commercial_use=value).commercial_use == answer


def _subset(**changes: Any) -> list[dict[str, Any]]:
    return [GOOD["subsets"][0] | changes]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"license": ""}, "license: String should match"),
        ({"license": "see README, maybe"}, "license: String should match"),
        ({"license": None}, "license: Input should be a valid string"),
        ({"revision": ""}, "revision: String should have at least 1"),
        ({"gated": "perhaps"}, "gated: Input should be a valid boolean"),
        ({"licence": "MIT"}, "licence: Extra inputs are not permitted"),
        ({"subsets": []}, "subsets: Tuple should have at least 1"),
        ({"subsets": _subset() * 2}, "subsets one are listed twice"),
        ({"subsets": _subset(modality="audio")}, r"subsets\.0\.modality: Input should be"),
        ({"subsets": _subset(num_rows=-1)}, r"subsets\.0\.num_rows: Input should be greater"),
        ({"layout": "url"}, "files belong to layout url"),
        ({"files": ["a.tgz"]}, "files belong to layout url"),
        ({"layout": "ftp"}, "layout: Input should be 'hub', 'url' or 'folder'"),
        ({"commercial_use": "maybe"}, "commercial_use: Input should be 'yes', 'no' or 'unknown'"),
        ({"redistribution": ""}, "redistribution: Input should be 'yes', 'no' or 'unknown'"),
        ({"attribution": ""}, "attribution: String should have at least 1"),
        ({"num_bytes": -1}, "num_bytes: Input should be greater"),
        ({"columns": {"id": "text"}}, r"columns\.id: String should match"),
        ({"columns": {"id": "string?|list"}}, r"columns\.id: String should match"),
        ({"columns": {"id": ""}}, r"columns\.id: String should match"),
        ({"marker": "<img>"}, "marker: Input should be '<image>', '<video>' or 'none'"),
        ({"row_files": [""]}, r"row_files\.0: String should have at least 1"),
        ({"name": "other"}, "calls itself 'other'"),
    ],
)
def test_bad_card_names_the_field(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CardError, match=said) as caught:
        _parse(**changes)
    assert "manifests/sources/demo.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Input should be a valid dictionary"),
        ("- a", "Input should be a valid dictionary"),
        ("a: [", "is not YAML"),
        ("a: !!python/object:os.system {}", "is not YAML"),
    ],
)
def test_bad_yaml(text: str, said: str) -> None:
    with pytest.raises(CardError, match=rf"manifests/sources/demo\.yaml.*{said}"):
        parse_card(text, "demo", "manifests/sources/demo.yaml")


def test_absent_card() -> None:
    with pytest.raises(CardError, match=r"no card manifests/sources/no_such_source\.yaml"):
        load_card("no_such_source")


def test_card_that_is_not_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "latin.yaml").write_bytes(b"name: caf\xe9")
    monkeypatch.setattr("manifests.cards.resources.files", lambda package: tmp_path)
    with pytest.raises(CardError, match=r"manifests/sources/latin\.yaml is not UTF-8"):
        load_card("latin")


def _written() -> list[str]:
    files = (resources.files("manifests") / "sources").iterdir()
    return sorted(f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml"))


@pytest.mark.parametrize("name", _written())
def test_card_of_the_project(name: str) -> None:
    card = load_card(name)
    assert load_card(name) is card
    assert card.quirks, "no upstream is without quirks"
    assert SourceCard.model_validate(card.model_dump(mode="json")) == card


@pytest.mark.parametrize("name", _written())
def test_licences_of_the_project_are_honest(name: str) -> None:
    """A product may not be trained on what is non-commercial, or on what nobody knows of."""
    card = load_card(name)
    for subset in card.subsets:
        words = card.license_of(subset).lower()
        if re.search(r"\bnc\b|academic|research", words):
            assert card.commercial_use_of(subset) == "no", subset.name
        if re.search("unknown|unverified|per-subset|per-source", words):
            assert card.commercial_use_of(subset) != "yes", subset.name


def test_turns_are_dialogue_unless_the_card_says_otherwise() -> None:
    two = {**GOOD["subsets"][1], "turns": "independent"}
    card = _parse(subsets=[GOOD["subsets"][0], two])
    assert [card.turns_of(subset) for subset in card.subsets] == ["dialogue", "independent"]
    merged = _parse(turns="independent", subsets=[{**two, "turns": "dialogue"}])
    assert merged.turns_of(merged.subsets[0]) == "dialogue"
    with pytest.raises(CardError, match=r"turns.*'independent' or 'dialogue'"):
        _parse(turns="shuffled")


@pytest.mark.parametrize(
    ("source", "subset", "turns"),
    [
        ("the_cauldron", "vqav2", "independent"),
        ("the_cauldron", "robut_sqa", "dialogue"),
        ("docmatix", "images", "independent"),
        ("lnqa", "train", "independent"),
        ("llava_onevision", "ai2d(cauldron,llava_format)", "independent"),
        ("llava_onevision", "robut_sqa(cauldron)", "dialogue"),
        ("moviechat", "breakpoint_qa", "independent"),
        ("moviechat", "descriptions", "dialogue"),
        ("magpie", "Magpie-Pro-MT-300K-v0.1", "dialogue"),
    ],
)
def test_which_turns_are_questions_of_their_own(source: str, subset: str, turns: str) -> None:
    card = load_card(source)
    assert card.turns_of(card.subset(subset)) == turns


def test_text_is_never_shuffled() -> None:
    for name in card_names():
        card = load_card(name)
        spoken = [subset for subset in card.subsets if subset.modality == "text"]
        assert {card.turns_of(subset) for subset in spoken} <= {"dialogue"}, name
