"""Items of a benchmark, read from upstream's own files: Parquet, JSON, JSON Lines or CSV, and zips.

What a row lacks costs that row, and is counted by a word: `row_malformed`, `question_missing`,
`image_missing`, `video_missing`, `video_unreadable`. Files that do not have the card's columns are
an error: nothing could be said of what they hold.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from manifests.benchmark_cards import BenchmarkCard, HeldOut
from manifests.errors import SchemaDriftError, SourceError, UnavailableError
from sources.benchmark_item import BenchmarkItem
from sources.benchmark_rows import clip_path, make_item
from sources.conversations import RowError
from sources.readers.archives import group_parts, read_archive
from sources.readers.json_array import read_json_rows
from sources.readers.members import Want, media_kind
from sources.readers.parquet import column_of, read_layout, read_rows
from sources.readers.rows import open_rows, row_object
from sources.root import FileRef, Root

# Bump it when the same files give other items.
READER_VERSION = 1
# The longest clips known here, of an hour in Video-MME, are below 1 GiB; one at a time is held.
_CLIP = Want(max_bytes=1 << 30, memory_bytes=1 << 30)
# `-00000-of-00001`, with or without a digest, as the Hub's files are called.
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?:-[0-9a-f]+)?$")

_Row = dict[str, Any] | RowError


@dataclass(frozen=True, slots=True)
class Split:
    """A held-out split as it lies upstream: its files, and archives with their parts."""

    held_out: HeldOut
    files: tuple[FileRef, ...]
    archives: tuple[tuple[FileRef, ...], ...]


def find_splits(card: BenchmarkCard, root: Root) -> list[Split]:
    """All held-out splits; only lists. UnavailableError where upstream lacks what the card names.

    Of several archives some may be missing: what nobody may ship is in no archive.
    """
    splits = [
        Split(held, tuple(root.glob(*held.files)), tuple(group_parts(root.glob(*held.archives))))
        for held in card.held_out
    ]
    for split in splits:
        if not split.files:
            raise UnavailableError(_absent(card, root, split.held_out.files))
    if card.fields.video is not None and not any(split.archives for split in splits):
        patterns = dict.fromkeys(p for split in splits for p in split.held_out.archives)
        raise UnavailableError(_absent(card, root, tuple(patterns)))
    return splits


def _absent(card: BenchmarkCard, root: Root, patterns: Sequence[str]) -> str:
    return f"benchmark {card.name} has no file like {', '.join(patterns)} at {root.uri}"


def read_items(
    card: BenchmarkCard, root: Root, spool: Path, skipped: Counter[str]
) -> Iterator[BenchmarkItem]:
    """Every item of the held-out splits; splits and rows in order, clips in that of their archives.

    What is skipped is counted in `skipped` as the iterator goes. Memory: a batch of rows, for
    benchmarks of videos the texts of one split and one clip. SourceError where nothing is readable.
    """
    count = 0
    for split in find_splits(card, root):
        found = _with_clips if card.fields.video is not None else _items
        for item in found(card, root, split, spool, skipped):
            count += 1
            yield item
    if not count:
        raise SourceError(f"benchmark {card.name} has no readable row at {root.uri}")


def items_at(card: BenchmarkCard, root: Root, places: Collection[str]) -> dict[str, BenchmarkItem]:
    """The items at these places, by place, without their media; what is not there is left out.

    Columns of media and archives are not read, and no file beyond the last item that is asked for.
    UnavailableError where upstream lacks a split.
    """
    texts_alone = card.fields.model_copy(update={"images": (), "video": None})
    card = card.model_copy(update={"fields": texts_alone})
    found: dict[str, BenchmarkItem] = {}
    for held in card.held_out:
        split = Split(held, tuple(root.glob(*held.files)), ())
        if not split.files:
            raise UnavailableError(_absent(card, root, held.files))
        for item, _ in _rows_as_items(card, root, split, Counter()):
            if item.place in places:
                found[item.place] = item
            if len(found) == len(places):
                return found
    return found


def _items(
    card: BenchmarkCard, root: Root, split: Split, spool: Path, skipped: Counter[str]
) -> Iterator[BenchmarkItem]:
    return (item for item, _ in _rows_as_items(card, root, split, skipped))


def _rows_as_items(
    card: BenchmarkCard, root: Root, split: Split, skipped: Counter[str]
) -> Iterator[tuple[BenchmarkItem, dict[str, Any]]]:
    counts: Counter[str] = Counter()
    for file in split.files:
        prefix = _place(file)
        for row in _checked_rows(card, root, file):
            place = f"{prefix}/{counts[prefix]}"
            counts[prefix] += 1
            if isinstance(row, RowError):
                skipped["row_malformed"] += 1
            elif (item := make_item(card, place, row, skipped)) is not None:
                yield item, row


def _place(file: FileRef) -> str:
    """`main/test` of `main/test-00000-of-00001.parquet`; files of one split count on."""
    path = PurePosixPath(file.path)
    name = path.name.partition(".")[0]
    return str(path.with_name(_SHARD.sub("", name))).removeprefix("data/")


def _checked_rows(card: BenchmarkCard, root: Root, file: FileRef) -> Iterator[_Row]:
    """The file's rows; SchemaDriftError where no row of it has one of the card's columns."""
    columns, seen = card.fields.columns, set()
    if file.path.endswith(".parquet"):
        seen = {column_of(leaf) for leaf in read_layout(root, file).leaves}
        _check_columns(card, root, file, seen)
        for _, values in read_rows(root, file, 0, None, lambda leaf: column_of(leaf) in columns):
            yield values
        return
    for row in _csv_rows(root, file) if file.path.endswith(".csv") else _json_rows(root, file):
        seen |= set() if isinstance(row, RowError) else row.keys()
        yield row
    _check_columns(card, root, file, seen)


def _check_columns(card: BenchmarkCard, root: Root, file: FileRef, seen: set[str]) -> None:
    missing = [column for column in card.fields.columns if column not in seen]
    if missing:
        raise SchemaDriftError(
            f"benchmark {card.name}: {root.uri}/{file.path} has the columns "
            f"{', '.join(sorted(seen)) or '(none)'}, without {', '.join(missing)}: upstream has "
            "changed or this is another file; use the revision that the card names, or correct it"
        )


def _json_rows(root: Root, file: FileRef) -> Iterator[_Row]:
    with open_rows(root, file) as handle:
        for row in read_json_rows(handle, 0, None, ".jsonl" in file.path):
            try:
                yield row_object(row)
            except RowError as error:
                yield error


def _csv_rows(root: Root, file: FileRef) -> Iterator[_Row]:
    with root.open(file) as handle:
        rows = csv.DictReader(codecs.getreader("utf-8-sig")(handle, "replace"))
        try:
            for row in rows:
                # A row of another length has values without names, or names without values.
                is_whole = None not in row and None not in row.values()
                yield row if is_whole else RowError("row_malformed", "cells are missing, or more")
        except csv.Error as error:  # nothing can be read after it
            yield RowError("row_malformed", str(error))


def _with_clips(
    card: BenchmarkCard, root: Root, split: Split, spool: Path, skipped: Counter[str]
) -> Iterator[BenchmarkItem]:
    """Items with their clips, archive by archive; then those whose clip is nowhere, without."""
    waiting: dict[str, list[tuple[str, BenchmarkItem]]] = defaultdict(list)
    for item, row in _rows_as_items(card, root, split, skipped):
        path = clip_path(card, row)
        waiting[_stem(path)].append((path, item))

    def wanted(name: str) -> Want | None:
        paths = (path for path, _ in waiting.get(_stem(name), ()))
        return _CLIP if any(_is_of(name, path) for path in paths) else None

    for parts in split.archives:
        for member in read_archive(root, parts, wanted, spool, by_name=True):
            if member.data is None:
                skipped["video_unreadable"] += 1
                continue
            asked = waiting[_stem(member.name)]
            for _, item in (entry for entry in asked if _is_of(member.name, entry[0])):
                yield replace(item, videos=(member.data,))
            asked[:] = [entry for entry in asked if not _is_of(member.name, entry[0])]
    for _, item in (entry for entries in waiting.values() for entry in entries):
        skipped["video_missing"] += 1
        yield item


def _stem(path: str) -> str:
    name = PurePosixPath(path).name
    return PurePosixPath(name).stem if media_kind(name) else name


def _is_of(member: str, path: str) -> bool:
    """Whether the member is the clip that a row calls `path`: the end of its own, or its stem."""
    if not path or media_kind(member) != "video":
        return False
    bare = str(PurePosixPath(member).with_suffix(""))
    return any(name == path or name.endswith(f"/{path}") for name in (member, bare))
