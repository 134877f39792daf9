"""Vript (Mutonix/Vript): clips of YouTube videos with long captions, a scene a row.

`vript_captions/vript_{long,short}_videos_captions.zip` holds `<id>_caption.json`, an object of
`meta` and `data`, the scenes by clip id (a .jsonl of such objects or of single scenes is read too).
Row numbers count scenes: members sorted by name, in each the scenes as they stand. Clips are
`<id>/<id>-Scene-NNN.mp4` in zips of ten or fifty videos; a clip is known by its name alone. The
whole videos, and where they were cut, are not read.

Upstream has captions, no conversations. A scene is asked one of PROMPTS, chosen by its id, and
answered by labelled lines (title, shot, camera, scene), or one of DESCRIBE where there is only the
scene's content. What people say in the clip goes to `extra`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, NamedTuple

from sources.base import Draft, MediaItem, MediaRef, MediaShard, Rejected, RowShard, Source
from sources.conversations import RowError, build_chat, json_columns
from sources.readers.archives import read_archive, to_item
from sources.readers.folders import folder_shards, read_folder
from sources.readers.json_array import read_json_rows
from sources.readers.members import CLIP, Want, media_kind
from sources.readers.rows import json_document, row_object, without
from sources.root import FileRef, Root

PROMPTS = (
    "Give this clip a title, name its shot type and camera movement, and describe what it shows.",
    "Write a script entry for this scene: title, shot, camera, and what happens.",
    "How is this scene filmed, and what does it show? Begin with a title.",
    "Describe the clip as a script would: a title, the shot, the camera, the scene.",
    "Break this scene down into its title, shot type, camera movement and content.",
)
DESCRIBE = (
    "Describe this clip in detail.",
    "What does this clip show?",
    "Describe the scene and what happens in it.",
)
_LABELS = (
    ("scene_title", "Title"),
    ("shot_type", "Shot"),
    ("camera_movement", "Camera"),
    ("content", "Scene"),
)
# The longest videos known here have a thousand scenes of some kilobytes.
_CAPTIONS = Want(max_bytes=64 * 1024 * 1024, memory_bytes=64 * 1024 * 1024)
_CLIPS = re.compile(r".*clips_(?P<number>\d+)_of_\d+\.zip")


class _Scene(NamedTuple):
    """A row: `about` is the scene's object, or why there is none; `meta` its video's."""

    clip_id: str
    about: Any
    meta: dict[str, Any]


class Vript(Source):
    name: ClassVar[str] = "vript"
    version: ClassVar[int] = 1

    def rows(self, root: Root) -> list[RowShard]:
        if root.repo != self.card.repo:
            return []
        card = self.card
        return [
            RowShard(self.name, subset.name, file)
            for subset in card.subsets
            for file in root.glob(*card.row_patterns(subset))
        ]

    def media(self, root: Root) -> list[MediaShard]:
        """Zips by their number, then clips that were unpacked beside them."""
        shards = []
        for subset in (subset.name for subset in self.card.subsets):
            folder = f"vript_{subset}_videos_clips"
            zips = [(match, file) for file in root.glob(f"{folder}/*.zip") if (match := _match(file))]
            zips.sort(key=lambda item: int(item[0]["number"]))
            shards += [MediaShard(self.name, subset, (file,)) for _, file in zips]
            shards += folder_shards(self.name, subset, root, ("video",), folder)
        return shards

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        for row, scene in enumerate(_scenes_of_file(root, shard.file)):
            if shard.stop is not None and row >= shard.stop:
                return
            if row >= shard.start:
                try:
                    yield _draft(shard, row, scene)
                except RowError as error:
                    yield Rejected(row, shard.subset, error.reason, error.detail)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        for number, item in enumerate(_items(root, shard, spool)):
            if shard.stop is not None and number >= shard.stop:
                return
            if item.key != shard.files[0].path or _match(shard.files[0]) is None:
                item.key = _key(shard.subset, PurePosixPath(item.key).stem)
            yield item


SOURCE = Vript()


def _match(file: FileRef) -> re.Match[str] | None:
    return _CLIPS.fullmatch(file.path)


def _key(subset: str, clip_id: str) -> str:
    return f"{subset}/{clip_id}"


def _items(root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
    if _match(shard.files[0]) is None:
        yield from read_folder(root, shard, "", spool)
        return
    for member in read_archive(root, shard.files, _want_clip, spool):
        yield to_item(member, shard.subset, shard.files[0], "video")


def _want_clip(name: str) -> Want | None:
    return CLIP if media_kind(name) == "video" else None


def _want_captions(name: str) -> Want | None:
    path = PurePosixPath(name)
    return _CAPTIONS if path.suffix == ".json" and not path.name.startswith("._") else None


def _scenes_of_file(root: Root, file: FileRef) -> Iterator[_Scene]:
    if file.path.endswith(".jsonl"):
        with root.open(file.path) as handle:
            for row in read_json_rows(handle):
                try:
                    yield from _scenes(row_object(row))
                except RowError as error:
                    yield _Scene("", error, {})
        return
    for member in read_archive(root, (file,), _want_captions, Path(), by_name=True):
        try:
            if member.data is None:
                raise RowError(member.reason or "archive_damaged", member.detail)
            yield from _scenes(json_document(member.data))
        except RowError as error:
            yield _Scene("", error, {})


def _scenes(value: Any) -> Iterator[_Scene]:
    """The scenes of a video's object, of a list of scenes, or the scene that the object is."""
    if isinstance(value, dict) and "caption" in value:
        yield _Scene(str(value.get("clip_id", "")), value, {})
        return
    meta = value.get("meta") if isinstance(value, dict) else None
    scenes = value.get("data") if isinstance(value, dict) else value
    if isinstance(scenes, list):
        scenes = {str(about.get("clip_id", "")): about for about in scenes if isinstance(about, dict)}
    if not isinstance(scenes, dict):
        raise RowError("row_malformed", "the object has no scenes under data")
    for clip_id, about in scenes.items():
        yield _Scene(clip_id, about, meta if isinstance(meta, dict) else {})


