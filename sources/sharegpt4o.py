"""ShareGPT-4o (OpenGVLab): images described by GPT-4o.

`image_conversations/gpt-4o.jsonl` (config image_caption, split images) holds LLaVA rows, whose
`image` is a bare file name; `images.zip` holds the images below the folder of the machine that
packed it (mnt/petrelfs/.../4o/image), so that both are matched by file name alone. Width and height
go to `extra`. The videos of the same repository (video_conversations) are not read.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, ClassVar

from sources.archived import ArchiveTableSource
from sources.base import Draft, MediaItem, MediaRef, RowShard
from sources.conversations import RowError, json_columns, parse_conversation
from sources.readers.archives import to_item
from sources.readers.members import Member, clean_name
from sources.readers.rows import media_paths
from sources.root import FileRef

_PREFIX = "images"


class ShareGpt4o(ArchiveTableSource):
    name: ClassVar[str] = "sharegpt4o"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("image", "conversations[].from", "conversations[].value"),
    )

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        paths = media_paths(values, "image")
        if not paths:
            raise RowError("row_malformed", "the row has no image")
        messages = parse_conversation(values.get("conversations"), "image", len(paths))
        refs = [MediaRef("image", _key(path)) for path in paths]
        extra = {k: v for k, v in values.items() if k not in ("image", "conversations")}
        return Draft(row, shard.subset, messages, refs, extra=json_columns(extra))

    def item(self, member: Member, archive: FileRef) -> MediaItem:
        item = to_item(member, _PREFIX, archive, "image")
        item.key = _key(member.name) if member.name else item.key
        return item


SOURCE = ShareGpt4o()


def _key(path: str) -> str:
    return f"{_PREFIX}/{PurePosixPath(clean_name(path)).name}"
