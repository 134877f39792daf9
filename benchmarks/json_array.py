"""A huge JSON array row by row: which parser, and what reading and a whole row task make of it.

    python -m benchmarks.json_array [--mb 2000]

Writes MAmmoTH-VL-shaped arrays to a temporary folder: one of `--mb` and one of a tenth of it, which
parsers read that are slow or hold all in memory. Each side runs in a process of its own. Rates are
those of CPU seconds, of the fastest 10,000 rows (what the code does while nobody else uses the
core), and of the clock; and peak memory. All must find the same rows: a count that differs fails
the run. Parsers that are not installed are left out (they are no dependencies of the project).
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import random
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow.compute as pc

from benchmarks.measure import work_folder
from manifests.storage import read_parquet
from sources.readers.json_array import read_json_rows

_FILE = "mammoth_si_10M.json"
_NUM_CHATS = 4000
_LAP_ROWS = 10_000
_ESCAPED = ('he said "so" [1, {2}]', "so.\n\nThen", "C:\\dir\\x", "\\(x^2\\)")
_FOREIGN = ("caf\u00e9", "\u4e16\u754c", "\u201cquoted\u201d")


class Found(NamedTuple):
    """What a side counted, and what it took."""

    rows: int
    messages: int
    cpu_s: float
    lap_s: float
    clock_s: float
    peak_mib: float


class Laps:
    """CPU seconds of the fastest `_LAP_ROWS` rows; called once a row."""

    def __init__(self) -> None:
        self.fastest_s = float("inf")
        self._rows, self._begun = 0, time.process_time()

    def __call__(self) -> None:
        self._rows += 1
        if self._rows % _LAP_ROWS == 0:
            now = time.process_time()
            self.fastest_s = min(self.fastest_s, now - self._begun)
            self._begun = now


def _chats() -> list[str]:
    """Conversations as json.dump writes them, 2 kB on average: the tenth part is not all ASCII."""
    draw = random.Random(7)
    plain = [_ESCAPED[i // 11 % 4] if i % 11 == 0 else f"word{i}" for i in range(3000)]
    found = []
    for number in range(_NUM_CHATS):
        words = plain if number % 10 else [*plain, *_FOREIGN * 30]
        turns = []
        for turn in range(draw.choice([2, 2, 2, 2, 4, 4, 10])):
            text = " ".join(draw.choices(words, k=draw.randint(5, 100)))
            marker = "" if turn else "<image>\n"
            turns.append({"from": "gpt" if turn % 2 else "human", "value": marker + text})
        found.append(json.dumps(turns))
    return found


def write_array(path: Path, num_bytes: int) -> int:
    """Returns the number of rows; their texts recur, which no reader here can make use of."""
    chats = _chats()
    written = rows = 0
    with path.open("w", encoding="ascii") as handle:
        while written < num_bytes:
            head = "[\n" if rows == 0 else ",\n"
            written += handle.write(
                f'{head}{{"id": "idefics375k_new.json-{rows}", '
                f'"image": "Cambrian-10M/idefics375k/{rows % 1000:05d}/{rows:09d}.jpg", '
                f'"conversations": {chats[rows * 7919 % _NUM_CHATS]}, '
                '"source": "idefics375k_new.json"}'
            )
            rows += 1
        handle.write("\n]\n")
    return rows


def read_rows(path: Path, lap: Laps) -> tuple[int, int]:
    """Our source, from the file to conversations."""
    sources = importlib.import_module("sources")
    source = sources.get("mammoth_vl")
    root = importlib.import_module("sources.root").Root(str(path.parent), source.card.repo)
    (shard,) = source.rows(root)
    rows = messages = 0
    for draft in source.read_rows(root, shard):
        rows += 1
        messages += len(draft.messages)
        lap()
    return rows, messages


def row_task(path: Path, lap: Laps) -> tuple[int, int]:
    """The whole task: samples, turns and the measures of all filters, in the store."""
    curate_rows = importlib.import_module("pipelines.curate_rows")
    filters, sources = importlib.import_module("filters"), importlib.import_module("sources")
    source = sources.get("mammoth_vl")
    root = importlib.import_module("sources.root").Root(str(path.parent), source.card.repo)
    (shard,) = source.rows(root)
    asks_a_model = importlib.import_module("filters.models").ModelFilter
    names = tuple(
        name
        for name, found in filters.discover().items()
        if found.level == "sample" and not isinstance(found, asks_a_model)
    )
    folder = str(path.parent / "store")
    record = curate_rows.run_row_task(curate_rows.RowTask(source.name, root, shard, folder, names))
    turns = read_parquet(f"{folder}/turns.parquet", ["num_messages"])
    return record["samples"], pc.sum(turns["num_messages"]).as_py()


def ours(path: Path) -> Iterator[Any]:
    with path.open("rb") as handle:
        for row in read_json_rows(handle):
            yield row.value


def ijson_yajl2_c(path: Path) -> Iterator[Any]:
    backend = importlib.import_module("ijson").get_backend("yajl2_c")
    with path.open("rb") as handle:
        yield from backend.items(handle, "item", buf_size=1024 * 1024, use_float=True)


def json_stream_rust(path: Path) -> Iterator[Any]:
    library = importlib.import_module("json_stream")
    with path.open("rb") as handle:
        for row in library.load(handle):
            yield library.to_standard_types(row)


def orjson_whole_file(path: Path) -> Iterator[Any]:
    yield from orjson.loads(path.read_bytes())


# Returns the rows and messages that it found.
_Side = Callable[[Path, Laps], tuple[int, int]]


def _counted(parser: Callable[[Path], Iterator[Any]]) -> _Side:
    def count(path: Path, lap: Laps) -> tuple[int, int]:
        rows = messages = 0
        for row in parser(path):
            rows += 1
            messages += len(row["conversations"])
            lap()
        return rows, messages

    return count


SIDES: dict[str, _Side] = {
    "ours": _counted(ours),
    "ijson_yajl2_c": _counted(ijson_yajl2_c),
    "read_rows": read_rows,
    "row_task": row_task,
    "json_stream_rust": _counted(json_stream_rust),
    "orjson_whole_file": _counted(orjson_whole_file),
}
_LARGE, _SMALL = tuple(SIDES)[:4], tuple(SIDES)


def _measure(side: str, path: Path, answer: Any) -> None:
    cpu, clock, laps = time.process_time(), time.perf_counter(), Laps()
    rows, messages = SIDES[side](path, laps)
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.put(Found(rows, messages, cpu, laps.fastest_s, clock, peak))


def run(side: str, path: Path) -> Found | None:
    """In a fresh process; None where it could not run."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_measure, args=(side, path, answer))
    process.start()
    process.join()
    return answer.get() if process.exitcode == 0 else None


