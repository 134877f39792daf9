"""A user's own data in small: one folder for each form that the source `local` reads."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.archives import tar_gz
from pipelines.samples.kit import Kit
from pipelines.samples.stock import Gallery, Scene, jpeg, photos
from pipelines.samples.truth import Sheet
from pipelines.samples.words import Texts

SOURCE = "local"
REPOS = ("local",)
_ROWS = 20
_PART = pa.struct([("type", pa.string()), ("text", pa.string())])
_MESSAGE = pa.struct([("role", pa.string()), ("content", tables.list_of(_PART))])
_SCHEMA = pa.schema(
    [("messages", tables.list_of(_MESSAGE)), ("images", tables.list_of(tables.IMAGE))]
)


def write(kit: Kit) -> None:
    folder, texts, count = kit.folder / SOURCE, Texts(SOURCE), _ROWS * kit.scale
    views = _Views(kit.gallery, count)
    _write(folder, _chats(kit, texts, count))
    sheet = kit.sheet(SOURCE, "sharegpt_json", "sharegpt_json/talks.json")
    for _ in range(count):
        made = texts.exchange()
        sheet.add({"conversations": _turns("from", "value", made.user, made.assistant)})
    _write(folder, sheet)
    _write_llava(folder, kit, views)
    _write_documents(folder, texts, count)
    _write_tar(folder / "webdataset/shard-00000.tar.gz", views)
    _write_parquet(folder / "chat_parquet/train-00000.parquet", views)


class _Views:
    """Pictures of photos, each with a caption and a question that can be asked of it."""

    def __init__(self, gallery: Gallery, count: int) -> None:
        self._gallery = gallery
        self.count = count

    def take(self, form: str, number: int) -> tuple[bytes, Scene, tuple[str, str]]:
        scenes = photos()
        scene = scenes[number % len(scenes)]
        image = self._gallery.take(scene, SOURCE, form, number)
        return jpeg(image), scene, scene.facts[number // len(scenes) % len(scene.facts)]


def _turns(speaker: str, text: str, user: str, assistant: str) -> list[dict[str, str]]:
    roles = ("human", "gpt") if speaker == "from" else ("user", "assistant")
    pairs = zip(roles, (user, assistant), strict=True)
    return [{speaker: role, text: value} for role, value in pairs]


def _chats(kit: Kit, texts: Texts, count: int) -> Sheet:
    sheet = kit.sheet(SOURCE, "chat_jsonl", "chat_jsonl/chat.jsonl")
    for number in range(count):
        made = texts.exchange()
        turns = _turns("role", "content", made.user, made.assistant)
        system = [{"role": "system", "content": "Answer in plain words."}] * (number % 5 == 0)
        sheet.add({"messages": system + turns, "topic": made.topic})
    made = texts.exchange()
    sheet.plant("no_answer", {"messages": _turns("role", "content", made.user, "")[:1]})
    sheet.plant("conversation_missing", {"prompt": made.user})
    return sheet


def _write(folder: Path, sheet: Sheet) -> None:
    path = folder / sheet.file
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.suffix == ".jsonl"
    data = b"\n".join(map(orjson.dumps, sheet.rows)) if lines else orjson.dumps(sheet.rows)
    path.write_bytes(data + b"\n")


def _write_llava(folder: Path, kit: Kit, views: _Views) -> None:
    sheet = kit.sheet(SOURCE, "llava_json", "llava_json/vqa.json")
    media = folder / "llava_json/media/photos"
    media.mkdir(parents=True)
    for number in range(views.count):
        data, _, (question, answer) = views.take("llava", number)
        (media / f"{number:04d}.jpg").write_bytes(data)
        turns = _turns("from", "value", f"<image>\n{question}", answer)
        path = f"photos/{number:04d}.jpg"
        sheet.add({"id": f"own-{number}", "image": path, "conversations": turns})
    turns = _turns("from", "value", "<image>\nWhat is shown?", "A picture that was deleted.")
    sheet.plant("missing_file", {"id": "own-x", "image": "gone.jpg", "conversations": turns})
    _write(folder, sheet)


def _write_documents(folder: Path, texts: Texts, count: int) -> None:
    rows = []
    for number in range(count):
        parts = [texts.exchange().assistant for _ in range(4)]
        rows.append({"text": "\n\n".join(parts), "url": f"https://example.org/notes/{number}"})
    path = folder / "documents/notes.jsonl.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"\n".join(map(orjson.dumps, rows)), mtime=0))


def _write_tar(path: Path, views: _Views) -> None:
    members = []
    for number in range(views.count):
        data, scene, _ = views.take("webdataset", number)
        caption = scene.captions[number // len(photos()) % len(scene.captions)]
        members.append((f"{number:06d}.jpg", data))
        members.append((f"{number:06d}.txt", f"{caption}\n".encode()))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tar_gz(members))


def _write_parquet(path: Path, views: _Views) -> None:
    rows: list[dict[str, Any]] = []
    for number in range(views.count):
        data, _, (question, answer) = views.take("parquet", number)
        asked = [{"type": "image", "text": ""}, {"type": "text", "text": question}]
        said = [{"type": "text", "text": answer}]
        messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
        rows.append({"messages": messages, "images": [{"bytes": data, "path": None}]})
    tables.write(path, _SCHEMA, rows, row_group_rows=8)
