"""What `--exclude` takes out: by id, place, media, or a text of the upstream row; and copies."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from manifests.errors import UsageError
from pipelines.exclude import Exclusions, exclude, read_exclusions
from pipelines.join import Joined, join_rows
from tests.pipelines.hand_made import (
    Chat,
    broken,
    curated,
    digest_of,
    image,
    reject,
    write_chats,
    write_media,
)

CHATS = [
    Chat(0, "plain"),
    Chat(1, media=("fine.jpg",)),
    Chat(2, media=("fine.jpg", "other.jpg")),
    Chat(3, "with facts", extra='{"url": "https://a.b/c?d=1#e", "tags": [{"id": "yt_1"}], "n": 7}'),
    Chat(4, media=("torn.jpg",)),
    Chat(5, "twice", extra='{"id": "first"}'),
    Chat(5, "second turn", group=1),
    Chat(6, "of a file", extra='{"original_video_filename": "clip-1_AbCdEf.mp4"}'),
    Chat(7, "of a video", extra='{"original_video_filename": "-AbCdEfGh_1.mp4"}'),
]
COPIES = [Chat(0, "twice")]


@pytest.fixture
def joined(tmp_path: Path) -> Joined:
    media = write_media(
        tmp_path / "m", image("fine.jpg"), image("other.jpg"), broken("torn.jpg", "image_truncated")
    )
    chats = write_chats(tmp_path / "r", *CHATS, rejected=[reject(9, "no_turns")])
    first = curated([media], [(chats, "ai2d/train.parquet")])
    copies = (write_chats(tmp_path / "copies", *COPIES), "data/x.json")
    return join_rows([first, curated([], [copies], "magpie")])


CASES: list[tuple[str, list[int]]] = [
    (f"the_cauldron/ai2d/{CHATS[0].content_id}", [0]),
    (f"elsewhere/x/{CHATS[0].content_id}", [0]),
    ("the_cauldron/ai2d/ai2d/train.parquet#0", [0]),
    ("the_cauldron/ai2d/train.parquet#5", [5, 5, 50]),
    ("magpie/data/x.json#0", [5, 50]),
    ("ai2d/train.parquet#0", []),
    (digest_of("fine.jpg"), [1, 2]),
    ("other.jpg", [2]),
    ("https://a.b/c?d=1#e", [3]),
    ("yt_1", [3]),
    ("https://a.b/c", []),
    ("7", []),
    ("first", [5, 50]),
    ("clip-1_AbCdEf", [6]),
    ("clip-1_AbCdEf.mp4", [6]),
    ("1_AbCdEf.mp4", []),
    ("https://www.youtube.com/watch?v=-AbCdEfGh_1", [7]),
    ("https://youtu.be/-AbCdEfGh_1?t=3", [7]),
    ("https://www.youtube.com/shorts/-AbCdEfGh_1", [7]),
    ("https://www.youtube.com/watch?v=-AbCdEfGh_2", []),
    ("0" * 64, []),
    (f"the_cauldron/ai2d/{'0' * 32}", []),
]


def excluded(joined: Joined) -> pl.DataFrame:
    return joined.index.filter(pl.col("rule") == "excluded")


def rows_of(frame: pl.DataFrame) -> list[int]:
    """Upstream rows; those of the second source count from 50."""
    second = pl.when(pl.col("source") == "magpie").then(50).otherwise(0)
    return sorted(frame.select(pl.col("row") + second).to_series().to_list())


@pytest.mark.parametrize(("entry", "rows"), CASES)
def test_what_an_entry_takes_out(entry: str, rows: list[int], joined: Joined) -> None:
    done, matched = exclude(joined, Exclusions((entry,)))
    found = excluded(done)
    assert rows_of(found) == rows
    assert matched == ([entry] if rows else [])
    assert found.select("fate", "stage", "value").unique().rows() == (
        [("dropped", "access", entry)] if rows else []
    )
    assert done.index.height == joined.index.height
    assert done.index.columns == joined.index.columns


def test_all_entries_together(joined: Joined) -> None:
    entries = tuple(sorted(entry for entry, _ in CASES))
    done, matched = exclude(joined, Exclusions(entries))
    assert sorted(matched) == sorted(entry for entry, rows in CASES if rows)
    assert rows_of(excluded(done)) == [0, 1, 2, 3, 5, 5, 6, 7, 50]


def test_a_row_that_has_a_fate_keeps_it_and_counts_as_matched(joined: Joined) -> None:
    entries = ("the_cauldron/ai2d/train.parquet#9", "torn.jpg")
    done, matched = exclude(joined, Exclusions(entries))
    assert sorted(matched) == sorted(entries) and excluded(done).is_empty()
    fates = done.index.filter(pl.col("row").is_in([4, 9])).select("fate", "rule").rows()
    assert fates == [("unreadable", "image_truncated"), ("unreadable", "no_turns")]


def test_a_list_has_comments_and_its_digest_ignores_them(tmp_path: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_bytes("\ufeff# requests of May\n a/b#1  # asked by mail\n\nhttps://x.y/#z\n".encode())
    two.write_text("https://x.y/#z\na/b#1\n")
    read = read_exclusions([str(one), str(two)])
    assert read.entries == ("a/b#1", "https://x.y/#z")
    assert read.digest == read_exclusions([str(two)]).digest
    assert read.digest != read_exclusions([]).digest


@pytest.mark.parametrize(
    ("data", "words"), [(None, "No such file or directory; name a text file"), (b"\xe9", "is not")]
)
def test_a_list_that_cannot_be_read(data: bytes | None, words: str, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(UsageError, match=f"--exclude {file}.*{words}"):
        read_exclusions([str(file)])
