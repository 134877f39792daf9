"""Rows a second that two workers make ready for training: ours, datasets, mosaicml-streaming.

    python -m benchmarks.feed_rows BUILD [--passes 3] [--runs 3]

All sides make the same of a row, ids and tiles by `trainer.items.Encoder`, with the vocabulary and
processor of preset tiny, and hand it to one process through a torch DataLoader of two workers. Ours
reads the build by units of rows; `datasets` streams its Parquet, images as bytes; of
mosaicml-streaming the shards are written before from the same rows. Time is from the first row to
the last of so many passes over the build; memory is that of all processes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.feed_side import loaded, print_rate
from benchmarks.measure import (
    NUM_RUNS,
    NUM_WORKERS,
    in_process,
    interleaved,
    print_table,
    run,
    spread,
    warm,
    work_folder,
)
from benchmarks.peers import absent, peer_env, peer_python, versions
from trainer.build_rows import BuildRows
from trainer.items import Encoder, Item, read_items
from trainer.presets import PRESETS
from trainer.start import vocabulary_of
from trainer.vocabulary import load_vocabulary

_PRESET = PRESETS["tiny"]
_PEER = "feed"
_STREAMING = "mosaicml-streaming"
_ROOT = Path(__file__).resolve().parent.parent
_Found = dict[str, list[dict[str, float]]]


def _ours(build: str, encoder: Encoder) -> Iterator[Item]:
    rows = BuildRows.open(build)
    return read_items(rows, rows.units, encoder, NUM_WORKERS, is_endless=True)


def _datasets(build: str, encoder: Encoder) -> Iterator[Item]:
    from datasets import Image, List, load_dataset

    files = f"{build}/data/train-*.parquet"
    rows = load_dataset("parquet", data_files=files, split="train", streaming=True)
    return loaded(rows.cast_column("images", List(Image(decode=False))), encoder)


_SIDES = {"smolmix": _ours, "datasets": _datasets}


def _run_side(side: str, build: str, tokenizer: str, number: int) -> None:
    encoder = Encoder(_PRESET.processor, load_vocabulary(tokenizer))
    print_rate(_SIDES[side](build, encoder), number)


def _measured(build: str, passes: int, num_runs: int, work: Path) -> _Found:
    rows = BuildRows.open(build)
    tokenizer = work / "tokenizer.json"
    tokenizer.write_text(vocabulary_of(_PRESET, rows).tokenizer.to_str())
    warm(Path(build))
    more = (str(tokenizer), str(len(rows) * passes))
    sides = {
        name: partial(in_process, "benchmarks.feed_rows", "side", name, build, *more)
        for name in _SIDES
    }
    python = peer_python(_PEER)
    if python is None:
        print(absent(_PEER))
    else:
        print(versions(_PEER))
        script = [str(python), "-m", "benchmarks.feed_rows_script"]
        env = peer_env(work)
        env["PYTHONPATH"] += f":{_ROOT}"
        folder = str(work / "mds")
        run([*script, "write", build, folder], env)
        sides[_STREAMING] = partial(run, [*script, "read", folder, *more], env)
    return interleaved(sides, num_runs)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("build")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--runs", type=int, default=NUM_RUNS)
    args = parser.parse_args(argv)
    with work_folder() as work:
        found = _measured(args.build, args.passes, args.runs, work)
    rates = {name: [one["rows_per_s"] for one in runs] for name, runs in found.items()}
    ours = median(rates["smolmix"])
    print_table(
        f"{len(BuildRows.open(args.build))} rows, {args.passes} passes, {NUM_WORKERS} workers",
        ["side", "rows/s", "ours x", "MiB"],
        [
            [
                name,
                spread(rates[name]),
                f"{ours / median(rates[name]):.2f}",
                f"{max(one['peak_mib'] for one in runs):,.0f}",
            ]
            for name, runs in found.items()
        ],
    )
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 6 and sys.argv[1] == "side":
        _run_side(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
    else:
        sys.exit(main())
