"""What flat upstreams share: rows of Parquet, JSON Lines or JSON arrays, one conversation a row.

A source of this shape says which files a subset has (the card's `row_files`), which columns a
Parquet file must have, and how a row becomes a draft. Images may stand in the rows, as bytes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from sources.base import Draft, MediaItem, MediaRef, MediaShard, Rejected, RowShard, Source
from sources.conversations import RowError
from sources.readers.json_array import read_json_rows
from sources.readers.parquet import (
    Batch,
    Damage,
    column_of,
    decode,
    parquet_shards,
    read_batches,
    read_rows,
)
from sources.readers.rows import open_rows, row_object
from sources.root import FileRef, Root

_MEDIA_BATCH_BYTES = 16 * 1024 * 1024


class TableSource(Source):
    """A source whose rows are table rows; a subclass gives `required` and `draft`."""

    # Leaves of which a Parquet file must have one set whole (see readers/parquet.py).
    required: ClassVar[tuple[tuple[str, ...], ...]] = ((),)
    # Columns that are not read at all: vectors, and what is many times the size of the texts.
    left_out: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft | list[Draft]:
        """The conversation, or several told apart by `group`; RowError where there is none."""

    def files(self, root: Root) -> dict[str, list[FileRef]]:
        """Files of each subset that lies in this repository, by the card's patterns."""
        card = self.card
        return {
            subset.name: root.glob(*card.row_patterns(subset))
            for subset in card.subsets
            if (subset.repo or card.repo) == root.repo
        }

    def rows(self, root: Root) -> list[RowShard]:
        shards = []
        for subset, files in self.files(root).items():
            tables = [file for file in files if _is_parquet(file)]
            ranges = parquet_shards(root, tables, *self.required)
            shards += [RowShard(self.name, subset, file, a, b) for file, a, b in ranges]
            others = [file for file in files if not _is_parquet(file)]
            shards += [RowShard(self.name, subset, file) for file in others]
        return shards

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        for row, values in self._values(root, shard):
            try:
                if isinstance(values, RowError):
                    raise values
                found = self.draft(shard, row, values)
            except RowError as error:
                yield Rejected(row, shard.subset, error.reason, error.detail)
                continue
            yield from found if isinstance(found, list) else [found]

    def wants(self, leaf: str) -> bool:
        """Whether a row task reads this leaf of a Parquet file."""
        return column_of(leaf) not in self.left_out

    def _values(
        self, root: Root, shard: RowShard
    ) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
        if _is_parquet(shard.file):
            yield from read_rows(root, shard.file, shard.start, shard.stop, self.wants)
            return
        with open_rows(root, shard.file) as handle:
            lines = ".jsonl" in shard.file.path
            for row in read_json_rows(handle, shard.start, shard.stop, lines):
                try:
                    values = row_object(row)
                    kept = {k: v for k, v in values.items() if k not in self.left_out}
                    yield row.row, kept
                except RowError as error:
                    yield row.row, error


class ImageTableSource(TableSource):
    """A table source whose Parquet rows hold their images, in the columns `image_columns`.

    A column is a list of images or one image: a struct of bytes and path, or plain bytes. A row
    task reads no bytes; a null column, or an empty list, is no image.
    """

    media_in_rows: ClassVar[bool] = True
    image_columns: ClassVar[tuple[str, ...]] = ("images",)

    def media(self, root: Root) -> list[MediaShard]:
        return [
            MediaShard(self.name, shard.subset, (shard.file,), shard.start, shard.stop)
            for shard in self.rows(root)
            if _is_parquet(shard.file)
        ]

    def wants(self, leaf: str) -> bool:
        return super().wants(leaf) and not self._is_bytes(leaf)

    def image_refs(self, shard: RowShard, row: int, values: dict[str, Any]) -> list[MediaRef]:
        """References to all images of the row, in the order of columns and lists."""
        place = self.place(shard.subset, shard.file)
        keys = [f"{place}#{row}/{i}" for i in range(len(self._cells(values)))]
        return [MediaRef("image", key) for key in keys]

    def place(self, subset: str, file: FileRef) -> str:
        """What the keys of a file's images begin with."""
        return file.path

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        (file,) = shard.files
        place = self.place(shard.subset, file)
        pieces = read_batches(
            root, file, shard.start, shard.stop, self._is_image, batch_bytes=_MEDIA_BATCH_BYTES
        )
        for piece in pieces:
            if isinstance(piece, Batch):
                yield from self._items(place, piece)
            else:
                yield from self._lost_items(root, file, place, piece)

    def _is_image(self, leaf: str) -> bool:
        return column_of(leaf) in self.image_columns

    def _is_bytes(self, leaf: str) -> bool:
        return self._is_image(leaf) and leaf.endswith(".bytes")

    def _is_path(self, leaf: str) -> bool:
        return self._is_image(leaf) and not self._is_bytes(leaf)

    def _cells(self, values: dict[str, Any]) -> list[Any]:
        cells: list[Any] = []
        for column in self.image_columns:
            value = values.get(column)
            if isinstance(value, list):
                cells += value
            elif value is not None:
                cells.append(value)
        return cells

    def _readable(self, piece: Batch | Damage) -> Iterator[tuple[int, list[Any]]]:
        """(row, images) of a piece; a row that cannot be read is rejected by the row task."""
        for row, values in decode(piece):
            if not isinstance(values, RowError):
                yield row, self._cells(values)

    def _items(self, place: str, batch: Batch) -> Iterator[MediaItem]:
        for row, cells in self._readable(batch):
            for number, cell in enumerate(cells):
                yield _item(f"{place}#{row}/{number}", cell)

    def _lost_items(
        self, root: Root, file: FileRef, place: str, damage: Damage
    ) -> Iterator[MediaItem]:
        """Images whose bytes cannot be read; their number may still be known from their paths."""
        for piece in read_batches(root, file, damage.start, damage.stop, self._is_path):
            for row, cells in self._readable(piece):
                for number in range(len(cells)):
                    key = f"{place}#{row}/{number}"
                    yield MediaItem(key, "image", reason="archive_damaged", detail=damage.detail)


def _is_parquet(file: FileRef) -> bool:
    return file.path.endswith(".parquet")


def _item(key: str, cell: Any) -> MediaItem:
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if isinstance(data, bytes):
        return MediaItem(key, "image", data=data)
    path = cell.get("path") if isinstance(cell, dict) else None
    return MediaItem(
        key, "image", reason="image_bytes_null", detail=f"path {path!r}" if path else ""
    )
