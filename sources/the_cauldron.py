"""The Cauldron (HuggingFaceM4/the_cauldron): 50 vision-language sets as `images` and `texts`.

A folder is a config: `<config>/train-NNNNN-of-NNNNN-<16 hex>.parquet`. A row is an image, or a set
of them, with all its question-answer turns, and becomes one sample. The texts hold no marker: the
images stand in list order before the first question. Folders that the card does not name are not
read. Columns beside `images` and `texts` go to `extra`, and so do the turns' own `source` names.
clevr_math and okvqa name files of a private disk instead of holding bytes (Hub discussion 8).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar

from manifests.errors import SourceError
from sources.base import Draft, RowShard
from sources.conversations import build_chat, json_columns, question_answers
from sources.root import FileRef, Root
from sources.tables import ImageTableSource

_UPLOAD = re.compile(r"(?P<shard>.*/train-\d+-of-\d+)-[0-9a-f]{16}\.parquet")


class TheCauldron(ImageTableSource):
    name: ClassVar[str] = "the_cauldron"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("images[].bytes", "images[].path", "texts[].user", "texts[].assistant"),
    )

    def files(self, root: Root) -> dict[str, list[FileRef]]:
        found = super().files(root)
        for files in found.values():
            _refuse_two_uploads(root, files)
        return found

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        pairs, turn_sources = question_answers(values["texts"])
        refs = self.image_refs(shard, row, values)
        extra = {name: value for name, value in values.items() if name not in ("images", "texts")}
        if turn_sources:
            extra["turn_sources"] = turn_sources
        messages = build_chat(pairs, "image", len(refs))
        return Draft(row, shard.subset, messages, refs, extra=json_columns(extra))


SOURCE = TheCauldron()


def _refuse_two_uploads(root: Root, files: Iterable[FileRef]) -> None:
    """Configs were deleted and pushed again with other rows: a mirror may hold both generations."""
    seen: dict[str, FileRef] = {}
    for file in files:
        match = _UPLOAD.fullmatch(file.path)
        shard = match["shard"] if match else file.path
        if shard in seen:
            raise SourceError(
                f"{root.uri} holds two uploads of one shard, {seen[shard].path} and {file.path}; "
                f"keep the one of the revision that you mean to read"
            )
        seen[shard] = file
