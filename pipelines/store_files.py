"""`mixture store ls|gc`: what the store holds, and what of it may go.

Only paths of the known layout (store.py, sources/cache.py) are ever counted or removed; whatever
else lies in the folder is left alone. What was changed a short while ago may be under way.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

from manifests.errors import UsageError, nearest
from manifests.storage import exists, filesystem, is_left_behind, join, list_files, remove_tree
from pipelines.store import BENCHMARKS, DOWNLOADS, NEAR, RESOLVED

Kind = Literal["media", "rows", "resolved", "benchmark", "near", "download", "model", "temporary"]

_KEY = r"[0-9a-f]{16,64}"
_FACTS = re.compile(
    rf"(?P<folder>(?:media/(?P<media>[^/]+)|rows/(?P<rows>[^/]+)/[^/]+|(?P<resolved>{RESOLVED}))"
    rf"/{_KEY}|(?P<benchmark>{BENCHMARKS})/[^/]+-{_KEY})/(?P<file>.+)"
)
# Those whose `done.json` says that they are whole.
_FOLDERS: tuple[Kind, ...] = ("media", "rows", "resolved", "benchmark")
# Weights of filters and tokenizers: copied in anew by the next build that names them.
_MODEL = re.compile(rf"(?P<entry>weights/{_KEY}|tokenizers/{_KEY}\.json)(?:/.+)?")
# All steps of near duplicates of one sort: each holds what those before it do not.
_NEAR = re.compile(rf"(?P<entry>{NEAR}/(?:image|video)-{_KEY})/(?P<step>\d{{6}})/[^/]+")
_DOWNLOAD = re.compile(rf"{DOWNLOADS}/{_KEY}-\d+-[^/]*")
_TEMPORARY = re.compile(r"\.tmp-(?:spool-)?(?P<process>\d+)(?:-[^/]*)?(?:/.*)?")
# A task writes something at least this often; what was untouched for longer has no writer.
_SETTLED_S = 15 * 60
_DAY_S = 24 * 60 * 60


@dataclass(slots=True)
class Entry:
    """A folder of facts, pairs, a download, a model, or what a killed process left.

    `path` is below the store.
    """

    kind: Kind
    path: str
    source: str = ""
    num_bytes: int = 0
    used: float = 0.0  # seconds since 1970: the last change, or the last build that read it
    is_done: bool = False
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        return int(self.record.get("samples", 0)) + int(self.record.get("rejected", 0))

    @property
    def num_media(self) -> int:
        return int(self.record.get("media", 0)) if self.kind == "media" else 0


def scan(store: str) -> list[Entry]:
    """All of the known layout, by path; lists once, and reads the records of done folders."""
    if not exists(store):
        raise UsageError(f"there is no store {store}; name one with --store")
    fs, base = filesystem(store)
    entries: dict[str, Entry] = {}
    prefix = base.rstrip("/") + "/"
    for name, info in fs.find(base, detail=True).items():
        _count(entries, str(name).removeprefix(prefix), info)
    done = {f"{prefix}{entry.path}/done.json": entry for entry in entries.values() if entry.is_done}
    for name, data in fs.cat(list(done), on_error="omit").items() if done else ():
        done[name].record = orjson.loads(data)
    return [entries[path] for path in sorted(entries)]


def _count(entries: dict[str, Entry], path: str, info: dict[str, Any]) -> None:
    entry = _place(path)
    if entry is None:
        return
    entry = entries.setdefault(entry.path, entry)
    entry.num_bytes += int(info.get("size") or 0)
    entry.used = max(entry.used, _changed(info))
    if entry.kind in _FOLDERS and path == f"{entry.path}/done.json":
        entry.is_done = True


def _place(path: str) -> Entry | None:
    """The entry that a file belongs to; None for what is not ours."""
    facts = _FACTS.fullmatch(path)
    name = facts["file"].rsplit("/", 1)[-1] if facts else path
    if _TEMPORARY.fullmatch(name):
        top = path.split("/", 1)[0]
        return Entry("temporary", path if facts else top, _source(facts))
    if facts:
        kind = next(kind for kind in _FOLDERS if facts[kind])
        return Entry(kind, facts["folder"], _source(facts))
    if _DOWNLOAD.fullmatch(path):
        return Entry("download", path, "downloads", is_done=not path.endswith(".part"))
    near = _NEAR.fullmatch(path)
    if near:
        return Entry("near", near["entry"], NEAR, is_done=True)
    model = _MODEL.fullmatch(path)
    if model:
        return Entry("model", model["entry"], "models", is_done=True)
    return None


def _source(facts: re.Match[str] | None) -> str:
    return next((facts[kind] for kind in _FOLDERS if facts[kind]), "") if facts else ""


def _changed(info: dict[str, Any]) -> float:
    """The time of change as local disks and object stores say it; 0 where they do not."""
    found = info.get("mtime") or info.get("LastModified") or info.get("created") or 0
    return found.timestamp() if isinstance(found, datetime) else float(found)


def summary(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """One line a source, by name, pairs, downloads and models among them; temporaries are
    incomplete."""
    lines: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name = entry.source or "temporary files"
        line = lines.setdefault(name, dict.fromkeys(_LINE, 0) | {"source": name})
        line["folders"] += entry.is_done
        line["incomplete"] += not entry.is_done
        line["rows"] += entry.num_rows
        line["media"] += entry.num_media
        line["bytes"] += entry.num_bytes
        line["used"] = max(line["used"], entry.used)
    return [lines[name] for name in sorted(lines)]


_LINE = ("source", "folders", "rows", "media", "bytes", "used", "incomplete")


def garbage(
    entries: Sequence[Entry], older_than_days: int | None, source: str | None
) -> Iterator[Entry]:
    """What gc removes: what is incomplete, and facts that the options name; both must hold."""
    now = time.time()
    names = {entry.source for entry in entries}
    if source is not None and source not in names:
        raise UsageError(f"the store holds nothing of {source!r}{nearest(source, names)}")
    for entry in entries:
        is_named = source is None or entry.source == source
        if entry.kind == "temporary":
            is_old = not _is_alive(entry.path)
        elif not entry.is_done:
            is_old = now - entry.used > _SETTLED_S
        else:
            is_asked = source is not None or older_than_days is not None
            is_old = is_asked and now - entry.used >= (older_than_days or 0) * _DAY_S
        if is_named and is_old:
            yield entry


def _is_alive(path: str) -> bool:
    found = _TEMPORARY.search(path)
    return found is not None and not is_left_behind(found["process"])


def remove(store: str, entry: Entry) -> None:
    """Its record first: what a kill leaves half removed is incomplete, not wrong.

    Of several steps the last goes first: those before it are whole without it.
    """
    if entry.kind in _FOLDERS:
        remove_tree(join(store, entry.path, "done.json"))
    if entry.kind == "near":
        for done in reversed(list_files(join(store, entry.path), "/done.json")):
            remove_tree(join(store, entry.path, done))
    remove_tree(join(store, entry.path))
