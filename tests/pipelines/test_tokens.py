"""Token columns of the index equal the formula of mixtures.tokens, sample by sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixtures.tokens import BYTES_PER_ID
from pipelines.join import join_rows
from pipelines.tokens import PROCESSOR, with_tokens
from tests.pipelines.hand_made import Chat, broken, clip, curated, image, write_chats, write_media

_NAMES = ("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens")
_MEDIA = [
    image("small", (64, 48)),
    broken("torn", "image_truncated"),
    image("wide", (2048, 512)),
    clip("film", [0, 1000, 3_600_000]),
]


def ids(num_bytes: int) -> int:
    bytes_, per = BYTES_PER_ID
    return -(-num_bytes * per // bytes_)


def counts(folder: Path, *chats: Chat) -> list[tuple[int, ...]]:
    source = curated(
        [write_media(folder / "m", *_MEDIA)], [(write_chats(folder / "r", *chats), "a")]
    )
    joined = join_rows([source])
    return with_tokens(joined.index, joined.media).select(_NAMES).rows()


def test_a_text(tmp_path: Path) -> None:
    """Bytes, not letters, count; 1 start, 4 for the prompt, 3 + 1 + 1 for the answer."""
    ((total, media, answer, text),) = counts(tmp_path, Chat(0, "Grüße", answer="Ja."))
    assert (media, answer, text) == (0, ids(3) + 1, ids(7) + 1 + 4 + 3 + 1)
    assert total == answer + text


def test_an_image_is_its_tiles_and_a_frame_is_one(tmp_path: Path) -> None:
    """4:3 at 2048 px is 4 x 3 tiles of 512 px beside the global one; a frame has that one alone."""
    length = PROCESSOR.ids_per_tile
    base, small, wide, film = counts(
        tmp_path,
        Chat(0),
        Chat(1, media=("small",)),
        Chat(2, media=("wide", "small")),
        Chat(3, media=("film",), kind="video"),
    )
    assert small[1] == 13 * length
    assert small[3] - base[3] == 12 * 2 + 3 + 3
    assert wide[1] == (5 + 13) * length
    assert film[1] == 3 * length
    labels = len("Frame from 00:00:") * 3
    question = len("What is it?")
    assert film[3] - base[3] == 3 * 3 + ids(question + labels) - ids(question)


def test_a_row_without_its_media_counts_none(tmp_path: Path) -> None:
    torn, missing, small = counts(
        tmp_path,
        Chat(0, media=("torn",)),
        Chat(1, media=("small", "none")),
        Chat(2, media=("small",)),
    )
    assert torn[1] == missing[1] == 0 and small[1] > 0


@pytest.mark.parametrize("swap", [False, True])
def test_neighbours_do_not_matter(tmp_path: Path, swap: bool) -> None:
    chats = [
        Chat(0, media=("small", "wide", "small")),
        Chat(1, "A text."),
        Chat(2, media=("film",), kind="video"),
        Chat(3, media=("wide",)),
    ]
    alone = {chat.row: counts(tmp_path / str(chat.row), chat)[0] for chat in chats}
    together = counts(tmp_path / "all", *(chats[::-1] if swap else chats))
    assert together == [alone[row] for row in range(4)]


def test_no_rows_and_no_media(tmp_path: Path) -> None:
    joined = join_rows([curated(rows=[(write_chats(tmp_path / "r"), "a")])])
    assert with_tokens(joined.index, joined.media).height == 0
