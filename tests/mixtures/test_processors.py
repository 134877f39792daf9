"""Tiles of images, against transformers' SmolVLM image processor, Pillow and all."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image as Picture

from manifests.errors import UsageError
from mixtures.processors import PROCESSORS, Processor, get_processor, image_tiles
from mixtures.tokens import image_ids, tile_ids
from tests.chat_ids import image_processor, image_text

EXTREMES = [
    *((1, 1), (1, 20_000), (20_000, 1), (2, 3), (3, 2), (511, 512), (512, 512), (513, 512)),
    *((2048, 2048), (2048, 513), (2049, 513), (4096, 1025), (1536, 385), (1537, 384), (384, 384)),
    *((10_000, 9_999), (9_999, 10_000), (65_535, 64), (64, 65_535), (300, 200)),
]


def sizes(count: int, largest: int, seed: int) -> list[tuple[int, int]]:
    """Random sizes over all magnitudes, from a fixed seed."""
    draw = random.Random(seed)

    def side() -> int:
        return int(round(largest ** draw.random()))

    return [(side(), side()) for _ in range(count)]


@pytest.mark.parametrize("name", ["smolvlm-256m", "smolvlm-500m", "smolvlm-2.2b"])
def test_tiles_of_2000_sizes_are_those_of_transformers(name: str) -> None:
    processor = get_processor(name)
    asked = [*EXTREMES, *sizes(2000 - len(EXTREMES), 20_000, seed=4)]
    width, height = np.array(asked).T
    rows, columns = image_tiles(processor, width, height)
    theirs = image_processor(processor.tile_px, processor.longest_edge_px)
    patches = [theirs.get_number_of_image_patches(h, w, {}) for w, h in asked]
    ours = zip((rows * columns + 1).tolist(), rows.tolist(), columns.tolist(), strict=True)
    assert patches == list(ours)


def whole_cases() -> Iterator[tuple[Processor, tuple[int, int]]]:
    """40 images, among them those of processors whose longest edge is no whole number of tiles."""
    for name, size in zip(["smolvlm-256m", "smolvlm-2.2b"] * 4, sizes(8, 1200, 1), strict=True):
        yield get_processor(name), size
    for tile, edge in [
        (16, 64),
        (14, 84),
        (16, 50),
        (10, 60),
        (16, 16),
        (18, 20),
        (32, 96),
        (8, 8),
    ]:
        processor = Processor(
            tile_px=tile, longest_edge_px=edge, ids_per_tile=4, context_tokens=2048
        )
        for size in sizes(4, 300, seed=tile + edge):
            yield processor, size


def test_the_whole_processor_makes_as_many_tiles_and_ids() -> None:
    cases = list(whole_cases())
    assert len(cases) == 40
    for processor, size in cases:
        theirs = image_processor(processor.tile_px, processor.longest_edge_px)
        made = theirs([[Picture.new("RGB", size)]], return_row_col_info=True)
        rows, columns = (one.tolist() for one in image_tiles(processor, *np.array([size]).T))
        assert (made["rows"], made["cols"]) == ([rows], [columns]), size
        assert len(made["pixel_values"][0]) == rows[0] * columns[0] + 1
        all_ids, media_ids = image_ids(processor, *np.array([size]).T)
        assert media_ids.tolist() == [len(made["pixel_values"][0]) * processor.ids_per_tile]
        assert all_ids.tolist() == [_num_ids(image_text(processor, rows[0], columns[0]))]


def _num_ids(prompt: str) -> int:
    """Special tokens, and a newline or two, are one id each."""
    return prompt.count("<") + len(prompt.replace("\n\n", "\n").split("\n")) - 1


def test_the_reference_examples() -> None:
    small, large = get_processor("smolvlm-256m"), get_processor("smolvlm-2.2b")
    icon, square = (np.array([300]), np.array([200])), (np.array([512]), np.array([512]))
    assert image_ids(small, *icon)[1].tolist() == [13 * 64]
    assert 7 * image_ids(small, *square)[0][0] == 7889
    # mixtures reference, section 3.2: 17 tiles at most
    assert image_ids(small, *square)[1].tolist() == [1088]
    assert image_ids(large, *square)[1].tolist() == [1377]
    assert tile_ids(large) == (81 + 3, 81)


@pytest.mark.parametrize(
    ("size", "tiles"),
    [
        ((300, 200), (4, 5)),  # 300 is 5 tiles of 64; 200 keeps its size: 4
        ((64, 64), (0, 0)),
        ((65, 10), (1, 2)),
        ((64, 63), (0, 0)),
        ((1000, 500), (2, 4)),  # larger than the longest edge: scaled to 256 by 128
    ],
)
def test_without_upscaling_small_images_keep_their_size(
    size: tuple[int, int], tiles: tuple[int, int]
) -> None:
    edge = 320 if size == (300, 200) else 256
    processor = Processor(
        tile_px=64, longest_edge_px=edge, ids_per_tile=4, upscale=False, context_tokens=512
    )
    rows, columns = image_tiles(processor, *np.array([size]).T)
    assert (int(rows[0]), int(columns[0])) == tiles


def test_contexts() -> None:
    contexts = {name: processor.context_tokens for name, processor in PROCESSORS.items()}
    assert contexts == {
        "smolvlm-256m": 8192,
        "smolvlm-500m": 8192,
        "smolvlm-2.2b": 16_384,
        "tiny": 2048,
    }


@pytest.mark.parametrize(
    ("tile", "edge", "message"),
    [
        (64, 129, "longest_edge_px is 129; it must be even and at most 4096"),
        (4096, 8192, "longest_edge_px is 8192; it must be even"),
        (64, 512, "512 px are 8 tiles of 64 px, and the vocabulary numbers 6"),
    ],
)
def test_a_processor_that_cannot_be(tile: int, edge: int, message: str) -> None:
    processor = Processor(tile_px=tile, longest_edge_px=edge, ids_per_tile=4, context_tokens=512)
    with pytest.raises(UsageError, match=message):
        get_processor(processor)


def test_unknown_processor() -> None:
    with pytest.raises(UsageError, match="no processor 'smolvlm-256'; did you mean 'smolvlm-256m'"):
        get_processor("smolvlm-256")
