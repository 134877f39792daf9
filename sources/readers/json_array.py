"""Rows of a JSON file, one at a time and within flat memory, whatever its size and shape.

Shapes: a top-level array (22 GB in one upstream); JSON Lines; an object around one array (and a
file of one object is taken for that). A row that does not parse is handed on as `row_malformed` and
costs only itself, as long as it is clear where it ends; where that is not clear (a cut file, a
stray quote), one `json_malformed` stands for all that could not be read. A byte order mark,
trailing commas and blank lines are read over; NaN and Infinity, which Python writes though JSON has
none, become null.

How: elements of an array mostly begin alike (`{"id"`), so a block is cut before the last place that
looks like a beginning, and what stands before it is parsed at once. If that is a valid array, the
cut lies between two elements: JSON is read from left to right. Where it is not, numpy finds quotes
and brackets, a running sum of the brackets outside strings gives the depth, and each element is
parsed by itself. benchmarks/json_rows.py compares this with streaming parsers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import IO, Any, NamedTuple

import numpy as np
import orjson

from sources.readers.json_brackets import find_brackets

# Small enough for the masks of a block to stay in a core's cache.
_BLOCK_BYTES = 256 * 1024
# Far above any chat row: what seems longer is a string that never closes.
_MAX_ROW_BYTES = 32 * 1024 * 1024
_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# An object's beginning up to its first key, and what may stand before it.
_HEAD = re.compile(rb'[\s,]*(\{\s*"[^"\\]*")')
_SCALAR = re.compile(rb'"(?:[^"\\]|\\.)*"|[^\s,]+', re.DOTALL)


class JsonRow(NamedTuple):
    """Row `row`, counted from 0: its value, or the reason why there is none."""

    row: int
    value: Any
    reason: str | None = None
    detail: str = ""


class DamagedStream(Exception):
    """What `read` of a packed file's stream raises where it cannot be unpacked further."""


class _Lost(NamedTuple):
    """The file cannot be read further, and why."""

    detail: str


# One row as it stands, several rows already parsed, or the end of what can be read.
_Raw = bytes | memoryview | list[Any] | _Lost


def read_json_rows(
    handle: IO[bytes], start: int = 0, stop: int | None = None, lines: bool = False
) -> Iterator[JsonRow]:
    """Rows [start, stop) in order; those before `start` are passed over and not parsed.

    `lines` says that the file is JSON Lines: of a single line that cannot be told. A
    `json_malformed` row is the last one of the file; its number is that of the first row lost.
    """
    row = 0
    for raw in _until_damage(_Window(handle), lines):
        for piece in raw if isinstance(raw, list) else (raw,):
            if stop is not None and row >= stop:
                return
            if row >= start:
                yield JsonRow(row, piece) if piece is not raw else _read(row, raw)
            row += 1


def _read(row: int, raw: bytes | memoryview | _Lost) -> JsonRow:
    if isinstance(raw, _Lost):
        return JsonRow(row, None, "json_malformed", raw.detail)
    return _parse(row, raw)


def _parse(row: int, raw: bytes | memoryview) -> JsonRow:
    try:
        return JsonRow(row, orjson.loads(raw))
    except orjson.JSONDecodeError as error:
        strict = str(error)
    try:
        lenient = json.loads(str(raw, "utf-8"), parse_constant=lambda _: None)
        # There and back: infinities become null, and lone surrogates, which no file holds, fail.
        return JsonRow(row, orjson.loads(orjson.dumps(lenient)))
    except (ValueError, RecursionError, TypeError):
        return JsonRow(row, None, "row_malformed", strict)


