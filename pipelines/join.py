"""Resolve, first step: rows joined to their media, as one index of small columns.

Reads indexes only, never messages or media bytes. One index row a turn group, in the order of
(source, subset, file, row, group), so that nothing depends on how the work was cut or arrived.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from manifests.ids import content_id
from manifests.ledger import Fate, Stage
from manifests.storage import join, open_ipc, read_parquet
from pipelines.curate import CuratedSource
from pipelines.curate_media import load_media
from pipelines.media_index import AMBIGUOUS, MediaIndex

# An Arrow binary column counts bytes in 32 bits; one sample's media stay well below that.
MAX_SAMPLE_BYTES = 1 << 30

ORDER = ["source", "subset", "file", "row", "group"]

_INDEX_TYPES: dict[str, Any] = {
    "source": pl.String,
    "subset": pl.String,
    "file": pl.String,
    "row": pl.Int64,
    "group": pl.Int16,
    "folder": pl.Int32,  # position in `Joined.row_folders`
    "pos": pl.Int64,  # position in that folder's samples.arrow
    "category": pl.String,
    "kind": pl.String,
    "license": pl.String,
    "modality": pl.String,
    "content_id": pl.String,
    "media": pl.List(pl.Int64),  # positions in `Joined.media`
    "num_turns": pl.Int32,
    "num_messages": pl.Int32,
    "num_answers": pl.Int32,
    "system_bytes": pl.Int64,
    "user_bytes": pl.Int64,
    "assistant_bytes": pl.Int64,
    "fate": pl.String,
    "stage": pl.String,
    "rule": pl.String,
    "value": pl.String,
    "matched": pl.String,
}


@dataclass(frozen=True, slots=True)
class Joined:
    """`index`: one row a turn group; `media`: every media row of the sources, with `folder`."""

    index: pl.DataFrame
    media: pa.Table
    row_folders: tuple[str, ...]
    media_folders: tuple[str, ...]


def join_rows(curated: Sequence[CuratedSource]) -> Joined:
    """Every row of every source with its media, or with the reason why it has none."""
    rows: list[dict[str, Any]] = []
    tables: list[pa.Table] = []
    row_folders: list[str] = []
    media_folders: list[str] = []
    offset = 0
    for source in curated:
        media = load_media(list(source.media))
        folder = pa.array([n + len(media_folders) for n in media["folder"].to_pylist()], pa.int32())
        joiner = _Joiner(source, media, offset)
        for path, file in source.rows:
            rows += joiner.folder_rows(path, file, len(row_folders))
            row_folders.append(path)
        tables.append(media.set_column(media.schema.get_field_index("folder"), "folder", folder))
        media_folders += source.media
        offset += media.num_rows
    index = pl.DataFrame(rows, schema=_INDEX_TYPES, orient="row").sort(ORDER)
    return Joined(index, pa.concat_tables(tables), tuple(row_folders), tuple(media_folders))


class _Joiner:
    """Joins one source's rows; `offset` is where its media begin in the table of all."""

    def __init__(self, source: CuratedSource, media: pa.Table, offset: int) -> None:
        self._source = source.name
        self._subsets = source.subsets
        self._offset = offset
        self._digests: list[str | None] = media["digest"].to_pylist()
        self._reasons: list[str | None] = media["reason"].to_pylist()
        self._details: list[str | None] = media["detail"].to_pylist()
        self._bytes = [sum(lengths or ()) for lengths in media["lengths"].to_pylist()]
        self._index = MediaIndex(media["key"].to_pylist(), self._digests, source.suffix)

    def folder_rows(self, folder: str, file: str, number: int) -> list[dict[str, Any]]:
        rows = [
            {**self._joined(row, turns), "file": file, "folder": number, "pos": pos}
            for pos, (row, turns) in enumerate(_read_index(folder))
            if self._is_drawn_on(row["subset"])
        ]
        for reject in read_parquet(join(folder, "rejected.parquet")).to_pylist():
            if self._is_drawn_on(reject["subset"]):
                rows.append(self._rejected(reject, file))
        return rows

    def _is_drawn_on(self, subset: str) -> bool:
        """Whether the recipe draws on it: a file of several subsets holds others too."""
        return self._subsets is None or subset in self._subsets

    def _joined(self, row: dict[str, Any], turns: list[dict[str, Any]]) -> dict[str, Any]:
        refs = row.pop("media")
        found = [self._index.find(ref["key"]) for ref in refs]
        result = {**row, "source": self._source, "modality": _modality(refs)}
        result["num_turns"] = len(turns)
        for name in _TURN_SUMS:
            result[name] = sum(turn[name] for turn in turns)
        for ref, position in zip(refs, found, strict=True):
            rule, detail = self._fault(position)
            if rule is not None:
                fate = {"fate": Fate.UNREADABLE, "stage": Stage.JOIN, "rule": rule}
                value = f"{ref['key']}: {detail}" if detail else ref["key"]
                return result | fate | {"value": value, "media": []}
        size = sum(self._bytes[position] for position in found)
        if size > MAX_SAMPLE_BYTES:
            fate = {"fate": Fate.UNREADABLE, "stage": Stage.JOIN, "rule": "sample_too_large"}
            return result | fate | {"value": f"{size} bytes of media", "media": []}
        digests = [digest for p in found if (digest := self._digests[p]) is not None]
        result["content_id"] = content_id([turn["digest"] for turn in turns], digests)
        result["media"] = [self._offset + position for position in found]
        return result

    def _fault(self, position: int) -> tuple[str | None, str | None]:
        if position < 0:
            return ("media_ambiguous" if position == AMBIGUOUS else "media_missing"), None
        return self._reasons[position], self._details[position]

    def _rejected(self, reject: dict[str, Any], file: str) -> dict[str, Any]:
        return {
            "source": self._source,
            "subset": reject["subset"],
            "file": file,
            "row": reject["row"],
            "group": reject["group"],
            "fate": Fate.UNREADABLE,
            "stage": Stage.CURATE,
            "rule": reject["reason"],
            "value": reject["detail"] or None,
        }


_TURN_SUMS = ("num_messages", "num_answers", "system_bytes", "user_bytes", "assistant_bytes")
_SMALL = ("row", "group", "subset", "category", "kind", "license", "media")


def _read_index(folder: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """(small columns, turns) of each sample of a row folder, in order."""
    turns = read_parquet(join(folder, "turns.parquet")).to_pylist()
    reader = open_ipc(join(folder, "samples.arrow"))
    at = 0
    sample = 0
    for number in range(reader.num_record_batches):
        for row in reader.get_batch(number).select(_SMALL).to_pylist():
            end = at
            while end < len(turns) and turns[end]["sample"] == sample:
                end += 1
            yield row, turns[at:end]
            at, sample = end, sample + 1


def _modality(refs: Sequence[dict[str, Any]]) -> str:
    if any(ref["kind"] == "video" for ref in refs):
        return "video"
    if not refs:
        return "text"
    return "image" if len(refs) == 1 else "multi_image"
