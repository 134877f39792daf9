"""MathWriting (Google, 2024): handwritten formulas as InkML in one tgz, drawn here, read as LaTeX.

Members are `<root>/<folder>/<16 hex>.inkml`, the root being mathwriting-2024 or its excerpt, the
folder train, valid, test, synthetic or symbols; what else the archive holds (bounding boxes, symbol
lists) is not read. A row is an ink, counted from 0 in archive order. Its target is
`normalizedLabel`, or `label` where that is absent (symbols). The subset is what the ink itself says
in `splitTagOriginal`, else its folder: mirrors exist that merged synthetic inks into train.
Upstream gives no question: one of PROMPTS is asked, chosen by the ink's id.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar, NamedTuple

from sources.base import (
    ALL_SUBSETS,
    Draft,
    MediaItem,
    MediaRef,
    MediaShard,
    Rejected,
    RowShard,
    Source,
)
from sources.conversations import build_chat
from sources.ink import MAX_INK_BYTES, Ink, InkError, parse_ink, render_ink
from sources.readers.archives import read_archive
from sources.readers.members import Member, Want
from sources.root import FileRef, Root

PROMPTS = (
    "Write this handwritten formula in LaTeX.",
    "Convert the handwriting to LaTeX.",
    "What is written here? Answer in LaTeX.",
    "Transcribe the handwritten mathematics as LaTeX.",
    "Give the LaTeX code of what is written by hand.",
)

_FOLDERS = ("train", "valid", "test", "synthetic", "symbols")
# The readme: valid and test are held out; everything else may be trained on.
_HELD_OUT = ("valid", "test")
_LABELS = ("normalizedLabel", "label")
_WANT = Want(max_bytes=MAX_INK_BYTES, memory_bytes=MAX_INK_BYTES)


class _Row(NamedTuple):
    """An ink of the archive. `ink` is an error where it cannot be read."""

    row: int
    key: str
    subset: str
    ink: Ink | InkError


class MathWriting(Source):
    name: ClassVar[str] = "mathwriting"
    version: ClassVar[int] = 1
    media_in_rows: ClassVar[bool] = True

    def rows(self, root: Root) -> list[RowShard]:
        return [RowShard(self.name, ALL_SUBSETS, file) for file in _archives(root)]

    def media(self, root: Root) -> list[MediaShard]:
        """`stop` counts within each subset, as in the rows."""
        return [MediaShard(self.name, ALL_SUBSETS, (file,)) for file in _archives(root)]

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        for row in _rows(root, shard.file, shard.start, shard.stop):
            yield _draft(row)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        """Inks that are held out are not drawn: no row may refer to them."""
        for row in _rows(root, shard.files[0], shard.start, shard.stop):
            if row.subset not in _HELD_OUT:
                yield _item(row)


SOURCE = MathWriting()


def _archives(root: Root) -> list[FileRef]:
    """The full archive; the excerpt holds some of its inks and is read where it stands alone."""
    files = root.glob("mathwriting-2024*.tgz")
    full = [file for file in files if not file.path.endswith("-excerpt.tgz")]
    return full or files


def _rows(root: Root, file: FileRef, start: int, stop: int | None) -> Iterator[_Row]:
    """Rows whose number within their own subset is in [start, stop)."""
    seen: Counter[str] = Counter()
    subset = _FOLDERS[0]
    for number, member in enumerate(read_archive(root, (file,), _want_ink, Path())):
        row = _row(number, member, subset)
        subset = row.subset
        if start <= seen[subset] and (stop is None or seen[subset] < stop):
            yield row
        seen[subset] += 1
        if stop is not None and all(seen[folder] >= stop for folder in _FOLDERS):
            return


def _want_ink(name: str) -> Want | None:
    path = PurePosixPath(name)
    return _WANT if path.suffix == ".inkml" and path.parent.name in _FOLDERS else None


def _row(number: int, member: Member, last_subset: str) -> _Row:
    if not member.name:
        error = InkError("archive_damaged", member.detail)
        return _Row(number, f"{last_subset}#{number}", last_subset, error)
    path = PurePosixPath(member.name)
    key = f"{path.parent.name}/{path.stem}"
    if member.data is None:
        error = InkError(member.reason or "ink_malformed", member.detail)
        return _Row(number, key, path.parent.name, error)
    try:
        ink = parse_ink(member.data)
    except InkError as error:
        return _Row(number, key, path.parent.name, error)
    tag = ink.annotations.get("splitTagOriginal", "")
    return _Row(number, key, tag if tag in _FOLDERS else path.parent.name, ink)


def _draft(row: _Row) -> Draft | Rejected:
    if isinstance(row.ink, InkError):
        return Rejected(row.row, row.subset, row.ink.reason, row.ink.detail)
    if row.subset in _HELD_OUT:
        return Rejected(row.row, row.subset, "split_held_out", row.subset)
    annotations = row.ink.annotations
    used = next((name for name in _LABELS if annotations.get(name)), None)
    if used is None:
        return Rejected(row.row, row.subset, "label_missing")
    messages = build_chat([(_prompt(row.key), annotations[used])], "image", 1)
    extra = {name: text for name, text in annotations.items() if name != used}
    return Draft(row.row, row.subset, messages, [MediaRef("image", row.key)], extra=extra or None)


def _prompt(key: str) -> str:
    """By the id alone, so that a copy in another folder is asked the same."""
    digest = hashlib.blake2b(key.rpartition("/")[2].encode(), digest_size=8).digest()
    return PROMPTS[int.from_bytes(digest, "little") % len(PROMPTS)]


def _item(row: _Row) -> MediaItem:
    try:
        if isinstance(row.ink, InkError):
            raise row.ink
        return MediaItem(row.key, "image", data=render_ink(row.ink))
    except InkError as error:
        return MediaItem(row.key, "image", reason=error.reason, detail=error.detail)
