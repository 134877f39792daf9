"""Reads a source's fixture mirror into plain JSON values, for the contract test and its goldens.

tests/sources/fixtures/<source>/make.py        writes the mirror: `make(mirror: Path) -> None`
tests/sources/fixtures/<source>/mirror/<repo id>/...     upstream's layout, a few rows
tests/sources/fixtures/<source>/expected.json  what reading must give
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sources.base import Draft, MediaItem, MediaShard, Rejected, RowShard, Source
from sources.root import Root

FIXTURES = Path(__file__).parent / "fixtures"


def mirror_of(source: Source) -> Path:
    return FIXTURES / source.name / "mirror"


def roots(source: Source, mirror: Path) -> list[Root]:
    """One root for each of the card's repositories that the mirror holds, in the card's order."""
    card = source.card
    folders = {repo: mirror / (repo if card.layout == "hub" else card.name) for repo in card.repos}
    return [Root(uri=str(path), repo=repo) for repo, path in folders.items() if path.is_dir()]


def draft_json(file: str, row: Draft | Rejected) -> dict[str, Any]:
    """`detail` is left out: it may quote a library's message."""
    head = {"file": file, "subset": row.subset, "row": row.row, "group": row.group}
    if isinstance(row, Rejected):
        return {**head, "reason": row.reason}
    messages = [[m.role, [list(item) for item in m.content]] for m in row.messages]
    media = [[ref.kind, ref.key] for ref in row.media]
    return {**head, "messages": messages, "media": media, "extra": row.extra}


def media_digest(item: MediaItem) -> str | None:
    """SHA-256 of the bytes; for frames, over names and frames in order. Removes a spooled file."""
    if item.file is not None:
        data = item.file.read_bytes()
        item.file.unlink()
        return hashlib.sha256(data).hexdigest()
    if item.data is not None:
        return hashlib.sha256(item.data).hexdigest()
    if item.frames is None:
        return None
    state = hashlib.sha256()
    for name, frame in item.frames:
        state.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(frame).digest())
    return state.hexdigest()


def media_json(item: MediaItem) -> dict[str, Any]:
    return {
        "key": item.key,
        "kind": item.kind,
        "reason": item.reason,
        "sha256": media_digest(item),
    }


def read_rows(source: Source, root: Root, shards: Iterable[RowShard]) -> list[dict[str, Any]]:
    return [
        draft_json(shard.file.path, row)
        for shard in shards
        for row in source.read_rows(root, shard)
    ]


def read_media(source: Source, root: Root, shards: Iterable[MediaShard]) -> list[dict[str, Any]]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for shard in shards:
            found += [media_json(item) for item in source.read_media(root, shard, Path(folder))]
    return found


def resolve(key: str, keys: Iterable[str], lookup: str) -> list[str]:
    """The media keys that a ref may mean; one means that it resolves (see Source.media_lookup)."""
    known = list(keys)
    if key in known or lookup == "exact":
        return [key] if key in known else []
    inner = key.split("/", 1)[-1]
    for wanted in (key, inner):
        found = [k for k in known if k == wanted or k.endswith("/" + wanted)]
        if found:
            return found
    return []


def read_all(source: Source, mirror: Path) -> dict[str, Any]:
    """Everything that reading the mirror gives: rows, media, and refs that no media answers to."""
    rows: list[dict[str, Any]] = []
    media: list[dict[str, Any]] = []
    for root in roots(source, mirror):
        rows += [{"repo": root.repo, **row} for row in read_rows(source, root, source.rows(root))]
        items = read_media(source, root, source.media(root))
        media += [{"repo": root.repo, **item} for item in items]
    keys = {item["key"] for item in media}
    refs = {key for row in rows for _, key in row.get("media", [])}
    missing = [k for k in sorted(refs) if len(resolve(k, keys, source.media_lookup)) != 1]
    return {"rows": rows, "media": media, "unresolved": missing}


def row_range(shard: RowShard, start: int, stop: int | None) -> RowShard:
    return replace(shard, start=start, stop=stop)


def media_range(shard: MediaShard, start: int, stop: int | None) -> MediaShard:
    return replace(shard, start=start, stop=stop)
