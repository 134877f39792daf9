"""Cosmopedia v2 and its companions (HuggingFaceTB/smollm-corpus), three configs of three kinds.

cosmopedia-v2 are synthetic textbooks and stories. fineweb-edu-dedup is FineWeb-Edu with all columns
but text and id in a struct `metadata`. python-edu ships ids alone: its contents are fetched from
the Software Heritage bucket, as those of Stack-Edu are, and are utf-8.
"""

from __future__ import annotations

from typing import ClassVar

from sources.contents import ContentSource


class CosmopediaV2(ContentSource):
    name: ClassVar[str] = "cosmopedia_v2"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("text",), ("blob_id",))


SOURCE = CosmopediaV2()
