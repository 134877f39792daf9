"""What a build's folder may hold, and what must never reach it."""

from __future__ import annotations

import pytest

from manifests.errors import without_secrets


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
