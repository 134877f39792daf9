"""Magpie: instructions that aligned models wrote themselves, one Hub repository a subset.

Three generations of columns, told apart by what a row has:

    conversations [{from, value}]                   all of Magpie-Align; preferred where not empty
    conversation or messages [{role, content}]      Magpie Ultra
    input, output | instruction, response (+ _2)    flat pairs beside or instead of them

A repository with several configs has one folder each; the subset is then `<repo name>-<config>`,
and the card names its folder.
Every other column goes to `extra`, but for those `left_out`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.base import Draft, Message, RowShard
from sources.conversations import RowError, build_chat, json_columns, parse_conversation
from sources.readers.parquet import column_of
from sources.tables import TableSource

# Leaves that hold a conversation, in order of preference.
_DIALECTS = (
    ("conversations[].from", "conversations[].value"),
    ("conversation[].role", "conversation[].content"),
    ("messages[].role", "messages[].content"),
)
# Columns that hold (question, answer), one tuple a generation; further pairs are further turns.
_PAIRS = (
    (("instruction", "response"), ("instruction_2", "response_2")),
    (("input", "output"),),
)
_LISTS = tuple(column_of(leaves[0]) for leaves in _DIALECTS)
_TEXTS = {name for pairs in _PAIRS for pair in pairs for name in pair}


class Magpie(TableSource):
    name: ClassVar[str] = "magpie"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        *_DIALECTS,
        *(pairs[0] for pairs in _PAIRS),
    )
    # Vectors and neighbour lists are many times the size of the texts and of use to their own model
    # alone; `base_output` is a weaker model's answer, of which `base_reward` stays.
    left_out: ClassVar[frozenset[str]] = frozenset(
        ("embedding", "nn_indices", "nn_scores", "base_output")
    )

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        extra = {name: value for name, value in values.items() if name not in {*_LISTS, *_TEXTS}}
        return Draft(row, shard.subset, _messages(values), extra=json_columns(extra))


SOURCE = Magpie()


def _messages(values: dict[str, Any]) -> list[Message]:
    for column in _LISTS:
        if values.get(column):
            return parse_conversation(values[column], None, 0)
    for columns in _PAIRS:
        pairs = [pair for names in columns if (pair := _pair(values, *names)) is not None]
        if pairs:
            return build_chat(pairs)
    raise RowError("no_turns", "no conversation, and no question with an answer")


def _pair(values: dict[str, Any], question: str, answer: str) -> tuple[str, str] | None:
    """None where both are missing; one without the other is no pair to learn from."""
    texts = values.get(question), values.get(answer)
    if texts == (None, None):
        return None
    for name, text in zip((question, answer), texts, strict=True):
        if not isinstance(text, str):
            raise RowError("row_malformed", f"{name} is not a string")
    return str(texts[0]), str(texts[1])
