from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from manifests.schema import STORE_SCHEMA
from manifests.storage import open_ipc
from mixtures.likeness import NearText
from pipelines.alike.texts import facts_path, measure_texts, read_text_facts, sides
from pipelines.near.facts import measure_sides
from pipelines.near.signatures import Banding
from tests.pipelines.hand_made import Chat, write_chats

# (role, type, text) of each item of one message each; kind; what is asked, what is answered.
CASES = {
    "turns are lines": (
        [("user", "text", "a"), ("assistant", "text", "b"), ("user", "text", "c")],
        "chat",
        ("a\nc", "b"),
    ),
    "media are no text": ([("user", "image", ""), ("user", "text", "a")], "chat", ("a", "")),
    "what the system says is left out": (
        [("system", "text", "s"), ("user", "text", "a"), ("assistant", "text", "b")],
        "chat",
        ("a", "b"),
    ),
    "a document is all answer": ([("assistant", "text", "b")], "document", ("", "b")),
    "nothing": ([], "chat", ("", "")),
}


def _batch(names: list[str]) -> pa.RecordBatch:
    rows = []
    for name in names:
        items, kind, _ = CASES[name]
        messages = [
            {"role": role, "content": [{"type": what, "text": text}]} for role, what, text in items
        ]
        rows.append({"messages": messages, "kind": kind, "media": []})
    return pa.RecordBatch.from_pylist(rows, schema=STORE_SCHEMA)


@pytest.mark.parametrize("name", CASES)
def test_sides(name: str) -> None:
    asked, said = sides(_batch([name]), "both")
    assert (asked[0], said[0]) == CASES[name][2]


def test_sides_of_many() -> None:
    asked, said = sides(_batch(list(CASES)).slice(1), "both")
    assert list(zip(asked, said, strict=True)) == [case[2] for case in CASES.values()][1:]


@pytest.mark.parametrize("chat", ["user", "answers"])
def test_one_side_of_chats_and_all_of_documents(chat: str) -> None:
    names = ["turns are lines", "a document is all answer"]
    asked, said = sides(_batch(names), chat)
    assert asked == (["a\nc", ""] if chat == "user" else ["", ""])
    assert said == (["", "b"] if chat == "user" else ["b", "b"])


def test_what_is_read_is_what_was_measured(tmp_path: Path) -> None:
    chats = [Chat(n, f"What is this about, number {n}?", "It is a cat.") for n in range(5)]
    folder = write_chats(tmp_path, *chats)
    asked = NearText(bands=3, rows=2)
    measure_texts(folder, asked)
    found = read_text_facts(folder, asked)
    reader = open_ipc(f"{folder}/samples.arrow")
    batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    assert len(batches) > 1, "several batches are one file"
    asked_s, said_s = ([s for b in batches for s in sides(b, "both")[at]] for at in (0, 1))
    expected = measure_sides(asked_s, said_s, Banding(3, 2))
    assert (found.num_words == expected.num_words).all() and (found.codes == expected.codes).all()
    assert (found.keys == expected.keys).all() and found.keys.shape == (5, 3)


def test_other_bands_and_sides_are_other_files(tmp_path: Path) -> None:
    asked = [NearText(), NearText(bands=9), NearText(rows=4), NearText(chat="user")]
    assert len({facts_path(str(tmp_path), one) for one in asked}) == 4
    assert facts_path("s", NearText()) == facts_path("s", NearText(threshold=0.9))
