"""Rows joined to their media, from store folders written by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from manifests.ids import turn_digest
from pipelines import join as join_module
from pipelines.join import ORDER, join_rows
from tests.pipelines.hand_made import (
    Chat,
    Row,
    broken,
    clip,
    curated,
    image,
    reject,
    write_chats,
    write_media,
)


def joined_rows(folder: Path, media: list[Row], *chats: Chat, name: str) -> list[Row]:
    source = curated(
        [write_media(folder / "media", *media)],
        [(write_chats(folder / "rows", *chats), "a.parquet")],
        name,
    )
    rows: list[Row] = join_rows([source]).index.to_dicts()
    return rows


def _content_id(row: Row) -> str | None:
    halves = (row["hi"], row["lo"])
    return None if None in halves else b"".join(n.to_bytes(8, "little") for n in halves).hex()


def test_a_row_with_its_media(tmp_path: Path) -> None:
    chats = [
        Chat(0, "Héllo"),
        Chat(1, media=("a",)),
        Chat(2, media=("b", "a")),
        Chat(3, media=("c",), kind="video"),
    ]
    media = [image("a"), image("b"), clip("c", [0, 1000])]
    rows = joined_rows(tmp_path, media, *chats, name="the_cauldron")
    assert [row["modality"] for row in rows] == ["text", "image", "multi_image", "video"]
    assert [row["media"] for row in rows] == [[], [0], [1, 0], [2]]
    assert [_content_id(row) for row in rows] == [chat.content_id for chat in chats]
    assert [row["pos"] for row in rows] == [0, 1, 2, 3]
    assert [row["fate"] for row in rows] == [None] * 4
    facts = {"source": "the_cauldron", "subset": "ai2d", "file": "a.parquet", "row": 0, "group": 0}
    facts |= {"category": "vqa", "kind": "chat", "license": "MIT", "folder": 0}
    facts |= {"num_turns": 1, "num_messages": 2, "num_answers": 1}
    facts |= {"system_bytes": 0, "user_bytes": 6, "assistant_bytes": 6}
    assert facts.items() <= rows[0].items()


FAULTS: list[tuple[str, tuple[str, ...], str, str]] = [
    ("not there", ("none",), "media_missing", "none"),
    ("two media fit", ("x/1.jpg",), "media_ambiguous", "x/1.jpg"),
    ("broken, with detail", ("torn",), "image_truncated", "torn: 3 bytes short"),
    ("broken, without", ("null",), "image_bytes_null", "null"),
    ("the first fault counts", ("good", "null", "none"), "image_bytes_null", "null"),
    ("in the row's order", ("none", "null"), "media_missing", "none"),
]


@pytest.mark.parametrize(("name", "keys", "rule", "value"), FAULTS, ids=[f[0] for f in FAULTS])
def test_a_row_without_its_media(
    tmp_path: Path, name: str, keys: tuple[str, ...], rule: str, value: str
) -> None:
    media = [
        image("good"),
        image("a/x/1.jpg"),
        image("b/x/1.jpg"),
        broken("torn", "image_truncated", "3 bytes short"),
        broken("null", "image_bytes_null"),
    ]
    chats = [Chat(0, media=keys, subset="train"), Chat(1, media=("good",), subset="train")]
    bad, good = joined_rows(tmp_path, media, *chats, name="m4_instruct")
    assert (bad["fate"], bad["stage"]) == ("unreadable", "join")
    assert (bad["rule"], bad["value"]) == (rule, value)
    assert (_content_id(bad), bad["media"]) == (None, [])
    assert bad["modality"] == ("image" if len(keys) == 1 else "multi_image")
    assert good["fate"] is None and good["media"] == [0]


def test_a_sample_that_no_binary_column_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is of all media of a sample; one media named twice counts twice."""
    monkeypatch.setattr(join_module, "MAX_SAMPLE_BYTES", 2500)
    chats = [Chat(0, media=("a", "b")), Chat(1, media=("a", "b", "a"))]
    rows = joined_rows(tmp_path, [image("a"), image("b")], *chats, name="the_cauldron")
    assert [row["fate"] for row in rows] == [None, "unreadable"]
    assert (rows[1]["rule"], rows[1]["value"]) == ("sample_too_large", "3000 bytes of media")


