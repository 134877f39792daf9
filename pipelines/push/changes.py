"""What a push has to send: the files of a build against those of the repository, by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from manifests.build import DATA_FOLDER, LEDGER_FOLDER, MANIFEST_NAME, BuildManifest
from manifests.errors import UsageError
from pipelines.push.hub import RemoteFile

CARD_NAME = "README.md"
# Beside what the manifest lists: the report is looked at, and no part of the mixture.
_BESIDE = (MANIFEST_NAME, "report.html")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class LocalFile:
    """A file of the build and its place in the repository; its content where it is made here."""

    place: str
    file: Path
    size: int
    sha256: str
    content: bytes | None = None


@dataclass(frozen=True)
class Changes:
    """`kept` are in the repository already; `gone` are of an earlier build, and not of this one."""

    sent: tuple[LocalFile, ...]
    kept: tuple[LocalFile, ...]
    gone: tuple[str, ...]


def local_files(build: Path, manifest: BuildManifest, folder: str) -> list[LocalFile]:
    """Those that the manifest lists, the manifest, and the report where the build has one."""
    listed = [
        LocalFile(folder + entry.path, build / entry.path, entry.bytes, entry.sha256)
        for entry in manifest.files
    ]
    beside = [build / name for name in _BESIDE if (build / name).is_file()]
    return listed + [
        LocalFile(folder + file.name, file, file.stat().st_size, _sha256(file)) for file in beside
    ]


def made_file(place: str, text: str) -> LocalFile:
    data = text.encode()
    return LocalFile(place, Path(place), len(data), hashlib.sha256(data).hexdigest(), data)


def changes(local: Sequence[LocalFile], remote: Mapping[str, RemoteFile], folder: str) -> Changes:
    """What makes the repository's `folder` hold the build, and nothing of another one."""
    is_kept = [_is_same(file, remote.get(file.place)) for file in local]
    kept = tuple(file for file, same in zip(local, is_kept, strict=True) if same)
    sent = tuple(file for file, same in zip(local, is_kept, strict=True) if not same)
    places = {file.place for file in local}
    below = (folder + DATA_FOLDER, folder + LEDGER_FOLDER)
    gone = tuple(path for path in remote if path.startswith(below) and path not in places)
    return Changes(sent, kept, gone)


def refuse_foreign(remote: Mapping[str, RemoteFile], folder: str, name: str) -> None:
    """What was not pushed from here is neither removed nor mixed with a build."""
    stages = [path for path in remote if path.count("/") == 1 and path.endswith(MANIFEST_NAME)]
    if not folder and stages:
        raise UsageError(
            f"{name} holds builds as configs ({', '.join(sorted(stages))}); say --stage-as-config, "
            "or name another repository"
        )
    if folder and MANIFEST_NAME in remote:
        raise UsageError(
            f"{name} holds one build, pushed without --stage-as-config; push this one without it "
            "to replace that, or name another repository"
        )
    below = (folder + DATA_FOLDER, folder + LEDGER_FOLDER)
    foreign = sorted(path for path in remote if path.startswith(below))
    if foreign and folder + MANIFEST_NAME not in remote:
        raise UsageError(
            f"{name} holds {foreign[0]}, which is of no build that was pushed there; name another "
            "repository or --revision, or remove it"
        )


def _is_same(file: LocalFile, remote: RemoteFile | None) -> bool:
    if remote is None or remote.size != file.size:
        return False
    return (remote.sha256 or remote.blob) == (file.sha256 if remote.sha256 else _blob(file))


def _sha256(file: Path) -> str:
    state = hashlib.sha256()
    _read_into(state, file)
    return state.hexdigest()


def _blob(file: LocalFile) -> str:
    """Git's name of the content: SHA-1 over a header and the bytes."""
    state = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    if file.content is None:
        _read_into(state, file.file)
    else:
        state.update(file.content)
    return state.hexdigest()


def _read_into(state: hashlib._Hash, file: Path) -> None:
    with file.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            state.update(chunk)
