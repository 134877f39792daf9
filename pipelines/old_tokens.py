"""How many ids a target processor makes of a sample: media exactly, text by a calibrated estimate.

    <|im_start|>User:<media>text<end_of_utterance>\\nAssistant: text<end_of_utterance>\\n

A split image is, for each tile, `<fake_token_around_image><row_r_col_c>` and L times `<image>`,
with a newline after each row of tiles, then a newline, a global tile and a closing fake token. The
last two newlines are one id, so R rows of C tiles make RC(L + 2) + R + L + 3 ids. A video frame is
the global tile alone: fake, `<global-img>`, L times `<image>`, fake, which is L + 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manifests.errors import UsageError, nearest

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Processor:
    """How a model sees images: scaled, up too, to `longest_edge_px`, then cut into square tiles."""

    name: str
    tile_px: int
    longest_edge_px: int
    ids_per_tile: int


# SmolVLM cards: 512 px tiles (SigLIP-B/16-512, pixel shuffle 4) for the two small sizes, 384 px
# (SigLIP-SO400M/14-384, pixel shuffle 3) for 2.2B; longest edge 4 tiles in each.
PROCESSORS = {
    "smolvlm-256m": Processor(
        name="smolvlm-256m", tile_px=512, longest_edge_px=2048, ids_per_tile=64
    ),
    "smolvlm-500m": Processor(
        name="smolvlm-500m", tile_px=512, longest_edge_px=2048, ids_per_tile=64
    ),
    "smolvlm-2.2b": Processor(
        name="smolvlm-2.2b", tile_px=384, longest_edge_px=1536, ids_per_tile=81
    ),
}
DEFAULT_PROCESSOR = "smolvlm-256m"

# Ids of the template, counted with the SmolLM2 vocabulary: `<|im_start|>`; "User" ":" and "System"
# ":"; "Ass" "istant" ":"; `<end_of_utterance>` and a newline after each message.
_START_IDS = 1
_PROMPT_IDS = 2 + 2
_ANSWER_HEAD_IDS = 3
_ANSWER_END_IDS = 1
_NEWLINE_IDS = 1
# Bytes of UTF-8 an id: 4.11 over 207 kB of English questions and worked answers (the MMLU few-shot
# examples in lm_eval 0.4.13), with the SmolLM2 vocabulary. As a fraction, for integer arithmetic.
BYTES_PER_ID = (41, 10)
TEXT_IS_ESTIMATED = True


@dataclass(frozen=True, kw_only=True)
class TextSizes:
    """Texts of each sample, one array item a sample; prompts are user and system messages.

    Bytes are of UTF-8, of the texts as they are emitted (`Frame from MM:SS:` included).
    """

    prompt_bytes: _Ints
    answer_bytes: _Ints
    num_prompts: _Ints
    num_answers: _Ints


@dataclass(frozen=True, kw_only=True)
class MediaSizes:
    """Media of all samples, one array item an image or frame; `sample` is its sample's position."""

    sample: _Ints
    width_px: _Ints
    height_px: _Ints
    is_frame: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class TokenCounts:
    """The four columns of `Sample`: all ids are media, answer or (the rest) text ids.

    Media ids are `<image>` alone. Answer ids are those labelled when only answers are learned:
    the answers' texts with their `<end_of_utterance>`.
    """

    num_tokens: npt.NDArray[np.int32]
    num_media_tokens: npt.NDArray[np.int32]
    num_answer_tokens: npt.NDArray[np.int32]
    num_text_tokens: npt.NDArray[np.int32]


def get_processor(name: str) -> Processor:
    """The processor of that name; a usage error with the nearest one otherwise."""
    if name not in PROCESSORS:
        known = ", ".join(PROCESSORS)
        raise UsageError(
            f"there is no processor {name!r}{nearest(name, PROCESSORS)} (there are {known})"
        )
    return PROCESSORS[name]


def image_tiles(processor: Processor, width_px: _Ints, height_px: _Ints) -> tuple[_Ints, _Ints]:
    """(rows, columns) of tiles of each image, the global tile not counted.

    Follows the processor's float arithmetic step by step: sizes near a tile's edge depend on it.
    """
    edge, tile = processor.longest_edge_px, processor.tile_px
    assert (np.minimum(width_px, height_px) > 0).all(), "an image has at least one pixel"
    wide = width_px >= height_px
    aspect = width_px / height_px
    short = np.where(wide, edge / aspect, edge * aspect).astype(np.int64)
    short = np.maximum(short + short % 2, 1)
    across, along = -(-short // tile), np.full_like(short, -(-edge // tile))
    return np.where(wide, across, along), np.where(wide, along, across)


def media_ids(processor: Processor, media: MediaSizes) -> tuple[_Ints, _Ints]:
    """(all ids, `<image>` ids alone) of each image or frame."""
    rows, columns = image_tiles(processor, media.width_px, media.height_px)
    tiles = np.where(media.is_frame, 0, rows * columns)
    rows = np.where(media.is_frame, 0, rows)
    length = processor.ids_per_tile
    return tiles * (length + 2) + rows + length + 3, (tiles + 1) * length


def text_ids(num_bytes: _Ints) -> _Ints:
    """Estimated ids of so many bytes of English text, rounded up."""
    bytes_, ids = BYTES_PER_ID
    return -(-num_bytes * ids // bytes_)


def count_tokens(processor: Processor, text: TextSizes, media: MediaSizes) -> TokenCounts:
    """Ids of each sample; media exact, text estimated. About 7 M samples/s."""
    num_samples = len(text.prompt_bytes)
    all_ids, image_ids = (
        np.bincount(media.sample, weights=ids, minlength=num_samples).astype(np.int64)
        for ids in media_ids(processor, media)
    )
    answers = text_ids(text.answer_bytes) + text.num_answers * _ANSWER_END_IDS
    texts = text_ids(text.prompt_bytes) + text.num_prompts * _PROMPT_IDS
    texts += _START_IDS + text.num_answers * (_ANSWER_HEAD_IDS + _NEWLINE_IDS)
    texts += all_ids - image_ids
    return TokenCounts(
        num_tokens=(texts + answers + image_ids).astype(np.int32),
        num_media_tokens=image_ids.astype(np.int32),
        num_answer_tokens=answers.astype(np.int32),
        num_text_tokens=texts.astype(np.int32),
    )
