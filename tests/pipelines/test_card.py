"""The dataset card: what the Hub and `datasets` read of it, and numbers that are the manifest's."""

from __future__ import annotations

import argparse
import shlex
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import Features
from huggingface_hub import DatasetCard

from manifests.build import (
    CONTENT_COLUMNS,
    ComponentRows,
    ContentRows,
    FilterUse,
    SubsetFunnel,
    load_manifest,
)
from manifests.cards import load_card
from manifests.ledger import Fate
from manifests.schema import SAMPLE_SCHEMA, features
from pipelines.card import markdown_table, render_card
from pipelines.card_contents import content_tables
from pipelines.card_data import card_data, licenses
from pipelines.card_notes import COLUMNS, bibtex, limits, rebuild
from pipelines.cli_build import add_build_arguments
from pipelines.finish import origin_terms
from tests.conftest import Built


def test_the_card_of_a_build_is_a_dataset_card(built: Built) -> None:
    data = DatasetCard.load(built.out / "README.md").data.to_dict()
    manifest = load_manifest(str(built.out))
    size = sum(path.stat().st_size for path in (built.out / "data").iterdir())
    info = data["dataset_info"]
    assert Features._from_yaml_list(info["features"]) == Features.from_dict(features())
    assert info["features"] == Features.from_dict(features())._to_yaml_list()
    assert info["splits"] == [
        {"name": "train", "num_bytes": size, "num_examples": manifest.num_rows}
    ]
    assert info["download_size"] == info["dataset_size"] == size
    assert data["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert data["size_categories"] == ["n<1K"]


def test_the_card_is_a_function_of_the_manifest(built: Built) -> None:
    manifest = load_manifest(str(built.out))
    assert render_card(manifest) == (built.out / "README.md").read_text()


def test_what_it_says_is_what_the_manifest_says(built: Built) -> None:
    manifest = load_manifest(str(built.out))
    lines = render_card(manifest).splitlines()
    for part in manifest.components:
        shares = f"{float(part.share):.2%} | {part.rows / manifest.num_rows:.2%}"
        rows = f"{part.rows} | {part.rows} | {part.rows}"
        assert f"| {part.name} | {shares} | {rows} |" in lines
    fates = sorted({fate for entry in manifest.funnel for fate in entry.fates})
    assert "| source | subset | read | " + " | ".join(fates) + " |" in lines
    for entry in manifest.funnel:
        counts = " | ".join(str(entry.fates.get(fate, 0)) for fate in fates)
        assert f"| {entry.source} | {entry.subset} | {entry.read} | {counts} |" in lines
    for name in {entry.source for entry in manifest.funnel}:
        card = load_card(name)
        assert any(card.title in line and card.license in line for line in lines)
        assert f"- {card.attribution}" in lines


def test_in_tokens_shares_are_of_tokens(built: Built) -> None:
    manifest = load_manifest(str(built.out))
    fields: dict[str, Any] = {"share": Fraction(1, 2), "asked": 1000}
    parts = [
        ComponentRows(name="text", amount=1100, rows=631, **fields),
        ComponentRows(name="image", amount=900, rows=0, **fields),
    ]
    changes = {"unit": "tokens", "components": tuple(parts), "contents": ()}
    text = render_card(manifest.model_copy(update=changes))
    assert "| component | asked share | achieved share | asked tokens | tokens | rows |" in text
    assert "| text | 50.00% | 55.00% | 1,000 | 1,100 | 631 |" in text
    assert "| image | 50.00% | 45.00% | 1,000 | 900 | 0 |" in text


def test_what_it_was_built_without(built: Built) -> None:
    manifest = load_manifest(str(built.out))
    assert "news" not in render_card(manifest)
    without = manifest.model_copy(update={"missing": {"news": "its clips were never published"}})
    text = render_card(without)
    assert "news" in text and "its clips were never published" in text


def test_terms_are_those_of_what_is_inside() -> None:
    """Subsets that share their terms are one entry; of what nothing was kept nothing is said."""
    kept = [("Magpie-Pro-300K-Filtered", 1), ("Llama-3-Magpie-Pro-1M-v0.1", 2)]
    other, gone = ("magpie-ultra-v0.1", 1), ("Magpie-Pro-MT-300K-v0.1", 0)
    counts = [
        SubsetFunnel(
            source="magpie", subset=name, read=3, fates={Fate.KEPT: n, Fate.DROPPED: 3 - n}
        )
        for name, n in (*kept, other, gone)
    ]
    first, second = origin_terms(counts, {"magpie": load_card("magpie")})
    assert first.subsets == ("Magpie-Pro-300K-Filtered", "Llama-3-Magpie-Pro-1M-v0.1")
    assert (first.license, first.commercial_use) == ("LicenseRef-llama3 AND CC-BY-NC-4.0", "no")
    assert second.subsets == ("magpie-ultra-v0.1",) and second.commercial_use == "unknown"
    assert first.attribution == second.attribution == load_card("magpie").attribution


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Rows of any licence were let in."),
        ({"licenses": "permissive"}, "Only rows were let in that a product may be trained on."),
        ({"licenses": "non-commercial"}, "Only rows were let in whose terms of use are known."),
        (
            {"masked_pii": ("web", "document_image")},
            "IP addresses in rows of web and document image are replaced.",
        ),
        (
            {"benchmarks": {"gsm8k": "0123456789abcdef", "math": "main"}},
            "held against the held-out splits of gsm8k (0123456789ab), math (main).",
        ),
        ({"not_held_against": ("arc", "piqa")}, "Rows were not held against arc, piqa: scores"),
        ({"skipped": ("a", "b")}, "Left out, because they could not be reached: a, b."),
    ],
)
def test_what_was_let_in(built: Built, changes: dict[str, object], words: str) -> None:
    manifest = load_manifest(str(built.out)).model_copy(update=changes)
    assert words in render_card(manifest)


