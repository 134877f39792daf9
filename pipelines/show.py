"""`mixture show`: samples of a build as the chats that they are, in the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow.parquet as pq
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from manifests.errors import UsageError
from manifests.storage import filesystem, join, list_files, undamaged
from pipelines.progress import human_bytes, printable

_NUM_SAMPLES = 5
_ROLE_STYLES = {"system": "magenta", "user": "cyan", "assistant": "green"}


def _media_label(info: dict[str, Any], size: int) -> str:
    when = f" at {info['timestamp_ms'] / 1000:.1f} s" if info["kind"] == "frame" else ""
    return f"[{info['kind']}{when} {info['width']}x{info['height']} {human_bytes(size)}]"


def _body(sample: dict[str, Any]) -> Text:
    text = Text()
    media = iter(zip(sample["media"], sample["images"], strict=True))
    for message in sample["messages"]:
        text.append(f"{message['role']}: ", style=f"bold {_ROLE_STYLES[message['role']]}")
        for item in message["content"]:
            if item["type"] == "image":
                info, file = next(media)
                text.append(_media_label(info, len(file["bytes"])) + " ", style="yellow")
            else:
                text.append(printable(item["text"]) + " ")
        text.append("\n")
    text.rstrip()
    return text


def read_samples(build: str, split: str = "train") -> list[dict[str, Any]]:
    """The first samples of a split, as they are in its rows; UsageError where there are none."""
    num = _NUM_SAMPLES
    samples: list[dict[str, Any]] = []
    fs, base = filesystem(join(build, "data"))
    for name in list_files(join(build, "data"), ".parquet"):
        if not name.startswith(f"{split}-"):
            continue
        path = f"{base}/{name}"
        with undamaged(path), fs.open(path, "rb") as handle:
            for batch in pq.ParquetFile(handle).iter_batches(batch_size=num):
                samples += batch.to_pylist()
                if len(samples) >= num:
                    return samples[:num]
    if not samples:
        raise UsageError(f"{build} {_lack(split)}")
    return samples


def _lack(split: str) -> str:
    if split == "validation":
        return "holds no validation split: --holdout makes one"
    return "holds no data/*.parquet: it is not a build"


def as_json(sample: dict[str, Any]) -> dict[str, Any]:
    """The row; of an image its size in place of its bytes."""
    images = [{"num_bytes": len(image["bytes"])} for image in sample["images"]]
    return sample | {"images": images}


def show(console: Console, samples: Iterable[dict[str, Any]]) -> None:
    """Print them as chats; upstream's text is printed as text, never as markup."""
    for number, sample in enumerate(samples):
        facts = f"{sample['modality']}, {sample['category']}, {sample['num_tokens']} tokens"
        title = Text(f"{number}  {sample['id']}")
        console.print(Panel(_body(sample), title=title, subtitle=Text(facts), title_align="left"))
