"""Geo170K (Luckyjhg/Geo170K, of G-LLaVA): geometry figures, described and asked about.

`data/alignment-*.parquet` and `data/qa_tuning-*.parquet` hold `image`, a path, and `conversations`
in LLaVA's form; `alignment.json` and `qa_tuning.json` hold the same rows and are read where there
is no Parquet. `images.zip` holds the figures below `images`: geo3k, geoqa_plus, and `test`, which
is the test set of GeoQA: no row names those and they are not read. A figure has about twenty rows;
Idefics3 made one conversation of them, here each row is one.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.archived import ArchiveTableSource
from sources.base import Draft, MediaRef, RowShard
from sources.conversations import RowError, json_columns, parse_conversation
from sources.readers.members import Want, clean_name, want_media
from sources.readers.rows import media_paths
from sources.root import FileRef, Root


class Geo170k(ArchiveTableSource):
    name: ClassVar[str] = "geo170k"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("image", "conversations[].from", "conversations[].value"),
    )

    def files(self, root: Root) -> dict[str, list[FileRef]]:
        """Of two copies of the same rows, the Parquet one."""
        found = {}
        for subset, files in super().files(root).items():
            tables = [file for file in files if file.path.endswith(".parquet")]
            found[subset] = tables or files
        return found

    def wants_member(self, name: str) -> Want | None:
        return None if name.removeprefix("images/").startswith("test/") else want_media(name)

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        paths = [clean_name(path) for path in media_paths(values, "image")]
        if not paths:
            raise RowError("row_malformed", "the row has no image")
        if any(path.removeprefix("images/").startswith("test/") for path in paths):
            raise RowError("split_held_out", "its figure is of GeoQA's test set")
        messages = parse_conversation(values.get("conversations"), "image", len(paths))
        refs = [MediaRef("image", path) for path in paths]
        extra = {k: v for k, v in values.items() if k not in ("image", "conversations")}
        return Draft(row, shard.subset, messages, refs, extra=json_columns(extra))


SOURCE = Geo170k()
