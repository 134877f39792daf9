"""Vript (Mutonix/Vript): clips of YouTube videos with long captions, a scene a row.

`vript_captions/vript_{long,short}_videos_captions.zip` holds `<id>_caption.json`, an object of
`meta` and `data`, the scenes by clip id (a .jsonl of such objects or of single scenes is read too).
Row numbers count scenes: members sorted by name, in each the scenes as they stand. Clips are
`<id>/<id>-Scene-NNN.mp4` in zips of ten or fifty videos; a clip is known by its name alone. The
whole videos, and where they were cut, are not read.

Upstream has captions, no conversations. A scene is asked one of PROMPTS, chosen by the answer, and
answered by labelled lines (title, shot, camera, scene), or one of DESCRIBE where only the content
is known. What people say in the clip (voiceover) and the rest goes to `extra`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, NamedTuple

from sources.base import Draft, MediaItem, MediaRef, MediaShard, Rejected, RowShard, Source
from sources.conversations import (
    RowError,
    build_chat,
    choose_prompt,
    draft_or_rejected,
    json_columns,
)
from sources.readers.archives import read_archive
from sources.readers.clips import clip_shards, read_clips
from sources.readers.json_array import read_json_rows
from sources.readers.members import Want
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
        return [
            RowShard(self.name, subset.name, file)
            for subset in self.card.subsets
            for file in root.glob(*self.card.row_patterns(subset))
        ]

    def media(self, root: Root) -> list[MediaShard]:
        """Zips by their number, then clips that were unpacked beside them."""
        shards = []
        for subset in (subset.name for subset in self.card.subsets):
            folder = f"vript_{subset}_videos_clips"
            zips = [(m, f) for f in root.glob(f"{folder}/*.zip") if (m := _CLIPS.fullmatch(f.path))]
            zips.sort(key=lambda item: int(item[0]["number"]))
            shards += clip_shards(self.name, subset, root, [file for _, file in zips], folder)
        return shards

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        scenes = enumerate(_scenes_of_file(root, shard.file))
        for row, scene in islice(scenes, shard.start, shard.stop):
            yield draft_or_rejected(row, shard.subset, _draft, shard, row, scene)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        return read_clips(
            root, shard, spool, lambda path: f"{shard.subset}/{PurePosixPath(path).stem}"
        )


SOURCE = Vript()


def _want_captions(name: str) -> Want | None:
    path = PurePosixPath(name)
    return _CAPTIONS if path.suffix == ".json" and not path.name.startswith("._") else None


def _scenes_of_file(root: Root, file: FileRef) -> Iterator[_Scene]:
    if file.path.endswith(".jsonl"):
        with root.open(file) as handle:
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
    """The scenes of a video's object, or the scene that the object is."""
    about = value if isinstance(value, dict) else {}
    if "caption" in about:
        yield _Scene(str(about.get("clip_id") or ""), about, {})
        return
    meta, scenes = about.get("meta"), about.get("data")
    if not isinstance(scenes, dict):
        raise RowError("row_malformed", "the object has no scenes under data")
    for clip_id, scene in scenes.items():
        yield _Scene(clip_id, scene, meta if isinstance(meta, dict) else {})


def _draft(shard: RowShard, row: int, scene: _Scene) -> Draft:
    if isinstance(scene.about, RowError):
        raise scene.about
    if not isinstance(scene.about, dict):
        raise RowError("row_malformed", f"scene {scene.clip_id!r} is no object")
    if not scene.clip_id:
        raise RowError("row_malformed", "the scene has no clip_id")
    pair = _pair(scene.clip_id, scene.about.get("caption"))
    extra = without(scene.about, "caption")
    if scene.meta.get("integrity") is False:
        extra["integrity"] = False
    refs = [MediaRef("video", f"{shard.subset}/{scene.clip_id}")]
    return Draft(row, shard.subset, build_chat([pair], "video", 1), refs, extra=json_columns(extra))


def _pair(clip_id: str, caption: Any) -> tuple[str, str]:
    parts = caption if isinstance(caption, dict) else {"content": caption}
    texts = {name: parts.get(name) for name, _ in _LABELS}
    said = {name: text.strip() for name, text in texts.items() if isinstance(text, str)}
    if not said.get("content"):
        raise RowError("label_missing", f"{clip_id} has no caption")
    lines = [f"{label}: {said[name]}" for name, label in _LABELS if said.get(name)]
    if len(lines) == 1:
        return choose_prompt(DESCRIBE, said["content"]), said["content"]
    answer = "\n".join(lines)
    return choose_prompt(PROMPTS, answer), answer
