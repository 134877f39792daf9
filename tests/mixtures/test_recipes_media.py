"""The recipes with images and video say what the paper and the published configurations say."""

from __future__ import annotations

import csv
import math
import re
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
from mixtures.component import Component, Leaf, walk
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


class Row(NamedTuple):
    """A row of a published configuration."""

    modality: str
    name: str
    raw: int
    per_cent: Decimal
    sampled: int


def published(name: str) -> list[Row]:
    return [
        Row(
            row["modality"].replace("multiimage", "multi_image"),
            row["name"],
            int(row["raw_samples"]),
            Decimal(row["sampling_strategy"].removeprefix("random:").removesuffix("%")),
            int(row["est_sampled"]),
        )
        for row in read_csv(name)
    ]


_CONFIGURATIONS = {"smolvlm2-2.2b": (110, 3_353_817), "smolvlm2-256m-500m": (107, 3_027_020)}
# Of what the names of files that are no subsets upstream stand for.
_STAND_FOR: dict[str, str | set[str]] = {
    "mammoth-image-no-llava-onevision": {"mammoth_vl/ov_image"},
    "m4_instruct_multiimage": {"m4_instruct"},
    "mammoth-onevision-multiimage-cap6": {"mammoth_vl/multi_image"},
    "LlamaVideo178k-2-3-m": "llava_video_178k/2_3_m_",
    "LlamaVideo178k-1-2-m": "llava_video_178k/1_2_m_",
    "LlamaVideo178k-0-30-s": "llava_video_178k/0_30_s_",
    "LlamaVideo178k-hound-open-ended": {"llava_video_178k/llava_hound"},
    "finevideoqa": {"finevideo"},
    "videostar-kinetics700": {"video_star/Kinetics700"},
    "videostar-starb": {"video_star/STAR-benchmark"},
    "videostar-finediving": {"video_star/FineDiving"},
    "mammoth-onevision-video": {"mammoth_vl/video"},
    "vript_long": {"vript/long"},
    "vript_short": {"vript/short"},
    "moviechat:descriptions": {"moviechat/descriptions"},
    "ShareGPT4Video": {"sharegpt4video"},
}


def meant(name: str) -> set[str]:
    """Sources of a published name; a prefix stands for all subsets that begin with it."""
    head, _, rest = name.partition(":")
    if head in ("llava-onevision", "vista400k"):
        source = {"llava-onevision": "llava_onevision", "vista400k": "vista_400k"}[head]
        return {f"{source}/{rest.replace('spatialtemporal', 'spatiotemporal')}"}
    found = _STAND_FOR[name]
    if isinstance(found, set):
        return found
    source, _, prefix = found.partition("/")
    subsets = [subset.name for subset in sources.get(source).card.subsets]
    return {f"{source}/{subset}" for subset in subsets if subset.startswith(prefix)}


def published_pairs(name: str) -> list[tuple[Row, Leaf]]:
    return list(zip(published(name), recipe_named(name).leaves(), strict=True))


@pytest.mark.parametrize("name", _CONFIGURATIONS)
def test_published_rows_total_what_is_documented(name: str) -> None:
    count, total = _CONFIGURATIONS[name]
    rows = published(name)
    assert (len(rows), sum(row.sampled for row in rows)) == (count, total)
    assert all(row.sampled == round(row.raw * row.per_cent / 100) for row in rows)


@pytest.mark.parametrize("name", _CONFIGURATIONS)
def test_every_published_row_is_a_leaf_of_its_share(name: str) -> None:
    total = _CONFIGURATIONS[name][1]
    for row, leaf in published_pairs(name):
        assert leaf.path.startswith(f"{row.modality}/")
        assert leaf.chain[0].modality == row.modality
        assert leaf.share == Fraction(row.sampled, total), row.name
        assert set(leaf.sources) == meant(row.name), row.name


@pytest.mark.parametrize("name", _CONFIGURATIONS)
def test_count_and_rate_stand_above_every_leaf(name: str) -> None:
    said = re.findall(r"^ +# (\S+): ([\d,]+) at ([\d.]+) %$", written(name), re.MULTILINE)
    assert said == [(row.name, f"{row.raw:,}", str(row.per_cent)) for row in published(name)]


@pytest.mark.parametrize("name", _CONFIGURATIONS)
def test_published_configurations_merge_nothing(name: str) -> None:
    recipe = recipe_named(name)
    assert (recipe.merge, recipe.duplicates, recipe.style) == ("none", "component", "smolvlm2")
    assert recipe.max_turns is None and not recipe.shuffle_turns
    assert recipe.processor == {"smolvlm2-2.2b": "smolvlm-2.2b"}.get(name, "smolvlm-256m")


def test_the_curriculum_is_vision_then_video() -> None:
    stages = load_curriculum("smolvlm").stages
    assert [stage.recipe for stage in stages] == ["vision", "video"]
