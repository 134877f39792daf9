"""The peer of image_filters: Data-Juicer's filters and its image deduplicator over a file of rows.

    PYTHON benchmarks/image_filters_script.py ROWS OUT

ROWS is JSON Lines of `text` and `images` (paths); OUT becomes those that are kept. PYTHON is an
environment of its own, in which nothing of smolmix is installed. Of Data-Juicer's image filters
these three need no weights and look for nothing in particular (faces, subplots); four of text make
them seven. All have their defaults, but for bounds that smolmix has as well.
"""

from __future__ import annotations

import json
import sys
import types
from importlib import import_module
from importlib.machinery import ModuleSpec
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
    {"image_deduplicator": {"method": "phash"}},
]
_TORCHVISION = (
    "torchvision",
    "torchvision.models",
    "torchvision.models.vision_transformer",
    "torchvision.transforms",
)


class _Anything:
    """Whatever is asked of it, called or not."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *args: object, **kwargs: object) -> Any:
        return self


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything()


def _stand_in_for_torchvision() -> None:
    """PyPI's torchvision does not load beside torch's CPU build. imagededup needs it for its neural
    networks, which no hash touches."""
    for name in _TORCHVISION:
        module = _Module(name)
        module.__spec__ = ModuleSpec(name, None)
        sys.modules[name] = module


def main(rows: str, out: Path) -> None:
    _stand_in_for_torchvision()
    config = out.with_suffix(".yaml")
    asked = {
        "dataset_path": rows,
        "export_path": str(out),
        "np": _NUM_PROC,
        "process": _PROCESS,
        "work_dir": str(out.parent),
    }
    # YAML reads JSON.
    config.write_text(json.dumps(asked))
    configured = import_module("data_juicer.config").init_configs(["--config", str(config)])
    import_module("data_juicer.core").DefaultExecutor(configured).run()
    with out.open() as kept:
        # Data-Juicer has put its log in place of sys.stdout.
        print(json.dumps({"rows": sum(1 for _ in kept)}), file=sys.__stdout__)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
