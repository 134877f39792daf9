"""One dataset repository of the Hub, asked with patience; its errors are told in one sentence.

What passes (a server error, a cut connection) is tried again with growing pauses. Nothing of a
library's own message is handed on: they quote signed addresses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from manifests.errors import SmolmixError, UsageError, WorkError
from pipelines.push.names import check_branch, check_name
from sources.retries import Patience, is_unreached, passes, status_of

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    Operation = CommitOperationAdd | CommitOperationDelete

_T = TypeVar("_T")
_MAIN = "main"
_TYPE = "dataset"
_THREADS = 4
# As huggingface_hub's own upload of folders: never more than 1,000 a commit, and 250 to begin with.
MOST_OPERATIONS = 1000
BATCH_OPERATIONS = 250


@dataclass(frozen=True)
class RemoteFile:
    """A file of the repository: LFS files have a SHA-256, the others git's digest of a blob."""

    path: str
    size: int
    sha256: str | None
    blob: str


class ConflictError(WorkError):
    """The branch is no longer where it was when it was listed."""


class Repository:
    """`org/name`, and the branch of it that is written to."""

    def __init__(self, name: str, revision: str | None) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.utils.tqdm import disable_progress_bars

        check_name(name)
        check_branch(revision or _MAIN)
        # Ours is shown; and its notes on tries quote signed addresses.
        disable_progress_bars()
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
        self.name = name
        self.revision = revision or _MAIN
        self._api = HfApi()

    @property
    def address(self) -> str:
        return f"{self._api.endpoint}/datasets/{self.name}"

    def check_token(self) -> None:
        """Cheap, and so before a build of many gigabytes is read."""
        self._ask(self._api.whoami)

    def open(self, private: bool) -> str:
        """The commit that the branch is at; repository and branch are made where there is none."""
        create = self._api.create_repo
        self._ask(lambda: create(self.name, repo_type=_TYPE, private=private, exist_ok=True))
        if private and not self._is_private():
            raise UsageError(
                f"{self.name} is there and is public, so --private would not hide what is pushed; "
                "make it private in its settings on the Hub, or name another repository"
            )
        if self.revision != _MAIN:
            branch, name = self._api.create_branch, self.revision
            self._ask(lambda: branch(self.name, branch=name, repo_type=_TYPE, exist_ok=True))
        return self.head()

    def _is_private(self) -> bool:
        return bool(self._ask(lambda: self._api.repo_info(self.name, repo_type=_TYPE)).private)

    def head(self, revision: str | None = None) -> str:
        at = revision or self.revision
        info = self._ask(lambda: self._api.repo_info(self.name, repo_type=_TYPE, revision=at))
        return str(info.sha)

    def files(self, commit: str) -> dict[str, RemoteFile]:
        return self._ask(lambda: self._list(commit))

    def _list(self, commit: str) -> dict[str, RemoteFile]:
        from huggingface_hub.hf_api import RepoFile

        listed = self._api.list_repo_tree(
            self.name, repo_type=_TYPE, revision=commit, recursive=True
        )
        return {
            file.path: RemoteFile(
                file.path, file.size, file.lfs.sha256 if file.lfs else None, file.blob_id
            )
            for file in listed
            if isinstance(file, RepoFile)
        }

    def text(self, path: str, commit: str) -> str:
        """A small file of the repository, such as its card."""
        return self._ask(lambda: self._download(path, commit))

    def _download(self, path: str, commit: str) -> str:
        with TemporaryDirectory() as folder:
            found = self._api.hf_hub_download(
                self.name, path, repo_type=_TYPE, revision=commit, local_dir=folder
            )
            return Path(found).read_text(encoding="utf-8", errors="replace")

    def send(self, files: Sequence[CommitOperationAdd]) -> None:
        """Put the content of large files there; readers see none of it before a commit."""
        self._ask(
            lambda: self._api.preupload_lfs_files(
                self.name,
                files,
                repo_type=_TYPE,
                revision=self.revision,
                num_threads=_THREADS,
                free_memory=False,
            )
        )

    def commit(self, operations: Sequence[Operation], message: str, parent: str) -> str:
        """The new head, which has all of them; ConflictError where the branch is not at `parent`.

        One commit. The Hub takes no more than a minute for one, and so no more than about a
        thousand files: above that, commits go to a pull request, and its merge shows them.
        """
        if len(operations) <= MOST_OPERATIONS:
            return str(self._commit(operations, message, self.revision, parent).oid)
        first, *others = batched(operations, BATCH_OPERATIONS)
        request = self._commit(first, message, self.revision, parent, is_request=True)
        for part in others:
            self._commit(part, message, request.pr_revision)
        if self.head() != parent:
            raise self._conflict(412)
        merge = self._api.merge_pull_request
        self._ask(lambda: merge(self.name, request.pr_num, repo_type=_TYPE))
        return self.head()

    def _commit(
        self,
        operations: Sequence[Operation],
        message: str,
        revision: str,
        parent: str | None = None,
        is_request: bool = False,
    ) -> Any:
        return self._ask(
            lambda: self._api.create_commit(
                self.name,
                operations,
                commit_message=message,
                repo_type=_TYPE,
                revision=revision,
                parent_commit=parent,
                create_pr=is_request,
                num_threads=_THREADS,
            )
        )

    def tag(self, name: str, commit: str) -> None:
        make = self._api.create_tag
        self._ask(
            lambda: make(self.name, tag=name, revision=commit, repo_type=_TYPE, exist_ok=True)
        )

    def _ask(self, action: Callable[[], _T]) -> _T:
        patience = Patience()
        while True:
            try:
                return action()
            except SmolmixError:
                raise
            except Exception as error:
                if is_unreached(error) or not patience.wait(error):
                    raise self._told(error, patience.tries) from error

    def _told(self, error: Exception, tries: int) -> Exception:
        """One sentence of what the Hub answered; an error of our own stays as it is."""
        if type(error).__name__ == "LocalTokenNotFoundError":
            return UsageError(
                "the Hub takes a push only with a token: `hf auth login`, or set HF_TOKEN to one "
                f"that may write to {self.name} (https://huggingface.co/settings/tokens)"
            )
        status = status_of(error)
        if status == 401:
            return UsageError(
                "the Hub does not accept the token (HTTP 401); set HF_TOKEN to one that may write "
                f"to {self.name} (https://huggingface.co/settings/tokens)"
            )
        if status == 403:
            owner = self.name.partition("/")[0]
            return UsageError(
                f"the token may not write to {self.name} (HTTP 403); set HF_TOKEN to one with "
                f"write access to {owner}, or name a repository of your own"
            )
        if status == 404:
            return UsageError(
                f"{self.name} or its revision {self.revision} is not there, or the token may not "
                "see it (HTTP 404)"
            )
        if status in (409, 412):
            return self._conflict(status)
        reason = _reason(error, status)
        if reason is None:
            return error
        after = f" after {tries} tries" if tries > 1 else ""
        return WorkError(
            f"the Hub at {self._api.endpoint} {reason}{after}; run the same command again later: "
            "what is sent is kept, and nothing half is shown"
        )

    def _conflict(self, status: int) -> ConflictError:
        return ConflictError(
            f"{self.name} was changed by someone else while this push ran (HTTP {status}); look "
            "at what they did, then run the same command again: what is sent is kept"
        )


def _reason(error: Exception, status: int | None) -> str | None:
    if type(error).__name__ == "OfflineModeIsEnabled":
        return "is not asked, since HF_HUB_OFFLINE is set"
    if status is not None:
        return f"answers with HTTP {status}"
    if is_unreached(error):
        return "cannot be reached (no connection)"
    return f"cannot be talked to ({type(error).__name__})" if passes(error) else None


def batched(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
