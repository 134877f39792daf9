"""Builds on the Ray that the whole test run shares."""

from __future__ import annotations

import pytest

from pipelines.engine import RayEngine


def build_on(ray_engine: RayEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on builds run on this Ray, whatever engine they ask for, and leave it open."""
    monkeypatch.setattr(ray_engine, "close", lambda: None)
    monkeypatch.setattr("pipelines.runner.make_engine", lambda *args: ray_engine)
