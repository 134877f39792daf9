"""`mixture push` to a Hub on loopback: fresh, again, changed, killed, refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants
from rich.console import Console

from manifests.build import BuildManifest, load_manifest, write_manifest
from pipelines.push.run import Asked, Pushed, push
from pipelines.verify import verify
from tests.conftest import Built
from tests.push_hub import TOKEN, PushHub, serve_pushes

# huggingface_hub hands bodies to its HTTP client in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
_COMMAND = "import sys; from pipelines.cli import mixture; sys.exit(mixture())"
_REPO = "org/name"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushHub]:
    with serve_pushes(PushHub(tmp_path / "hub")) as server:
        files = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture
def mine(small_built: Built, tmp_path: Path) -> Path:
    """A build that may be changed."""
    return shutil.copytree(small_built.out, tmp_path / "build")


def _push(source: Path, repo: str = _REPO, **more: object) -> Pushed:
    return push(replace(Asked(str(source), repo), **more), Console(quiet=True))  # type: ignore[arg-type]


def _pull(hub: PushHub, folder: Path, revision: str = "main", repo: str = _REPO) -> Path:
    api = HfApi(endpoint=hub.url)
    api.snapshot_download(repo, repo_type="dataset", revision=revision, local_dir=folder)
    return folder


def _sizes(done: Pushed) -> tuple[int, int]:
    return sum(f.size for f in done.changes.sent), sum(f.size for f in done.changes.kept)


def _set(source: Path, **facts: object) -> BuildManifest:
    """The manifest with other facts, as if the build had been made so."""
    manifest = load_manifest(str(source)).model_copy(update=facts)
    write_manifest(str(source), manifest)
    return manifest


def _set_terms(source: Path, **facts: str) -> BuildManifest:
    first, *others = load_manifest(str(source)).terms
    return _set(source, terms=(first.model_copy(update=facts), *others))


def test_fresh_and_pulled_back(hub: PushHub, small_built: Built, tmp_path: Path) -> None:
    done = _push(small_built.out)
    manifest = load_manifest(str(small_built.out))
    listed = {file.path for file in manifest.files} | {"manifest.json"}
    assert set(hub.tree(_REPO)) == listed and not done.changes.kept
    assert verify(str(_pull(hub, tmp_path / "pulled")), lambda path: None) == manifest
    assert done.tag == f"manifest-{manifest.digest()[:16]}"
    assert hub.commit_of(_REPO, done.tag) == hub.commit_of(_REPO, "main") == done.commit


def test_again_sends_nothing(hub: PushHub, small_built: Built) -> None:
    first = _push(small_built.out)
    put, commits = hub.put_bytes, len(hub.state(_REPO)["commits"])
    again = _push(small_built.out)
    assert not again.changes.sent and again.commit == first.commit
    assert (hub.put_bytes, len(hub.state(_REPO)["commits"])) == (put, commits)
    assert len(again.changes.kept) == len(first.changes.sent)
