"""Indexes of benchmarks: where each lies, what names it, and the task that makes it.

    FOLDER/<name>-<key>/   what leaks.index writes (hashes, no text)   done.json

FOLDER is STORE/benchmarks, or one that is shared (`mixture benchmarks build`). The key is of the
upstream files, of what the card says about reading them, and of the index's version.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from manifests.benchmark_cards import BenchmarkCard, benchmark_cards
from manifests.errors import SourceError, UsageError
from manifests.ids import key_digest
from manifests.storage import exists, filesystem, is_local, join, list_files, read_json
from pipelines.engine import Task
from pipelines.leaks.index import VERSION, write_index
from pipelines.store import is_done
from pipelines.upstream import file_identity, hub_root, unavailable
from sources.benchmarks import READER_VERSION, Split, find_splits, read_items
from sources.cache import DownloadCache
from sources.root import FileRef, Root

# A listing of the Hub takes a second or so, and every build asks for some thirty.
_AT_ONCE = 8
# An item's pictures, or its clip, and the hashes of all items.
_TASK_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class Index:
    """The index of one benchmark, made or to be made in `folder`; `key` names what is in it."""

    name: str
    folder: str
    key: str
    revision: str

    @property
    def is_made(self) -> bool:
        return is_done(self.folder)

    @property
    def num_bytes(self) -> int:
        fs, base = filesystem(self.folder)
        return sum(int(fs.size(f"{base}/{name}")) for name in list_files(self.folder))

    def record(self) -> dict[str, Any]:
        return dict(read_json(join(self.folder, "done.json")))


@dataclass(frozen=True, slots=True)
class Work:
    """An index that is to be made, and from where."""

    index: Index
    root: Root
    num_bytes: int


def made_index(folder: str, card: BenchmarkCard) -> Index | None:
    """The benchmark's index in a shared folder, whoever made it, wherever from; None without.

    UsageError where there are several that this version reads, say of two revisions, or none of
    those that are there.
    """
    fs, base = filesystem(folder)
    names = sorted(str(path).split("/")[-2] for path in fs.glob(f"{base}/*/done.json"))
    # A key has no hyphen; names of benchmarks may be the beginning of others.
    places = [join(folder, name) for name in names if name.rpartition("-")[0] == card.name]
    records = {place: read_json(join(place, "done.json")) for place in places}
    fitting = [place for place in places if records[place]["card"]["format"] == _format(card)]
    if len(fitting) > 1:
        raise UsageError(
            f"{len(fitting)} indexes of benchmark {card.name} are in {folder}: "
            f"{', '.join(fitting)}; remove all but one"
        )
    if places and not fitting:
        raise UsageError(
            f"{', '.join(places)} was made by another version of smolmix; make it again with "
            f"`mixture benchmarks build {folder} {card.name}`"
        )
    if not fitting:
        return None
    record = records[fitting[0]]
    return Index(card.name, fitting[0], record["fingerprint"], record["card"]["revision"])


def find_index(
    folder: str, card: BenchmarkCard, mirror: str | None, cache: DownloadCache | None = None
) -> Work:
    """What the benchmark's index is made from, and where it belongs; lists upstream only.

    SmolmixError where upstream, or a file of it, is not to be had.
    """
    try:
        root = _root(card, mirror)
        splits = find_splits(card, root)
    except Exception as error:  # network libraries raise of everything
        raise unavailable(card.name, card.repo, error, "benchmark") from error
    files = [file for split in splits for file in _files(split)]
    identities = sorted({file_identity(root, file) for file in files})
    key = key_digest(_format(card), identities)
    if cache is not None and not is_local(root.uri):
        root = replace(root, cache=cache)
    index = Index(card.name, join(folder, f"{card.name}-{key}"), key, root.revision)
    return Work(index, root, sum(file.size for file in set(files)))


def find_indexes(
    folder: str,
    cards: Iterable[BenchmarkCard],
    mirror: str | None,
    cache: DownloadCache | None = None,
) -> tuple[list[Work], dict[str, str]]:
    """As `find_index`, of several at a time: those found, in order; of the others why not."""

    def find(card: BenchmarkCard) -> Work | str:
        try:
            return find_index(folder, card, mirror, cache)
        except SourceError as error:
            return str(error)

    cards = list(cards)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(zip(cards, pool.map(find, cards), strict=True))
    works = [work for _, work in found if isinstance(work, Work)]
    return works, {card.name: why for card, why in found if isinstance(why, str)}


def _root(card: BenchmarkCard, mirror: str | None) -> Root:
    if mirror is not None:
        return Root(join(mirror, card.repo), card.repo, card.revision)
    return hub_root(card.repo, card.revision)


def _files(split: Split) -> list[FileRef]:
    return [*split.files, *(part for parts in split.archives for part in parts)]


def _format(card: BenchmarkCard) -> str:
    """Of all that decides, beside upstream's files, what an index holds."""
    return key_digest(VERSION, READER_VERSION, card.held_out, card.fields)


def index_task(work: Work) -> Task:
    name = f"index of {work.index.name}"
    return Task(name, "benchmarks", make_index, (work,), _TASK_MEMORY, work.num_bytes)


def make_index(work: Work) -> dict[str, Any]:
    """Task: read the benchmark and write its index, `done.json` last. Returns the record in it."""
    index, skipped = work.index, Counter[str]()
    card = benchmark_cards()[index.name]
    facts = {
        "format": _format(card),
        "title": card.title,
        "repo": card.repo,
        "revision": index.revision,
        "license": card.license,
        "skipped": skipped,  # it is counted while items are read, and written after them
    }
    with tempfile.TemporaryDirectory() as spool:
        items = read_items(card, work.root, Path(spool), skipped)
        return write_index(index.folder, index.name, index.key, items, facts)


def check_folder(folder: str) -> None:
    """UsageError where a shared folder of indexes is not there."""
    if not exists(folder):
        raise UsageError(
            f"--benchmarks {folder}: there is no such folder; `mixture benchmarks build {folder}` "
            "makes one"
        )
