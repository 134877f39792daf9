"""IIW-400 (Google, ImageInWords): 400 photos of DOCCI-AAR, described by people at great length.

`data.jsonl` names a photo in `image/key` and describes it in `IIW`; `IIW-P5B` is a model's
description and what follows compares the two: they go to `extra`, and so do `objects`. The photos
lie elsewhere, in DOCCI's `docci_images_aar.tar.gz`, as `images_aar/<key>.jpg` among thousands of
others; only IIW-400's are taken. Upstream gives no question: one of PROMPTS is asked, chosen by the
description.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any, ClassVar

from sources.archived import ArchiveTableSource
from sources.base import Draft, MediaRef, MediaShard, RowShard
from sources.conversations import RowError, build_chat, choose_prompt, json_columns
from sources.readers.members import IMAGE, Want, media_kind
from sources.root import FileRef, Root

PROMPTS = (
    "Describe this photo in as much detail as you can.",
    "What does the photo show? Leave nothing out.",
    "Write a description from which a painter could paint this picture.",
    "Go through everything that is to be seen in this image.",
    "Explain this picture in detail to someone who cannot see it.",
    "Give a long and exact description of the image.",
)

# The keys of data.jsonl are these 400: aar_test_04600 to aar_test_04999.
_PHOTO = re.compile(r"aar_test_04[6-9]\d\d")


class Iiw400(ArchiveTableSource):
    name: ClassVar[str] = "iiw400"
    version: ClassVar[int] = 1

    def files(self, root: Root) -> dict[str, list[FileRef]]:
        """None in the archive's own place; a mirror holds both files in one folder."""
        return super().files(root) if root.repo == self.card.repo else {}

    def media(self, root: Root) -> list[MediaShard]:
        return super().media(root) if root.repo in self.card.media_repos else []

    def wants_member(self, name: str) -> Want | None:
        wanted = _PHOTO.fullmatch(PurePosixPath(name).stem) and media_kind(name)
        return IMAGE if wanted else None

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        photo, text = values.get("image/key"), values.get("IIW")
        if not isinstance(photo, str) or not photo:
            raise RowError("row_malformed", "image/key is not a string")
        if not isinstance(text, str):
            raise RowError("label_missing", "IIW is not a string")
        messages = build_chat([(choose_prompt(PROMPTS, text), text)], "image", 1)
        extra = {name: value for name, value in values.items() if name != "IIW"}
        ref = MediaRef("image", f"images_aar/{photo}.jpg")
        return Draft(row, shard.subset, messages, [ref], extra=json_columns(extra))


SOURCE = Iiw400()
