"""What an archive hands on: one member at a time, in memory or spooled, never under its own name.

A member's path names a key and nothing else: nothing is extracted to it. Sizes are capped by the
bytes that really come out, whatever a header claims.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

MediaKind = Literal["image", "video"]

_MIB = 1024 * 1024
_CHUNK_BYTES = _MIB

_SUFFIXES: dict[str, MediaKind] = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "png", "gif", "bmp", "tif", "tiff", "webp"), "image"),
    **dict.fromkeys(("mp4", "m4v", "mkv", "webm", "mov", "avi", "mpg", "mpeg", "flv"), "video"),
}


class Want(NamedTuple):
    """How a member is taken: refused above `max_bytes`, spooled to a file above `memory_bytes`."""

    max_bytes: int
    memory_bytes: int


# Ours: an image of 64 megapixels is 256 MiB uncompressed; the longest clips known here (movies of
# an hour) are below 4 GiB, and most clips fit in memory.
IMAGE = Want(max_bytes=256 * _MIB, memory_bytes=256 * _MIB)
CLIP = Want(max_bytes=4096 * _MIB, memory_bytes=16 * _MIB)


# Says of a cleaned member name whether it is wanted, and how.
Wanted = Callable[[str], Want | None]


@dataclass(slots=True)
class Member:
    """Exactly one of `data`, `file`, `reason` is set. A file is the receiver's to remove.

    `name` is empty where an archive is damaged and what it still held cannot be known.
    """

    name: str
    data: bytes | None = None
    file: Path | None = None
    reason: str | None = None
    detail: str = ""


def media_kind(name: str) -> MediaKind | None:
    """By suffix, case ignored; None for readmes, JSON, and the `._x` shadows that macOS packs."""
    path = PurePosixPath(name)
    if path.name.startswith("._"):
        return None
    return _SUFFIXES.get(path.suffix.lower().removeprefix("."))


def want_media(name: str) -> Want | None:
    """Images in memory, clips spooled where large, nothing else."""
    kind = media_kind(name)
    return {"image": IMAGE, "video": CLIP}[kind] if kind else None


def clean_name(raw: str) -> str:
    """The name with `/` between its parts, without `./` and empty parts, as valid Unicode."""
    is_clean = "\\" not in raw and "//" not in raw and "./" not in raw and raw[-1:] not in "/."
    if is_clean and raw.isascii():
        return raw
    text = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = text.replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    return ("/" if text.startswith("/") else "") + "/".join(parts)


def is_unsafe(name: str) -> bool:
    """Whether a cleaned name leads out of the folder that it would be extracted to."""
    parts = name.split("/")
    return name.startswith("/") or ".." in parts or parts[0][1:2] == ":" or "\0" in name


def take(name: str, read: Callable[[int], bytes], want: Want, spool: Path) -> Member:
    """The member whose bytes `read(size)` gives, empty at the end. What `read` raises passes."""
    parts: list[bytes] = []
    size = 0
    while len(chunk := read(_CHUNK_BYTES)):
        parts.append(chunk)
        size += len(chunk)
        if size > want.max_bytes:
            return too_large(name, want)
        if size > want.memory_bytes:
            return _spool(name, parts, read, want, spool)
    return Member(name, data=b"".join(parts))


def too_large(name: str, want: Want) -> Member:
    return Member(name, reason="media_too_large", detail=f"more than {want.max_bytes} bytes")


def _spool(
    name: str, parts: list[bytes], read: Callable[[int], bytes], want: Want, spool: Path
) -> Member:
    handle, path = tempfile.mkstemp(dir=spool)
    kept = False
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            while len(chunk := read(_CHUNK_BYTES)):
                file.write(chunk)
                if file.tell() > want.max_bytes:
                    return too_large(name, want)
        kept = True
    finally:
        if not kept:
            os.unlink(path)
    return Member(name, file=Path(path))
