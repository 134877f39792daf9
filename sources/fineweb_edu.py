"""FineWeb-Edu (HuggingFaceFW/fineweb-edu): educational web pages, by Common Crawl dump.

A dump is `data/<dump>/*.parquet`, a sample `sample/<size>/*.parquet`. The config `default` is all
dumps together, and every sample is a part of it: draw on one of them. `date` is null or missing in
some files.
"""

from __future__ import annotations

from typing import ClassVar

from sources.documents import DocumentSource


class FineWebEdu(DocumentSource):
    name: ClassVar[str] = "fineweb_edu"
    version: ClassVar[int] = 1


SOURCE = FineWebEdu()
