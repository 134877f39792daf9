"""A build in a bucket or on the Hub trains as the same one on a disk, by the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer

pytest.importorskip("torch", reason="torch is not installed")

from tests.conftest import Built  # noqa: E402
from tests.push_hub import TOKEN, PushHub, serve_pushes  # noqa: E402

pytestmark = pytest.mark.slow

_STEPS = ("--preset", "tiny", "--steps", "3", "--context", "512", "--workers", "1")
_ROOT = Path(__file__).parents[2]


def _run(*words: str, **settings: str) -> None:
    """Addresses of loopback servers are read when the libraries are imported: a process each."""
    unset = ("HF_TOKEN", "HF_ENDPOINT", "AWS_ENDPOINT_URL")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, *words]
    env = {**kept, **settings}
    done = subprocess.run(command, env=env, cwd=_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _losses(mixture: str, out: Path, **settings: str) -> list[float]:
    words = ("--mixture", mixture, "--out", str(out), "--log-every", "1")
    _run("-m", "trainer.cli", *words, *_STEPS, **settings)
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def expected(small_built: Built, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    return _losses(str(small_built.out), tmp_path_factory.mktemp("local") / "run")


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "loopback",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        server.stop()


def test_from_a_bucket(
    bucket: dict[str, str], small_built: Built, expected: list[float], tmp_path: Path
) -> None:
    files = fsspec.filesystem(
        "s3", endpoint_url=bucket["AWS_ENDPOINT_URL"], key="key", secret="loopback"
    )
    # moto keeps one set of buckets a process: other tests have theirs.
    files.mkdir("builds")
    files.put(str(small_built.out), "builds/trained", recursive=True)
    found = _losses("s3://builds/trained", tmp_path / "run", **bucket)
    assert found == expected and len(found) == 3


def test_from_the_hub(small_built: Built, expected: list[float], tmp_path: Path) -> None:
    with serve_pushes(PushHub(tmp_path / "hub")) as hub:
        settings = {
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": TOKEN,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(tmp_path / "home"),
        }
        words = (str(small_built.out), "org/trained", "--i-have-the-rights")
        script = "import sys; from pipelines.cli import mixture; sys.exit(mixture(sys.argv[1:]))"
        _run("-c", script, "push", *words, **settings)
        found = _losses("hf://datasets/org/trained", tmp_path / "run", **settings)
    assert found == expected
