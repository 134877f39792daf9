"""Parquet as `datasets` pushes it to the Hub: snappy, its features in the schema's metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def list_of(item: pa.DataType) -> pa.ListType:
    return pa.list_(pa.field("element", item))


def value(dtype: str) -> dict[str, str]:
    """A plain feature as it stands in the `huggingface` metadata."""
    return {"dtype": dtype, "_type": "Value"}


def with_features(schema: pa.Schema, features: dict[str, Any]) -> pa.Schema:
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def write(
    path: Path, schema: pa.Schema, rows: Sequence[dict[str, Any]], row_group_rows: int
) -> None:
    """Rows of exactly the schema's columns; several row groups, as large files have."""
    for row in rows:
        assert set(row) == set(schema.names), f"{path}: {sorted(row)} are not {schema.names}"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(list(rows), schema=schema)
    pq.write_table(table, path, compression="snappy", row_group_size=row_group_rows)
