"""OpenWebMath (open-web-math/open-web-math): mathematical web pages, one config.

`metadata` is a string that holds JSON (extraction_info and others) and goes to `extra` parsed.
"""

from __future__ import annotations

from typing import ClassVar

from sources.documents import DocumentSource


class OpenWebMath(DocumentSource):
    name: ClassVar[str] = "openwebmath"
    version: ClassVar[int] = 1
    json_texts: ClassVar[frozenset[str]] = frozenset(("metadata",))


SOURCE = OpenWebMath()
