"""LIMA in small: bare strings as turns, some conversations of an odd number, and its test file."""

from __future__ import annotations

from pipelines.samples.kit import Kit
from pipelines.samples.questions import Pair, Questions, write_json

SOURCE = "lima"
REPO = "GAIR/lima"
REPOS = (REPO,)
FILE = "train.jsonl"
_ROWS = 28
_SOURCES = ("stackexchange", "wikihow", "pushshift_r_writing_prompts", "multi_turn")


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "I would like to understand the reasons.")
    sheet = kit.sheet(SOURCE, "default", FILE)
    for number in range(_ROWS * kit.scale):
        kind = number % 4
        talk = _texts(ask.chat(3 if kind == 3 else 1))
        sheet.add({"conversations": talk, "source": _SOURCES[kind]})
    rows = sheet.rows
    sheet.plant("exact_duplicate", dict(rows[1]), sheet.place(1))
    # Upstream has conversations that end on a question.
    sheet.plant("two_users_in_a_row", {**rows[3], "conversations": rows[3]["conversations"][:5]})
    sheet.plant("no_answer", {**rows[4], "conversations": rows[4]["conversations"][:1]})
    sheet.plant("conversation_empty", {**rows[5], "conversations": []})
    sheet.plant("text_null", {**rows[6], "conversations": [rows[6]["conversations"][0], None]})
    sheet.plant("conversation_missing", {"source": "wikihow"})
    write_json(kit.folder / REPO / FILE, sheet.rows)
    held = [{"conversations": _texts(ask.chat())[:1], "source": "test"} for _ in range(3)]
    write_json(kit.folder / REPO / "test.jsonl", held)


def _texts(pairs: list[Pair]) -> list[str]:
    return [text for pair in pairs for text in pair]
