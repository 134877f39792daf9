"""The ledger: what became of every upstream row, once per turn group.

Turns of a kept row that are not written have an entry of their own, TRIMMED.
"""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa


class Fate(StrEnum):
    """Every upstream turn group ends as exactly one of these, but for turns that were TRIMMED."""

    KEPT = "kept"
    DROPPED = "dropped"
    MERGED = "merged_into"
    DUPLICATE = "duplicate_of"
    LEAKED = "leaked_from"
    TRIMMED = "trimmed"
    HELD_OUT = "held_out"  # of training, for the validation split
    NOT_DRAWN = "not_drawn"
    UNREADABLE = "unreadable"


class Stage(StrEnum):
    """Where the fate was decided, in the order in which the stages run."""

    CURATE = "curate"
    JOIN = "join"
    ACCESS = "access"  # licences, and what was asked to be left out
    FILTER = "filter"
    DECONTAMINATE = "decontaminate"
    DEDUPLICATE = "deduplicate"
    MERGE = "merge"
    TRIM = "trim"  # turns over the limit, or over the token gate
    GATE = "gate"  # too many tokens for the target processor
    HOLDOUT = "holdout"
    QUOTA = "quota"
    EMIT = "emit"


LEDGER_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("subset", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("group", pa.int16()),
        ("fate", pa.string()),
        ("stage", pa.string()),
        ("rule", pa.string()),  # the filter's reason, the rejection's reason, or the component
        ("value", pa.string()),  # the measured value, or detail
        ("matched", pa.string()),  # id of the sample that it lost to; `benchmark/place` of a leak
        ("turns", pa.string()),  # which of its turns, such as 0-6,9; null: all of them
        ("id", pa.string()),  # id of the sample; null where none could be made
    ]
)
