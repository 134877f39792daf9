"""StarCoderData (bigcode/starcoderdata, gated): source files, one folder a language.

Issues, commits and notebooks lie in four folders with columns of their own; the text is `content`
there too. Contents keep the markers that upstream wrote into them (`<reponame>`, `<filename>`,
`<gh_stars>`, `<issue_start>`, `<commit_msg>` ...): they are tokens of StarCoder's tokenizer only.
"""

from __future__ import annotations

from typing import ClassVar

from sources.documents import DocumentSource


class StarCoderData(DocumentSource):
    name: ClassVar[str] = "starcoderdata"
    version: ClassVar[int] = 1
    text_column: ClassVar[str] = "content"
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("content",),)


SOURCE = StarCoderData()
