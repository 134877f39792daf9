"""The published configurations of SmolVLM2's video stage, and their recipes, row by row."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import pytest

import sources
from mixtures.component import Leaf
from mixtures.recipe_file import load_recipe

_PUBLISHED = Path(__file__).parent / "published"


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
        for row in csv.DictReader((_PUBLISHED / f"{name}.csv").read_text().splitlines())
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
    return list(zip(published(name), load_recipe(name).leaves(), strict=True))


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
    text = (resources.files("mixtures") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    said = re.findall(r"^ +# (\S+): ([\d,]+) at ([\d.]+) %$", text, re.MULTILINE)
    assert said == [(row.name, f"{row.raw:,}", str(row.per_cent)) for row in published(name)]


@pytest.mark.parametrize("name", _CONFIGURATIONS)
def test_published_configurations_merge_nothing(name: str) -> None:
    recipe = load_recipe(name)
    assert (recipe.merge, recipe.duplicates, recipe.style) == ("none", "component", "smolvlm2")
    assert recipe.max_turns is None and not recipe.shuffle_turns
    assert recipe.processor == {"smolvlm2-2.2b": "smolvlm-2.2b"}.get(name, "smolvlm-256m")
