"""Near duplicates of texts against three peers: what is found, and at what rate.

    python -m benchmarks.text_duplicates [--pairs 400 2000]

All sides read the same rows (`benchmarks.planted_texts`) and say which of them they keep, in one
process, with word 5-grams and 14 bands of 8. A planted pair is found where one of its two texts is
dropped. Recall is given by the pair's true similarity, precision is the share of drops whose pair
is truly that similar. Rates are of the whole work between the two sizes, so that start-up counts
for no side; of ours and datatrove's also of the signatures alone.

datatrove is told to keep numbers, as ours does. Its hash of texts refuses strings with xxhash 4;
here it gets the same hash of their bytes. It has its four steps in one process. Peers
whose environment is not there (`make peers`) are left out.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.measure import in_process, interleaved, print_table, run, spread, work_folder
from benchmarks.near_in_one import fates, find
from benchmarks.peers import peer_env, peer_python, versions
from benchmarks.planted_texts import Planted, base_texts, planted
from pipelines.near.facts import measure
from pipelines.near.shingles import shingle_sets

_KINDS = ("documents", "chats")
_RANGES = ((0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01))
_OUR_RUNS = 10
_ASKED = {"datatrove": 10.0, "Data-Juicer": 5.0}
# Sides with an environment of their own (peers.py), and their scripts.
_PEERS = {
    "Data-Juicer": ("data-juicer", "text_duplicates_script.py"),
    "text-dedup": ("text-dedup", "text_dedup_script.py"),
}
Figures = dict[str, float]
Run = tuple[Figures, Figures, set[int]]


def _ours(threshold: float, rows: Path, out: Path) -> Figures:
    """The mean of several runs after a first: one takes a tenth of a second."""
    runs = [_one_of_ours(threshold, rows, out) for _ in range(_OUR_RUNS + 1)][1:]
    return {name: sum(run[name] for run in runs) / _OUR_RUNS for name in runs[0]}


def _one_of_ours(threshold: float, rows: Path, out: Path) -> Figures:
    before = time.process_time()
    texts = pl.read_parquet(rows)["text"].to_list()
    start = time.process_time()
    facts = measure(texts)
    signed = time.process_time()
    found = find(facts, lambda at: [shingle_sets([texts[n] for n in at.tolist()])], threshold)
    kept = np.flatnonzero(fates(found, np.arange(len(texts))).kept_t)
    pl.DataFrame({"number": kept}).write_ndjson(out)
    return {"cpu": time.process_time() - before, "signatures": signed - start}


def _datatrove(rows: Path, out: Path) -> Figures:
    dedup = importlib.import_module("datatrove.pipeline.dedup")
    config = importlib.import_module("datatrove.pipeline.dedup.minhash").MinhashConfig
    norm = importlib.import_module("datatrove.utils.text").TextNormConfig(norm_numbers=False)
    reader = importlib.import_module("datatrove.pipeline.readers").ParquetReader
    writer = importlib.import_module("datatrove.pipeline.writers").JsonlWriter
    executor = importlib.import_module("datatrove.executor").LocalPipelineExecutor
    digest = importlib.import_module("xxhash").xxh64_intdigest
    shape, at = config(norm_config=norm), {name: str(out.parent / name) for name in "sbrol"}
    signing = dedup.MinhashDedupSignature(at["s"], shape)
    signing._hash_func = lambda text: digest(text.encode())
    data = reader(str(rows.parent), glob_pattern=rows.name, id_key="id")
    steps = [
        [data, signing],
        [dedup.MinhashDedupBuckets(at["s"], at["b"], config=shape)],
        [dedup.MinhashDedupCluster(at["b"], at["r"], config=shape)],
        [data, dedup.MinhashDedupFilter(at["r"]), writer(at["o"], compression=None)],
    ]
    signing.get_shingles("What it loads with its first text is loaded before the clock starts.")
    spent = []
    for number, pipeline in enumerate(steps):
        before = time.process_time()
        tasks = shape.num_buckets if number == 1 else 1
        logs = f"{at['l']}{number}"
        executor(pipeline=pipeline, tasks=tasks, workers=1, logging_dir=logs).run()
        spent.append(time.process_time() - before)
    kept = [int(json.loads(line)["id"]) for line in Path(at["o"], "00000.jsonl").open()]
    pl.DataFrame({"number": kept}).write_ndjson(out)
    return {"cpu": sum(spent), "signatures": spent[0]}


def _peer(script: str, name: str, rows: Path, out: Path) -> Figures:
    """A peer's script in its own environment."""
    at = str(Path(__file__).with_name(script))
    files = (str(rows.with_suffix(".jsonl")), str(out))
    return run([str(peer_python(name)), at, *files], peer_env(out.parent / "cache"))


