"""What the data path of training holds, pass after pass: it may not grow.

    python -m benchmarks.feed_memory BUILD [--passes 4]

Sequences of preset tiny's context, made by two workers and packed as `train-reference` has them;
memory is that of this process and the workers, what they share counted once, sampled ten times a
second. The first pass fills caches and the allocator's arenas; the others are held against it.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator

import psutil

from benchmarks.measure import NUM_WORKERS, held_bytes, print_table
from trainer.build_rows import BuildRows
from trainer.feed import Feed
from trainer.items import Encoder
from trainer.packing import Packer
from trainer.presets import PRESETS
from trainer.start import vocabulary_of

_PRESET = PRESETS["tiny"]
_INTERVAL_S = 0.1


class _Watch:
    """The highest memory since it was last asked, of this process and all below it."""

    def __init__(self) -> None:
        self._highest = 0
        self._process = psutil.Process()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def take_mib(self) -> float:
        highest, self._highest = max(self._highest, held_bytes(self._process)), 0
        return highest / (1 << 20)

    def _look(self) -> None:
        while not self._ends.wait(_INTERVAL_S):
            self._highest = max(self._highest, held_bytes(self._process))


def _passes(feed: Feed, number: int) -> Iterator[float]:
    """Seconds of each pass, as it ends."""
    started, done = time.perf_counter(), 0
    for _ in feed.sequences():
        if feed.epoch > done:
            done = feed.epoch
            yield time.perf_counter() - started
            started = time.perf_counter()
            if done == number:
                return


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("build")
    parser.add_argument("--passes", type=int, default=4)
    args = parser.parse_args(argv)
    rows = BuildRows.open(args.build)
    encoder = Encoder(_PRESET.processor, vocabulary_of(_PRESET, rows))
    packer = Packer(_PRESET.context, _PRESET.context)
    feed = Feed(rows, encoder, packer, rank=0, num_ranks=1, num_workers=NUM_WORKERS)
    found: list[tuple[float, float]] = []
    with _Watch() as watch:
        for seconds in _passes(feed, args.passes):
            found.append((seconds, watch.take_mib()))
    first = found[0][1]
    print_table(
        f"{len(rows)} rows, {args.passes} passes, {NUM_WORKERS} workers",
        ["pass", "seconds", "highest MiB", "against the first"],
        [
            [str(number), f"{seconds:.1f}", f"{mib:,.0f}", f"{mib / first:.3f}"]
            for number, (seconds, mib) in enumerate(found, 1)
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
