"""A push from end to end: proved, compared, sent, shown by one commit, tagged.

Large files go first, to where no reader looks; the commit names them all at once. A run that is
killed leaves nothing to be seen, and the next one sends what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from manifests.build import BuildManifest, load_manifest
from manifests.errors import IntegrityError, UsageError
from manifests.storage import is_local, local_path
from pipelines.engine import Task
from pipelines.progress import StageProgress, human_bytes
from pipelines.push.changes import (
    CARD_NAME,
    Changes,
    LocalFile,
    changes,
    local_files,
    made_file,
    refuse_foreign,
)
from pipelines.push.hub import ConflictError, Repository
from pipelines.push.stages import front_matter, with_stage
from pipelines.push.terms import refuse_permissive_card, refuse_unpublishable
from pipelines.verify import verify

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

# Of one round of sending: so that progress moves, and a cut connection costs little.
_ROUND_FILES = 32
_ROUND_BYTES = 1 << 30


@dataclass(frozen=True)
class Asked:
    build: str
    repo: str
    private: bool = False
    revision: str | None = None
    stage_as_config: bool = False
    has_rights: bool = False


@dataclass(frozen=True)
class Pushed:
    """Where the build is now, and what it took."""

    address: str
    commit: str
    tag: str
    changes: Changes
    manifest: BuildManifest


def push(asked: Asked, console: Console) -> Pushed:
    folder = _folder(asked.build)
    refuse_unpublishable(load_manifest(asked.build), asked.has_rights)
    repo = Repository(asked.repo, asked.revision)
    repo.check_token()
    manifest = verify(asked.build, lambda path: None)
    size = human_bytes(sum(file.bytes for file in manifest.files))
    console.print(f"verified {len(manifest.files):,} files, {size}", soft_wrap=True)
    head = repo.open(asked.private)
    try:
        commit, found = _bring(asked, folder, manifest, repo, head, console)
    except ConflictError:
        # The answer to our own commit may have been lost on the way.
        head = repo.head()
        found = _compare(asked, folder, manifest, repo, head)
        if found.sent or found.gone:
            raise
        commit = head
    tag = f"manifest-{manifest.digest()[:16]}"
    repo.tag(tag, commit)
    return Pushed(repo.address, commit, tag, found, manifest)


def _folder(build: str) -> Path:
    if not is_local(build):
        raise UsageError(
            f"{build} is not on this machine; copy the build into a folder and push that"
        )
    return local_path(build)


def _bring(
    asked: Asked,
    folder: Path,
    manifest: BuildManifest,
    repo: Repository,
    head: str,
    console: Console,
) -> tuple[str, Changes]:
    found = _compare(asked, folder, manifest, repo, head)
    if not found.sent and not found.gone:
        return head, found
    additions = _send(found.sent, repo, console)
    message = f"smolmix {manifest.recipe}, manifest {manifest.digest()[:16]}"
    return repo.commit([*additions, *_deletions(found.gone)], message, head), found


def _compare(
    asked: Asked, folder: Path, manifest: BuildManifest, repo: Repository, head: str
) -> Changes:
    """What is missing at commit `head`; refuses what must not be overwritten, or said."""
    stage = f"{manifest.recipe}/" if asked.stage_as_config else ""
    remote = repo.files(head)
    refuse_foreign(remote, stage, repo.name)
    local = local_files(folder, manifest, stage)
    if stage:
        before = repo.text(CARD_NAME, head) if CARD_NAME in remote else ""
        card = with_stage(before, manifest, repo.name)
        refuse_permissive_card(manifest, front_matter(card), f"{CARD_NAME} of {repo.name}")
        local.append(made_file(CARD_NAME, card))
    else:
        card = (folder / CARD_NAME).read_text(encoding="utf-8")
        refuse_permissive_card(manifest, front_matter(card), f"{CARD_NAME} of {asked.build}")
    return changes(local, remote, stage)


def _send(
    files: Sequence[LocalFile], repo: Repository, console: Console
) -> list[CommitOperationAdd]:
    parts = [[(file, _addition(file)) for file in part] for part in _rounds(files)]
    rounds = [
        Task(part[0][0].place, "files", _send_round, (part, repo), 0, sum(f.size for f, _ in part))
        for part in parts
    ]
    with StageProgress(console, "push", rounds) as progress:
        for task in rounds:
            progress.advance(task, task.function(*task.args))
    return [addition for part in parts for _, addition in part]


def _send_round(
    part: Sequence[tuple[LocalFile, CommitOperationAdd]], repo: Repository
) -> dict[str, Any]:
    repo.send([addition for _, addition in part])
    for file, addition in part:
        _check_unchanged(file, addition)
    return {"files": len(part)}


def _rounds(files: Sequence[LocalFile]) -> Iterator[list[LocalFile]]:
    part: list[LocalFile] = []
    for file in files:
        part.append(file)
        if len(part) == _ROUND_FILES or sum(f.size for f in part) >= _ROUND_BYTES:
            yield part
            part = []
    if part:
        yield part


def _addition(file: LocalFile) -> CommitOperationAdd:
    from huggingface_hub import CommitOperationAdd

    content = str(file.file) if file.content is None else file.content
    return CommitOperationAdd(file.place, content)


def _check_unchanged(file: LocalFile, operation: CommitOperationAdd) -> None:
    """What was sent is what was proved, also where the build was written to meanwhile."""
    if operation.upload_info.sha256.hex() != file.sha256:
        raise IntegrityError(
            f"{file.file} has changed since it was verified; run the same command again once "
            "nothing writes to the build"
        )


def _deletions(paths: Sequence[str]) -> list[CommitOperationDelete]:
    from huggingface_hub import CommitOperationDelete

    return [CommitOperationDelete(path) for path in paths]
