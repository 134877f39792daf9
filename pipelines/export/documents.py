"""`text`: a JSON line a row, for pretraining. Documents as they are, chats as their texts.

A chat without images becomes its questions and answers, a blank line between any two; its system
message is not written. Rows with images are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import orjson

from manifests.storage import atomic_file, join
from pipelines.export.chats import plain_text, refuse_clips
from pipelines.export.format import Format, Take, Written, data_file, facts
from pipelines.export.rows import LeftOut, Row, Shard

CHAT_AS_TEXT = "chat_as_text"
SYSTEM_NOT_WRITTEN = "system_not_written"


class Text(Format):
    name = "text"

    def holds(self, splits: Sequence[str]) -> list[str]:
        return ["data"]

    @contextmanager
    def shard(self, out: str, shard: Shard) -> Iterator[Take]:
        with atomic_file(join(out, data_file(shard, ".jsonl"))) as file:

            def take(row: Row) -> list[str]:
                text, changes = _document(row)
                entry = {"text": text, **facts(row), "kind": row.values["kind"]}
                file.write(orjson.dumps(entry) + b"\n")
                return changes

            yield take

    def finish(self, out: str, written: Sequence[Written]) -> None:
        pass


def _document(row: Row) -> tuple[str, list[str]]:
    refuse_clips(row)
    if row.values["images"]:
        raise LeftOut("has_images")
    messages = row.values["messages"]
    said = [message for message in messages if message["role"] != "system"]
    text = "\n\n".join(plain_text(message["content"]) for message in said)
    if row.values["kind"] == "document":
        return text, []
    return text, [CHAT_AS_TEXT, *([SYSTEM_NOT_WRITTEN] if len(said) < len(messages) else [])]
