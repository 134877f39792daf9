"""Ids counted a second on one core: ours, and transformers' own fast tokenizer on the same text.

    .venv/bin/python -m benchmarks.tokens [--text FILE]

Text is English prose and code that Python ships (its library's sources), a paragraph a piece, or a
file of the user's own. Both count with SmolLM2's vocabulary (tests/smollm2.py). `cold` counts each
paragraph for the first time; a store task over many rows comes closer to `warm` the longer it is.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.text_counter import TextCounter
from tests.smollm2 import smollm2

_BATCH = 1024
_MAX_BYTES = 6_000_000


def paragraphs(file: Path | None) -> list[str]:
    """Pieces of text in a random, fixed order."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = [file] if file is not None else sorted(folder.rglob("*.py"))
    found: list[str] = []
    size = 0
    for path in files:
        if size > _MAX_BYTES or "site-packages" in path.parts:
            continue
        text = path.read_text(errors="ignore")
        size += len(text)
        found += [piece for piece in text.split("\n\n") if piece.strip()]
    random.Random(4).shuffle(found)
    return found


def rate(count: Callable[[Sequence[str]], int], texts: Sequence[str]) -> tuple[int, float]:
    """(ids, million ids a second of this process's time)."""
    started = time.process_time()
    total = sum(count(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH))
    return total, total / (time.process_time() - started) / 1e6


def transformers_count(folder: str) -> Callable[[Sequence[str]], int]:
    import transformers

    made: Any = transformers.PreTrainedTokenizerFast
    theirs = made(tokenizer_file=f"{folder}/tokenizer.json")

    def count(texts: Sequence[str]) -> int:
        encoded = theirs(list(texts), add_special_tokens=False, return_attention_mask=False)
        return sum(map(len, encoded["input_ids"]))

    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, default=None)
    texts = paragraphs(parser.parse_args().text)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with tempfile.TemporaryDirectory() as folder:
        smollm2().save(f"{folder}/tokenizer.json")
        ours = TextCounter(Path(folder, "tokenizer.json").read_bytes(), "smollm2")
        theirs = transformers_count(folder)
        runs = {
            "ours, cold": rate(lambda part: int(ours.counts(part).sum()), texts),
            "ours, warm": rate(lambda part: int(ours.counts(part).sum()), texts),
            "transformers": rate(theirs, texts),
        }
    totals = {total for total, _ in runs.values()}
    assert len(totals) == 1, f"counts differ: {runs}"
    speeds = {name: round(speed, 3) for name, (_, speed) in runs.items()}
    ratio = {name: round(speed / speeds["transformers"], 2) for name, speed in speeds.items()}
    print(json.dumps({"ids": totals.pop(), "million_ids_per_s": speeds, "times": ratio}, indent=2))


if __name__ == "__main__":
    main()
