"""The dataset card: what the Hub and `datasets` read of it, and numbers that are the manifest's."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from datasets import Features
from huggingface_hub import DatasetCard

from manifests.build import ComponentRows, SubsetFunnel, load_manifest
from manifests.cards import load_card
from manifests.ledger import Fate
from manifests.schema import features
from pipelines.card import markdown_table, render_card
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
    text = render_card(manifest.model_copy(update={"unit": "tokens", "components": tuple(parts)}))
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
