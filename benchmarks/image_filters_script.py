"""The peer of image_filters: Data-Juicer's filters and its image deduplicator over a file of rows.

    PYTHON benchmarks/image_filters_script.py default|ray ROWS OUT

ROWS is JSON Lines of `text` and `images` (paths); OUT becomes those that are kept. PYTHON is an
environment of its own, in which nothing of smolmix is installed. Of Data-Juicer's image filters
these three need no weights and look for nothing in particular (faces, subplots); four of text make
them seven. All have their defaults, but for bounds that smolmix has as well.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

_NUM_PROC = 2
_PROCESS: list[dict[str, dict[str, Any]]] = [
    {"image_size_filter": {"min_size": "1KB"}},
    {"image_shape_filter": {"min_width": 28, "min_height": 28}},
    {"image_aspect_ratio_filter": {"min_ratio": 0.1, "max_ratio": 10.0}},
    {"text_length_filter": {"max_len": 8192}},
    {"words_num_filter": {"min_num": 1}},
    {"character_repetition_filter": {}},
    {"word_repetition_filter": {}},
]
# Equal perceptual hashes; on Ray by an actor that is asked row by row.
_DEDUPLICATORS = {"default": "image_deduplicator", "ray": "ray_image_deduplicator"}
_EXECUTORS = {
    "default": ("data_juicer.core", "DefaultExecutor"),
    "ray": ("data_juicer.core.executor.ray_executor", "RayExecutor"),
}


def main(executor: str, rows: str, out: Path) -> None:
    config = out.with_suffix(".yaml")
    asked = {
        "dataset_path": rows,
        "export_path": str(out),
        "np": _NUM_PROC,
        "process": [*_PROCESS, {_DEDUPLICATORS[executor]: {"method": "phash"}}],
        "work_dir": str(out.parent),
        "executor_type": executor,
        "ray_address": "local",
    }
    # YAML reads JSON.
    config.write_text(json.dumps(asked))
    configured = import_module("data_juicer.config").init_configs(["--config", str(config)])
    module, name = _EXECUTORS[executor]
    getattr(import_module(module), name)(configured).run()
    # On Ray it is a folder of parts.
    files = sorted(out.iterdir()) if out.is_dir() else [out]
    kept = sum(sum(1 for _ in file.open()) for file in files)
    # Data-Juicer has put its log in place of sys.stdout.
    print(json.dumps({"rows": kept}), file=sys.__stdout__)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
