"""JSON rows: against the standard library on anything Hypothesis writes, and each way to break."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.readers import json_array
from sources.readers.json_array import JsonRow, read_json_rows

TEXTS = st.text(st.sampled_from('ab"\\[]{},:\n\u00e9\U0001f600 y_Y'), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
LAYOUTS = st.sampled_from([{}, {"indent": 4}, {"indent": 0}, {"separators": (",", ":")}])


def rows(data: bytes | str, **options: Any) -> list[JsonRow]:
    return list(
        read_json_rows(io.BytesIO(data.encode() if isinstance(data, str) else data), **options)
    )


def values(data: bytes | str) -> list[Any]:
    assert all(row.reason is None for row in rows(data))
    return [row.value for row in rows(data)]


def reasons(data: bytes | str) -> list[str | None]:
    return [row.reason for row in rows(data)]


@given(st.lists(VALUES, max_size=8), LAYOUTS, st.booleans(), st.integers(1, 40))
def test_an_array_gives_its_elements(
    elements: list[Any], layout: dict[str, Any], is_ascii: bool, block: int
) -> None:
    text = json.dumps(elements, ensure_ascii=is_ascii, **layout)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "_BLOCK_BYTES", block)
        found = rows(text)
    assert [(row.row, row.value, row.reason) for row in found] == [
        (number, element, None) for number, element in enumerate(elements)
    ]


RECORDS = st.lists(st.fixed_dictionaries({"id": VALUES, "said": VALUES}), max_size=12)


@given(RECORDS, LAYOUTS, st.integers(8, 600), st.integers(0, 12))
def test_rows_that_begin_alike_are_the_same_read_together(
    elements: list[Any], layout: dict[str, Any], block: int, start: int
) -> None:
    text = json.dumps(elements, **layout)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "_BLOCK_BYTES", block)
        together = rows(text, start=start, stop=start + 5)
        patch.setattr(json_array, "_whole_elements", lambda window: [])
        apart = rows(text, start=start, stop=start + 5)
    assert together == apart
    assert [row.value for row in together] == elements[start : start + 5]


def test_a_row_that_is_no_json_costs_itself_among_rows_read_together() -> None:
    """Beginnings in texts and in rows do not deceive: what is cut there is no array."""
    good = [{"id": n, "turns": [{"id": '{"id"'}, {"id": n}]} for n in range(50)]
    parts = [json.dumps(row) for row in good]
    parts[20] = '{"id": 1, "lost": "\\ud800"}'
    parts[30] = '{"id": 1,, "turns": [{"id": 2}, {"id": 3}]}'
    found = rows("[" + ",\n".join(parts) + "]")
    assert [row.row for row in found if row.reason] == [20, 30]
    kept = [row.value for row in found if not row.reason]
    assert kept == [row for n, row in enumerate(good) if n not in (20, 30)]


@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), min_size=2, max_size=6), LAYOUTS)
def test_an_object_around_an_array_gives_its_elements(
    elements: list[Any], layout: dict[str, Any]
) -> None:
    wrapped = {"version": "[1", "about": {"tags": [1, {"a": []}]}, "rows": elements, "end": {}}
    assert values(json.dumps(wrapped, **layout)) == elements


@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), min_size=2, max_size=6))
def test_json_lines_give_their_lines(elements: list[Any]) -> None:
    lines = "\r\n\n".join(json.dumps(element) for element in elements)
    assert values(lines) == elements
    assert values("\n " + lines + "\n") == elements


def test_ranges_count_rows_from_the_first() -> None:
    text = json.dumps([{"n": number} for number in range(5)])
    assert [row.row for row in rows(text, start=3)] == [3, 4]
    assert [row.value for row in rows(text, start=1, stop=3)] == [{"n": 1}, {"n": 2}]
    assert rows(text, stop=0) == []


def test_what_python_writes_is_tolerated() -> None:
    text = '\ufeff [{"a": NaN, "b": [Infinity, -Infinity, 1e999]}, {"a": 1} ,\n]\n\n'
    assert values(text) == [{"a": None, "b": [None, None, None]}, {"a": 1}]


def test_backslashes_before_a_quote_are_counted() -> None:
    elements = [{"a": "\\"}, {"b": '\\"'}, {"c": '\\\\"]'}, {"d": "x\\" * 3}]
    assert values(json.dumps(elements)) == elements


def test_scalars_are_rows_too() -> None:
    assert values('[1, "a,]b", null, {"x": []}, "c", [2], true]') == [
        *[1, "a,]b", None, {"x": []}],
        *["c", [2], True],
    ]


def test_a_bad_row_costs_itself() -> None:
    text = '[{"a": 1}, {"a": tru}, {"a": "\\ud800"}, {"a": 1,}, oops, {"a": "\x01"}, {"a": 2}]'
    assert reasons(text) == [None, *["row_malformed"] * 5, None]
    assert rows(text)[-1].value == {"a": 2}
    lines = '{"a": 1}\n{"a": \nplain\n{"a": 2}'
    assert reasons(lines) == [None, "row_malformed", "row_malformed", None]
    assert reasons(b'[{"a": "\xff"}, {"a": 2}]') == ["row_malformed", None]
    assert reasons('[{"a": ' + "[" * 5000 + "]" * 5000 + "}, {}]") == ["row_malformed", None]


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("", 0),
        (" \n", 0),
        ("17", 0),
        ("<html>", 0),
        ('{"a": 1}', 0),
        ("[", 0),
        ('[{"a": 1}', 1),
        ('[{"a": 1}, {"a": "cut', 1),
        ('[{"a": 1}, {"a": "b}, {"a": 2}]', 1),
        ('[{"a": [}, {"a": 2}]', 0),
        ('[{"a": 1}] [{"a": 2}]', 1),
        ('{"a": [{"b": 1}], "c": [{"b": 2}]}', 1),
    ],
)
def test_what_cannot_be_read_further_is_one_row(text: str, before: int) -> None:
    assert reasons(text) == [None] * before + ["json_malformed"]
    assert [row.row for row in rows(text)] == list(range(before + 1))
    assert rows(text, start=before + 1) == rows(text, stop=before)[before:] == []


def test_utf16_is_named() -> None:
    (row,) = rows('[{"a": 1}]'.encode("utf-16"))
    assert row.reason == "json_malformed" and "UTF-16" in row.detail


def test_a_row_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "_BLOCK_BYTES", 64)
    monkeypatch.setattr(json_array, "_MAX_ROW_BYTES", 1024)
    endless = '[{"a": 1}, {"a": "' + "x" * 5000
    assert reasons(endless) == [None, "json_malformed"]
    assert reasons('{"a": 1}\n{"b": "' + "x" * 5000 + '"}') == [None, "json_malformed"]
    assert len(rows(json.dumps([{"a": "x" * 900}] * 40))) == 40


def test_memory_is_flat() -> None:
    class Endless(io.RawIOBase):
        """A gigabyte of rows would be read to its end: the window must never hold much of it."""

        def __init__(self) -> None:
            super().__init__()
            self.given = 0

        def read(self, size: int = -1, /) -> bytes:
            self.given += size
            head = b"[" if self.given == size else b""
            return head + b'{"a": "b"},' * (size // 11) + b" " * (size % 11 - len(head))

    handle = Endless()
    window = json_array._Window(handle)  # type: ignore[arg-type]
    found = json_array._raw_rows(window)
    while handle.given < 20_000_000:
        next(found)
    assert len(window.data) <= 2 * json_array._BLOCK_BYTES
