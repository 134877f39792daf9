"""One question of a benchmark, as it is read from upstream."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkItem:
    """Texts and media as upstream has them; what a benchmark does not have is empty.

    `place` tells the item from all others of its benchmark: `test/123`, the split and the row in it
    (`main/test/123` where the configuration matters).
    """

    benchmark: str
    place: str
    question: str
    answer: str = ""
    choices: tuple[str, ...] = ()
    images: tuple[bytes, ...] = ()  # encoded
    videos: tuple[bytes, ...] = ()  # whole clips, encoded
