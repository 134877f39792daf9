"""Rows a second that two workers make ready for training: ours and `datasets`, streaming.

    python -m benchmarks.feed_rows BUILD [--passes 3] [--runs 3]

Both sides make the same of a row, ids and tiles by `trainer.items.Encoder`, with the vocabulary and
processor of preset tiny, and hand it to one process through a torch DataLoader of two workers. Ours
reads the build by units of rows; `datasets` streams its Parquet, images as bytes. Time is from the
first row to the last of so many passes over the build; memory is that of all processes.
mosaicml-streaming is no side: it imports torchvision, which does not import beside this torch.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.measure import NUM_RUNS, NUM_WORKERS, in_process, interleaved, print_table, spread
from trainer.build_rows import BuildRows
from trainer.items import Encoder, Item, read_items
from trainer.presets import PRESETS
from trainer.start import vocabulary_of

_PRESET = PRESETS["tiny"]


class _Encode:
    """A picklable collate function: one row to its item."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def __call__(self, row: dict[str, Any]) -> Item:
        return self._encoder.item(0, row)


def _ours(build: str, encoder: Encoder) -> Iterator[Item]:
    rows = BuildRows.open(build)
    return read_items(rows, rows.units, encoder, NUM_WORKERS, is_endless=True)


def _loaded(rows: Any, encoder: Encoder) -> Iterator[Item]:
    from torch.utils.data import DataLoader

    loader: Any = DataLoader(
        rows,
        batch_size=None,
        num_workers=NUM_WORKERS,
        multiprocessing_context="spawn",
        persistent_workers=True,
        collate_fn=_Encode(encoder),
    )
    while True:
        yield from loader


def _datasets(build: str, encoder: Encoder) -> Iterator[Item]:
    from datasets import Image, List, load_dataset

    files = f"{build}/data/train-*.parquet"
    rows = load_dataset("parquet", data_files=files, split="train", streaming=True)
    return _loaded(rows.cast_column("images", List(Image(decode=False))), encoder)


_SIDES = {"smolmix": _ours, "datasets": _datasets}


def _run_side(side: str, build: str, passes: int) -> None:
    """Prints rows a second; the first row comes when the workers have started."""
    rows = BuildRows.open(build)
    encoder = Encoder(_PRESET.processor, vocabulary_of(_PRESET, rows))
    items = _SIDES[side](build, encoder)
    number = len(rows) * passes
    next(items)
    started = time.perf_counter()
    num_ids = sum(next(items).num_ids for _ in range(number))
    seconds = time.perf_counter() - started
    print(json.dumps({"rows_per_s": number / seconds, "num_ids": num_ids}))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("build")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--runs", type=int, default=NUM_RUNS)
    parser.add_argument("--side", choices=_SIDES)
    args = parser.parse_args(argv)
    if args.side:
        _run_side(args.side, args.build, args.passes)
        return 0
    more = [args.build, "--passes", str(args.passes)]
    sides = {
        name: partial(in_process, "benchmarks.feed_rows", *more, "--side", name) for name in _SIDES
    }
    found = interleaved(sides, args.runs)
    rates = {name: [one["rows_per_s"] for one in runs] for name, runs in found.items()}
    ours = sorted(rates["smolmix"])[len(rates["smolmix"]) // 2]
    print_table(
        f"{len(BuildRows.open(args.build))} rows, {args.passes} passes, {NUM_WORKERS} workers",
        ["side", "rows/s", "ours x", "MiB"],
        [
            [
                name,
                spread(rates[name]),
                f"{ours / sorted(rates[name])[len(rates[name]) // 2]:.2f}",
                f"{max(one['peak_mib'] for one in found[name]):,.0f}",
            ]
            for name in _SIDES
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
