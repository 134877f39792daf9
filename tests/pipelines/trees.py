"""What a build is, byte for byte, without the record of the run that made it."""

from __future__ import annotations

import hashlib
from pathlib import Path


def tree_digests(folder: Path) -> dict[str, str]:
    """Relative path: sha256 of every file but run.json."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }
