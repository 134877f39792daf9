"""What a build's folder may hold, and what must never reach it."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.errors import without_secrets
from manifests.storage import write_json
from pipelines.build_folder import finished_shard


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/data/hub", "/data/hub"),
        ("a=b", "a=b"),
        ("s3://bucket/folder", "s3://bucket/folder"),
        ("https://me:secret@host/x", "https://***@host/x"),
        ("https://host/x?token=secret&a=1", "https://host/x?token=***&a=***"),
    ],
)
def test_credentials_in_a_uri_are_not_recorded(text: str, kept: str) -> None:
    assert without_secrets(text) == kept


def test_a_shard_without_its_contents_is_written_again(tmp_path: Path) -> None:
    """An earlier version left its record, in a build that was killed."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.parquet").touch()
    record = tmp_path / ".work" / "a.parquet.json"
    write_json(str(record), {"rows": 1})
    assert finished_shard(str(tmp_path), "a.parquet") is None
    write_json(str(record), {"rows": 1, "contents": []})
    assert finished_shard(str(tmp_path), "a.parquet") == {"rows": 1, "contents": []}