def _draft(shard: RowShard, row: int, scene: _Scene) -> Draft:
    if isinstance(scene.about, RowError):
        raise scene.about
    if not isinstance(scene.about, dict):
        raise RowError("row_malformed", f"scene {scene.clip_id} is no object")
    clip_id = scene.about.get("clip_id") or scene.clip_id
    if not isinstance(clip_id, str) or not clip_id:
        raise RowError("row_malformed", "the scene has no clip_id")
    pair = _pair(clip_id, scene.about.get("caption"))
    extra = without(scene.about, "caption")
    if scene.meta.get("integrity") is False:
        extra["integrity"] = False
    refs = [MediaRef("video", _key(shard.subset, clip_id))]
    return Draft(row, shard.subset, build_chat([pair], "video", 1), refs, extra=json_columns(extra))


def _pair(clip_id: str, caption: Any) -> tuple[str, str]:
    parts = caption if isinstance(caption, dict) else {"content": caption}
    texts = {name: parts.get(name) for name, _ in _LABELS}
    said = {name: text.strip() for name, text in texts.items() if isinstance(text, str)}
    if not said.get("content"):
        raise RowError("label_missing", f"{clip_id} has no caption")
    lines = [f"{label}: {said[name]}" for name, label in _LABELS if said.get(name)]
    if len(lines) == 1:
        return _choose(DESCRIBE, clip_id), said["content"]
    return _choose(PROMPTS, clip_id), "\n".join(lines)


def _choose(prompts: tuple[str, ...], clip_id: str) -> str:
    """By the id alone: the same in every copy, order and process."""
    digest = hashlib.blake2b(clip_id.encode(), digest_size=8).digest()
    return prompts[int.from_bytes(digest, "little") % len(prompts)]
