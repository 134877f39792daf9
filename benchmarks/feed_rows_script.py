"""mosaicml-streaming's side of `feed_rows`, in the peer's environment.

    python -m benchmarks.feed_rows_script write BUILD FOLDER
    python -m benchmarks.feed_rows_script read FOLDER TOKENIZER ROWS

Rows are written once as MDS, texts as JSON and images as the bytes that they are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from benchmarks.feed_side import loaded, print_rate
from trainer.build_rows import BuildRows
from trainer.items import GROUPS, Encoder
from trainer.presets import PRESETS
from trainer.vocabulary import load_vocabulary

# Of the peer's environment alone.
streaming: Any = import_module("streaming")
# It has no type for a list of files; a pickled one is what its own users write.
_COLUMNS = {"text": "json", "images": "pkl"}
_TEXTS = ("id", *GROUPS, "messages", "media", "videos")


class _Rows(streaming.StreamingDataset):  # type: ignore[misc]
    """Rows as a build has them."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for sample in super().__iter__():
            yield sample["text"] | {"images": [{"bytes": data} for data in sample["images"]]}


def _write(build: str, folder: str) -> None:
    rows = BuildRows.open(build)
    with streaming.MDSWriter(out=folder, columns=_COLUMNS) as writer:
        for unit in rows.units:
            for row in rows.read(unit):
                text = {name: row[name] for name in _TEXTS}
                writer.write({"text": text, "images": [file["bytes"] for file in row["images"]]})
    print(json.dumps({}))


def _read(folder: str, tokenizer: str, number: int) -> None:
    encoder = Encoder(PRESETS["tiny"].processor, load_vocabulary(tokenizer))
    streaming.base.util.clean_stale_shared_memory()
    rows = _Rows(local=folder, shuffle=False, batch_size=1, allow_unsafe_types=True)
    print_rate(loaded(rows, encoder), number)


if __name__ == "__main__":
    command, *asked = sys.argv[1:]
    if command == "write":
        _write(*asked)
    else:
        _read(asked[0], asked[1], int(asked[2]))
