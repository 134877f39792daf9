"""What text-only chat upstreams share: a row is a conversation, as a list of turns or a flat pair.

A module says which columns hold it. What it takes out of a row is in the messages; whatever stays
goes to `extra`. Texts hold no markers here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

from sources.base import Draft, Message, RowShard
from sources.conversations import (
    RowError,
    build_chat,
    clean_text,
    json_columns,
    parse_conversation,
)
from sources.readers.rows import row_object
from sources.readers.zipped_json import read_zipped_rows
from sources.root import Root
from sources.tables import TableSource


class ChatSource(TableSource):
    """One conversation a row; a subclass gives `messages`."""

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        messages = self.messages(values)
        return Draft(row, shard.subset, messages, extra=json_columns(values))

    @abstractmethod
    def messages(self, values: dict[str, Any]) -> list[Message]:
        """The row's messages; takes the columns out of `values` that it has used up."""


class TurnSource(ChatSource):
    """Rows with a list of turns, {role, content} or {from, value}, in the column `turns`."""

    turns: ClassVar[str] = "messages"
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("messages[].role", "messages[].content"),)

    def messages(self, values: dict[str, Any]) -> list[Message]:
        return parse_conversation(values.pop(self.turns, None), None, 0)


class PairSource(ChatSource):
    """Rows with a question and an answer in two columns of their own."""

    question: ClassVar[str]
    answer: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if hasattr(cls, "question") and "required" not in cls.__dict__:
            cls.required = ((cls.question, cls.answer),)

    def messages(self, values: dict[str, Any]) -> list[Message]:
        return build_chat([self.pair(values)])

    def pair(self, values: dict[str, Any]) -> tuple[str, str]:
        """The texts of both sides, taken out of the row."""
        return take_text(values, self.question), take_text(values, self.answer)


class ZippedPairSource(PairSource):
    """Pairs in the JSON members of a zip; rows are numbered through all of them, as they lie."""

    def is_rows(self, member: str) -> bool:
        """Whether a member, named by its path in the archive, holds rows that may be learned."""
        return member.endswith(".json")

    def _values(
        self, root: Root, shard: RowShard
    ) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
        rows = read_zipped_rows(root, shard.file, self.is_rows)
        for row in islice(rows, shard.start, shard.stop):
            try:
                yield row.row, row_object(row)
            except RowError as error:
                yield row.row, error


def take_text(values: dict[str, Any], column: str) -> str:
    """A column's text, taken out of the row; RowError where it holds none."""
    text = values.pop(column, None)
    if not isinstance(text, str):
        said = "missing" if text is None else f"of type {type(text).__name__}"
        raise RowError("row_malformed", f"{column} is {said}")
    return text


def take_system(messages: list[Message], values: dict[str, Any], column: str) -> None:
    """Put a system prompt that stands beside the turns before them, unless they have their own."""
    prompt = values.get(column)
    if isinstance(prompt, str) and prompt.strip() and messages[0].role != "system":
        messages.insert(0, Message("system", [("text", clean_text(prompt))]))
        del values[column]
