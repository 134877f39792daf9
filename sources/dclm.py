"""DCLM-baseline 1.0: filtered Common Crawl as JSON Lines in zstd, and its twin in Parquet.

The JSON rows have no id, hyphenated keys (`metadata` holds the WARC headers), and keys that some
rows lack. All of it goes to `extra` as it is. The Parquet repository holds the same documents:
draw on one of the two.
"""

from __future__ import annotations

from typing import ClassVar

from sources.documents import DocumentSource


class Dclm(DocumentSource):
    name: ClassVar[str] = "dclm"
    version: ClassVar[int] = 1


SOURCE = Dclm()
