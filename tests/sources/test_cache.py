"""Downloads: whole and checked or not there, shared, continued after a kill, and capped."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import md5, sha1, sha256
from pathlib import Path
from typing import IO

import pytest

from manifests.errors import SourceError
from sources.cache import DownloadCache, entry_name
from sources.root import FileRef, Root
from tests.hub import COMMIT, Hub, serve

_SIZE = 3_000_000
# Reads the file of argv (address of its root, its size, cache folder) through a cache.
_READ = """
import sys
import huggingface_hub.constants as constants
constants.HF_HUB_OFFLINE = False
from sources.cache import DownloadCache
from sources.root import FileRef, Root
root = Root(sys.argv[1], "org/name", cache=DownloadCache(sys.argv[3], 1 << 40))
with root.open(FileRef("a.tar", int(sys.argv[2]), "", "")) as handle:
    assert handle.name.startswith(sys.argv[3]) and len(handle.read()) == int(sys.argv[2])
"""


class _Setting:
    """A server with files, and the cache that they are read through."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub = hub
        self.folder = folder
        self.uri = f"{hub.url}/datasets/org/name/resolve/{COMMIT}"

    def put(self, name: str, size: int = _SIZE) -> tuple[FileRef, bytes]:
        data = random.Random(name).randbytes(size)
        file = self.hub.mirror / "org/name" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        oid = sha1(f"blob {size}\0".encode() + data).hexdigest()
        return FileRef(name, size, oid, f"git:{oid}"), data

    def open(self, file: FileRef, max_bytes: int = 1 << 40) -> IO[bytes]:
        return self.root(max_bytes).open(file)

    def root(self, max_bytes: int = 1 << 40) -> Root:
        return Root(self.uri, "org/name", cache=DownloadCache(str(self.folder), max_bytes))

    def kept(self) -> list[str]:
        names = [path.name for path in self.folder.glob("[!.]*")]
        return sorted(name.split("-", 2)[2] for name in names)

    def sent(self, name: str) -> int:
        return self.hub.sent[f"org/name/{name}"]


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Setting]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with serve(Hub(tmp_path / "mirror")) as hub:
        yield _Setting(hub, tmp_path / "downloads")


def test_a_file_is_downloaded_once(setting: _Setting) -> None:
    file, data = setting.put("a.tar")
    for _ in range(3):
        with setting.open(file) as handle:
            assert handle.read() == data
    assert setting.sent("a.tar") == _SIZE and setting.kept() == ["a.tar"]


def test_parquet_is_not_downloaded(setting: _Setting) -> None:
    file, _ = setting.put("a.parquet")
    with setting.open(file) as handle:
        handle.read(10)
    assert setting.kept() == [] and setting.sent("a.parquet") < _SIZE


def test_a_broken_download_is_continued(setting: _Setting) -> None:
    file, data = setting.put("a.tar", 40_000_000)
    part = setting.folder / f"{entry_name(setting.root().facts(file))}.part"
    setting.folder.mkdir()
    part.write_bytes(data[:30_000_000])
    with setting.open(file) as handle:
        assert handle.read() == data
    assert setting.sent("a.tar") == 10_000_000 and not part.exists()


def test_a_part_of_other_bytes_is_thrown_away(setting: _Setting) -> None:
    file, data = setting.put("a.tar")
    setting.folder.mkdir()
    part = setting.folder / f"{entry_name(setting.root().facts(file))}.part"
    part.write_bytes(b"x" * 1000)
    with setting.open(file) as handle:
        assert handle.read() == data


def test_a_replaced_file_is_another_entry(setting: _Setting) -> None:
    old, _ = setting.put("a.tar")
    with setting.open(old) as handle:
        handle.read()
    (setting.hub.mirror / "org/name/a.tar").write_bytes(b"y" * _SIZE)
    oid = sha1(f"blob {_SIZE}\0".encode() + b"y" * _SIZE).hexdigest()
    with setting.open(FileRef("a.tar", _SIZE, oid, f"git:{oid}")) as handle:
        assert handle.read(1) == b"y"


