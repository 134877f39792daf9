from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import UsageError
from mixtures.tokens import (
    DEFAULT_PROCESSOR,
    MediaSizes,
    Processor,
    TextSizes,
    count_tokens,
    get_processor,
    image_tiles,
    media_ids,
    text_ids,
)

SMALL = get_processor(DEFAULT_PROCESSOR)
LARGE = get_processor("smolvlm-2.2b")


def _media(sizes: list[tuple[int, int, bool]], sample: list[int] | None = None) -> MediaSizes:
    table = np.array(sizes, dtype=np.int64).reshape(-1, 3)
    return MediaSizes(
        sample=np.array(sample or [0] * len(sizes), dtype=np.int64),
        width_px=table[:, 0],
        height_px=table[:, 1],
        is_frame=table[:, 2].astype(bool),
    )


def _tiles(width: int, height: int, edge: int, tile: int) -> tuple[int, int]:
    """The processor's steps, one image at a time, as the reference states them."""
    aspect = width / height
    short = int(edge / aspect) if width >= height else int(edge * aspect)
    short = max(short + short % 2, 1)
    across, along = math.ceil(short / tile), edge // tile
    return (across, along) if width >= height else (along, across)


def test_the_reference_examples() -> None:
    icon = _media([(300, 200, False)])
    rows, columns = image_tiles(SMALL, icon.width_px, icon.height_px)
    assert rows[0] * columns[0] + 1 == 13
    assert media_ids(SMALL, icon)[1].tolist() == [13 * 64]
    ids, _ = media_ids(SMALL, _media([(512, 512, False)] * 7))
    assert ids.sum() == 7889


@pytest.mark.parametrize(("processor", "max_image_ids"), [(SMALL, 1088), (LARGE, 1377)])
def test_the_largest_image_and_a_frame(processor: Processor, max_image_ids: int) -> None:
    all_ids, image_ids = media_ids(processor, _media([(700, 700, False), (700, 700, True)]))
    # Mixtures reference, section 3.2: 17 tiles at most; a frame is one tile.
    assert image_ids.tolist() == [max_image_ids, max_image_ids // 17]
    assert all_ids[1] == max_image_ids // 17 + 3


@given(
    st.integers(1, 20_000),
    st.one_of(st.integers(1, 20_000), st.integers(1, 3)),
    st.sampled_from([SMALL, LARGE]),
)
def test_tiles_follow_the_stated_arithmetic(width: int, height: int, model: Processor) -> None:
    rows, columns = image_tiles(model, np.array([width, height]), np.array([height, width]))
    edge, tile = model.longest_edge_px, model.tile_px
    assert (rows[0], columns[0]) == _tiles(width, height, edge, tile)
    assert (rows[1], columns[1]) == _tiles(height, width, edge, tile)


def test_ids_are_those_of_the_layout_spelled_out() -> None:
    rows, columns, length = 3, 4, SMALL.ids_per_tile
    spelled: list[str] = []
    for row in range(rows):
        for column in range(columns):
            spelled += ["<fake>", f"<row_{row}_col_{column}>"] + ["<image>"] * length
        # The newline after the last row and the one before the global tile are one id.
        spelled += ["\n"] if row < rows - 1 else []
    spelled += ["\n\n", "<fake>", "<global-img>"] + ["<image>"] * length + ["<fake>"]
    all_ids, image_ids = media_ids(SMALL, _media([(300, 200, False)]))
    assert all_ids.tolist() == [len(spelled)]
    assert image_ids.tolist() == [spelled.count("<image>")]


def test_text_is_rounded_up_from_41_bytes_for_10_ids() -> None:
    assert text_ids(np.array([0, 1, 4, 41, 42, 4100])).tolist() == [0, 1, 1, 10, 11, 1000]


def test_counts_of_samples_add_up() -> None:
    text = TextSizes(
        prompt_bytes=np.array([41, 0, 82]),
        answer_bytes=np.array([41, 4, 41]),
        num_prompts=np.array([1, 1, 2]),
        num_answers=np.array([1, 1, 2]),
    )
    media = _media([(512, 512, True), (300, 200, False), (512, 512, True)], sample=[2, 0, 2])
    counts = count_tokens(SMALL, text, media)
    assert counts.num_media_tokens.tolist() == [832, 0, 128]
    # Text of the answers and an end of utterance each.
    assert counts.num_answer_tokens.tolist() == [11, 2, 12]
    # <|im_start|>; User : text end newline; Ass istant : newline; what surrounds media.
    image_rest = 12 * 2 + 3 + 3
    assert counts.num_text_tokens.tolist() == [
        1 + (2 + 10 + 2) + 4 + image_rest,
        1 + (2 + 0 + 2) + 4,
        1 + (2 * 2 + 20 + 2 * 2) + 8 + 2 * 3,
    ]
    parts = counts.num_media_tokens + counts.num_answer_tokens + counts.num_text_tokens
    assert (counts.num_tokens == parts).all()
    assert counts.num_tokens.dtype == np.int32


def test_no_media_at_all() -> None:
    one = np.ones(1, dtype=np.int64)
    text = TextSizes(prompt_bytes=one, answer_bytes=one, num_prompts=one, num_answers=one)
    assert count_tokens(SMALL, text, _media([])).num_media_tokens.tolist() == [0]


def test_unknown_processor() -> None:
    with pytest.raises(UsageError, match="no processor 'smolvlm-256'; did you mean 'smolvlm-256m'"):
        get_processor("smolvlm-256")
