"""How first rows of upstream differ from what a card says: columns, types, markers.

Single rows may be damaged: that is for the ledger. Drift is what at least half of the rows show.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.cards import SourceCard
from sources.base import Draft, Rejected
from sources.readers.json_array import read_json_rows
from sources.readers.parquet import column_of, read_rows
from sources.readers.rows import open_rows
from sources.root import FileRef, Root

NUM_ROWS = 20
_TABLES = (".json", ".jsonl", ".json.gz", ".jsonl.gz", ".jsonl.zst", ".json.zst", ".jsonl.bz2")
_MARKERS = ("<image>", "<video>")
_JSON_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", list: "list"}


class Difference(NamedTuple):
    """`about` is one of column, rows, marker, files; `said` by the card, `found` upstream."""

    about: str
    said: str
    found: str


class FirstRows(NamedTuple):
    """Raw rows by number, and the types of a Parquet file's columns; none of either in archives."""

    rows: dict[int, dict[str, Any]]
    schema: dict[str, str]


def first_rows(root: Root, file: FileRef) -> FirstRows:
    """The first rows of a table; of Parquet without bytes, which may be images or clips."""
    if file.path.endswith(".parquet"):
        schema = _schema(root, file)
        plain = {name for name, kind in schema.items() if kind != "bytes"}

        def wanted(leaf: str) -> bool:
            return column_of(leaf) in plain and not leaf.endswith(".bytes")

        pairs = itertools.islice(read_rows(root, file, 0, NUM_ROWS, wanted), NUM_ROWS)
        return FirstRows({n: row for n, row in pairs if isinstance(row, dict)}, schema)
    if not file.path.endswith(_TABLES):
        return FirstRows({}, {})
    with open_rows(root, file) as handle:
        read = read_json_rows(handle, 0, NUM_ROWS, ".jsonl" in file.path)
        return FirstRows({row.row: row.value for row in read if isinstance(row.value, dict)}, {})


def _schema(root: Root, file: FileRef) -> dict[str, str]:
    with root.open(file.path) as handle:
        return {field.name: _arrow_kind(field.type) for field in pq.read_schema(handle)}


def _arrow_kind(kind: pa.DataType) -> str:
    """The card's word for an Arrow type; times read as text, and `null` has no values at all."""
    types = pa.types
    if types.is_dictionary(kind):
        return _arrow_kind(kind.value_type)
    tests = {
        "boolean": (types.is_boolean,),
        "integer": (types.is_integer,),
        "number": (types.is_floating, types.is_decimal),
        "list": (types.is_list, types.is_large_list, types.is_fixed_size_list),
        "object": (types.is_struct, types.is_map),
        "bytes": (types.is_binary, types.is_large_binary, types.is_fixed_size_binary),
        "null": (types.is_null,),
    }
    found = (name for name, checks in tests.items() if any(check(kind) for check in checks))
    return next(found, "string")


def column_differences(columns: Mapping[str, str], found: FirstRows) -> Iterator[Difference]:
    """Columns of the card that are absent, empty or of another type upstream."""
    for name, said in columns.items():
        kinds = _kinds(name, found)
        total = sum(kinds.values())
        optional = said.endswith("?")
        if total and 2 * kinds["absent"] >= total and not optional:
            yield Difference(f"column {name}", said, "no such column, or null")
        wrong = {kind: count for kind, count in kinds.items() if not _fits(kind, said)}
        present = total - kinds["absent"]
        if present and 2 * sum(wrong.values()) >= present:
            yield Difference(f"column {name}", said, "|".join(sorted(wrong)))


def _kinds(name: str, found: FirstRows) -> Counter[str]:
    """How often each type stands in a column; of Parquet the schema tells it of every row."""
    kind = found.schema.get(name)
    kinds: Counter[str] = Counter()
    for row in found.rows.values():
        value = row.get(name)
        typed = kind if kind not in (None, "null") else _JSON_KINDS.get(type(value), "object")
        is_hidden = kind is not None and name not in row
        kinds["absent" if value is None and not is_hidden else typed or "absent"] += 1
    if not found.rows and found.schema:
        kinds[kind or "absent"] += 1
    return kinds


def _fits(kind: str, said: str) -> bool:
    allowed = said.rstrip("?").split("|")
    return kind in ("absent", "null", *allowed) or (kind == "integer" and "number" in allowed)


def new_columns(columns: Mapping[str, str], found: FirstRows) -> list[str]:
    """Columns upstream that the card does not name; their values go to `extra`."""
    names = dict.fromkeys([*found.schema, *itertools.chain.from_iterable(found.rows.values())])
    return [name for name in names if name not in columns]


def row_differences(items: Sequence[Draft | Rejected]) -> Iterator[Difference]:
    if not items:
        yield Difference("rows", "at least one", "none")
    reasons = Counter(item.reason for item in items if isinstance(item, Rejected))
    # A held-out split is what the card knows it to be.
    if items and sum(reasons.values()) == len(items) > reasons["split_held_out"]:
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(3))
        yield Difference("rows", "conversations", f"all of {len(items)} are rejected: {counts}")


def marker_differences(
    card: SourceCard, found: FirstRows, items: Sequence[Draft | Rejected]
) -> Iterator[Difference]:
    """Another marker, none, one too many; judged on rows that have media."""
    drafts = [item for item in items if isinstance(item, Draft) and item.media]
    rows = [found.rows[draft.row] for draft in drafts if draft.row in found.rows]
    texts = [orjson.dumps(row, default=str).decode() for row in rows]
    said = card.marker
    counts = {marker: sum(marker in text for text in texts) for marker in _MARKERS}
    others = [m for m in _MARKERS if m != said and texts and 2 * counts[m] >= len(texts)]
    if said != "none" and 2 * counts[said] < len(texts):
        yield Difference("marker", said, " and ".join(others) or "none")
    elif said == "none" and others:
        yield Difference("marker", said, " and ".join(others))
    uneven = sum(_num_items(draft) != len(draft.media) for draft in drafts)
    if drafts and 2 * uneven >= len(drafts):
        found_text = f"{uneven} of {len(drafts)} rows have more or fewer markers than media"
        yield Difference("marker", "as many as media", found_text)


def _num_items(draft: Draft) -> int:
    return sum(kind != "text" for message in draft.messages for kind, _ in message.content)
