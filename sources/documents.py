"""What sources of pretraining text share: a row is one document, and all of it is learned.

A document keeps its text as upstream has it, white space at its ends included: code begins with its
indentation. Text of white space alone is `text_empty`; a text that is null, or no text, is
`row_malformed`. Columns beside the text go to `extra`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import orjson

from sources.base import Draft, Message, RowShard
from sources.conversations import RowError, json_columns
from sources.tables import TableSource


class DocumentSource(TableSource):
    """A table source with the text in one column; with another name for it, say `required` too."""

    text_column: ClassVar[str] = "text"
    # Columns whose strings hold JSON; a string that holds none stays as it is.
    json_texts: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("text",),)

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        extra = dict(values)
        text = self.take_text(extra)
        for name in self.json_texts & extra.keys():
            extra[name] = _parsed(extra[name])
        return document(row, shard.subset, text, extra)

    def take_text(self, values: dict[str, Any]) -> object:
        """The document's text, taken out of its row; what is left goes to `extra`."""
        return values.pop(self.text_column, None)


def document(row: int, subset: str, text: object, extra: dict[str, Any]) -> Draft:
    """A document of one assistant message; RowError `row_malformed` or `text_empty`."""
    messages = [Message("assistant", [("text", _checked(text))])]
    return Draft(row, subset, messages, extra=json_columns(extra), kind="document")


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise RowError("row_malformed", f"the text is of type {type(text).__name__}")
    if not text.strip():
        raise RowError("text_empty", f"{len(text)} characters of white space")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RowError("row_malformed", f"the text is not valid Unicode: {error.reason}") from error
    return text


def _parsed(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
