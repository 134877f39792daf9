"""Books of Dolma 1.7: public domain books of Project Gutenberg, gzipped JSON Lines on a server.

The Hub repository (allenai/dolma) holds only the addresses of the files. A row is a book, often of
several hundred kilobytes.
"""

from __future__ import annotations

from typing import ClassVar

from sources.documents import DocumentSource


class DolmaBooks(DocumentSource):
    name: ClassVar[str] = "dolma_books"
    version: ClassVar[int] = 1


SOURCE = DolmaBooks()
