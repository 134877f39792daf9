"""Every row of builds of the samples: its counts are what SmolVLM's own processor makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console
from tokenizers import Tokenizer

from mixtures.processors import get_processor
from mixtures.styles import STYLES
from pipelines.build import build
from pipelines.options import BuildOptions
from tests.chat_ids import Image, chat_ids
from tests.conftest import Built

_COUNTS = ("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens")
_COLUMNS = ["id", "messages", "media", "origins", *_COUNTS]


def _recipe(folder: Path, style: str) -> str:
    """A little of everything that the samples' store holds, in a context that is too short."""
    sources = {
        "text": ["magpie"],
        "image": ["the_cauldron", "llava_onevision"],
        "multi_image": ["m4_instruct"],
        "video": ["llava_video_178k", "vript", "sharegpt4video"],
    }
    made = {
        "name": "counted",
        "description": "A build whose every count is checked",
        "unit": "tokens",
        "style": style,
        "max_turns": 3,
        "shuffle_turns": True,
        "merge": "same_media",
        "max_sample_tokens": 1500,
        "filters": {"placeholders": {}, "roles": {}, "control_tokens": {}},
        "components": [
            {"name": name, "share": "1/4", "modality": name, "sources": named}
            for name, named in sources.items()
        ],
    }
    file = folder / "counted.yaml"
    file.write_text(yaml.safe_dump(made, sort_keys=False))
    return str(file)


def _rows(out: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(out.glob("data/*.parquet")):
        yield from pq.read_table(file, columns=_COLUMNS).to_pylist()


# The style that recipes use is counted in every run, the others in the slow ones.
_QUICK = "smolvlm2"


def _marked(style: str) -> object:
    return pytest.param(style, marks=() if style == _QUICK else pytest.mark.slow)


@pytest.mark.parametrize("style", [_marked(style) for style in sorted(STYLES)])
def test_counts_of_every_emitted_row(
    built: Built, smollm2_file: Path, tmp_path: Path, style: str
) -> None:
    options = BuildOptions(
        recipe=_recipe(tmp_path, style),
        mirror=str(built.mirror),
        store=str(built.store),
        out=str(tmp_path / "out"),
        engine="inline",
        tokenizer=str(smollm2_file),
    )
    build(options, Console(quiet=True))
    oracle = Tokenizer.from_file(str(smollm2_file))
    processor = get_processor("smolvlm-256m")
    rows = list(_rows(tmp_path / "out"))
    for row in rows:
        images = [Image(one["width"], one["height"], one["split"]) for one in row["media"]]
        found = chat_ids(row["messages"], images, processor, oracle)
        assert {name: row[name] for name in _COUNTS} == {
            name: getattr(found, name) for name in _COUNTS
        }, row["id"]
        assert row["num_tokens"] <= 1500
    kinds = {one["kind"] for row in rows for one in row["media"]}
    assert kinds == {"image", "frame"}
    assert any(len(row["origins"]) > 1 for row in rows), "some questions were merged"
