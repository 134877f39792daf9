"""FineVideo (HuggingFaceFV/finevideo): YouTube clips with a description of what happens in them.

`data/train-NNNNN-of-01357.parquet` with the clip in `mp4` and all else in `json`, a struct or a
string. Upstream has no conversations; up to three are built of a row, the video first in each:

    group 0   the pairs of qAndA, as turns
    group 1   DESCRIBE, answered by the title (content_metadata's, else YouTube's) and the
              description of content_metadata; DESCRIBE_ONLY where there is no title
    group 2   LIST_SCENES, answered by numbered scenes with their activities and times

A part that is missing gives no group, and a row without any is rejected. Times are MM:SS, as the
text before a sampled frame has them; a span that cannot be right is left out, its text stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pyarrow as pa

from sources.base import Draft, MediaItem, MediaRef, MediaShard, Rejected, RowShard, Source
from sources.conversations import RowError, build_chat, json_columns
from sources.readers.parquet import Batch, Damage, parquet_shards, read_batches, read_rows
from sources.root import FileRef, Root

SUBSET = "default"
DESCRIBE = "Give this video a title and describe it."
DESCRIBE_ONLY = "Describe this video."
LIST_SCENES = "List the scenes of this video in order, with their times and what happens in them."

# What goes to `extra`: what a user may filter on, and what CC BY asks to name. Speech, tags, view
# counts and editing notes are left out: they are many times the size of the conversations.
EXTRA = (
    "original_video_filename",
    "original_json_filename",
    "youtube_title",
    "youtube_channel",
    "youtube_upload_date",
    "content_parent_category",
    "content_fine_category",
    "duration_seconds",
    "resolution",
)
# What is read of the struct; without it every row task would read the speech too.
_READ = (
    *EXTRA,
    "qAndA",
    "content_metadata.qAndA",
    "content_metadata.title",
    "content_metadata.description",
    "content_metadata.scenes[].title",
    "content_metadata.scenes[].timestamps",
    "content_metadata.scenes[].timestamp",
    "content_metadata.scenes[].activities",
)
_CLOCK = re.compile(r"(?:([0-9]{1,2}):)?([0-9]{1,2}):([0-5][0-9](?:[.,][0-9]+)?)")
# Durations are whole seconds, rounded down.
_DURATION_SLACK_S = 1


class FineVideo(Source):
    name: ClassVar[str] = "finevideo"
    version: ClassVar[int] = 1
    media_in_rows: ClassVar[bool] = True

    def rows(self, root: Root) -> list[RowShard]:
        return [RowShard(self.name, SUBSET, f, a, b) for f, a, b in self._shards(root)]

    def media(self, root: Root) -> list[MediaShard]:
        return [MediaShard(self.name, SUBSET, (f,), a, b) for f, a, b in self._shards(root)]

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        for row, values in read_rows(root, shard.file, shard.start, shard.stop, _is_wanted):
            try:
                yield from _drafts(shard, row, values)
            except RowError as error:
                yield Rejected(row, shard.subset, error.reason, error.detail)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        (file,) = shard.files
        # One clip at a time: row groups hold hundreds of megabytes of them.
        for piece in read_batches(root, file, shard.start, shard.stop, _is_clip, batch_bytes=1):
            if isinstance(piece, Batch):
                yield _clip(file, piece, spool)
            else:
                yield from _lost_clips(file, piece)

    def _shards(self, root: Root) -> list[tuple[FileRef, int, int]]:
        files = root.glob(*self.card.row_files)
        return parquet_shards(root, files, ("mp4", "json"), ("mp4", "json.content_metadata.title"))


SOURCE = FineVideo()


def _is_clip(leaf: str) -> bool:
    return leaf == "mp4"


def _is_wanted(leaf: str) -> bool:
    """The JSON string, or of the struct what _READ names; columns beside them, but not the clip."""
    column, _, inner = leaf.partition(".")
    if column != "json" or not inner:
        return column != "mp4"
    return any(inner == name or inner.startswith((f"{name}.", f"{name}[]")) for name in _READ)


def _key(file: FileRef, row: int) -> str:
    return f"{file.path}#{row}/0"


def _clip(file: FileRef, batch: Batch, spool: Path) -> MediaItem:
    key, value = _key(file, batch.start), batch.records.column("mp4")[0]
    if not isinstance(value, pa.BinaryScalar) or not value.is_valid:
        return MediaItem(key, "video", reason="video_bytes_null")
    path = spool / f"{Path(file.path).stem}-{batch.start}.mp4"
    path.write_bytes(memoryview(value.as_buffer()))
    return MediaItem(key, "video", file=path)


def _lost_clips(file: FileRef, damage: Damage) -> Iterator[MediaItem]:
    for row in range(damage.start, damage.stop):
        key = _key(file, row)
        yield MediaItem(key, "video", reason="archive_damaged", detail=damage.detail)


def _drafts(shard: RowShard, row: int, values: dict[str, Any] | RowError) -> list[Draft]:
    if isinstance(values, RowError):
        raise values
    about = _parsed(values.pop("json"))
    content = _object(about.get("content_metadata"))
    chats = (_questions(about, content), _description(about, content), _scenes(about, content))
    if not any(chats):
        raise RowError("no_turns", "no question, description or scene")
    extra = json_columns({**values, **{name: about.get(name) for name in EXTRA}})
    media = [MediaRef("video", _key(shard.file, row))]
    return [
        Draft(row, shard.subset, build_chat(pairs, "video", 1), media, group, extra)
        for group, pairs in enumerate(chats)
        if pairs
    ]


def _parsed(value: object) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise RowError("row_malformed", f"json cannot be parsed: {error}") from error
    if not isinstance(value, dict):
        raise RowError("row_malformed", f"json is {type(value).__name__}, not an object")
    return value


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _questions(about: dict[str, Any], content: dict[str, Any]) -> list[tuple[str, str]]:
    listed = _objects(content.get("qAndA")) or _objects(about.get("qAndA"))
    pairs = [(_text(item.get("question")), _text(item.get("answer"))) for item in listed]
    return [pair for pair in pairs if all(pair)]


def _description(about: dict[str, Any], content: dict[str, Any]) -> list[tuple[str, str]]:
    description = _text(content.get("description"))
    title = _text(content.get("title")) or _text(about.get("youtube_title"))
    if not description:
        return []
    return [(DESCRIBE, f"{title}\n\n{description}") if title else (DESCRIBE_ONLY, description)]


def _scenes(about: dict[str, Any], content: dict[str, Any]) -> list[tuple[str, str]]:
    duration = about.get("duration_seconds")
    end_s = float(duration) if isinstance(duration, int | float) and duration > 0 else None
    blocks: list[str] = []
    for scene in _objects(content.get("scenes")):
        title = _text(scene.get("title"))
        listed = [(_text(a.get("description")), a) for a in _objects(scene.get("activities"))]
        lines = [f"   - {text}{_span(item, end_s)}" for text, item in listed if text]
        if title or lines:
            head = f"{len(blocks) + 1}. {title or 'Untitled scene'}{_span(scene, end_s)}"
            blocks.append("\n".join([head, *lines]))
    return [(LIST_SCENES, "\n".join(blocks))] if blocks else []


def _span(item: dict[str, Any], end_s: float | None) -> str:
    """` (MM:SS to MM:SS)`, ` (at MM:SS)` for a single time, or nothing where it cannot be right."""
    value = item.get("timestamps") or item.get("timestamp")
    times = _object(value)
    start = _seconds(times.get("start_timestamp") if times else value)
    stop = _seconds(times.get("end_timestamp")) if times else start
    if start is None or stop is None or stop < start:
        return ""
    if end_s is not None and stop > end_s + _DURATION_SLACK_S:
        return ""
    first, last = _clock(start), _clock(stop)
    return f" (at {first})" if first == last else f" ({first} to {last})"


def _seconds(value: object) -> float | None:
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"
