"""ShareGPT-4o in small: long descriptions as JSON lines, photos in a zip with its odd folder."""

from __future__ import annotations

import json
from typing import Any

from pipelines.samples import archives, broken
from pipelines.samples.kit import Kit
from pipelines.samples.stock import Scene, jpeg, photos
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

REPOS = ("OpenGVLab/ShareGPT-4o",)
_FILE = "image_conversations/gpt-4o.jsonl"
_INNER = "mnt/petrelfs/wangwenhai/workspace_cef/4o/image"
_NUM_ROWS = 14
_ASKS = (
    "What do you see happening in this image?",
    "Describe the image in detail, please.",
    "Could you explain the content of this picture?",
)


def write(kit: Kit) -> None:
    sheet = kit.sheet("sharegpt4o", "image_caption", _FILE)
    members: list[archives.Member] = []
    for number in range(_NUM_ROWS * kit.scale + 1):
        scene = photos()[(number + 5) % len(photos())]
        image = kit.gallery.take(scene, "sharegpt4o", number)
        name = f"{seeded('sharegpt4o', 'name', number).getrandbits(48):012x}.jpg"
        members.append((f"{_INNER}/{name}", jpeg(image)))
        record = _record(name, image.size, number, _description(scene, number))
        if number < _NUM_ROWS * kit.scale:
            sheet.add(record)
        else:
            sheet.plant("refusal", _answered(record, broken.REFUSAL))
    _plant(sheet)
    folder = kit.folder / REPOS[0]
    (folder / "image_conversations").mkdir(parents=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in sheet.rows]
    (folder / _FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "images.zip").write_bytes(archives.zip_file(members))


def _description(scene: Scene, number: int) -> str:
    rng = seeded("sharegpt4o", number)
    captions = rng.sample(scene.captions, 2)
    facts = rng.sample(scene.facts, min(3, len(scene.facts)))
    details = " ".join(f"{question} {answer}" for question, answer in facts)
    return f"The image shows {scene.subject}. {' '.join(captions)} {details}"


def _record(name: str, size: tuple[int, int], number: int, text: str) -> dict[str, Any]:
    ask = _ASKS[number % len(_ASKS)]
    turns = [{"from": "human", "value": f"<image>\n{ask}"}, {"from": "gpt", "value": text}]
    return {"image": name, "width": size[0], "height": size[1], "conversations": turns}


def _answered(record: dict[str, Any], answer: str) -> dict[str, Any]:
    human, gpt = record["conversations"]
    return {**record, "conversations": [human, {**gpt, "value": answer}]}


def _plant(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("exact_duplicate", rows[2], sheet.place(2))
    sheet.plant("missing_file", {**rows[3], "image": "000000000000.jpg"})
    sheet.plant("json_string_broken", json.dumps(rows[4])[:200])
    turns = [{**rows[5]["conversations"][0], "from": "system_2"}, rows[5]["conversations"][1]]
    sheet.plant("unknown_role", {**rows[5], "conversations": turns})
    sheet.plant("conversation_empty", {**rows[6], "conversations": []})
