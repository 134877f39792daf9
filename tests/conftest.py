"""Shared fixtures: one samples mirror, one inline build of it, and one Ray for the whole run."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from rich.console import Console

# A commit passes or fails, and not by luck. To search on: --hypothesis-profile=default, which
# takes other cases on every run. No test is timed: machines are shared.
settings.register_profile("same-cases", derandomize=True, deadline=None)
settings.load_profile("same-cases")


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


# Texts, archives of clips and of images, and Parquet; merged.
_SMALL = """
name: small
description: one subset of each kind of upstream
unit: samples
merge: same_media
filters: {content_items: {}, roles: {}, placeholders: {}, turn_length: {}, image_bounds: {}}
components:
  - {name: text, share: 20%, modality: text, sources: [magpie/Magpie-Pro-300K-Filtered]}
  - {name: image, share: 50%, sources: [the_cauldron/ai2d, m4_instruct]}
  - {name: video, share: 30%, modality: video, sources: [llava_video_178k/0_30_s_nextqa]}
"""


@dataclass(frozen=True)
class Built:
    """A finished build of the samples, and what it was made from."""

    recipe: str
    mirror: Path
    store: Path
    out: Path

    def again(self, store: Path, out: Path) -> None:
        """The same build from another store to another place, in this process."""
        from pipelines.build import build
        from pipelines.options import BuildOptions

        options = BuildOptions(
            recipe=self.recipe,
            mirror=str(self.mirror),
            store=str(store),
            out=str(out),
            engine="inline",
        )
        build(options, Console(quiet=True))


@pytest.fixture(scope="session")
def built(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The video mixture of the samples, built in this process."""
    folder = tmp_path_factory.mktemp("built")
    done = Built("video", samples, folder / "store", folder / "video")
    done.again(done.store, done.out)
    return done


@pytest.fixture(scope="session")
def small_built(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A mixture of few sources, for tests that build it again in other ways."""
    folder = tmp_path_factory.mktemp("small")
    recipe = folder / "small.yaml"
    recipe.write_text(_SMALL)
    done = Built(str(recipe), samples, folder / "store", folder / "small")
    done.again(done.store, done.out)
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
