"""Benchmarks read from upstream's formats: each quirk of the cards, what each mistake costs."""

from __future__ import annotations

import base64
import csv
import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.benchmark_cards import BenchmarkCard
from manifests.errors import SchemaDriftError, SourceError, UnavailableError
from sources.benchmark_item import BenchmarkItem
from sources.benchmarks import items_at, read_items
from sources.root import Root


def _card(fields: dict[str, Any], *files: str, archives: tuple[str, ...] = ()) -> BenchmarkCard:
    return BenchmarkCard.model_validate(
        {
            "name": "demo",
            "title": "Demo",
            "modality": "video" if archives else "text",
            "repo": "someone/demo",
            "revision": "main",
            "license": "CC0-1.0",
            "gated": False,
            "citation": "nobody",
            "num_bytes": None,
            "held_out": [{"split": "t", "files": files, "archives": archives, "num_rows": None}],
            "fields": fields,
            "train": "none",
        }
    )


def _read(card: BenchmarkCard, folder: Path) -> tuple[list[BenchmarkItem], dict[str, int]]:
    skipped: Counter[str] = Counter()
    root = Root(str(folder), card.repo)
    return list(read_items(card, root, folder, skipped)), dict(skipped)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


# (fields, row, choices, answer): how answers and choices stand upstream.
ANSWERS: list[tuple[dict[str, Any], dict[str, Any], tuple[str, ...], str]] = [
    ({"answer": "a"}, {"a": "seven"}, (), "seven"),
    ({"answer": "a"}, {"a": ["seven", "7"]}, (), "seven"),
    ({"answer": "a.value"}, {"a": {"value": "x", "aliases": ["y"]}}, (), "x"),
    ({"answer": "a"}, {"a": None}, (), ""),
    (
        {"choices": ["c"], "answer": "a", "answer_is": "index"},
        {"c": ["p", "q"], "a": 1},
        ("p", "q"),
        "q",
    ),
    (
        {"choices": ["c"], "answer": "a", "answer_is": "index"},
        {"c": ["p", "q"], "a": "-1"},
        ("p", "q"),
        "",
    ),
    (
        {"choices": ["c", "d"], "answer": "a", "answer_is": "number"},
        {"c": "p", "d": "q", "a": "2"},
        ("p", "q"),
        "q",
    ),
    (
        {"choices": ["c"], "answer": "a", "answer_is": "letter"},
        {"c": ["A. p", "(B) q"], "a": "(B)"},
        ("p", "q"),
        "q",
    ),
    (
        {"choices": ["c"], "answer": "a", "answer_is": "letter"},
        {"c": "['p', \"it's q\"]", "a": "B"},
        ("p", "it's q"),
        "it's q",
    ),
    (
        {"choices": ["c"], "answer": "a", "answer_is": "letter"},
        {"c": "[]", "a": "0.5"},
        (),
        "0.5",
    ),
    (
        {"choices": ["c.text"], "labels": "c.label", "answer": "a", "answer_is": "label"},
        {"c": {"text": ["p", "q"], "label": ["1", "2"]}, "a": "2"},
        ("p", "q"),
        "q",
    ),
    (
        {"choices": ["c.text"], "labels": "c.label", "answer": "a", "answer_is": "label"},
        {"c": {"text": ["p", "q"], "label": ["A", "B"]}, "a": ""},
        ("p", "q"),
        "",
    ),
]


@pytest.mark.parametrize("name", ["main/test-00000-of-00001.parquet", "test.jsonl"])
@pytest.mark.parametrize(("fields", "row", "choices", "answer"), ANSWERS)
def test_answers(
    tmp_path: Path,
    name: str,
    fields: dict[str, Any],
    row: dict[str, Any],
    choices: tuple[str, ...],
    answer: str,
) -> None:
    card = _card({"question": ["q"], **fields}, "*test*")
    _write(tmp_path / name, [{"q": "What?", **row}])
    (item,), skipped = _read(card, tmp_path)
    assert (item.question, item.choices, item.answer) == ("What?", choices, answer)
    assert item.place == f"{name.partition('-')[0].partition('.')[0]}/0"
    assert skipped == {}


