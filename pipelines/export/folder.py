"""The folder of an export: whether it may be written to, continued, or is complete already.

`export.json` is written last: its presence means complete. Until then `.work/export.json` says what
is being written, and `.work/<data file>.json` which shards are whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from manifests.errors import UsageError
from manifests.storage import (
    exists,
    filesystem,
    join,
    read_json,
    remove_tree,
    sweep_temporary,
    write_json,
)
from pipelines.export.loose import WORK

EXPORT_NAME = "export.json"


@dataclass(frozen=True, slots=True)
class Asked:
    """What an export is of. `version` counts up when a format is written in another way."""

    format: str
    build: str
    recipe: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class Folder:
    """An export's folder; `holds` are the names at its top that are its own."""

    out: str
    asked: Asked
    holds: Sequence[str]

    def open(self, overwrite: bool) -> dict[str, Any] | None:
        """Start or continue; the record of the export where this very one is complete."""
        record = self._found()
        if record is None:
            self._refuse_foreign()
        elif record["asked"] != asdict(self.asked):
            if not overwrite:
                raise UsageError(
                    f"{self.out} holds another export ({_words(record)}); say --overwrite to "
                    "replace it, or name another --out"
                )
            for name in (EXPORT_NAME, *record["holds"], WORK):
                remove_tree(join(self.out, name))
        elif exists(join(self.out, EXPORT_NAME)):
            return record
        sweep_temporary(self.out)
        state = {"asked": asdict(self.asked), "holds": list(self.holds)}
        write_json(join(self.out, WORK, EXPORT_NAME), state)
        return None

    def finished(self, shard: str) -> dict[str, Any] | None:
        """The record of a shard that an earlier run wrote whole."""
        path = self._record(shard)
        return dict(read_json(path)) if exists(path) else None

    def write_record(self, shard: str, record: dict[str, Any]) -> None:
        write_json(self._record(shard), record)

    def complete(self, record: dict[str, Any]) -> None:
        state = {"asked": asdict(self.asked), "holds": list(self.holds)}
        write_json(join(self.out, EXPORT_NAME), {**state, **record})
        remove_tree(join(self.out, WORK))

    def remove(self) -> None:
        """Nothing of it stays, and nothing else goes."""
        for name in (*self.holds, WORK):
            remove_tree(join(self.out, name))

    def _record(self, shard: str) -> str:
        return join(self.out, WORK, f"{shard}.json")

    def _found(self) -> dict[str, Any] | None:
        """What stands in the folder, complete or not."""
        for path in (join(self.out, EXPORT_NAME), join(self.out, WORK, EXPORT_NAME)):
            if not exists(path):
                continue
            try:
                found = read_json(path)
            except orjson.JSONDecodeError:
                continue
            if isinstance(found, dict) and {"asked", "holds"} <= found.keys():
                return found
        return None

    def _refuse_foreign(self) -> None:
        fs, path = filesystem(self.out)
        if fs.exists(path) and (fs.isfile(path) or fs.ls(path, detail=False)):
            raise UsageError(
                f"--out {self.out} is not empty and not an export; name another folder"
            )


def _words(record: dict[str, Any]) -> str:
    """`llava of recipe video, build 0123456789abcdef`: what stands there."""
    asked = record["asked"]
    return f"{asked['format']} of recipe {asked['recipe']}, build {asked['build'][:16]}"