def test_names_are_written_as_text(built: Built) -> None:
    entry = SubsetFunnel(source="magpie", subset="<script>|x\ny", read=1, fates={Fate.KEPT: 1})
    manifest = load_manifest(str(built.out)).model_copy(update={"funnel": (entry,)})
    text = render_card(manifest)
    assert "| magpie | &lt;script>\\|x y | 1 | 1 |" in text and "<script>" not in text


@pytest.mark.parametrize(
    ("rows", "category"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10_000_000, "n>10M")],
)
def test_the_size_category(built: Built, rows: int, category: str, tmp_path: Path) -> None:
    manifest = load_manifest(str(built.out)).model_copy(update={"num_rows": rows})
    (tmp_path / "README.md").write_text(render_card(manifest))
    data = DatasetCard.load(tmp_path / "README.md").data.to_dict()
    assert data["size_categories"] == [category]


def test_a_table() -> None:
    assert markdown_table(("a", "b"), [(1234567, "x")]) == "| a | b |\n|---|---|\n| 1,234,567 | x |"


def _part(component: str, modality: str, source: str, rows: int, tokens: int) -> ContentRows:
    facts: dict[str, Any] = {"component": component, "modality": modality, "source": source}
    return ContentRows(**facts, category="vqa", rows=rows, tokens=tokens)


def test_shares_by_what_rows_are(built: Built) -> None:
    """Asked of a value is told only where components hold it alone; achieved always."""
    fields: dict[str, Any] = {"asked": 0, "amount": 0, "rows": 0}
    shares = {"text": Fraction(1, 2), "image": Fraction(1, 4), "mixed": Fraction(1, 4)}
    components = tuple(ComponentRows(name=n, share=s, **fields) for n, s in shares.items())
    contents = (
        _part("image", "image", "b", 2, 30),
        _part("mixed", "image", "a", 1, 10),
        _part("mixed", "video", "b", 1, 40),
        _part("text", "text", "a", 4, 20),
    )
    changes: dict[str, Any] = {"components": components, "contents": contents}
    manifest = load_manifest(str(built.out)).model_copy(update=changes)
    (modality, first), _, (source, last) = content_tables(manifest)
    assert (modality[0], source[0]) == ("modality", "source")
    assert first == [
        ("text", "50.00%", 4, "50.00%", 20, "20.00%"),
        ("image", "-", 3, "37.50%", 40, "40.00%"),
        ("video", "-", 1, "12.50%", 40, "40.00%"),
    ]
    assert [row[:3] for row in last] == [("a", "-", 5), ("b", "-", 3)]


