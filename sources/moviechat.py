"""MovieChat-1K (Enxin/MovieChat-1K_train): long films, each with a description and questions.

`jsons/<name>.json` holds one movie: `info` (video_path, fps, num_frame), `caption`, `global` pairs
of question and answer, and `breakpoint` pairs, whose `time` is the number of a frame. Up to three
conversations are made of it, each in a subset of its own: `descriptions` asks one of PROMPTS,
chosen by the caption; `global_qa` and `breakpoint_qa` ask their pairs as turns, the latter as
"At MM:SS: ...", the time being frame / fps. A movie that has none of them is `no_turns`.

A shard for each of the thousand files would cost more than its row, so the folder is the file of
the rows, once a subset, and a row is the number of its JSON file by name, which `extra` holds.
Movies are `raw_videos/<name>.mp4`, known by the name without suffix, in any case of letters: some
are .MP4 or .mkv, whatever `video_path` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

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
from sources.conversations import RowError, build_chat, choose_prompt, json_columns
from sources.readers.clips import clip_shards, read_clips
from sources.readers.folders import folder_ref
from sources.readers.members import clean_name
from sources.readers.rows import json_document, without
from sources.root import FileRef, Root

PROMPTS = (
    "Describe this film.",
    "What happens in this film? Sum it up.",
    "Give an account of this video: setting, characters and events.",
    "Write a description of this video for somebody who has not seen it.",
)
_FOLDER = "jsons"
_SUBSETS = ("descriptions", "global_qa", "breakpoint_qa")
_MAX_JSON_BYTES = 16 * 1024 * 1024  # a movie's questions are some kilobytes
Pairs = list[tuple[str, str]]


class MovieChat(Source):
    name: ClassVar[str] = "moviechat"
    version: ClassVar[int] = 1

    def rows(self, root: Root) -> list[RowShard]:
        files = self._files(root)
        if not files:
            return []
        whole = folder_ref(root, _FOLDER, files)
        return [RowShard(self.name, subset.name, whole) for subset in self.card.subsets]

    def media(self, root: Root) -> list[MediaShard]:
        return clip_shards(self.name, ALL_SUBSETS, root, [], "raw_videos")

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        files = enumerate(self._files(root))
        for row, file in islice(files, shard.start, shard.stop):
            found = _read(root, row, file)
            yield from (item for item in found if item.subset == shard.subset)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        return read_clips(root, shard, spool, _key)

    def _files(self, root: Root) -> list[FileRef]:
        return root.glob(*self.card.row_files)


SOURCE = MovieChat()


def _key(path: str) -> str:
    return PurePosixPath(clean_name(path)).stem.casefold()


def _read(root: Root, row: int, file: FileRef) -> list[Draft | Rejected]:
    try:
        return list(_drafts(row, file, _movie(root, file)))
    except RowError as error:
        return [Rejected(row, _SUBSETS[0], error.reason, f"{file.path}: {error.detail}")]


def _movie(root: Root, file: FileRef) -> dict[str, Any]:
    with root.open(file) as handle:
        data = handle.read(_MAX_JSON_BYTES + 1)
    if len(data) > _MAX_JSON_BYTES:
        raise RowError("json_malformed", f"a movie of more than {_MAX_JSON_BYTES} bytes")
    movie = json_document(data)
    if not isinstance(movie, dict):
        raise RowError("row_malformed", f"it holds {type(movie).__name__}, not an object")
    return movie


def _drafts(row: int, file: FileRef, movie: dict[str, Any]) -> Iterator[Draft | Rejected]:
    info = movie["info"] if isinstance(movie.get("info"), dict) else {}
    path = info.get("video_path")
    key = _key(path if isinstance(path, str) and path.strip() else file.path)
    extra = {**without(movie, "global", "breakpoint", "caption"), "json": file.path}
    found = False
    for group, (subset, pairs) in enumerate(_conversations(movie, info)):
        found = found or bool(pairs)
        if isinstance(pairs, RowError):
            yield Rejected(row, subset, pairs.reason, f"{file.path}: {pairs.detail}", group)
        elif pairs:
            messages = build_chat(pairs, "video", 1)
            refs = [MediaRef("video", key)]
            yield Draft(row, subset, messages, refs, group, json_columns(extra))
    if not found:
        raise RowError("no_turns", "no caption, and no question with an answer")


def _conversations(
    movie: dict[str, Any], info: dict[str, Any]
) -> Iterator[tuple[str, Pairs | RowError]]:
    """The pairs of each subset, in order; or why there are none where there should be."""
    caption = _text(movie.get("caption"))
    yield _SUBSETS[0], [(choose_prompt(PROMPTS, caption), caption)] if caption else []
    yield _SUBSETS[1], _pairs(movie.get("global"))
    try:
        yield _SUBSETS[2], _timed(movie.get("breakpoint"), info.get("fps"))
    except RowError as error:
        yield _SUBSETS[2], error


def _text(value: object) -> str:
    """Without the quotes that upstream left around many texts."""
    text = value.strip() if isinstance(value, str) else ""
    inner = text.strip('"').strip()
    return text if '"' in inner else inner


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _pairs(items: object) -> Pairs:
    pairs = [(_text(i.get("question")), _text(i.get("answer"))) for i in _objects(items)]
    return [pair for pair in pairs if all(pair)]


def _timed(items: object, fps: object) -> Pairs:
    """Questions with their times; RowError where the times cannot be told."""
    pairs: Pairs = []
    for item in _objects(items):
        for question, answer in _pairs([item]):
            pairs.append((f"At {_clock(item.get('time'), fps)}: {question}", answer))
    return pairs


def _clock(frame: object, fps: object) -> str:
    try:
        seconds = int(float(str(frame)) / float(str(fps)))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise RowError("row_malformed", f"no time from frame {frame!r} at {fps!r} fps") from error
    if seconds < 0:
        raise RowError("row_malformed", f"no time from frame {frame!r} at {fps!r} fps")
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:02d}:{rest:02d}"
