"""The entries of a build's ledger, as they lie on disk: a Parquet file a source."""

from __future__ import annotations

from typing import Any

import polars as pl

from manifests.errors import UsageError
from manifests.storage import join, list_files, read_parquet

Entry = dict[str, Any]


def place_of(entry: Entry) -> str:
    """`source/subset/file#row`, as `mixture why` takes it."""
    return f"{entry['source']}/{entry['subset']}/{entry['file']}#{entry['row']}"


def ledger_files(build: str) -> list[str]:
    names = list_files(join(build, "ledger"), ".parquet")
    if not names:
        raise UsageError(f"{build} holds no ledger: it is not a finished build")
    return names


def read_entries(build: str, name: str, columns: list[str] | None = None) -> pl.DataFrame:
    table = read_parquet(join(build, "ledger", name), columns)
    return pl.DataFrame(pl.from_arrow(table))
