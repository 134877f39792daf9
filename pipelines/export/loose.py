"""`llava` and `sharegpt`: conversations in JSON beside a folder of image files.

Images lie in `images/<data file of the build>/`, so that no folder holds more than a data file's.
Lines of a data file wait in WORK until all are there, and are put together into one file a split.
"""

from __future__ import annotations

import os
import shutil
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, ClassVar

import orjson

from manifests.storage import atomic_file, filesystem, is_local, join, local_path, write_json
from pipelines.export.chats import (
    IMAGE,
    MARKER_IN_TEXT,
    SYSTEM_IN_QUESTION,
    Chat,
    chat_of,
    marked_text,
    plain_text,
    with_system,
    without_markers,
)
from pipelines.export.format import Format, Take, Written, facts
from pipelines.export.rows import Row, Shard

WORK = ".work"
_FOLDER = "images"


class _Loose(Format):
    markers: ClassVar[tuple[str, ...]]
    suffix: ClassVar[str]

    def holds(self, splits: Sequence[str]) -> list[str]:
        return [_FOLDER, *(f"{split}{self.suffix}" for split in splits)]

    @contextmanager
    def shard(self, out: str, shard: Shard) -> Iterator[Take]:
        files = _ImageFiles(out, f"{_FOLDER}/{shard.name}")
        with atomic_file(join(out, WORK, f"{shard.name}.jsonl")) as lines:

            def take(row: Row) -> list[str]:
                chat, has_marker = without_markers(chat_of(row), self.markers)
                entry = self._entry(row, chat, files.write(row))
                lines.write(orjson.dumps(entry) + b"\n")
                return [*([MARKER_IN_TEXT] if has_marker else []), *self._changes(chat)]

            yield take
        files.flush()

    def finish(self, out: str, written: Sequence[Written]) -> None:
        for split in dict.fromkeys(one.shard.split for one in written):
            names = [f"{one.shard.name}.jsonl" for one in written if one.shard.split == split]
            with atomic_file(join(out, f"{split}{self.suffix}")) as file:
                self._join(file, _lines([join(out, WORK, name) for name in names]))

    @abstractmethod
    def _entry(self, row: Row, chat: Chat, images: list[str]) -> dict[str, Any]: ...

    @abstractmethod
    def _changes(self, chat: Chat) -> list[str]: ...

    @abstractmethod
    def _join(self, file: IO[bytes], lines: Iterator[bytes]) -> None: ...


class Llava(_Loose):
    """One list a split; a system message has no place in it and stands above the first question."""

    name = "llava"
    markers = (IMAGE,)
    suffix = ".json"

    def _entry(self, row: Row, chat: Chat, images: list[str]) -> dict[str, Any]:
        said: list[dict[str, str]] = []
        for turn in chat.turns:
            question = marked_text(turn.question, IMAGE)
            value = question if said else with_system(chat, question)
            said.append({"from": "human", "value": value})
            said.append({"from": "gpt", "value": plain_text(turn.answer)})
        image = {"image": images[0] if len(images) == 1 else images} if images else {}
        return {**facts(row), **image, "conversations": said}

    def _changes(self, chat: Chat) -> list[str]:
        return [SYSTEM_IN_QUESTION] if chat.system else []

    def _join(self, file: IO[bytes], lines: Iterator[bytes]) -> None:
        """A list is one JSON value, put together a line at a time."""
        before = b"[\n"
        for line in lines:
            file.write(before + line.rstrip(b"\n"))
            before = b",\n"
        file.write(b"\n]\n" if before == b",\n" else b"[]\n")


class Sharegpt(_Loose):
    """JSON Lines as LLaMA-Factory and ms-swift read them, and LLaMA-Factory's `dataset_info.json`.

    A dataset is named as its split.
    """

    name = "sharegpt"
    # Both trainers count these; the last four are ms-swift's.
    markers = (
        IMAGE,
        "<video>",
        "<audio>",
        "<bbox>",
        "<ref-object>",
        "<cot-process>",
        "<start-image>",
    )
    suffix = ".jsonl"

    def holds(self, splits: Sequence[str]) -> list[str]:
        return [*super().holds(splits), "dataset_info.json"]

    def finish(self, out: str, written: Sequence[Written]) -> None:
        super().finish(out, written)
        splits = dict.fromkeys(one.shard.split for one in written)
        write_json(join(out, "dataset_info.json"), {split: self._info(split) for split in splits})

    def _info(self, split: str) -> dict[str, Any]:
        return {
            "file_name": f"{split}{self.suffix}",
            "formatting": "sharegpt",
            "columns": {"messages": "messages", "images": "images"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "system_tag": "system",
            },
        }

    def _entry(self, row: Row, chat: Chat, images: list[str]) -> dict[str, Any]:
        said = [{"role": "system", "content": chat.system}] if chat.system else []
        for turn in chat.turns:
            said.append({"role": "user", "content": marked_text(turn.question, IMAGE)})
            said.append({"role": "assistant", "content": plain_text(turn.answer)})
        return {**facts(row), "messages": said, "images": images}

    def _changes(self, chat: Chat) -> list[str]:
        return []

    def _join(self, file: IO[bytes], lines: Iterator[bytes]) -> None:
        for line in lines:
            file.write(line)


class _ImageFiles:
    """Image files of one data file. Each is written plainly: its shard counts once all are there,
    and an export that was stopped writes the shard again."""

    def __init__(self, out: str, folder: str) -> None:
        self._out = out
        self._folder = folder
        self._is_local = is_local(out)
        self._fs, self._base = filesystem(join(out, folder))
        if self._is_local:
            # What a stopped run left may be cut off, and may be a row of another build's.
            shutil.rmtree(local_path(join(out, folder)), ignore_errors=True)
            os.makedirs(self._base)

    def write(self, row: Row) -> list[str]:
        """Paths below the export of the row's images."""
        paths = []
        for number, (suffix, data) in enumerate(row.images()):
            name = f"{row.number:09d}-{number}{suffix}"
            self._fs.pipe_file(f"{self._base}/{name}", data)
            paths.append(f"{self._folder}/{name}")
        return paths

    def flush(self) -> None:
        """On disk before the shard is said to be: once, and not for every file."""
        if self._is_local:
            os.sync()


def _lines(paths: Sequence[str]) -> Iterator[bytes]:
    for path in paths:
        fs, place = filesystem(path)
        with fs.open(place, "rb") as file:
            yield from file
