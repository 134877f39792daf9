"""The recipes with images and video say what the paper and the published configurations say."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib import resources
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

import sources
from manifests.schema import MODALITIES
from mixtures.assign import assign
from mixtures.component import Component, walk
from mixtures.curriculum import load_curriculum
from mixtures.recipe import Recipe, check_sources
from mixtures.recipe_file import load_recipe

_PUBLISHED = Path(__file__).parent / "published"
_NAMES = (
    "vision",
    "video",
    "video-figure8",
    "video-findings",
    "smolvlm2-2.2b",
    "smolvlm2-256m-500m",
)

# SmolVLM (arXiv 2504.05299), Figure 8, left: per cent of the whole, then of the modality; multi-
# image is section 4.1's 2 % of the whole.
_VISION = {
    "image": 86,
    "image/ocr_and_documents": 48,
    "image/captioning": 14,
    "image/chart": 12,
    "image/reasoning": 9,
    "image/table": 9,
    "image/vqa": 8,
    "text": 14,
    "text/reasoning": 79,
    "text/general_knowledge": 21,
}
# Figure 8, right, within the modalities.
_WITHIN = {
    "text/information_seeking": 60,
    "text/general_knowledge": 25,
    "text/reasoning": 15,
    "video/captioning": 76,
    "video/temporal": 18,
    "video/narrative": 6,
    "image/captioning": 37,
    "image/reasoning": 26,
    "image/document": 23,
    "image/vqa": 14,
}
# Section 4.1 (text, video), Figure 8 (multi-image) and the rest; and Figure 8 alone.
_BY_TEXT = {"text": 14, "video": 33, "multi_image": 12, "image": 41}
_BY_FIGURE = {"text": 20, "video": 33, "multi_image": 12, "image": 35}


@cache
def recipe_named(name: str) -> Recipe:
    return load_recipe(name)


def written(name: str) -> str:
    return (resources.files("mixtures") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")


def read_csv(name: str) -> list[dict[str, str]]:
    with (_PUBLISHED / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def percents(recipe: Recipe, depth: int) -> dict[str, Fraction]:
    """Shares of the components down to a depth, in per cent of what is above them."""
    chains = [chain for chain in walk(recipe.components) if len(chain) <= depth]
    return {
        "/".join(part.name for part in chain): chain[-1].share * 100
        for chain in chains
        if chain[-1].share is not None
    }


def component(recipe: Recipe, path: str) -> Component:
    found = [c[-1] for c in walk(recipe.components) if "/".join(p.name for p in c) == path]
    assert len(found) == 1, path
    return found[0]


@pytest.mark.parametrize("name", _NAMES)
def test_every_source_is_known(name: str) -> None:
    cards = {source: sources.get(source).card for source in sources.discover()}
    known = {source: [subset.name for subset in card.subsets] for source, card in cards.items()}
    check_sources(recipe_named(name), known)


def kinds(recipe: Recipe) -> pl.DataFrame:
    """A sample of each subset that the recipe reads, in each modality, duration, and so on."""
    rows = []
    for source in recipe.sources():
        for subset in sources.get(source).card.subsets:
            for modality, seconds, images in product(MODALITIES, (9, 60, 150, 500), (1, 2, 9)):
                row = (source, subset.name, modality, subset.category, float(seconds), images)
                rows.append(row)
    names = ("source", "subset", "modality", "category", "duration_s", "num_images")
    return pl.DataFrame(rows, schema=list(names), orient="row")


@pytest.mark.parametrize("name", _NAMES)
def test_no_sample_is_claimed_twice_and_no_leaf_is_left_out(name: str) -> None:
    recipe = recipe_named(name)
    claimed = np.unique(assign(recipe, kinds(recipe)))
    assert set(claimed.tolist()) - {-1} == {leaf.index for leaf in recipe.leaves()}


def test_vision_has_the_shares_of_figure_8() -> None:
    recipe = recipe_named("vision")
    assert percents(recipe, 2) == _VISION
    multi = [leaf for leaf in recipe.leaves() if "/multi_image/" in leaf.path]
    level = ("image", "image/reasoning", "image/reasoning/multi_image")
    of_the_whole = math.prod(component(recipe, path).share or 0 for path in level)
    assert of_the_whole == Fraction(2, 100)  # section 4.1
    assert {leaf.sources for leaf in multi} == {
        ("the_cauldron/nlvr2",),
        ("the_cauldron/spot_the_diff",),
        ("the_cauldron/mimic_cgd",),
    }


class Taken(NamedTuple):
    dataset: str
    weight: Decimal
    rows: int
    take: int


def takes() -> Iterator[Taken]:
    """Every `take` of vision with the weight and the rows that stand above or beside it."""
    said: tuple[str, Decimal, int] | None = None
    for line in written("vision").splitlines():
        if match := re.search(r"# (\S.*): ([\d.]+) x ([\d,]+)$", line):
            said = match[1], Decimal(match[2]), int(match[3].replace(",", ""))
        if (match := re.search(r"take: (\d+)", line)) and said is not None:
            yield Taken(*said, int(match[1]))
            said = None


def test_vision_takes_within_a_category_what_mix_9_draws() -> None:
    weights = {row["dataset"]: row["mix_9_weight"] for row in read_csv("idefics3_table1")}
    rows = {row["dataset"]: row for row in read_csv("idefics3_rows")}
    found = list(takes())
    for taken in found:
        row = rows[taken.dataset]
        assert taken.weight == Decimal(weights[taken.dataset])
        # A row of The Cauldron is an image, one of a text set a pair.
        assert taken.rows == (int(row["images"]) or int(row["qa_pairs"]))
        assert taken.take == round(taken.weight * taken.rows)
    # Two whose images are null, Docmatix as mix_11 has it, and DaTikz of five rows.
    left_out = {"OK-VQA", "CLEVR-Math", "Docmatix", "DaTikz"}
    assert {taken.dataset for taken in found} == set(weights) - left_out
    amounts = [leaf.component.take for leaf in recipe_named("vision").leaves()]
    others = {250_000, 229_864}  # Docmatix "250K"; MathWriting's train once, by its card
    assert set(amounts) == {taken.take for taken in found} | others
    assert len(amounts) == len(found) + len(others)


def test_sets_of_vision_may_be_repeated_as_often_as_mix_9_repeats_them() -> None:
    passes = {taken.take: math.ceil(taken.weight) for taken in takes()}
    for leaf in recipe_named("vision").leaves():
        assert leaf.component.take is not None
        assert leaf.component.max_repeat == passes.get(leaf.component.take, 1)


@pytest.mark.parametrize(
    ("name", "modalities"), [("video", _BY_TEXT), ("video-figure8", _BY_FIGURE)]
)
def test_video_has_the_documented_shares(name: str, modalities: dict[str, int]) -> None:
    recipe = recipe_named(name)
    assert percents(recipe, 2) == {**modalities, **_WITHIN}
    assert sum(leaf.share for leaf in recipe.leaves()) == 1
    assert recipe.style == "smolvlm2" and recipe.merge == "same_media" and recipe.max_turns == 7
    for part in recipe.components:
        assert part.modality == part.name


def test_video_draws_on_the_sources_that_section_4_and_the_cards_name() -> None:
    assert set(recipe_named("video").sources()) == {
        *("the_cauldron", "mathwriting", "llava_onevision", "magpie", "m4_instruct", "mammoth_vl"),
        *("llava_video_178k", "video_star", "vript", "sharegpt4video", "vista_400k"),
        *("moviechat", "finevideo"),
    }


def test_the_contradiction_is_told() -> None:
    told = " ".join(written("video").replace("#", " ").split())
    for words in ("contradicts itself", "14 % text and 33 % video", "image 35 %", "text 20 %"):
        assert words in told


# What video.yaml says of the published categories: per cent of the modality's samples.
_SAID = {
    ("image", "Instruction", "Captioning & Knowledge"): "36.1",
    ("image", "Mathematics"): "25.8",
    ("image", "Chart & Table", "Diagram Understanding", "OCR"): "14.3",
    ("image", "Science", "Visual Question Answering"): "22.7",
    ("text", "Mathematics"): "4.4",
}


def test_the_configuration_is_as_video_says() -> None:
    rows = read_csv("smolvlm2-2.2b")
    sums: Counter[str] = Counter()
    found: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        sums[row["modality"]] += int(row["est_sampled"])
        for kind in _SAID:
            if row["modality"] == kind[0] and row["category"] in kind[1:]:
                found[kind] += int(row["est_sampled"])
        if row["name"].startswith("vista400k") and "caption" not in row["name"]:
            found["video", "vista"] += int(row["est_sampled"])
    for kind, said in {**_SAID, ("video", "vista"): "18.4"}.items():
        assert f"{100 * found[kind] / sums[kind[0]]:.1f}" == said
        assert f"{said} %" in written("video")


def test_findings_are_parts_of_the_mixture() -> None:
    recipe = recipe_named("video-findings")
    assert recipe.max_turns == 7 and recipe.shuffle_turns and recipe.style == "smolvlm2"
    top = {part.name: part.share for part in recipe.components}
    thought = top.pop("chain_of_thought")
    assert thought is not None and Fraction(2, 10_000) <= thought <= Fraction(5, 10_000)
    image = top.pop("image")
    assert image is not None and image + thought == Fraction(41, 100)
    assert top == {
        "text": Fraction(14, 100),
        "video": Fraction(33, 100),
        "multi_image": Fraction(3, 25),
    }


def test_durations_average_three_and_a_half_minutes() -> None:
    """Each stratum at its middle; they border on each other, and nothing is in two of them."""
    strata = component(recipe_named("video-findings"), "video").components
    edges = [[int(n) for n in re.findall(r"\d+", part.where or "")] for part in strata]
    edges[0].insert(0, 0)
    assert all(before[-1] == after[0] for before, after in pairwise(edges))
    means = [Fraction(low + high, 2) for low, high in edges]
    shares = [part.share or Fraction() for part in strata]
    assert sum(share * mean for share, mean in zip(shares, means, strict=True)) == 210


def test_the_curriculum_is_vision_then_video() -> None:
    stages = load_curriculum("smolvlm").stages
    assert [stage.recipe for stage in stages] == ["vision", "video"]
