"""M4-Instruct (lmms-lab): several images a row, one JSON array for all, images in zips.

`m4_instruct_annotations.json` holds some forty datasets; a row's subset is its `metadata.dataset`,
or `other` where the card has no such name (case ignored). `m4_instruct_video.json` is LLaVA-Hound:
its rows name clips whose frames lie in another repository (readers/frames.py). Image paths rarely
equal member paths: the dataset's name, the zip's, and the first folder differ, so keys are
`<zip without suffix>/<member>` and are looked up by suffix. `sample_id` restarts in each dataset
and is only kept in `extra`, with `choice_list` and `metadata`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

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
from sources.conversations import RowError, draft_or_rejected, parse_conversation
from sources.readers.archives import group_parts, read_archive, to_item
from sources.readers.frames import REPO as FRAMES_REPO
from sources.readers.frames import frame_shards, read_frame_clips
from sources.readers.json_array import JsonRow, read_json_rows
from sources.readers.members import clean_name, want_media
from sources.readers.rows import media_paths, row_object, rows_by_subset, without
from sources.root import Root

_IMAGES, _VIDEOS = "m4_instruct_annotations.json", "m4_instruct_video.json"
_HOUND, _OTHER = "llava_hound", "other"


class M4Instruct(Source):
    name: ClassVar[str] = "m4_instruct"
    version: ClassVar[int] = 1
    media_lookup: ClassVar[Literal["exact", "suffix"]] = "suffix"

    def rows(self, root: Root) -> list[RowShard]:
        if root.repo == FRAMES_REPO:
            return []
        files = [(ALL_SUBSETS, file) for file in root.glob(_IMAGES)]
        files += [(_HOUND, file) for file in root.glob(_VIDEOS)]
        return [RowShard(self.name, subset, file) for subset, file in files]

    def media(self, root: Root) -> list[MediaShard]:
        if root.repo == FRAMES_REPO:
            return frame_shards(self.name, _HOUND, root)
        archives = group_parts(file for file in root.glob("*.z*") if "/" not in file.path)
        return [MediaShard(self.name, ALL_SUBSETS, files) for files in archives]

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        with root.open(shard.file) as handle:
            if shard.subset != ALL_SUBSETS:
                for row in read_json_rows(handle, shard.start, shard.stop):
                    yield draft_or_rejected(row.row, shard.subset, _draft, row, shard.subset)
                return
            names = {subset.name.casefold(): subset.name for subset in self.card.subsets}

            def subset_of(row: JsonRow) -> str:
                return names.get(str(_metadata(row.value).get("dataset")).casefold(), _OTHER)

            rows = read_json_rows(handle)
            for row, subset in rows_by_subset(rows, subset_of, shard.start, shard.stop):
                yield draft_or_rejected(row.row, subset, _draft, row, subset)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        if root.repo == FRAMES_REPO:
            yield from read_frame_clips(root, shard, _HOUND, spool)
            return
        stem = PurePosixPath(shard.files[-1].path).stem
        for number, member in enumerate(read_archive(root, shard.files, want_media, spool)):
            if shard.stop is not None and number >= shard.stop:
                return
            yield to_item(member, stem, shard.files[-1], "image")


SOURCE = M4Instruct()


def _metadata(values: Any) -> dict[str, Any]:
    metadata = values.get("metadata") if isinstance(values, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _draft(row: JsonRow, subset: str) -> Draft:
    values = row_object(row)
    split = _metadata(values).get("split")
    if split not in (None, "train"):
        raise RowError("split_held_out", f"split {split!r}")
    refs = [MediaRef("image", clean_name(path)) for path in media_paths(values, "image")]
    if not refs:
        refs = [MediaRef("video", _clip_key(path, subset)) for path in media_paths(values, "video")]
    if not refs:
        raise RowError("row_malformed", "the row has no image and no video")
    messages = parse_conversation(values.get("conversations"), refs[0].kind, len(refs))
    extra = without(values, "conversations", "image" if refs[0].kind == "image" else "video")
    return Draft(row.row, subset, messages, refs, extra=extra or None)


def _clip_key(path: str, subset: str) -> str:
    """The hound's clips are folders of frames, known by their own name."""
    path = clean_name(path)
    return f"{_HOUND}/{PurePosixPath(path).name}" if subset == _HOUND else path
