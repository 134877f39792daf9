"""The upstream rows that a batch of rows is written from: its own, and those merged into them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from manifests.schema import ORIGIN_TYPE
from pipelines.flat import Bools, Ints, count_where, ints, offsets, owners, starts
from pipelines.written import Written

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


class Upstream:
    """One value an upstream row, `_c`; those of a row of the batch follow each other, own first."""

    def __init__(self, rows: pa.Table) -> None:
        others = rows["others"].combine_chunks().cast(pa.list_(OTHER_TYPE))
        counts = 1 + ints(others.value_lengths().fill_null(0))
        merged = others.flatten()
        self.row_c = owners(counts)
        self.own_c = starts(counts)[:-1]
        is_own = np.zeros(len(self.row_c), bool)
        is_own[self.own_c] = True
        order = np.empty(len(is_own), np.int64)
        order[is_own] = np.arange(len(counts))
        order[~is_own] = np.arange(len(counts), len(is_own))
        self._facts = {
            field.name: pa.concat_arrays(
                [rows[field.name].combine_chunks().cast(field.type), merged.field(field.name)]
            ).take(pa.array(order))
            for field in OTHER_TYPE
            if field.name != "num_turns"
        }

    def ints(self, name: str) -> Ints:
        return ints(self._facts[name])

    def origins(self, plan: Written) -> pa.Array:
        """The `origins` column: upstream rows with the turns that are written of them."""
        kept, num_turns = self._written(plan)
        # Turns of a row's conversations may alternate.
        order = np.argsort(plan.conversation_t, kind="stable")
        numbers = pa.array(plan.number_t[order], pa.int32())
        turns = pa.ListArray.from_arrays(offsets(num_turns[kept]), numbers)
        columns = [
            turns if field.name == "turns" else self._facts[field.name].filter(pa.array(kept))
            for field in ORIGIN_TYPE
        ]
        origins = pa.StructArray.from_arrays(columns, fields=list(ORIGIN_TYPE))
        return pa.ListArray.from_arrays(
            offsets(count_where(self.row_c, kept, len(self.own_c))), origins
        )

    def licenses(self, plan: Written) -> pa.Array:
        """The license of each row: all of its origins', joined by AND where they differ."""
        coded = self._facts["license"].dictionary_encode()
        codes, names = ints(coded.indices), coded.dictionary.to_pylist()
        kept, _ = self._written(plan)
        mixed = np.unique(self.row_c[kept & (codes != codes[self.own_c][self.row_c])])
        joint = {row: set[str]() for row in mixed.tolist()}
        for at in np.flatnonzero(kept & np.isin(self.row_c, mixed)).tolist():
            joint[int(self.row_c[at])].add(names[codes[at]])
        found = codes[self.own_c]
        for row, licenses in joint.items():
            names.append(all_of(licenses))
            found[row] = len(names) - 1
        return pa.array(names, pa.string()).take(pa.array(found))

    def _written(self, plan: Written) -> tuple[Bools, Ints]:
        """(which rows are origins, their turns): merged ones without a written turn are none."""
        num_turns = np.bincount(plan.conversation_t, minlength=len(self.row_c))
        kept: Bools = num_turns > 0
        kept[self.own_c] = True
        return kept, num_turns


def all_of(licenses: Iterable[str]) -> str:
    """SPDX expression of several: their terms in order, each once, `OR` in parentheses."""
    terms = {term for text in licenses for term in text.split(" AND ") if " OR " not in text}
    terms |= {f"({text})" for text in licenses if " OR " in text}
    return " AND ".join(sorted(terms))
