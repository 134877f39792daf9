"""Near duplicates among images against Data-Juicer, imagededup and Daft, over the same files.

    python -m benchmarks.image_peers [--pairs 400 2000] [--photos 10000] [--pages 5000] [--runs 3]

Each side is a process that reads a folder of images and says which of them stay
(`image_peers_ours`, `image_peers_script`), with two processes or threads. Of a planted pair one is
to go; every other image that goes is a wrong drop. Folders: photos that all have a copy, in two
sizes, so that the rate between them counts start-up for no side; photos without copies; drawn pages
and charts, a tenth of them with a copy. Time and memory are of the first two, in interleaved runs;
the others (--photos 0, --pages 0 leave them out) are run once, since what is kept is the same each
time. `decoding` is no peer: two processes that decode each file as ours does and do nothing with
it, than which no side can be faster that looks at all pixels.

Precision is the share of drops that are right. A bound is the 95 % upper one of the share of images
that are dropped wrongly. Peers without an environment (`make peers`) are left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.image_corpora import EDITS, photo_folder, real_files, real_folders
from benchmarks.image_false_merges import upper_bound
from benchmarks.image_peers_data import pages, photos, read_pairs, write
from benchmarks.measure import (
    NUM_RUNS,
    Failed,
    in_process,
    interleaved,
    print_table,
    run,
    spread,
    warm,
    work_folder,
)
from benchmarks.peers import absent, peer_env, peer_python, versions

_OURS, _DECODING = "smolmix", "decoding"
# (Side of image_peers_script, environment that it runs in), by title.
_PEERS = {
    "Data-Juicer": ("data-juicer", "data-juicer"),
    "D.-J., Ray": ("data-juicer-ray", "data-juicer"),
    "imagededup": ("imagededup-10", "imagededup"),
    "... at 8": ("imagededup-8", "imagededup"),
    "Daft": ("daft", "daft"),
}
_COPY_EVERY = 10
_ASKED_RATE = 5.0
Side = Callable[[Path, Path], Mapping[str, float]]


@dataclass(frozen=True)
class Spent:
    """One run: seconds of the clock and of all processors, MiB of all processes at once."""

    seconds: float
    cpu_s: float
    peak_mib: float
    kept: frozenset[int]


@dataclass(frozen=True)
class Quality:
    """What one side made of one folder."""

    found: Counter[str]  # by edit: pairs of which one or both went
    planted: Counter[str]
    num_images: int
    num_dropped: int

    @property
    def num_wrong(self) -> int:
        return self.num_dropped - self.found.total()

    def recall(self, edit: str) -> str:
        return f"{self.found[edit] / self.planted[edit]:.3f}" if self.planted[edit] else "-"

    def precision(self) -> str:
        return f"{self.found.total() / self.num_dropped:.4f}" if self.num_dropped else "-"

    def bound(self) -> str:
        return f"{upper_bound(self.num_wrong, self.num_images):.1e}"


def quality(folder: Path, kept: frozenset[int]) -> Quality:
    pairs = read_pairs(folder)
    found = Counter(edit for one, other, edit in pairs if not {one, other} <= kept)
    num = sum(1 for _ in (folder / "images").iterdir())
    return Quality(found, Counter(edit for _, _, edit in pairs), num, num - len(kept))


def _ours(part: str, images: Path, out: Path) -> Mapping[str, float]:
    return in_process("benchmarks.image_peers_ours", part, str(images), str(out))


def _peer(side: str, python: Path, images: Path, out: Path) -> Mapping[str, float]:
    script = str(Path(__file__).with_name("image_peers_script.py"))
    command = [str(python), script, side, str(images), str(out)]
    try:
        return run(command, peer_env(out.parent / "cache"))
    except Failed as failed:
        # Daft 0.7.26 did once in ten times, saying nothing; what that run cost is not counted.
        print(f"{side} is run again: {failed}", flush=True)
        return run(command, peer_env(out.parent / "cache"))


def _sides() -> dict[str, Side]:
    sides: dict[str, Side] = {_OURS: partial(_ours, "all"), _DECODING: partial(_ours, "decode")}
    for title, (side, name) in _PEERS.items():
        python = peer_python(name)
        if python:
            sides[title] = partial(_peer, side, python)
        else:
            print(f"{title}: {absent(name)}")
    return sides


def _spent(side: Side, folder: Path) -> Spent:
    with work_folder() as work:
        out = work / "kept.json"
        result = side(folder / "images", out)
        kept = frozenset(json.loads(out.read_text()))
    return Spent(result["seconds"], result["cpu_s"], result["peak_mib"], kept)


def cost_rows(
    runs: Mapping[str, Sequence[Sequence[Spent]]], sizes: Sequence[int]
) -> list[list[str]]:
    """A row a side, whose runs are those of the smaller folder and those of the larger."""

    def rates(side: str, measure: str) -> list[float]:
        few, many = runs[side]
        return [
            (sizes[1] - sizes[0]) / (getattr(b, measure) - getattr(a, measure))
            for a, b in zip(few, many, strict=True)
        ]

    rows = []
    for side, (few, many) in runs.items():
        cells = [side]
        cells += [f"{statistics.median(one.seconds for one in some):.1f}" for some in (few, many)]
        for measure in ("seconds", "cpu_s"):
            mine = rates(side, measure)
            times = statistics.median(
                ours / one for ours, one in zip(rates(_OURS, measure), mine, strict=True)
            )
            cells += [spread(mine), f"{times:.2f}"]
        rows.append([*cells, f"{statistics.median(one.peak_mib for one in many):,.0f}"])
    return rows


def recall_rows(found: Mapping[str, Quality]) -> list[list[str]]:
    """A row an edit, a column a side."""
    planted = next(iter(found.values())).planted
    rows = [
        [f"{edit} ({planted[edit]})", f"{asked}", *(one.recall(edit) for one in found.values())]
        for edit, (asked, _) in EDITS.items()
        if planted[edit]
    ]
    rows.append(["precision", "", *(one.precision() for one in found.values())])
    rows.append(["wrong drops", "", *(f"{one.num_wrong:,}" for one in found.values())])
    rows.append(["bound", "", *(one.bound() for one in found.values())])
    return rows


def _write_folders(asked: argparse.Namespace, work: Path) -> dict[str, Path]:
    """By title; the first two are the timed ones."""
    with photo_folder() as fetched:
        files = real_files(real_folders(fetched))
        sources = [file for file in files if "gradio" not in file.parts]
        real = list({file.read_bytes(): file for file in reversed(files)}.values())
        num_copied = asked.pages // _COPY_EVERY
        corpora = {
            **{f"{2 * n:,} photos": photos(real, sources, n, 0) for n in sorted(asked.pairs)},
            f"{asked.photos:,} other photos": photos([], sources, 0, asked.photos),
            f"{asked.pages:,} pages": pages(num_copied, asked.pages - num_copied),
        }
        folders = {}
        for number, (title, corpus) in enumerate(corpora.items()):
            if corpus.num_images:
                folders[title] = work / str(number)
                write(corpus, folders[title])
    megabytes = [warm(folder) / 1e6 for folder in folders.values()]
    print("; ".join(f"{t}: {mb:.0f} MB" for t, mb in zip(folders, megabytes, strict=True)))
    return folders


def _report(asked: argparse.Namespace, folders: Mapping[str, Path]) -> None:
    sides = _sides()
    small, large, *others = folders.items()
    timed = {
        (name, title): partial(_spent, side, folder)
        for name, side in sides.items()
        for title, folder in (small, large)
    }
    done = interleaved(timed, asked.runs)
    runs = {name: [done[name, small[0]], done[name, large[0]]] for name in sides}
    heads = ["side", "s, small", "s, large", "images/s", "ours x", "images/CPU s", "ours x", "MiB"]
    title = f"{small[0]} and {large[0]}; asked: {_ASKED_RATE} times Data-Juicer's rate"
    print_table(title, heads, cost_rows(runs, [2 * pairs for pairs in sorted(asked.pairs)]))
    finders = {name: side for name, side in sides.items() if name != _DECODING}
    found = {name: quality(large[1], runs[name][1][0].kept) for name in finders}
    print_table(
        f"share of copies found: {large[0]}", ["edit", "asked", *finders], recall_rows(found)
    )
    for title, folder in others:
        found = {name: quality(folder, _spent(side, folder).kept) for name, side in finders.items()}
        print_table(title, ["", "asked", *finders], recall_rows(found))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, nargs=2, default=[400, 2_000])
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=NUM_RUNS)
    asked = parser.parse_args(arguments)
    print("; ".join(versions(name) for name in dict.fromkeys(name for _, name in _PEERS.values())))
    with work_folder() as work:
        _report(asked, _write_folders(asked, work))
    return 0


if __name__ == "__main__":
    sys.exit(main())
