"""Where the files of this step lie: in a folder of their own, which goes when buckets are made."""

from __future__ import annotations

from manifests.storage import join

FOLDER = "near"


def near_path(scratch: str, name: str) -> str:
    return join(scratch, FOLDER, name)
