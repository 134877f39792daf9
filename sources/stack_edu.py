"""Stack-Edu (HuggingFaceTB/stack-edu): ids of educational source files in 15 languages.

The rows hold no content: it is fetched from the Software Heritage bucket by `blob_id` and read as
`src_encoding`, else as utf-8, else as utf-8 with replacements; `decoded_as` in `extra` says which.
"""

from __future__ import annotations

from typing import ClassVar

from sources.contents import ContentSource


class StackEdu(ContentSource):
    name: ClassVar[str] = "stack_edu"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("blob_id",),)


SOURCE = StackEdu()
