"""What upstream wrote is printed as text: no markup, no terminal sequence, is obeyed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from manifests.errors import IntegrityError, UsageError
from manifests.schema import SAMPLE_SCHEMA
from pipelines.show import read_samples, show
from pipelines.why import explain

Row = dict[str, Any]
HOSTILE = "[red]x[/blue] <script> \x1b[2J \x07 \x9b31m"
SHOWN = "[red]x[/blue] <script> \\x1b[2J \\x07 \\x9b31m"


def sample(number: int, text: str = "Hello?", frames: tuple[int, ...] = ()) -> Row:
    row: Row = {name: 0 for name in SAMPLE_SCHEMA.names}
    media = [
        {
            "kind": "frame",
            "video": "d",
            "timestamp_ms": t,
            "width": 64,
            "height": 48,
            "split": False,
        }
        for t in frames
    ]
    content = [{"type": "image", "text": ""} for _ in frames] + [{"type": "text", "text": text}]
    return row | {
        "id": f"source/subset/{number:032x}",
        "modality": "video" if frames else "text",
        "messages": [
            {"role": "user", "content": content},
            {"role": "assistant", "content": [{"type": "text", "text": "Fine."}]},
        ],
        "images": [{"bytes": bytes(1500), "path": None} for _ in frames],
        "videos": [],
        "media": media,
        "origins": [],
        "num_tokens": 12,
        **{
            name: "x"
            for name in ("source", "subset", "category", "component", "kind", "license", "extra")
        },
    }


def write(build: Path, *rows: Row, name: str = "train-00000-of-00001.parquet") -> str:
    (build / "data").mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=SAMPLE_SCHEMA), build / "data" / name)
    return str(build)


def shown(build: str) -> str:
    console = Console(file=io.StringIO(), width=100)
    show(console, read_samples(build))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_chat_with_frames(tmp_path: Path) -> None:
    text = shown(write(tmp_path, sample(1, frames=(0, 1500))))
    assert "0  source/subset/00000000000000000000000000000001" in text
    assert "user: [frame at 0.0 s 64x48 1.5 kB] [frame at 1.5 s 64x48 1.5 kB] Hello?" in " ".join(
        text.replace("│", " ").split()
    )
    assert "assistant: Fine." in text and "video, x, 12 tokens" in text


def test_the_first_of_all_files_in_order(tmp_path: Path) -> None:
    write(tmp_path, *(sample(n) for n in range(3)))
    write(tmp_path, *(sample(n) for n in range(3, 9)), name="train-00001-of-00002.parquet")
    text = shown(str(tmp_path))
    assert [f"{n}  source/subset/{n:032x}" in text for n in range(6)] == [True] * 5 + [False]


def test_hostile_text_is_printed_as_text(tmp_path: Path) -> None:
    text = shown(write(tmp_path, sample(1, HOSTILE)))
    assert SHOWN in text and "\x1b" not in text and "\x07" not in text


def test_tabs_newlines_and_all_scripts_stay(tmp_path: Path) -> None:
    text = shown(write(tmp_path, sample(1, "Grüße,\n世界 \N{SNOWMAN}")))
    assert "Grüße," in text and "世界 \N{SNOWMAN}" in text


def test_why_prints_hostile_text_as_text() -> None:
    entry = {"source": "s", "subset": "[b]", "file": "a\x1b.json", "row": 3, "group": 1, "id": None}
    entry |= {"fate": "dropped", "stage": "filter", "rule": "too_long", "value": HOSTILE}
    assert explain(entry | {"matched": None}) == (
        f"s/[b]/a\\x1b.json#3 (conversation 2 of that row): dropped at filter by too_long ({SHOWN})"
    )


def test_a_folder_that_is_no_build(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is not a build"):
        shown(str(tmp_path))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train-x.parquet").write_text("nothing")
    with pytest.raises(IntegrityError, match="x.parquet is damaged"):
        shown(str(tmp_path))