def test_what_a_source_rejected_is_in_the_index(tmp_path: Path) -> None:
    rejected = [reject(0, "no_turns"), reject(2, "row_malformed", "texts is no list", group=1)]
    folder = write_chats(tmp_path / "rows", Chat(1), rejected=rejected)
    rows = join_rows([curated(rows=[(folder, "a.parquet")])]).index.to_dicts()
    assert [row["row"] for row in rows] == [0, 1, 2]
    assert [row["fate"] for row in rows] == ["unreadable", None, "unreadable"]
    assert [row["stage"] for row in rows] == ["curate", None, "curate"]
    assert [row["rule"] for row in rows] == ["no_turns", None, "row_malformed"]
    assert [row["value"] for row in rows] == [None, None, "texts is no list"]
    assert rows[2]["group"] == 1 and rows[2]["folder"] is None


def test_rows_of_other_subsets_in_the_same_file_are_left_out(tmp_path: Path) -> None:
    rejected = [reject(1, "no_turns"), {**reject(2, "no_turns"), "subset": "other"}]
    chats = [Chat(0), Chat(3, subset="other")]
    folder = write_chats(tmp_path / "rows", *chats, rejected=rejected)
    source = replace(curated(rows=[(folder, "a.json")]), subsets=frozenset({"ai2d"}))
    assert join_rows([source]).index["row"].to_list() == [0, 1]


def test_media_are_numbered_over_all_sources(tmp_path: Path) -> None:
    """The same key is another media in another source, and in a folder that comes later."""
    first = curated(
        [write_media(tmp_path / "m0", image("k")), write_media(tmp_path / "m1", image("l"))],
        [(write_chats(tmp_path / "r0", Chat(0, media=("l",))), "a.parquet")],
    )
    second = curated(
        [write_media(tmp_path / "m2", image("j"), image("k"))],
        [(write_chats(tmp_path / "r1", Chat(0, media=("k",), subset="train")), "b.json")],
        "m4_instruct",
    )
    joined = join_rows([first, second])
    found = {row["source"]: row["media"] for row in joined.index.to_dicts()}
    assert found == {"the_cauldron": [0], "m4_instruct": [1]}
    assert joined.media["key"].to_pylist() == ["l", "k"]  # those that rows name
    assert joined.media["folder"].to_pylist() == [1, 2]
    assert joined.media["place"].to_pylist() == [0, 1]
    assert joined.media_folders == (*first.media, *second.media)
    assert joined.index["folder"].to_list() == [0, 1]


def test_the_order_is_that_of_shards_then_of_upstream_rows(tmp_path: Path) -> None:
    chats = [Chat(7), Chat(3, group=1), Chat(3, group=0), Chat(10)]
    rejected = [reject(5, "no_turns")]
    folders = [
        (write_chats(tmp_path / "x", *chats, rejected=rejected), "b.parquet"),
        (write_chats(tmp_path / "y", Chat(1), Chat(0, subset="aokvqa")), "a.parquet"),
    ]
    index = join_rows([curated(rows=folders)]).index
    assert index.select(ORDER).rows() == [
        ("the_cauldron", "ai2d", "b.parquet", 3, 0),
        ("the_cauldron", "ai2d", "b.parquet", 3, 1),
        ("the_cauldron", "ai2d", "b.parquet", 5, 0),
        ("the_cauldron", "ai2d", "b.parquet", 7, 0),
        ("the_cauldron", "ai2d", "b.parquet", 10, 0),
        ("the_cauldron", "aokvqa", "a.parquet", 0, 0),
        ("the_cauldron", "ai2d", "a.parquet", 1, 0),
    ]
    assert index["folder"].to_list() == [0, 0, None, 0, 0, 1, 1]
    assert index["pos"].to_list() == [2, 1, None, 0, 3, 1, 0]


def test_equal_content_has_an_equal_id_wherever_it_lies(tmp_path: Path) -> None:
    media = [image("a"), image("a2", digest=image("a")["digest"])]
    chats = [Chat(0, media=("a",)), Chat(1, media=("a2",)), Chat(2, "Another?", media=("a",))]
    rows = joined_rows(tmp_path, media, *chats, name="the_cauldron")
    ids = [_content_id(row) for row in rows]
    assert ids[0] == ids[1] != ids[2]
    assert turn_digest(chats[0].items) != turn_digest(chats[2].items)


def test_nothing_at_all(tmp_path: Path) -> None:
    joined = join_rows([curated(rows=[(write_chats(tmp_path / "rows"), "a.parquet")])])
    assert joined.index.height == 0 and joined.media.num_rows == 0
