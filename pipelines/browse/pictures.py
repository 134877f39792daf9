"""Pictures by addresses of their own: those of a build's samples, and those that a store packed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from manifests.errors import UsageError
from manifests.images import ImageError, open_image
from pipelines.report.stored import Row, read_pictures
from pipelines.report.thumbs import thumbnail

# Of what browsers show; others that a build may hold become a JPEG.
_TYPES = {
    "AVIF": "image/avif",
    "BMP": "image/bmp",
    "GIF": "image/gif",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
}
_SHOWN_EDGE = 1600
# Addresses that pages gave out and that are still answered; a page has some hundred.
_MAX_HANDED = 20_000


def as_shown(data: bytes | None) -> tuple[str, bytes]:
    """(type, bytes) of a picture, as it is where a browser shows it.

    UsageError for bytes that are no picture of a kind that builds hold.
    """
    try:
        kind = open_image(data or b"").format or ""
    except ImageError as error:
        raise UsageError(f"it is no picture: {error.reason}") from error
    if kind in _TYPES:
        return _TYPES[kind], data or b""
    small = thumbnail(data or b"", _SHOWN_EDGE)
    if small is None:
        raise UsageError("the picture cannot be decoded")
    return "image/jpeg", small


class Handed:
    """Numbers for pictures in packs: an address can name no other bytes of the store."""

    def __init__(self) -> None:
        self._places: OrderedDict[int, tuple[str, Row, int]] = OrderedDict()
        self._numbers: dict[tuple[str, int, int], int] = {}
        self._next = 0
        self._lock = threading.Lock()

    def look(self, folder: str, row: Row, numbers: Sequence[int]) -> list[tuple[bytes | None, str]]:
        """Addresses of some pictures of a row of the media table, in place of their bytes."""
        return [(None, f"stored?number={self._hand(folder, row, n)}") for n in numbers]

    def _hand(self, folder: str, row: Row, picture: int) -> int:
        key = (folder, row["pack"], row["offsets"][picture])
        with self._lock:
            number = self._numbers.get(key)
            if number is None:
                number = self._numbers[key] = self._next
                self._next += 1
            slim = {name: row[name] for name in ("pack", "offsets", "lengths")}
            self._places[number] = (folder, slim, picture)
            self._places.move_to_end(number)
            while len(self._places) > _MAX_HANDED:
                _, (folder, old, at) = self._places.popitem(last=False)
                del self._numbers[folder, old["pack"], old["offsets"][at]]
            return number

    def read(self, number: int) -> bytes | None:
        """The picture of an address; UsageError for one that no page has now."""
        with self._lock:
            found = self._places.get(number)
        if found is None:
            raise UsageError(f"no page shows picture {number} now; load the page again")
        folder, row, picture = found
        return read_pictures(folder, row, [picture])[0][0]
