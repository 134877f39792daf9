"""Documents, and the packed JSON Lines that they come in: what is lost is said, and only that."""

from __future__ import annotations

import bz2
import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sources import get
from sources.base import Draft, Rejected
from sources.conversations import RowError
from sources.documents import document
from sources.readers.json_array import JsonRow, read_json_rows
from sources.readers.rows import open_rows
from sources.root import FileRef, Root
from tests.sources import reading


def _zstd(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as packed:
        packed.write(data)
    return bytes(out.getvalue())


Pack = Callable[[bytes], bytes]
PACKERS: dict[str, Pack] = {".zst": _zstd, ".gz": gzip.compress, ".bz2": bz2.compress}
_LINES = b"".join(
    json.dumps({"text": " ".join(str(i * j % 9973) for j in range(90))}).encode() + b"\n"
    for i in range(1, 600)
)


def _read(folder: Path, suffix: str, data: bytes, **more: Any) -> list[JsonRow]:
    file = FileRef(f"rows.jsonl{suffix}", len(data))
    (folder / file.path).write_bytes(data)
    with open_rows(Root(str(folder), "r"), file) as handle:
        return list(read_json_rows(handle, **more))


@pytest.fixture(params=list(PACKERS))
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_several_frames_are_one_text(suffix: str, tmp_path: Path) -> None:
    """As `cat a.zst b.zst` and tools that append leave them; frames end anywhere."""
    pack = PACKERS[suffix]
    plain = _read(tmp_path, "", _LINES)
    frames = b"".join(pack(_LINES[i : i + 50_021]) for i in range(0, len(_LINES), 50_021))
    assert len(plain) == 599
    assert _read(tmp_path, suffix, pack(_LINES)) == plain
    assert _read(tmp_path, suffix, frames) == plain
    assert _read(tmp_path, suffix, frames, start=300, stop=310) == plain[300:310]


@pytest.mark.parametrize("damage", ["cut", "overwritten", "followed by noise"])
def test_rows_before_the_damage_are_kept(suffix: str, damage: str, tmp_path: Path) -> None:
    plain = _read(tmp_path, "", _LINES)
    frames = [PACKERS[suffix](_LINES[i : i + 50_021]) for i in range(0, len(_LINES), 50_021)]
    packed, half = b"".join(frames), sum(map(len, frames[: len(frames) // 2]))
    broken = {
        "cut": packed[:-7],
        # A frame's head: inside a frame without a checksum, damage may unpack to something.
        "overwritten": packed[:half] + b"\xa5" * 64 + packed[half + 64 :],
        "followed by noise": packed + bytes(64),
    }[damage]
    rows = _read(tmp_path, suffix, broken)
    assert rows[:-1] == plain[: len(rows) - 1]
    assert len(rows) > 200
    last = rows[-1]
    assert (last.row, last.value, last.reason) == (len(rows) - 1, None, "json_malformed")
    assert "damaged" in last.detail
    for cut in (0, len(rows) // 2, len(rows) - 1):
        parts = (
            _read(tmp_path, suffix, broken, stop=cut),
            _read(tmp_path, suffix, broken, start=cut),
        )
        assert [*parts[0], *parts[1]] == rows


def test_what_is_not_packed_at_all(suffix: str, tmp_path: Path) -> None:
    assert [row.reason for row in _read(tmp_path, suffix, b"no archive")] == ["json_malformed"]
    assert [row.reason for row in _read(tmp_path, suffix, b"")] == ["json_malformed"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    data = _zstd(_LINES * 80)
    file = FileRef("rows.jsonl.zst", len(data))
    (tmp_path / file.path).write_bytes(data)
    tracemalloc.start()
    with open_rows(Root(str(tmp_path), "r"), file) as handle:
        assert sum(1 for _ in read_json_rows(handle, lines=True)) == 80 * 599
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(_LINES) * 80 > 18_000_000
    assert peak < 4_000_000


def test_a_single_line_is_a_row(tmp_path: Path) -> None:
    """Though an object with a list in it looks like a wrapped array."""
    folder = tmp_path / "mlfoundations" / "dclm-baseline-1.0"
    file = folder / "global-shard_01_of_10" / "local-shard_0_of_10" / "shard_0.jsonl.zst"
    file.parent.mkdir(parents=True)
    file.write_bytes(_zstd(b'{"text": "One.", "tags": [{"text": "not a row"}]}\n'))
    root = Root(str(folder), "mlfoundations/dclm-baseline-1.0")
    source = get("dclm")
    rows = [row for shard in source.rows(root) for row in source.read_rows(root, shard)]
    assert [row.messages[0].content for row in rows if isinstance(row, Draft)] == [
        [("text", "One.")]
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "row_malformed"),
        (7, "row_malformed"),
        (["a", "b"], "row_malformed"),
        ("half a pair: \ud83d", "row_malformed"),
        ("", "text_empty"),
        (" \n\u00a0\u3000", "text_empty"),
    ],
)
def test_what_is_no_document(text: object, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        document(0, "s", text, {})
    assert caught.value.reason == reason


def test_a_document_is_one_answer_and_keeps_its_white_space() -> None:
    made = document(3, "s", "    indented\r\n\n", {"when": None, "score": float("nan")})
    assert (made.kind, made.row, made.subset, made.media, made.extra) == (
        "document",
        3,
        "s",
        [],
        None,
    )
    assert [(m.role, m.content) for m in made.messages] == [
        ("assistant", [("text", "    indented\r\n\n")])
    ]


DOCUMENTS = (
    *("aug_gsm8k", "cosmopedia_v2", "dclm", "dolma_books", "finemath", "fineweb_edu"),
    *("infimm_webmath", "openwebmath", "stack_edu", "starcoder2_extras", "starcoderdata"),
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_row_is_a_document_or_has_a_reason(name: str) -> None:
    source = get(name)
    for root in reading.roots(source, reading.mirror_of(source)):
        for shard in source.rows(root):
            for row in source.read_rows(root, shard):
                if isinstance(row, Rejected):
                    assert row.detail
                    continue
                assert row.kind == "document"
                assert [message.role for message in row.messages] == ["assistant"]
