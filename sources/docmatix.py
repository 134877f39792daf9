"""Docmatix (HuggingFaceM4): questions about the pages of PDF documents.

    images         data/train-*.parquet            `images`, a list, and `texts` as in The Cauldron
    pdf            pdf/train-*.parquet             `pdf`, the document's bytes, and `texts`
    zero-shot-exp  zero-shot-exp/{train,test}-*    like images; held out

`images` and `pdf` are the same documents. A page of a PDF is an image of the row, drawn by
readers/pdf.py; the row task opens the document as well, to know how many there are. All turns of a
row have the same `source`, "PDFA key: <number>", which tells documents apart across the configs; it
goes to `extra`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from sources.base import Draft, MediaItem, MediaRef, MediaShard, RowShard
from sources.conversations import RowError, build_chat, json_columns, question_answers
from sources.readers.parquet import read_rows
from sources.readers.pdf import count_pages, pdf_bytes, read_pages
from sources.root import Root
from sources.tables import ImageTableSource

_PDF = "pdf"
# Copies of the first rows of images that upstream tests with, and tunes on before the test.
_HELD_OUT = "zero-shot-exp"


class Docmatix(ImageTableSource):
    name: ClassVar[str] = "docmatix"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("images[].bytes", "images[].path", "texts[].user", "texts[].assistant"),
        ("pdf", "texts[].user", "texts[].assistant"),
    )

    def media(self, root: Root) -> list[MediaShard]:
        """Those of the held-out rows are not read: no row may refer to them."""
        return [shard for shard in super().media(root) if shard.subset != _HELD_OUT]

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        if shard.subset == _HELD_OUT:
            raise RowError("split_held_out", _HELD_OUT)
        pairs, turn_sources = question_answers(values.get("texts"))
        refs = self.image_refs(shard, row, values)
        extra = {name: value for name, value in values.items() if name not in _OWN}
        if turn_sources:
            extra["turn_sources"] = turn_sources
        messages = build_chat(pairs, "image", len(refs))
        return Draft(row, shard.subset, messages, refs, extra=json_columns(extra))

    def image_refs(self, shard: RowShard, row: int, values: dict[str, Any]) -> list[MediaRef]:
        if shard.subset != _PDF:
            return super().image_refs(shard, row, values)
        place = f"{self.place(shard.subset, shard.file)}#{row}"
        num_pages = count_pages(pdf_bytes(values.get(_PDF)))
        return [MediaRef("image", f"{place}/{number}") for number in range(num_pages)]

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        if shard.subset != _PDF:
            yield from super().read_media(root, shard, spool)
            return
        (file,) = shard.files
        place = self.place(shard.subset, file)
        for row, values in read_rows(root, file, shard.start, shard.stop, {_PDF}.__contains__):
            if not isinstance(values, RowError):
                yield from read_pages(f"{place}#{row}", values.get(_PDF))


SOURCE = Docmatix()

_OWN = ("images", _PDF, "texts")
