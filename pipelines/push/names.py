"""What a repository and a branch of the Hub may be called."""

from __future__ import annotations

import re

from manifests.errors import UsageError

_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*(?<![./])")


def check_name(name: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        name = ""
    if name.count("/") != 1:
        raise UsageError(
            "the repository is named org/name, as on the Hub: letters, digits, `-`, `_` and `.`"
        )


def check_branch(name: str) -> None:
    """As git allows, and no reference that the Hub keeps for itself."""
    if not _BRANCH.fullmatch(name) or ".." in name or name.startswith("refs/"):
        raise UsageError(
            f"--revision {name!r} is no name of a branch: letters, digits, `-`, `_`, `.` and `/`"
        )
