"""Which parser reads a huge JSON array row by row: CPU seconds, and peak memory.

    python benchmarks/json_array.py [--mb 100]

Writes a LLaVA-shaped array of that size to a temporary folder and reads it with each parser, each
in a process of its own. All must find the same rows: a count that differs fails the run. Parsers
that are not installed are left out (json-stream and msgspec are no dependencies of the project).
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from sources.readers import json_array


def write_array(path: Path, num_bytes: int) -> int:
    """Rows of 2 to 10 turns, escapes, quotes and brackets in their texts; returns their number."""
    draw = random.Random(7)
    words = [f"word{i}" if i % 7 else 'he said "so" [1, {2}]\n\u00e9' for i in range(2000)]
    written = rows = 0
    with path.open("w", encoding="utf-8") as handle:
        while written < num_bytes:
            turns = [
                {
                    "from": "gpt" if turn % 2 else "human",
                    "value": " ".join(draw.choices(words, k=draw.randint(5, 120))),
                }
                for turn in range(draw.choice([2, 2, 4, 10]))
            ]
            row = {"id": f"r{rows}", "conversations": turns, "video": f"a/b/{rows}.mp4"}
            written += handle.write(("[\n" if not rows else ",\n") + json.dumps(row))
            rows += 1
        handle.write("\n]\n")
    return rows


def ours(path: Path) -> Iterator[Any]:
    with path.open("rb") as handle:
        for row in json_array.read_json_rows(handle):
            yield row.value


def our_spans_with_msgspec(path: Path) -> Iterator[Any]:
    decode = importlib.import_module("msgspec.json").Decoder().decode
    with path.open("rb") as handle:
        for raw in json_array._raw_rows(json_array._Window(handle)):
            yield decode(raw)


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


PARSERS: tuple[Callable[[Path], Iterator[Any]], ...] = (
    ours,
    our_spans_with_msgspec,
    ijson_yajl2_c,
    json_stream_rust,
    orjson_whole_file,
)


def _measure(parser: Callable[[Path], Iterator[Any]], path: Path, answer: Any) -> None:
    begun = time.process_time()
    rows = turns = 0
    for row in parser(path):
        rows += 1
        turns += len(row["conversations"])
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.put((rows, turns, seconds, peak))


def run(
    parser: Callable[[Path], Iterator[Any]], path: Path
) -> tuple[int, int, float, float] | None:
    """(rows, turns, seconds, peak MiB) in a fresh process; None where it could not run."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_measure, args=(parser, path, answer))
    process.start()
    process.join()
    return answer.get() if process.exitcode == 0 else None


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--mb", type=int, default=100, help="size of the array in 10^6 bytes")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "array.json"
        rows = write_array(path, asked.mb * 1_000_000)
        size = path.stat().st_size
        counts = set()
        for parser in PARSERS:
            found = run(parser, path)
            if found is None:
                print(f"{parser.__name__:24} not installed or failed")
                continue
            counts.add(found[:2])
            print(
                f"{parser.__name__:24} {size / found[2] / 1e6:6.0f} MB/s {found[3]:6.0f} MiB peak"
            )
    assert {count[0] for count in counts} == {rows}, f"rows found {counts}, written {rows}"
    assert len(counts) == 1, f"parsers disagree: {counts}"
    print(f"all found {rows} rows")


if __name__ == "__main__":
    main()
