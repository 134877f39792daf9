"""The upstream rows that a batch of rows is written from: its own, and those merged into them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa

from manifests.schema import ORIGIN_TYPE
from pipelines.flat import Bools, Ints, count_where, ints, offsets, owners, starts
from pipelines.written import Turns

# An upstream row that is merged into another: an item of `EmitTask.rows`' column `others`.
OTHER_TYPE = pa.struct(
    [
        ("folder", pa.int32()),
        ("pos", pa.int64()),
        ("source", pa.string()),
        ("subset", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("license", pa.string()),
        ("num_turns", pa.int16()),
    ]
)


# Whether the row is masked; `EmitTask.rows` and its `others` have it where the recipe masks any.
_MASKED = pa.field("masked", pa.bool_())


class Upstream:
    """One value an upstream row, `_c`; those of a row of the batch follow each other, own first."""

    def __init__(self, rows: pa.Table) -> None:
        facts = [field for field in OTHER_TYPE if field.name != "num_turns"]
        facts += [_MASKED] if _MASKED.name in rows.column_names else []
        others = _others(rows)
        counts = 1 + ints(others.value_lengths().fill_null(0))
        merged = others.flatten()
        self.row_c = owners(counts)
        self.own_c = starts(counts)[:-1]
        self._facts = {
            field.name: rows[field.name].combine_chunks().cast(field.type) for field in facts
        }
        if len(merged):
            self._put_between(merged)

    def _put_between(self, merged: pa.StructArray) -> None:
        order = np.zeros(len(self.row_c), np.int64)
        order[self.own_c] = 1
        is_own = order > 0
        order[is_own] = np.arange(len(self.own_c))
        order[~is_own] = np.arange(len(self.own_c), len(order))
        for name, own in self._facts.items():
            both = pa.concat_arrays([own, merged.field(name)])
            self._facts[name] = both.take(pa.array(order))

    def ints(self, name: str) -> Ints:
        return ints(self._facts[name])

    @property
    def masked_c(self) -> Bools:
        """Whether addresses in its texts are replaced."""
        if _MASKED.name not in self._facts:
            return np.zeros(len(self.row_c), bool)
        masked: Bools = self._facts[_MASKED.name].to_numpy(zero_copy_only=False)
        return masked

    def origins(self, turns: Turns) -> pa.Array:
        """The `origins` column: upstream rows with the turns that are written of them."""
        kept, num_turns = self._written(turns)
        # Turns of a row's conversations may alternate.
        order = np.argsort(turns.conversation_t, kind="stable")
        numbers = pa.array(turns.number_t[order], pa.int32())
        lists = pa.ListArray.from_arrays(offsets(num_turns[kept]), numbers)
        columns = [
            lists if field.name == "turns" else self._facts[field.name].filter(pa.array(kept))
            for field in ORIGIN_TYPE
        ]
        origins = pa.StructArray.from_arrays(columns, fields=list(ORIGIN_TYPE))
        return pa.ListArray.from_arrays(
            offsets(count_where(self.row_c, kept, len(self.own_c))), origins
        )

    def licenses(self, turns: Turns) -> pa.Array:
        """The license of each row: all of its origins', joined by AND where they differ."""
        coded = self._facts["license"].dictionary_encode()
        codes, names = ints(coded.indices), coded.dictionary.to_pylist()
        kept, _ = self._written(turns)
        mixed = np.unique(self.row_c[kept & (codes != codes[self.own_c][self.row_c])])
        joint = {row: set[str]() for row in mixed.tolist()}
        for at in np.flatnonzero(kept & np.isin(self.row_c, mixed)).tolist():
            joint[int(self.row_c[at])].add(names[codes[at]])
        found = codes[self.own_c]
        for row, licenses in joint.items():
            names.append(all_of(licenses))
            found[row] = len(names) - 1
        return pa.array(names, pa.string()).take(pa.array(found))

    def _written(self, turns: Turns) -> tuple[Bools, Ints]:
        """(which rows are origins, their turns): merged ones without a written turn are none."""
        num_turns = np.bincount(turns.conversation_t, minlength=len(self.row_c))
        kept: Bools = num_turns > 0
        kept[self.own_c] = True
        return kept, num_turns


def _others(rows: pa.Table) -> pa.ListArray:
    fields = [*OTHER_TYPE, *([_MASKED] if _MASKED.name in rows.column_names else [])]
    kind = pa.list_(pa.struct(fields))
    if "others" not in rows.column_names:
        return pa.nulls(rows.num_rows, kind)
    return rows["others"].combine_chunks().cast(kind)


def all_of(licenses: Collection[str]) -> str:
    """SPDX expression of several: their terms in order, each once, `OR` in parentheses."""
    terms = {term for text in licenses for term in text.split(" AND ") if " OR " not in text}
    terms |= {f"({text})" for text in licenses if " OR " in text}
    return " AND ".join(sorted(terms))
