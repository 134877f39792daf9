"""A folder on a local disk and one on an object store, for what must hold on both."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests.storage import remove_tree


@pytest.fixture
def remote() -> Iterator[str]:
    """A folder of fsspec's in-memory object store."""
    uri = f"memory://{uuid.uuid4().hex}"
    yield uri
    remove_tree(uri)


@pytest.fixture(params=["local", "remote"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, remote: str) -> str:
    return str(tmp_path) if request.param == "local" else remote
