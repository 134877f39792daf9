"""`mixture why`: what became of an upstream row, and where an emitted sample came from."""

from __future__ import annotations

from typing import Any

import polars as pl

from manifests.errors import UsageError
from manifests.storage import join, list_files, read_parquet
from pipelines.progress import printable

_HEX = 32


def read_ledger(build: str, columns: list[str] | None = None) -> pl.DataFrame:
    """The whole ledger of a build, in its order."""
    files = list_files(join(build, "ledger"), ".parquet")
    if not files:
        raise UsageError(f"{build} holds no ledger: it is not a finished build")
    frames = [pl.from_arrow(read_parquet(join(build, "ledger", f), columns)) for f in files]
    return pl.concat([pl.DataFrame(frame) for frame in frames])


def _upstream(ledger: pl.DataFrame, place: str, row: str) -> pl.DataFrame:
    if not row.isdecimal():
        raise UsageError(f"{place}#{row}: the part after # is a row number, counted from 0")
    with_subset = pl.format("{}/{}/{}", "source", "subset", "file")
    without = pl.format("{}/{}", "source", "file")
    here = (with_subset == place) | (without == place)
    return ledger.filter(here & (pl.col("row") == int(row)))


def _emitted(ledger: pl.DataFrame, sample_id: str) -> pl.DataFrame:
    return ledger.filter((pl.col("id") == sample_id) | (pl.col("matched") == sample_id))


def find_rows(build: str, wanted: str) -> list[dict[str, Any]]:
    """Ledger rows about an emitted id (`source/subset/<32 hex>`) or an upstream row.

    An upstream row is `source/subset/file#row` or `source/file#row`. Nothing found is an error.
    """
    ledger = read_ledger(build)
    place, mark, row = wanted.rpartition("#")
    found = _upstream(ledger, place, row) if mark else _emitted(ledger, wanted)
    if found.is_empty():
        hint = "an id `source/subset/<32 hex>` or an upstream row `source/subset/file#row`"
        raise UsageError(f"{wanted!r} is not in the ledger of {build}; give {hint}")
    return found.sort("source", "subset", "file", "row", "group").to_dicts()


def find_places(build: str, sample_id: str) -> list[tuple[str, int]]:
    """(data file, row in it) of every copy of an emitted sample."""
    places = []
    for name in list_files(join(build, "data"), ".parquet"):
        ids = read_parquet(join(build, "data", name), ["id"])["id"].to_pylist()
        places += [(f"data/{name}", row) for row, value in enumerate(ids) if value == sample_id]
    return places


def explain(entry: dict[str, Any]) -> str:
    """One ledger row as a sentence."""
    place = f"{entry['source']}/{entry['subset']}/{entry['file']}#{entry['row']}"
    if entry["group"]:
        place += f" (conversation {entry['group'] + 1} of that row)"
    parts = [f"{place}: {entry['fate'].replace('_', ' ')}"]
    if entry["matched"]:
        parts.append(entry["matched"])
    if entry["stage"]:
        parts.append(f"at {entry['stage']}")
    if entry["rule"]:
        parts.append(f"by {entry['rule']}")
    text = " ".join(parts)
    if entry["value"]:
        text += f" ({entry['value']})"
    return printable(text + (f"; id {entry['id']}" if entry["id"] else ""))