def _kept(out: Path) -> set[int]:
    return set(pl.read_ndjson(out)["number"].to_list())


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def _found(data: Planted, kept: set[int]) -> list[str]:
    """Recall by similarity; precision at 0.8 and at 0.7; pairs of which both went."""
    true = np.array(data.similarity)
    stays = np.array([[2 * n in kept, 2 * n + 1 in kept] for n in range(len(true))])
    is_found = stays.sum(axis=1) == 1
    cells = []
    for low, high in _RANGES:
        here = (true >= low) & (true < high)
        cells.append(_share(int((is_found & here).sum()), int(here.sum())))
    for least in (0.8, 0.7):
        cells.append(_share(int((is_found & (true >= least)).sum()), int((~stays).sum())))
    return [*cells, str(int((stays.sum(axis=1) == 0).sum()))]


def _write(folder: Path, data: Planted, size: str) -> Path:
    numbers = list(range(len(data.texts)))
    rows = pl.DataFrame({"number": numbers, "id": list(map(str, numbers)), "text": data.texts})
    path = folder / f"{size}.parquet"
    rows.write_parquet(path)
    rows.write_ndjson(path.with_suffix(".jsonl"))
    return path


def _sides() -> dict[str, Callable[[Path, Path], Figures]]:
    def module(side: str, rows: Path, out: Path) -> Figures:
        return in_process("benchmarks.text_duplicates", "--side", side, str(rows), str(out))

    sides: dict[str, Callable[[Path, Path], Figures]]
    sides = {name: partial(module, name) for name in ("ours 0.8", "ours 0.7", "datatrove")}
    for name, (peer, script) in _PEERS.items():
        if peer_python(peer):
            sides[name] = partial(_peer, script, peer)
    return sides


def _run(side: Callable[[Path, Path], Figures], data: Sequence[Planted]) -> Run:
    """The figures of both sizes, and what was kept of the larger."""
    with work_folder() as folder:
        found = []
        for one in data:
            out = folder / f"out{len(one.texts)}" / "kept.jsonl"
            out.parent.mkdir()
            found.append(side(_write(folder, one, str(len(one.texts))), out))
        return found[0], found[1], _kept(out)


def _rate(run: Run, megabytes: float, figure: str) -> float:
    """MB a second of the figure, of what the larger size has more."""
    small, large, _ = run
    return megabytes / (large[figure] - small[figure])


def _compare(kind: str, sizes: list[int], bases: list[str]) -> tuple[list[list[str]], Figures]:
    """(a row a side, how many times each side's rate ours is: medians)."""
    data = [planted(kind, size, bases) for size in sizes]
    small, large = (sum(len(text.encode()) for text in one.texts) / 1e6 for one in data)
    sides = {name: partial(_run, side, data) for name, side in _sides().items()}
    found = interleaved(sides)
    more = large - small
    rates = {name: [_rate(one, more, "cpu") for one in runs] for name, runs in found.items()}
    times = {
        name: [mine / rate for mine, rate in zip(rates["ours 0.8"], some, strict=True)]
        for name, some in rates.items()
    }
    rows = []
    for name, runs in found.items():
        signed = "-"
        if "signatures" in runs[0][1]:
            signed = spread([_rate(one, more, "signatures") for one in runs], 2)
        lasts = [one[1] for one in runs]
        costs = [spread([last[key] for last in lasts]) for key in ("seconds", "peak_mib")]
        cells = [spread(rates[name], 2), spread(times[name], 1), signed, *costs]
        rows.append([f"{kind[:3]} {name}", *cells, *_found(data[1], runs[0][2])])
    return rows, {name: statistics.median(some) for name, some in times.items()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, nargs=2, default=[400, 2_000])
    parser.add_argument("--side", nargs=3, metavar=("SIDE", "ROWS", "OUT"))
    asked = parser.parse_args(arguments)
    if asked.side:
        side, rows, out = asked.side[0], Path(asked.side[1]), Path(asked.side[2])
        ours = {"ours 0.8": 0.8, "ours 0.7": 0.7}
        figures = _ours(ours[side], rows, out) if side in ours else _datatrove(rows, out)
        print(json.dumps(figures))
        return 0
    print(f"datatrove {version('datatrove')}, {versions('data-juicer')}, {versions('text-dedup')}")
    sizes = sorted(asked.pairs)
    bases = base_texts(sizes[1])
    table: list[list[str]] = []
    slow: list[str] = []
    for kind in _KINDS:
        found, times = _compare(kind, sizes, bases)
        table += found
        slow += [name for name, least in _ASKED.items() if times.get(name, least) < least]
    columns = ["side", "MB/s", "ours x", "sign", "s", "MiB"]
    columns += [f"{low}-{min(high, 1)}" for low, high in _RANGES]
    columns += ["p 0.8", "p 0.7", "lost"]
    title = (
        "MB a CPU second, how many times that is ours; of signatures alone; seconds, memory of the "
        "process (ours: eleven runs in one); recall by similarity, precision, pairs lost"
    )
    print_table(f"{sizes[1]:,} pairs of each kind: {title}", columns, table)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