_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_ROWS = st.lists(
    st.fixed_dictionaries(
        {"q": _TEXTS, "c": st.lists(_TEXTS, max_size=4), "a": st.integers(-2, 5)}
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25)
@given(rows=_ROWS)
def test_what_is_read_does_not_depend_on_the_format(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the texts are; a row without a question is skipped, and keeps its number."""
    rows = [{"q": "First?", "c": ["p"], "a": 0}, *rows]
    fields = {"question": ["q"], "choices": ["c"], "answer": "a", "answer_is": "index"}
    found = []
    for name in ("t.parquet", "t.jsonl", "t.json"):
        folder = tmp_path_factory.mktemp("formats")
        _write(folder / name, rows)
        found.append(_read(_card(fields, name), folder))
    assert found[0] == found[1] == found[2]
    items, skipped = found[0]
    assert len(items) + skipped.get("question_missing", 0) == len(rows)
    for item in items:
        row = rows[int(item.place.removeprefix("t/"))]
        right = row["c"][row["a"]] if 0 <= row["a"] < len(row["c"]) else ""
        assert (item.question, list(item.choices), item.answer) == (row["q"], row["c"], right)


def test_files_of_a_split_count_on_and_others_are_not_read(tmp_path: Path) -> None:
    for number in range(2):
        file = f"data/test-0000{number}-of-00002-0123456789abcdef.parquet"
        _write(tmp_path / file, [{"q": f"{number}{row}"} for row in range(2)])
    _write(tmp_path / "data/train-00000-of-00001.parquet", [{"q": "learned on purpose"}])
    items, _ = _read(_card({"question": ["q"]}, "data/test-*.parquet"), tmp_path)
    assert [(item.place, item.question) for item in items] == [
        ("test/0", "00"),
        ("test/1", "01"),
        ("test/2", "10"),
        ("test/3", "11"),
    ]


def test_pictures_as_upstreams_hold_them(tmp_path: Path) -> None:
    row = {
        "q": ["First turn", "second turn"],
        "struct": {"bytes": b"one", "path": "1.png"},
        "plain": b"two",
        "coded": base64.b64encode(b"three").decode(),
        "many": [{"bytes": b"four", "path": None}, {"bytes": None, "path": "gone.png"}],
        "none": None,
    }
    columns = ["struct", "plain", "coded", "many", "none"]
    schema = pa.schema([*pa.Table.from_pylist([row]).schema][:-1]).append(
        pa.field("none", pa.struct({"bytes": pa.binary()}))
    )
    pq.write_table(pa.Table.from_pylist([row], schema=schema), tmp_path / "test.parquet")
    (item,), skipped = _read(_card({"question": ["q"], "images": columns}, "*"), tmp_path)
    assert item.images == (b"one", b"two", b"three", b"four")
    assert item.question == "First turn\nsecond turn"
    assert skipped == {"image_missing": 1}


def test_rows_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"q": "kept"}\n[1]\n{"q": " "}\n{"r": 1}\n{"q": "too"}\n')
    items, skipped = _read(_card({"question": ["q"]}, "a.jsonl"), tmp_path)
    assert [(item.place, item.question) for item in items] == [("a/0", "kept"), ("a/4", "too")]
    assert skipped == {"row_malformed": 1, "question_missing": 2}


def test_csv(tmp_path: Path) -> None:
    rows = [{"Question": "Why,\nthen?", "Correct Answer": "So"}]
    _write(tmp_path / "main.csv", rows)
    with (tmp_path / "main.csv").open("a") as handle:
        handle.write("cut off\n")
    fields = {"question": ["Question"], "choices": ["Correct Answer"], "answer": "Correct Answer"}
    (item,), skipped = _read(_card(fields, "main.csv"), tmp_path)
    assert (item.question, item.answer) == ("Why,\nthen?", "So")
    assert skipped == {"row_malformed": 1}


def _zip(path: Path, members: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    path.write_bytes(buffer.getvalue())


def test_clips_come_with_their_questions(tmp_path: Path) -> None:
    names = ["b", "a", "b", "in/c.mp4", "gone"]
    _write(tmp_path / "q.json", [{"q": f"{n}{name}", "v": name} for n, name in enumerate(names)])
    _zip(tmp_path / "v_01.zip", {"data/b.mp4": b"B", "data/b.srt": b"-", "other.mp4": b"-"})
    _zip(tmp_path / "v_02.zip", {"data/a.mp4": b"A", "in/c.mp4": b"C", "out/c.mp4": b"-"})
    card = _card({"question": ["q"], "video": "v"}, "q.json", archives=("v_*.zip",))
    items, skipped = _read(card, tmp_path)
    assert [(item.place, item.question, item.videos) for item in items] == [
        ("q/0", "0b", (b"B",)),
        ("q/2", "2b", (b"B",)),
        ("q/1", "1a", (b"A",)),
        ("q/3", "3in/c.mp4", (b"C",)),
        ("q/4", "4gone", ()),
    ]
    assert skipped == {"video_missing": 1}


def test_damaged_archives_cost_their_clips(tmp_path: Path) -> None:
    _write(tmp_path / "q.json", [{"q": "?", "v": "a"}])
    _zip(tmp_path / "v.zip", {"a.mp4": b"A" * 100})
    data = bytearray((tmp_path / "v.zip").read_bytes())
    data[60] ^= 255
    (tmp_path / "v.zip").write_bytes(bytes(data))
    card = _card({"question": ["q"], "video": "v"}, "q.json", archives=("v.zip",))
    (item,), skipped = _read(card, tmp_path)
    assert item.videos == () and skipped == {"video_unreadable": 1, "video_missing": 1}


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    card = _card({"question": ["q"]}, "data/test-*.parquet")
    with pytest.raises(UnavailableError, match=r"demo has no file like data/test-\*.parquet at"):
        _read(card, tmp_path)
    folder = tmp_path / "clips"
    _write(folder / "q.json", [{"q": "?", "v": "a"}])
    card = _card({"question": ["q"], "video": "v"}, "q.json", archives=("v_*.zip",))
    with pytest.raises(UnavailableError, match=r"demo has no file like v_\*.zip at"):
        _read(card, folder)


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv"])
def test_absent_columns_are_an_error(tmp_path: Path, name: str) -> None:
    _write(tmp_path / name, [{"q": "What?", "b": "1"}])
    card = _card({"question": ["q"], "answer": "a"}, name)
    with pytest.raises(SchemaDriftError, match=rf"demo: .*{name} has the columns b, q, without a"):
        _read(card, tmp_path)


def test_a_benchmark_without_a_readable_row_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"q": ""}\n')
    with pytest.raises(SourceError, match="demo has no readable row"):
        _read(_card({"question": ["q"]}, "a.jsonl"), tmp_path)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_items_at_places_are_read_without_their_media(suffix: str, tmp_path: Path) -> None:
    fields = {"question": ["q"], "images": ["picture"]}
    rows = [{"q": f"What is {n}?", "picture": "", "more": "x"} for n in range(5)]
    _write(tmp_path / f"a.{suffix}", rows)
    card = _card(fields, f"a.{suffix}")
    found = items_at(card, Root(str(tmp_path), card.repo), {"a/1", "a/3", "a/9", "b/0"})
    assert {place: item.question for place, item in found.items()} == {
        "a/1": "What is 1?",
        "a/3": "What is 3?",
    }
    with pytest.raises(UnavailableError, match="benchmark demo has no file like"):
        items_at(_card(fields, "no.csv"), Root(str(tmp_path), card.repo), {"a/1"})