class _Window:
    """The part of a file that is looked at; its first byte is byte `offset` of the file."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle
        self.data = b""
        self.offset = 0

    def more(self) -> bool:
        """Add a block at the end; False where the file has no more, or a row grew too long.

        Blocks double with what is kept, so that a long row is not looked at again too often.
        """
        size = max(_BLOCK_BYTES, len(self.data))
        block = self._handle.read(size) if len(self.data) < _MAX_ROW_BYTES else b""
        self.data += block
        return bool(block)

    def drop(self, num_bytes: int) -> None:
        self.data = self.data[num_bytes:]
        self.offset += num_bytes

    def skip_space(self) -> bytes:
        """What begins at the next byte that is not white space; empty at the end of the file."""
        while not self.data.lstrip(_SPACE):
            self.drop(len(self.data))
            if not self.more():
                return b""
        self.drop(len(self.data) - len(self.data.lstrip(_SPACE)))
        return self.data


def _until_damage(window: _Window, lines: bool) -> Iterator[_Raw]:
    try:
        yield from _raw_rows(window, lines)
    except DamagedStream as damage:
        yield _Lost(f"after byte {window.offset} of its text the file is damaged: {damage}")


def _raw_rows(window: _Window, lines: bool = False) -> Iterator[_Raw]:
    window.more()
    if window.data.startswith(_BOM):
        window.drop(len(_BOM))
    head = window.skip_space()
    if head.startswith(b"["):
        yield from _whole_array(window)
    elif head.startswith(b"{") and (lines or _is_lines(window)):
        yield from _lines(window)
    elif head.startswith(b"{"):
        yield from _wrapped_array(window)
    elif head.startswith(_UTF16):
        yield _Lost("the file is UTF-16, not UTF-8")
    else:
        yield _Lost("the file begins with no array and no object" if head else "the file is empty")


def _whole_array(window: _Window) -> Iterator[_Raw]:
    window.drop(1)
    closed = yield from _elements(window)
    if closed and window.skip_space():
        yield _Lost(f"something follows the array, at byte {window.offset}")


def _wrapped_array(window: _Window) -> Iterator[_Raw]:
    """The elements of the object's array; a second array would be lost, so it is said."""
    begin = -1
    while begin < 0:
        places, depths, opens = find_brackets(window.data)
        arrays = places[opens & (depths == 2)]
        begin = next((int(place) for place in arrays if window.data[place] == 0x5B), -1)
        if begin < 0 and not window.more():
            yield _Lost("the file is an object that holds no array")
            return
    window.drop(begin + 1)
    closed = yield from _elements(window)
    while closed and window.more():
        pass
    places, _, opens = find_brackets(window.data)
    too_long = len(window.data) >= _MAX_ROW_BYTES
    if closed and (too_long or any(window.data[place] == 0x5B for place in places[opens])):
        yield _Lost(f"more than one array stands in the object: see byte {window.offset}")


def _elements(window: _Window) -> Generator[_Raw, None, bool]:
    """Elements up to the array's closing bracket, which is dropped; False where it was not met."""
    while True:
        if values := _whole_elements(window):
            yield values
            if window.more():
                continue
        places, depths, opens = find_brackets(window.data)
        outside = np.flatnonzero(depths < 0)
        close = int(places[outside[0]]) if outside.size else -1
        inside = slice(outside[0] if outside.size else None)
        starts = places[inside][opens[inside] & (depths[inside] == 1)].tolist()
        ends = places[inside][~opens[inside] & (depths[inside] == 0)].tolist()
        view, position = memoryview(window.data), 0
        for first, last in zip(starts, ends, strict=False):  # the last one may still be open
            if window.data[last] - window.data[first] != 2:  # in ASCII, as { and }, [ and ]
                yield _Lost(f"brackets do not match in the row at byte {window.offset + first}")
                return False
            yield from _scalars(window.data[position:first])
            yield view[first : last + 1]
            position = last + 1
        if close >= 0:
            yield from _scalars(window.data[position:close])
            window.drop(close + 1)
            return True
        window.drop(position)
        if not window.more():
            yield _Lost(f"no row ends after byte {window.offset}: the file is cut or damaged there")
            return False


def _whole_elements(window: _Window) -> list[Any]:
    """Elements from the window's beginning, which are dropped; none where that is not sure."""
    head = _HEAD.match(window.data)
    if head is None:
        return []
    begin, cut = head.start(1), window.data.rfind(head[1])
    body = window.data[begin:cut].rstrip(_SPACE)
    if not body.endswith(b","):
        return []
    try:
        values: list[Any] = orjson.loads(b"[" + body[:-1] + b"]")
    except orjson.JSONDecodeError:
        return []
    window.drop(cut)
    return values


def _scalars(gap: bytes) -> list[bytes]:
    """Elements that are no objects and no arrays, from what stands between two that are."""
    return _SCALAR.findall(gap) if gap.strip(b", \t\r\n") else []


def _is_lines(window: _Window) -> bool:
    """Whether the first line is a row of its own, with another line after it."""
    while not window.data.partition(b"\n")[2].strip(_SPACE) and window.more():
        pass
    first, _, rest = window.data.partition(b"\n")
    first, rest = first.rstrip(_SPACE), rest.lstrip(_SPACE)
    if rest.startswith(b"{"):
        return not first.endswith((b"{", b"[", b","))
    return bool(rest) and _parse(0, first).reason is None


def _lines(window: _Window) -> Iterator[_Raw]:
    while True:
        *lines, rest = window.data.split(b"\n")
        yield from (line for line in lines if line.strip(_SPACE))
        window.drop(len(window.data) - len(rest))
        if not window.more():
            break
    if len(window.data) >= _MAX_ROW_BYTES:
        yield _Lost(f"the line at byte {window.offset} is longer than {_MAX_ROW_BYTES} bytes")
    elif window.data.strip(_SPACE):
        yield window.data
