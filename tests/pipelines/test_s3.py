"""Mirror, store and output in a bucket: the bytes of a local build, and verbs that read it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer
from rich.console import Console

from pipelines.build import build
from pipelines.options import BuildOptions
from tests.pipelines.trees import tree_digests

_RECIPE = """
name: bucket
description: archives, a JSON array and Parquet
unit: samples
filters: {content_items: {}, roles: {}, empty_turns: {}, placeholders: {}, image_bounds: {}}
components:
  - name: all
    share: 100%
    sources: [llava_video_178k/0_30_s_nextqa, m4_instruct, the_cauldron/ai2d]
"""
_SECRET = "PlantedSecretThatNobodyMaySee"
_BUILD = "import sys; from pipelines.cli import build_mixture; sys.exit(build_mixture())"
_MIXTURE = "import sys; from pipelines.cli import mixture; sys.exit(mixture())"


class _Bucket:
    """A bucket on loopback, and commands that are run with it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.recipe = str(folder / "recipe.yaml")
        Path(self.recipe).write_text(_RECIPE)
        self.fs: Any = fsspec.filesystem(
            "s3", endpoint_url=url, key="key", secret=_SECRET, use_listings_cache=False
        )
        self.env = os.environ | {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "SMOLMIX_HOME": str(folder / "home"),
        }

    def run(self, code: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(
            command, env=self.env, capture_output=True, text=True, timeout=400, check=False
        )

    def build(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        places = ["--mirror", "s3://bucket/mirror", "--store", f"s3://bucket/{name}/store"]
        out = f"s3://bucket/{name}/out"
        return self.run(_BUILD, "--recipe", self.recipe, *places, "--out", out, *words)

    def fetch(self, name: str) -> Path:
        target = self.folder / "fetched" / name
        self.fs.get(f"bucket/{name}", str(target), recursive=True)
        return target


@pytest.fixture(scope="module")
def bucket(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Bucket]:
    """With the samples below `mirror/`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        bucket = _Bucket(f"http://{host}:{port}", tmp_path_factory.mktemp("s3"))
        bucket.fs.mkdir("bucket")
        for file in samples.rglob("*"):
            if file.is_file():
                bucket.fs.put_file(str(file), f"bucket/mirror/{file.relative_to(samples)}")
        yield bucket
    finally:
        server.stop()


@pytest.fixture(scope="module")
def local(bucket: _Bucket, samples: Path) -> Path:
    """The same build with everything on the local disk."""
    options = BuildOptions(
        recipe=bucket.recipe,
        mirror=str(samples),
        store=str(bucket.folder / "local/store"),
        out=str(bucket.folder / "local/out"),
        engine="inline",
    )
    build(options, Console(quiet=True))
    return bucket.folder / "local/out"


def _assert_same(bucket: _Bucket, name: str, local: Path) -> None:
    fetched = bucket.fetch(f"{name}/out")
    for part in ("data", "ledger"):
        assert tree_digests(fetched / part) == tree_digests(local / part) != {}


@pytest.mark.slow
def test_a_build_in_a_bucket_is_the_local_one(bucket: _Bucket, local: Path) -> None:
    done = bucket.build("inline", "--engine", "inline")
    assert done.returncode == 0, done.stdout + done.stderr
    _assert_same(bucket, "inline", local)
    for path in bucket.fs.find("bucket/inline"):
        assert _SECRET.encode() not in bucket.fs.cat_file(path)
    assert _SECRET not in done.stdout + done.stderr

    again = bucket.build("inline", "--engine", "inline")
    assert again.returncode == 0 and "complete already" in again.stdout, again.stdout

    assert [path for path in bucket.fs.find("bucket/inline/store") if ".tmp" in path] == []
    for verb in ("verify", "show"):
        done = bucket.run(_MIXTURE, verb, "s3://bucket/inline/out")
        assert done.returncode == 0, done.stdout + done.stderr
    sample = next(iter(_ids(bucket)))
    done = bucket.run(_MIXTURE, "why", "s3://bucket/inline/out", sample)
    assert done.returncode == 0 and "emitted as row" in done.stdout, done.stdout + done.stderr


def _ids(bucket: _Bucket) -> list[str]:
    import pyarrow.parquet as pq

    shard = next(p for p in bucket.fs.find("bucket/inline/out/data") if p.endswith(".parquet"))
    with bucket.fs.open(shard) as handle:
        return [str(text) for text in pq.read_table(handle, columns=["id"])["id"].to_pylist()]


def test_a_bucket_that_may_not_be_read_says_what_to_set(bucket: _Bucket) -> None:
    words = ["--engine", "inline", "--store", str(bucket.folder / "s"), "--out"]
    words += [str(bucket.folder / "o"), "--mirror", "s3://bucket/mirror"]
    env = {k: v for k, v in bucket.env.items() if not k.startswith("AWS_ACCESS")}
    env |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(bucket.folder)}
    command = [sys.executable, "-c", _BUILD, "--recipe", bucket.recipe, *words]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "AWS_ACCESS_KEY_ID" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_ray_workers_build_in_a_bucket_too(bucket: _Bucket, local: Path) -> None:
    done = bucket.build("ray", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    _assert_same(bucket, "ray", local)