def test_contents_are_those_of_the_rows(built: Built) -> None:
    manifest = load_manifest(str(built.out))
    columns = [*CONTENT_COLUMNS, "num_tokens"]
    table = pq.read_table(built.out / "data", columns=columns).to_pylist()
    rows = Counter(tuple(row[name] for name in CONTENT_COLUMNS) for row in table)
    stated = {tuple(getattr(p, n) for n in CONTENT_COLUMNS): p.rows for p in manifest.contents}
    assert stated == rows
    assert sum(part.tokens for part in manifest.contents) == sum(r["num_tokens"] for r in table)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([("MIT", "yes")], ["mit"]),
        ([("CC-BY-4.0 AND MIT", "yes")], ["cc-by-4.0", "mit"]),
        ([("MIT OR Apache-2.0", "yes")], ["other"]),
        ([("MIT", "no")], ["mit", "other"]),
        ([("CC-BY-NC-4.0", "no")], ["cc-by-nc-4.0"]),
        ([("LicenseRef-x", "unknown"), ("ODC-By-1.0", "yes")], ["odc-by", "other"]),
    ],
)
def test_licenses_as_the_hub_names_them(
    built: Built, terms: list[tuple[str, str]], expected: list[str]
) -> None:
    """No row that no product may be made of is under permissive names alone."""
    manifest = load_manifest(str(built.out))
    first = manifest.terms[0]
    made = [first.model_copy(update={"license": a, "commercial_use": b}) for a, b in terms]
    assert licenses(manifest.model_copy(update={"terms": tuple(made)})) == expected


def test_languages_are_those_that_were_let_in(built: Built) -> None:
    manifest = load_manifest(str(built.out))
    assert "language:" not in render_card(manifest)
    used = FilterUse(name="language", version=1, params={"languages": ["fr", "en"]})
    held = manifest.model_copy(update={"filters": (used,)})
    assert card_data(held)["language"] == ["en", "fr"]
    assert "Rows in any language" not in render_card(held)


@pytest.mark.parametrize(
    ("citation", "lines"),
    [
        (
            "Li et al., A: One, Two, and Three, arXiv 2408.03326, 2024",
            [
                "author = {Li and others}",
                "title = {A: One, Two, and Three}",
                "eprint = {2408.03326}",
            ],
        ),
        ("Farre et al., Fine, https://x.org/y, 2024", ["url = {https://x.org/y}", "year = {2024}"]),
        ("A, B, C, Title, 2020", ["note = {A, B, C, Title, 2020}"]),
        ("Ab et al., X, 2024; and Y, arXiv 2502.02737, 2025", ["note = {Ab et al., X, 2024; and"]),
        ("evil}} ``` \\input{x}", ["note = {evil input x}"]),
    ],
)
def test_bibtex(built: Built, citation: str, lines: list[str]) -> None:
    """Out of a source card's citation; what has another form is quoted whole."""
    manifest = load_manifest(str(built.out))
    terms = manifest.terms[0].model_copy(update={"citation": citation})
    text = bibtex(manifest.model_copy(update={"terms": (terms,)}))
    assert all(line in text for line in lines) and text.startswith(f"@misc{{{terms.source},")
    assert text.count("{") == text.count("}") and "```" not in text


def test_every_column_is_told() -> None:
    assert list(COLUMNS) == SAMPLE_SCHEMA.names


def test_leaks_and_limits(built: Built) -> None:
    entry = SubsetFunnel(source="magpie", subset="x", read=2, fates={Fate.LEAKED: 2})
    manifest = load_manifest(str(built.out))
    leaked = manifest.model_copy(update={"funnel": (entry,), "benchmarks": {"mmlu": "main"}})
    assert "| magpie | 2 |" in render_card(leaked)
    never = manifest.model_copy(update={"benchmarks": {}, "not_held_against": ()})
    assert "- Rows were not held against any benchmark." in limits(never)
    assert "- Rows were not held against any benchmark." not in limits(leaked)


def test_how_to_build_it_again(built: Built) -> None:
    manifest = load_manifest(str(built.out))
    lines = rebuild(manifest)
    words = shlex.split(lines[1])
    parser = argparse.ArgumentParser()
    add_build_arguments(parser)
    args = parser.parse_args(words[1:])
    assert words[0] == "build-mixture" and args.stage == "video" and args.seed == manifest.seed
    assert manifest.plan_digest in "".join(lines)
    assert all(f"`{repo}`" in "".join(lines) for repo in manifest.revisions)
