"""How much is read of a pushed build before its first rows are there, counted on the Hub's side."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.schema import SAMPLE_SCHEMA
from pipelines.emit import ROW_GROUP_BYTES, parquet_options
from tests.push_hub import PushHub, serve_pushes

_NUM_GROUPS = 6
# A process that leaves a stream before its end may abort or hang at its own end, in threads of
# pyarrow that still read (apache/arrow#45214; with pyarrow 26.0.1 seen in most runs).
_LOAD = """
import os
from datasets import Image, List, load_dataset
rows = load_dataset("org/name", split="train", streaming=True)
print(next(iter(rows.cast_column("images", List(Image(decode=False)))))["id"], flush=True)
os._exit(0)
"""


def _write(file: Path) -> None:
    """Row groups as full as emit makes them."""
    image = np.random.default_rng(0).bytes(1_000_000)
    row = dict.fromkeys(SAMPLE_SCHEMA.names) | {"id": "first"}
    row |= {"images": [{"bytes": image, "path": None}]}
    row |= {name: [] for name in ("messages", "videos", "media", "origins")}
    count = ROW_GROUP_BYTES // len(image)
    batch = pa.RecordBatch.from_pylist([row] * count, schema=SAMPLE_SCHEMA)
    with pq.ParquetWriter(file, SAMPLE_SCHEMA, **parquet_options()) as writer:
        for _ in range(_NUM_GROUPS):
            writer.write_batch(batch)


@pytest.mark.slow
def test_first_rows_come_after_less_than_100_mb(tmp_path: Path) -> None:
    """Two row groups at most: the size of what follows, a 5 GB build's too, changes nothing."""
    file = tmp_path / "train.parquet"
    _write(file)
    size = file.stat().st_size
    assert pq.ParquetFile(file).metadata.num_row_groups == _NUM_GROUPS and size > 190_000_000
    with serve_pushes(PushHub(tmp_path / "hub")) as hub:
        with file.open("rb") as handle:
            sha = hashlib.file_digest(handle, "sha256").hexdigest()
        shutil.move(file, hub.place("lfs", sha))
        entry = {"oid": "1" * 40, "size": size, "lfs": sha}
        hub.create("org/name")
        hub.add_commit("org/name", "main", {"data/train-00000.parquet": entry}, "one shard")
        settings = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path)}
        env = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"} | settings
        command = [sys.executable, "-c", _LOAD]
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.stdout == "first\n", done.stderr
        read = sum(hub.sent.values())
    assert ROW_GROUP_BYTES * 0.9 < read < 100_000_000, read
