"""The peer of curate_datasets: a mixture as a user would write it with `datasets`.

    python -m benchmarks.datasets_script MIRROR OUT CONFIG...

Load each config, map its texts to messages, drop rows whose images cannot be decoded or have an odd
size, or whose roles do not alternate; interleave in equal parts; write Parquet. Where `datasets`
has a faster and a slower form of a step, this is the faster one: the map names its input column,
so that it does not decode the images as well.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from datasets import Dataset, interleave_datasets, load_dataset

_NUM_PROC = 2
_SIDES_PX = (8, 10_000)  # as the default bounds of filters/image_bounds.py, roughly
_MAX_ASPECT = 20.0


def to_messages(texts: list[dict[str, str]]) -> dict[str, Any]:
    messages = []
    for number, turn in enumerate(texts):
        content = [{"type": "text", "text": turn["user"].strip()}]
        if number == 0:
            content.insert(0, {"type": "image", "text": ""})
        answer = [{"type": "text", "text": turn["assistant"].strip()}]
        messages.append({"role": "user", "content": content})
        messages.append({"role": "assistant", "content": answer})
    return {"messages": messages}


def is_usable(images: list[Any], messages: list[dict[str, Any]]) -> bool:
    for image in images:
        short, long = sorted(image.size)
        if short < _SIDES_PX[0] or long > _SIDES_PX[1] or long / short > _MAX_ASPECT:
            return False
    roles = [message["role"] for message in messages]
    wanted = ["user", "assistant"] * (len(roles) // 2)
    texts = [item["text"] for m in messages for item in m["content"] if item["type"] == "text"]
    return bool(roles) and roles == wanted and all(texts)


def load(mirror: Path, config: str) -> Dataset:
    files = sorted(str(path) for path in (mirror / config).glob("*.parquet"))
    rows = load_dataset("parquet", data_files=files, split="train")
    rows = rows.map(to_messages, input_columns="texts", remove_columns="texts", num_proc=_NUM_PROC)
    return rows.filter(is_usable, input_columns=["images", "messages"], num_proc=_NUM_PROC)


def main(mirror: Path, out: Path, configs: list[str]) -> None:
    parts = [load(mirror, config) for config in configs]
    mixed = interleave_datasets(
        parts,
        probabilities=[1 / len(parts)] * len(parts),
        seed=0,
        stopping_strategy="all_exhausted_without_replacement",
    )
    out.mkdir(parents=True)
    mixed.to_parquet(out / "train.parquet")
    print(json.dumps({"rows": mixed.num_rows}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
