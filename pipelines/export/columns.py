"""`nanovlm`: Parquet with `images` and `texts`, as The Cauldron and FineVision have them.

nanoVLM puts the pictures of a row before all of its text, wherever they stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.schema import MEDIA_FILE_TYPE
from manifests.storage import atomic_file, join
from pipelines.export.chats import (
    IMAGES_FIRST,
    SYSTEM_IN_QUESTION,
    Chat,
    chat_of,
    plain_text,
    with_system,
)
from pipelines.export.format import FACTS, Format, Take, Written, data_file, facts
from pipelines.export.rows import Row, Shard

# As in builds: what is held before it is written, and what a reader takes at once.
_GROUP_BYTES = 32_000_000

_TEXT = pa.struct([("user", pa.string()), ("assistant", pa.string())])


def _schema() -> pa.Schema:
    string = {"dtype": "string", "_type": "Value"}
    features = {
        "images": {"feature": {"_type": "Image"}, "_type": "List"},
        "texts": {"feature": {"user": string, "assistant": string}, "_type": "List"},
        **dict.fromkeys(FACTS, string),
    }
    fields = [("images", pa.list_(MEDIA_FILE_TYPE)), ("texts", pa.list_(_TEXT))]
    fields += [(name, pa.string()) for name in FACTS]
    about = orjson.dumps({"info": {"features": features}})
    return pa.schema(fields, metadata={"huggingface": about})


_SCHEMA = _schema()


class NanoVlm(Format):
    name = "nanovlm"

    def holds(self, splits: Sequence[str]) -> list[str]:
        return ["data"]

    @contextmanager
    def shard(self, out: str, shard: Shard) -> Iterator[Take]:
        target = join(out, data_file(shard, ".parquet"))
        with (
            atomic_file(target) as file,
            pq.ParquetWriter(file, _SCHEMA, compression="zstd") as writer,
        ):
            held: list[dict[str, Any]] = []
            size = 0

            def flush() -> None:
                nonlocal size
                if held:
                    writer.write_table(pa.Table.from_pylist(held, schema=_SCHEMA))
                held.clear()
                size = 0

            def take(row: Row) -> list[str]:
                nonlocal size
                chat = chat_of(row)
                pictures = [data for _, data in row.images()]
                images = [{"bytes": data, "path": None} for data in pictures]
                held.append({"images": images, "texts": list(_texts(chat)), **facts(row)})
                size += sum(map(len, pictures))
                if size > _GROUP_BYTES or len(held) == 1000:
                    flush()
                return _changes(chat)

            yield take
            flush()

    def finish(self, out: str, written: Sequence[Written]) -> None:
        pass


def _texts(chat: Chat) -> Iterator[dict[str, str]]:
    for number, turn in enumerate(chat.turns):
        question = plain_text(turn.question)
        user = question if number else with_system(chat, question)
        yield {"user": user, "assistant": plain_text(turn.answer)}


def _changes(chat: Chat) -> list[str]:
    system = [SYSTEM_IN_QUESTION] if chat.system else []
    return [*system, *([] if _begins_with_images(chat) else [IMAGES_FIRST])]


def _begins_with_images(chat: Chat) -> bool:
    """Whether no text stands before an image."""
    kinds = [item["type"] for turn in chat.turns for item in turn.question]
    return "image" not in kinds[kinds.index("text") :] if "text" in kinds else True
