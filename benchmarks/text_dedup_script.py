"""The peer of text_duplicates: text-dedup's MinHash over a file of rows.

    PYTHON benchmarks/text_dedup_script.py ROWS OUT

ROWS is JSON Lines of `text` and `number`; OUT becomes those that are kept. PYTHON is an environment
of its own, in which nothing of smolmix is installed. Bands and shingles are FineWeb's, as for the
other sides; no text is too short; one process.
"""

from __future__ import annotations

import json
import resource
import sys
from importlib import import_module
from pathlib import Path

_SHAPE = ("--num_perm", "112", "--b", "14", "--r", "8", "--ngram", "5", "--min_length", "1")


def _cpu_s() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def main(rows: str, out: Path) -> None:
    folder = out.parent / "kept"
    asked = ["--path", "json", "--data_files", rows, "--split", "train", "--column", "text"]
    asked += ["--cache_dir", str(out.parent / "cache"), "--output", str(folder)]
    command = import_module("text_dedup.minhash").main
    before = _cpu_s()
    command([*asked, *_SHAPE, "--num_proc", "1"], standalone_mode=False)
    spent = _cpu_s() - before
    kept = import_module("datasets").load_from_disk(str(folder))["number"]
    out.write_text("".join(json.dumps({"number": number}) + "\n" for number in kept))
    print(json.dumps({"cpu": spent}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
