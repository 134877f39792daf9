"""How many ids a target model's template makes of a sample, beside those of its texts.

    <|im_start|>User:<media>text<end_of_utterance>\\nAssistant: text<end_of_utterance>\\n

A split image is, for each tile, `<fake_token_around_image><row_r_col_c>` and L times `<image>`,
with a newline after each row of tiles, then a newline, a global tile and a closing fake token. The
last two newlines are one id, so R rows of C tiles make RC(L + 2) + R + L + 3 ids. An image that is
not split, and a video frame, is the global tile alone: fake, `<global-img>`, L times `<image>`,
fake, which is L + 3.

A sample's ids are of three kinds: `<image>` alone are media ids; answer ids are those labelled when
only answers are learned, the answers' texts with their `<end_of_utterance>`; the rest are text ids.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixtures.processors import (
    DEFAULT_PROCESSOR,
    PROCESSORS,
    Processor,
    get_processor,
    image_tiles,
)

__all__ = [
    "BYTES_PER_ID",
    "DEFAULT_PROCESSOR",
    "ESTIMATED",
    "PROCESSORS",
    "Processor",
    "Template",
    "get_processor",
    "image_ids",
    "image_tiles",
    "tile_ids",
    "text_ids",
]

_Ints = npt.NDArray[np.int64]

# Bytes of UTF-8 an id: 4.11 over 207 kB of English questions and worked answers (the MMLU few-shot
# examples in lm_eval 0.4.13), with the SmolLM2 vocabulary. As a fraction, for integer arithmetic.
BYTES_PER_ID = (41, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Ids of the template around texts, and of the newlines between tiles."""

    start: int = 1  # <|im_start|>
    end: int = 1  # <end_of_utterance>
    newline: int = 1
    newlines: int = 1  # two of them
    prompt_head: int  # "User:", where texts are counted without it
    answer_head: int  # "Assistant:"

    @property
    def prompt(self) -> int:
        """Of a user or system message, all but its text."""
        return self.prompt_head + self.end + self.newline


# Counted with the SmolLM2 vocabulary: "User" ":" and "System" ":"; "Ass" "istant" ":".
ESTIMATED = Template(prompt_head=2, answer_head=3)


def image_ids(
    processor: Processor, width_px: _Ints, height_px: _Ints, template: Template = ESTIMATED
) -> tuple[_Ints, _Ints]:
    """(all ids, `<image>` ids alone) of each image, cut into tiles where it is large enough."""
    rows, columns = image_tiles(processor, width_px, height_px)
    tiles = rows * columns
    length = processor.ids_per_tile
    newlines = np.where(tiles > 0, (rows - 1) * template.newline + template.newlines, 0)
    return tiles * (length + 2) + newlines + length + 3, (tiles + 1) * length


def tile_ids(processor: Processor) -> tuple[int, int]:
    """(all ids, `<image>` ids alone) of a frame, or of an image that is not split."""
    return processor.ids_per_tile + 3, processor.ids_per_tile


def text_ids(num_bytes: _Ints) -> _Ints:
    """Estimated ids of so many bytes of English text, rounded up."""
    bytes_, ids = BYTES_PER_ID
    return -(-num_bytes * ids // bytes_)
