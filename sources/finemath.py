"""FineMath (HuggingFaceTB/finemath): mathematics from the web, four configs in two schemas.

`metadata` is a string that holds JSON and goes to `extra` as what it holds. Rows have no id, and
one address can stand twice, as a `latest` and a `largest` snapshot. The 4plus configs are parts of
the 3plus configs: both in one mixture are duplicates of each other.
"""

from __future__ import annotations

from typing import ClassVar

from sources.documents import DocumentSource


class FineMath(DocumentSource):
    name: ClassVar[str] = "finemath"
    version: ClassVar[int] = 1
    json_texts: ClassVar[frozenset[str]] = frozenset(("metadata",))


SOURCE = FineMath()
