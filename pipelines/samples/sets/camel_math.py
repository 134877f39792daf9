"""CAMEL's four problem sets in small: a zip of one-row JSON files each."""

from __future__ import annotations

from typing import Any

import orjson

from pipelines.samples import archives
from pipelines.samples.kit import Kit
from pipelines.samples.questions import Questions, plant_pairs
from pipelines.samples.sciences import SUBJECTS

SOURCE = "camel_math"
REPOS = tuple(f"camel-ai/{subject}" for subject in SUBJECTS)
_ROWS = 16
_ROLES = {
    "math": "Mathematician",
    "physics": "Physicist",
    "chemistry": "Chemist",
    "biology": "Biologist",
}


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "Give the reasons as well.")
    for subject, role in _ROLES.items():
        sheet = kit.sheet(SOURCE, subject, f"{subject}.zip")
        for _ in range(_ROWS * kit.scale):
            sheet.add(_row(ask, subject, role))
        plant_pairs(sheet, "message_1", "message_2")
        members = [_member(number, orjson.dumps(row)) for number, row in enumerate(sheet.rows)]
        sheet.plant("json_cut_short", None)
        members.append(_member(len(members), orjson.dumps(sheet.rows[0])[:-20]))
        path = kit.folder / f"camel-ai/{subject}/{sheet.file}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archives.zip_file(members))


def _row(ask: Questions, subject: str, role: str) -> dict[str, Any]:
    made = ask.problem(subject)
    return {
        "role_1": f"{role}_RoleType.ASSISTANT",
        "topic;": made.topic,
        "sub_topic": made.sub_topic,
        "message_1": made.question,
        "message_2": made.solution,
    }


def _member(number: int, data: bytes) -> archives.Member:
    """Named by topic, sub-topic and number, as upstream does."""
    return f"{number // 25 + 1:03d}_{number % 25 + 1:03d}_001.json", data
