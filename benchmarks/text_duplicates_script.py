"""The peer of text_duplicates: Data-Juicer's document_minhash_deduplicator over a file of rows.

    PYTHON benchmarks/text_duplicates_script.py ROWS OUT

ROWS is JSON Lines of `text` and `number`; OUT becomes those that are kept. PYTHON is an environment
of its own, in which nothing of smolmix is installed. Bands and shingles are FineWeb's, as for the
other sides; one process.
"""

from __future__ import annotations

import json
import resource
import sys
from importlib import import_module
from pathlib import Path

_PROCESS = [
    {
        "document_minhash_deduplicator": {
            "tokenization": "space",
            "window_size": 5,
            "lowercase": True,
            "num_permutations": 112,
            "num_bands": 14,
            "num_rows_per_band": 8,
        }
    }
]


def _cpu_s() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def main(rows: str, out: Path) -> None:
    config = out.with_suffix(".yaml")
    asked = {
        "dataset_path": rows,
        "export_path": str(out),
        "np": 1,
        "process": _PROCESS,
        "work_dir": str(out.parent),
    }
    # YAML reads JSON.
    config.write_text(json.dumps(asked))
    configured = import_module("data_juicer.config").init_configs(["--config", str(config)])
    executor = import_module("data_juicer.core").DefaultExecutor(configured)
    before = _cpu_s()
    executor.run()
    # Data-Juicer has put its log in place of sys.stdout.
    print(json.dumps({"cpu": _cpu_s() - before}), file=sys.__stdout__)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