@pytest.mark.parametrize("kind", ["sha256", "md5", "git"])
def test_bytes_that_upstream_did_not_promise_are_refused(setting: _Setting, kind: str) -> None:
    file, _ = setting.put("a.tar")
    wrong = FileRef("a.tar", _SIZE, file.etag, f"{kind}:{'0' * 40}")
    with pytest.raises(SourceError, match="2 downloads do not have the size and checksum"):
        setting.open(wrong)
    assert setting.sent("a.tar") == 2 * _SIZE
    assert "a.tar" not in setting.kept()


def test_checksums_of_all_kinds_are_known(setting: _Setting) -> None:
    file, data = setting.put("a.tar")
    kinds = {"sha256": sha256(data), "md5": md5(data), "s3": md5(data)}
    for kind, state in kinds.items():
        checksum = f"{kind}:{state.hexdigest()}"
        with setting.open(FileRef("a.tar", _SIZE, file.etag, checksum)) as handle:
            assert handle.read() == data
        setting.root().cache.drop(setting.root().facts(file))  # type: ignore[union-attr]
    assert setting.sent("a.tar") == 3 * _SIZE


def test_what_s3_encrypts_has_no_md5_and_is_taken_when_it_comes_twice(setting: _Setting) -> None:
    file, data = setting.put("a.tar")
    with setting.open(FileRef("a.tar", _SIZE, file.etag, f"s3:{'0' * 32}")) as handle:
        assert handle.read() == data
    assert setting.sent("a.tar") == 2 * _SIZE


def test_the_longest_unused_goes_first(setting: _Setting) -> None:
    files = {name: setting.put(name)[0] for name in ("a.tar", "b.tar", "c.tar")}
    for name in ("a.tar", "b.tar", "a.tar", "c.tar"):
        setting.open(files[name], 2 * _SIZE).close()
        time.sleep(0.01)
    assert setting.kept() == ["a.tar", "c.tar"]


def test_what_is_read_is_never_removed(setting: _Setting) -> None:
    files = {name: setting.put(name) for name in ("a.tar", "b.tar", "c.tar")}
    with setting.open(files["a.tar"][0], 2 * _SIZE), setting.open(files["b.tar"][0], 2 * _SIZE):
        with setting.open(files["c.tar"][0], 2 * _SIZE) as handle:
            assert handle.read() == files["c.tar"][1]  # streamed: there is no room
        assert setting.kept() == ["a.tar", "b.tar"]
        root = setting.root()
        assert root.cache is not None
        root.cache.drop(root.facts(files["a.tar"][0]))
        assert setting.kept() == ["a.tar", "b.tar"]
    setting.open(files["c.tar"][0], 2 * _SIZE).close()
    assert setting.kept() == ["b.tar", "c.tar"]


def test_a_file_larger_than_the_cap_is_streamed(setting: _Setting) -> None:
    file, data = setting.put("a.tar")
    with setting.open(file, _SIZE - 1) as handle:
        assert handle.read() == data
    assert setting.kept() == []


def test_a_dropped_file_is_gone(setting: _Setting) -> None:
    file, _ = setting.put("a.tar")
    root = setting.root()
    assert root.cache is not None
    root.open(file).close()
    root.cache.drop(root.facts(file))
    root.cache.drop(root.facts(file))
    assert setting.kept() == []


def _reader(setting: _Setting, size: int) -> subprocess.Popen[str]:
    env = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"}
    words = [sys.executable, "-c", _READ, setting.uri, str(size), str(setting.folder)]
    return subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True)


def test_processes_that_want_the_same_file_download_it_once(setting: _Setting) -> None:
    setting.put("a.tar", 20_000_000)
    setting.hub.latency_s = 0.2
    readers = [_reader(setting, 20_000_000) for _ in range(3)]
    for reader in readers:
        _, errors = reader.communicate(timeout=60)
        assert reader.returncode == 0, errors
    assert setting.sent("a.tar") == 20_000_000 and setting.kept() == ["a.tar"]


def test_a_killed_process_leaves_no_lock_and_no_cut_file(setting: _Setting) -> None:
    _, data = setting.put("a.tar", 60_000_000)
    setting.hub.latency_s = 0.3
    reader = _reader(setting, 60_000_000)
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size for path in setting.folder.glob("*.part")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    reader.kill()
    reader.communicate()
    setting.hub.latency_s = 0.0
    assert [name.endswith(".part") for name in setting.kept()] == [True]
    with setting.open(FileRef("a.tar", 60_000_000)) as handle:
        assert handle.read() == data
    assert setting.kept() == ["a.tar"]
