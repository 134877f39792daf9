"""StarCoder2's extra sources (bigcode/starcoder2data-extras): what it read beside source files.

One folder a config; the text is `content`, the columns beside it differ. Markers that upstream
wrote into the contents stay.
"""

from __future__ import annotations

from typing import ClassVar

from sources.documents import DocumentSource


class StarCoder2Extras(DocumentSource):
    name: ClassVar[str] = "starcoder2_extras"
    version: ClassVar[int] = 1
    text_column: ClassVar[str] = "content"
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("content",),)


SOURCE = StarCoder2Extras()
