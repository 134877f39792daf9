"""One pass over the train split without its media: counts, distributions, the curve, and picks.

Memory: a batch of rows and what is counted. Pictures' sizes and clips are looked up in the first
rows alone, which hold every component at its share (mixtures/order.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa

from manifests.build import TRAIN, BuildManifest
from manifests.storage import join, parquet_batches
from pipelines.report.curve import Curve, make_curve
from pipelines.report.picks import pick

_BATCH_ROWS = 8192
_COLUMNS = ["id", "source", "modality", "category", "component", "num_tokens", "repeat"]
MEDIA_ROWS = 200_000


@dataclass(slots=True)
class Scan:
    """`contents` counts rows and tokens; distributions count rows, images and clips by value."""

    curve: Curve
    contents: pl.DataFrame = field(default_factory=pl.DataFrame)
    tokens: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    image_edges: Counter[int] = field(default_factory=Counter)
    frame_edges: Counter[int] = field(default_factory=Counter)
    clip_seconds: Counter[int] = field(default_factory=Counter)
    clip_frames: Counter[int] = field(default_factory=Counter)
    media_rows: int = 0
    picks: pl.DataFrame | None = None


def scan(build: str, manifest: BuildManifest) -> Scan:
    """All files of the train split, in order."""
    rows = {part.name: part.rows for part in manifest.components}
    inner = {name.rpartition("/")[0] for name in rows}
    leaves = [name for name in rows if name not in inner]
    found = Scan(make_curve(rows, leaves))
    files = sorted(file.path for file in manifest.files if file.path.startswith(TRAIN))
    counts: list[pl.DataFrame] = []
    for path in files:
        wants_media = found.media_rows < MEDIA_ROWS
        columns = [*_COLUMNS, "media"] if wants_media else _COLUMNS
        for first, batch in parquet_batches(join(build, path), _BATCH_ROWS, 0, 1 << 62, columns):
            _add(found, counts, leaves, path, first, batch)
    if counts:
        found.contents = _summed(counts)
    return found


def _add(
    found: Scan,
    counts: list[pl.DataFrame],
    leaves: list[str],
    path: str,
    first: int,
    batch: pa.RecordBatch,
) -> None:
    rows = pl.DataFrame(pl.from_arrow(pa.table(batch.select(_COLUMNS))))
    codes = rows["component"].replace_strict(leaves, np.arange(len(leaves)), return_dtype=pl.Int64)
    found.curve.add(codes.to_numpy())
    counts.append(
        rows.group_by("modality", "category", "source").agg(
            rows=pl.len().cast(pl.Int64), tokens=pl.col("num_tokens").sum().cast(pl.Int64)
        )
    )
    counts[:] = [_summed(counts)]
    for modality, tokens, count in rows.group_by("modality", "num_tokens").len().iter_rows():
        found.tokens[modality][tokens] += count
    placed = rows.drop("component", "num_tokens").with_columns(
        path=pl.lit(path), row=pl.int_range(first, first + rows.height, dtype=pl.Int64)
    )
    found.picks = pick(found.picks, placed)
    if "media" in batch.schema.names:
        found.media_rows += batch.num_rows
        _add_media(found, batch)


def _summed(counts: list[pl.DataFrame]) -> pl.DataFrame:
    keys = ["modality", "category", "source"]
    sums = pl.concat(counts).group_by(keys).agg(pl.col("rows", "tokens").sum())
    return sums.sort(keys).select(*keys, "rows", "tokens")


def _add_media(found: Scan, batch: pa.RecordBatch) -> None:
    rows = pl.DataFrame(pl.from_arrow(pa.table(batch.select(["media"]))))
    media = rows.with_row_index("at").explode("media").drop_nulls("media").unnest("media")
    edge = pl.max_horizontal("width", "height")
    for kind, counter in (("image", found.image_edges), ("frame", found.frame_edges)):
        edges = media.filter(pl.col("kind") == kind).select(edge.alias("edge"))
        _count(counter, edges["edge"])
    clips = media.filter(pl.col("kind") == "frame").group_by("at", "video")
    clip = clips.agg(seconds=pl.col("timestamp_ms").max() // 1000, frames=pl.len().cast(pl.Int64))
    _count(found.clip_seconds, clip["seconds"].drop_nulls())
    _count(found.clip_frames, clip["frames"])


def _count(counter: Counter[int], values: pl.Series) -> None:
    found, counts = np.unique(values.to_numpy(), return_counts=True)
    counter.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
