"""How much work a build is, and about how long it takes: from upstream's sizes, or from the cards.

Rates are a core's, measured on other machines and other data than the reader's: a prediction is
good for telling minutes from days. The network is not in it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from manifests.cards import SourceCard
from pipelines.curate import CuratePlan
from pipelines.source_tables import num_rows
from pipelines.upstream import Upstream
from sources.root import FileRef

Kind = Literal["clips", "images", "rows"]

# Bytes of upstream a second and core.
#   clips   0.21 clips/s of 10 MB (720p, 1 min), 0.45 of 7 MB (240p, 2 min): decision 002
#   images  891 images/s of 52 kB on two cores (benchmarks/README.md, curate_datasets)
#   rows    35 MB/s of JSON, the whole row task (benchmarks/README.md, json_array)
RATES: Mapping[Kind, float] = {"clips": 2.5e6, "images": 23e6, "rows": 35e6}
# Media bytes a second, one process: benchmarks/README.md, emit_copy.
EMIT_RATE = 177e6


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWork:
    """What one source costs; None where nobody knows. `rows` are those of the drawn subsets."""

    name: str
    rows: int | None
    all_rows_known: bool
    num_bytes: int | None  # to read from upstream, what is in the store included
    is_listed: bool  # upstream's sizes, not the card's
    is_bound: bool = False  # the card's size is of more than the drawn subsets
    pending: Mapping[Kind, int] = field(default_factory=dict)  # bytes that are not in the store
    uses: Mapping[str, str] = field(default_factory=dict)  # commercial use by subset

    @property
    def pending_bytes(self) -> int | None:
        return None if self.num_bytes is None else sum(self.pending.values())

    @property
    def seconds(self) -> float | None:
        """On one core."""
        if self.num_bytes is None:
            return None
        return sum(size / RATES[kind] for kind, size in self.pending.items())

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.name,
            "rows": self.rows,
            "rows_are_all": self.all_rows_known,
            "bytes": self.num_bytes,
            "bytes_of": "upstream" if self.is_listed else "card",
            "bytes_are_at_most": self.is_bound,
            "pending_bytes": self.pending_bytes,
            "core_seconds": self.seconds,
            "commercial_use": dict(Counter(self.uses.values())),
        }


def card_work(card: SourceCard, names: Collection[str]) -> SourceWork:
    """The work on the subsets `names` (none: all) as the card documents it."""
    subsets = [subset for subset in card.subsets if not names or subset.name in names]
    rows, all_known = num_rows(subsets)
    whole = len(subsets) == len(card.subsets)
    pending = {_media_kind(card, names): card.num_bytes} if card.num_bytes is not None else {}
    return SourceWork(
        name=card.name,
        rows=rows if rows or all_known else None,
        all_rows_known=all_known,
        num_bytes=card.num_bytes,
        is_listed=False,
        is_bound=not whole,
        pending=pending,
        uses={f"{card.name}/{s.name}": card.commercial_use_of(s) for s in subsets},
    )


def upstream_work(upstream: Upstream, curate: CuratePlan) -> SourceWork:
    """The work on a source whose files are listed; what is in the store is done."""
    card = upstream.source.card
    said = card_work(card, upstream.subsets or ())
    media = _sizes([file for _, shard in upstream.media for file in shard.files])
    rows = _sizes([shard.file for _, shard in upstream.rows])
    media_work = [task.args[0] for task in curate.media if task.group == card.name]
    row_work = [task.args[0] for task in curate.rows if task.group == card.name]
    media_left = _sizes([file for work in media_work for file in work.shard.files])
    rows_left = _sizes([work.shard.file for work in row_work])
    pending: Counter[Kind] = Counter(
        {_media_kind(card, upstream.subsets): sum(media_left.values())}
    )
    pending["rows"] += sum(size for path, size in rows_left.items() if path not in media_left)
    return replace(
        said,
        num_bytes=sum({**rows, **media}.values()),
        is_listed=True,
        is_bound=False,
        pending=+pending,
    )


def _sizes(files: Sequence[FileRef]) -> dict[str, int]:
    """A file that is read in ranges, or for its media and its rows, counts once."""
    return {file.path: file.size for file in files}


def _media_kind(card: SourceCard, names: Collection[str] | None) -> Kind:
    """What takes the time: clips where there are any, else images, else the rows themselves."""
    modalities = {s.modality for s in card.subsets if not names or s.name in names}
    if "video" in modalities:
        return "clips"
    return "rows" if modalities == {"text"} else "images"


def num_workers(asked: int | None) -> int:
    return asked or os.cpu_count() or 1
