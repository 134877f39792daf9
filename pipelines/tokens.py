"""Token counts of every sample of the index, from sizes alone: nothing is decoded or rendered."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipelines.old_tokens import (
    DEFAULT_PROCESSOR,
    MediaSizes,
    TextSizes,
    count_tokens,
    get_processor,
)
from pipelines.render import frame_label

PROCESSOR = get_processor(DEFAULT_PROCESSOR)

_Ints = npt.NDArray[np.int64]


def _list_counts(column: pa.ChunkedArray) -> _Ints:
    return np.array([len(values or ()) for values in column.to_pylist()], dtype=np.int64)


def _expand(starts: _Ints, counts: _Ints) -> _Ints:
    """starts[i], starts[i] + 1 ... counts[i] of them, for each i in turn."""
    ends = np.cumsum(counts)
    steps: _Ints = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64)
    steps += np.repeat(starts - (ends - counts), counts)
    return steps


def with_tokens(index: pl.DataFrame, media: pa.Table) -> pl.DataFrame:
    """The index with the four token columns of `Sample`; rows without a fate are what is asked for.

    `media` is `Joined.media`. A clip's frames count as one tile each, with their time labels.
    """
    media_counts = index["media"].list.len().fill_null(0).to_numpy().astype(np.int64)
    flat = index["media"].explode(empty_as_null=False, keep_nulls=False).to_numpy().astype(np.int64)
    owner = np.repeat(np.arange(index.height), media_counts)
    per_media = _list_counts(media["lengths"])
    first_image = np.cumsum(per_media) - per_media
    images = _expand(first_image[flat], per_media[flat])
    sample = np.repeat(owner, per_media[flat])
    sizes = media["frame_sizes"].combine_chunks().flatten().to_numpy().reshape(-1, 2)
    sizes = sizes.astype(np.int64)
    frames = np.repeat(_is_video(media), per_media)
    labels = np.bincount(sample, weights=_label_bytes(media)[images], minlength=index.height)
    counts = count_tokens(
        PROCESSOR,
        _text_sizes(index, labels.astype(np.int64)),
        MediaSizes(
            sample=sample,
            width_px=sizes[images, 0],
            height_px=sizes[images, 1],
            is_frame=frames[images],
        ),
    )
    return index.with_columns(
        pl.Series("num_tokens", counts.num_tokens),
        pl.Series("num_media_tokens", counts.num_media_tokens),
        pl.Series("num_answer_tokens", counts.num_answer_tokens),
        pl.Series("num_text_tokens", counts.num_text_tokens),
    )


def _is_video(media: pa.Table) -> npt.NDArray[np.bool_]:
    return np.array([kind == "video" for kind in media["kind"].to_pylist()], dtype=bool)


def _label_bytes(media: pa.Table) -> _Ints:
    """UTF-8 bytes of the time label of each stored image; 0 for images that are no frames."""
    sizes: list[int] = []
    for times, lengths in zip(
        media["timestamps_ms"].to_pylist(), media["lengths"].to_pylist(), strict=True
    ):
        sizes += [len(frame_label(ms)) for ms in times] if times else [0] * len(lengths or ())
    return np.array(sizes, dtype=np.int64)


def _text_sizes(index: pl.DataFrame, labels: _Ints) -> TextSizes:
    def column(expression: pl.Expr) -> _Ints:
        values = index.select(expression.fill_null(0).cast(pl.Int64)).to_series()
        return values.to_numpy().astype(np.int64)

    return TextSizes(
        prompt_bytes=column(pl.col("system_bytes") + pl.col("user_bytes")) + labels,
        answer_bytes=column(pl.col("assistant_bytes")),
        num_prompts=column(pl.col("num_messages") - pl.col("num_answers")),
        num_answers=column(pl.col("num_answers")),
    )