def _run_all(folder: Path, num_bytes: int, sides: tuple[str, ...]) -> None:
    folder.mkdir()
    rows = write_array(folder / _FILE, num_bytes)
    size = (folder / _FILE).stat().st_size
    print(f"{size / 1e6:.0f} MB, {rows} rows of {size / rows:.0f} bytes")
    counts = set()
    for side in sides:
        found = run(side, folder / _FILE)
        if found is None:
            print(f"{side:18} not installed or failed")
            continue
        counts.add((found.rows, found.messages))
        lap_bytes = _LAP_ROWS * size / rows
        fastest = f", fastest {lap_bytes / found.lap_s / 1e6:.0f}" if found.lap_s < 1e9 else ""
        print(
            f"{side:18} {size / found.cpu_s / 1e6:6.0f} MB a CPU second{fastest}; "
            f"{size / found.clock_s / 1e6:4.0f} MB/s, "
            f"peak {found.peak_mib:4.0f} MiB",
            flush=True,
        )
    assert len(counts) == 1 and next(iter(counts))[0] == rows, f"found {counts}, written {rows}"


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--mb", type=int, default=2000, help="size of the array in 10^6 bytes")
    asked = options.parse_args()
    with work_folder() as folder:
        _run_all(folder / "large", asked.mb * 1_000_000, _LARGE)
        _run_all(folder / "small", asked.mb * 100_000, _SMALL)


if __name__ == "__main__":
    main()
