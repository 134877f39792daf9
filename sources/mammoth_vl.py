"""MAmmoTH-VL (MAmmoTH-VL/MAmmoTH-VL-Instruct-12M): two huge JSON arrays, media in tar.gz.

`mammoth_si_10M.json` is the subset `single_image`, its rows without an image included.
`mammoth_ov_2M.json` holds everything: a row's subset there is what it holds, and pictures that are
LLaVA-OneVision's stand apart, since mixtures with LLaVA-OneVision leave them out. A row with a
video and images has its images, and the video's path in `extra`.

Rows name files of one tree into which users unpack all archives (`M4-Instruct-Data/...`), so a
media's key is its member's path alone; one that lies below a further folder is found by its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

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
from sources.conversations import draft_or_rejected, parse_conversation
from sources.readers.archives import read_archive, to_item
from sources.readers.json_array import JsonRow, read_json_rows
from sources.readers.members import MediaKind, clean_name, want_media
from sources.readers.rows import media_paths, row_object, rows_by_subset, without
from sources.root import FileRef, Root

_SINGLE, _MIXED = "mammoth_si_10M.json", "mammoth_ov_2M.json"
_ONEVISION = "LLaVA-OneVision"
# Archives by folder: the subset of most rows that need them, and the others.
_FOLDERS = {
    "single_image_data": ("single_image", ("ov_image", "ov_image_onevision")),
    "multi_image_data": ("multi_image", ("ov_image", "ov_image_onevision")),
    "video_data": ("video", ()),
}


class MammothVL(Source):
    name: ClassVar[str] = "mammoth_vl"
    version: ClassVar[int] = 1
    media_lookup: ClassVar[Literal["exact", "suffix"]] = "suffix"

    def rows(self, root: Root) -> list[RowShard]:
        files = [("single_image", file) for file in root.glob(_SINGLE)]
        files += [(ALL_SUBSETS, file) for file in root.glob(_MIXED)]
        return [RowShard(self.name, subset, file) for subset, file in files]

    def media(self, root: Root) -> list[MediaShard]:
        found = []
        for folder, (subset, others) in _FOLDERS.items():
            files = sorted(root.glob(f"{folder}/shard_*.tar*"), key=_number)
            found += [MediaShard(self.name, subset, (file,), others=others) for file in files]
        return found

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        with root.open(shard.file) as handle:
            if shard.subset == ALL_SUBSETS:
                rows = read_json_rows(handle)
                for row, subset in rows_by_subset(rows, _subset, shard.start, shard.stop):
                    yield draft_or_rejected(row.row, subset, _draft, row, subset)
                return
            for row in read_json_rows(handle, shard.start, shard.stop):
                yield draft_or_rejected(row.row, shard.subset, _draft, row, shard.subset)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        default: MediaKind = "video" if shard.subset == "video" else "image"
        for number, member in enumerate(read_archive(root, shard.files, want_media, spool)):
            if shard.stop is not None and number >= shard.stop:
                return
            yield to_item(member, "", shard.files[0], default)


SOURCE = MammothVL()


def _number(file: FileRef) -> tuple[int, str]:
    """Upstream counts from 1 and pads nothing."""
    number = file.path.rpartition("/")[2].removeprefix("shard_").split(".", 1)[0]
    return int(number) if number.isdecimal() else 0, file.path


def _subset(row: JsonRow) -> str:
    """By what the row holds; what cannot be told, or holds nothing, is `text`."""
    values = row.value if isinstance(row.value, dict) else {}
    images = values.get("image")
    if isinstance(images, list) and len(images) == 1:
        images = images[0]
    if isinstance(images, str):
        return "ov_image_onevision" if _ONEVISION in images.split("/", 1)[0] else "ov_image"
    return "multi_image" if images else "video" if values.get("video") else "text"


def _draft(row: JsonRow, subset: str) -> Draft:
    values = row_object(row)
    refs = [MediaRef("image", clean_name(path)) for path in media_paths(values, "image")]
    if not refs:
        refs = [MediaRef("video", clean_name(path)) for path in media_paths(values, "video")]
    kind = refs[0].kind if refs else "image"
    messages = parse_conversation(values.get("conversations"), kind, len(refs))
    extra = without(values, "conversations", kind)
    return Draft(row.row, subset, messages, refs, extra=extra or None)
