"""Shared fixtures: one samples mirror, one inline build of it, and one Ray for the whole run."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the user's store, or the network."""
    monkeypatch.setenv("SMOLMIX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mirror that `mixture samples DIR --stage video` writes."""
    from pipelines.samples import write_samples

    folder = tmp_path_factory.mktemp("samples") / "mirror"
    write_samples(folder, "video")
    return folder


@pytest.fixture(scope="session")
def all_samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mirror of every source that `mixture samples DIR` writes."""
    from pipelines.samples import write_samples

    folder = tmp_path_factory.mktemp("all-samples") / "mirror"
    write_samples(folder)
    return folder


@pytest.fixture(scope="session")
def smollm2_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer.json of SmolLM2's vocabulary with SmolVLM's special tokens."""
    from tests.smollm2 import smollm2

    file = tmp_path_factory.mktemp("smollm2") / "tokenizer.json"
    smollm2().save(str(file))
    return file


@dataclass(frozen=True)
class Built:
    """A finished build of the samples, and what it was made from."""

    mirror: Path
    store: Path
    out: Path


@pytest.fixture(scope="session")
def built(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The video mixture of the samples, built in this process."""
    from pipelines.build import build
    from pipelines.options import BuildOptions

    folder = tmp_path_factory.mktemp("built")
    done = Built(samples, folder / "store", folder / "video")
    options = BuildOptions(
        recipe="video",
        mirror=str(done.mirror),
        store=str(done.store),
        out=str(done.out),
        engine="inline",
    )
    build(options, Console(quiet=True))
    return done


@pytest.fixture(scope="session")
def ray_engine() -> Iterator[object]:
    """One Ray of two workers for the whole run."""
    from pipelines.engine import RayEngine

    engine = RayEngine(workers=2, address=None)
    yield engine
    engine.close()
    with warnings.catch_warnings():
        # Ray drops its own processes without waiting for them.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
