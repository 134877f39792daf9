"""Finds the media that a row names: by key as it stands, or as its source's archives hide it.

Look-up "suffix" (LLaVA-shaped archives disagree with their annotations about outer folders) tries
in turn: the key itself; the key below any archive's stem; the key without its first folder; the one
key that ends on it. Two different media that fit equally are ambiguous, never a guess; copies with
the same digest are one media.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

MISSING = -1
AMBIGUOUS = -2


class MediaIndex:
    """Maps media keys of one source to positions in its media table.

    `keys` and `digests` are aligned; a null digest is a media that cannot be used, which is found
    like any other so that its reason can be told. Building costs about 1 us a key.
    """

    def __init__(self, keys: Sequence[str], digests: Sequence[str | None], suffix: bool) -> None:
        self._keys = keys
        self._digests = digests
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._by_name: dict[str, list[int]] = defaultdict(list)
        for position, key in enumerate(keys):
            self._exact[key].append(position)
            if suffix:
                self._by_name[key.rsplit("/", 1)[-1]].append(position)
        self._suffix = suffix

    def find(self, key: str) -> int:
        """Position of the key's media, MISSING, or AMBIGUOUS."""
        found = self._exact.get(key)
        if found:
            return self._one(found)
        return self._find_suffix(key) if self._suffix else MISSING

    def _find_suffix(self, key: str) -> int:
        trimmed = key.split("/", 1)[1] if "/" in key else key
        below = [p for p in self._named(key) if self._keys[p].split("/", 1)[-1] == key]
        if below:
            return self._one(below)
        found = self._exact.get(trimmed)
        if found:
            return self._one(found)
        for wanted in dict.fromkeys([key, trimmed]):
            if "/" not in wanted:
                continue  # a bare file name fits by chance
            ending = "/" + wanted
            fits = [p for p in self._named(wanted) if self._keys[p].endswith(ending)]
            if fits:
                return self._one(fits)
        return MISSING

    def _named(self, key: str) -> list[int]:
        return self._by_name.get(key.rsplit("/", 1)[-1], [])

    def _one(self, positions: list[int]) -> int:
        """The first usable position where all usable ones are the same media."""
        usable = [p for p in positions if self._digests[p] is not None]
        if not usable:
            return positions[0]
        same = {self._digests[p] for p in usable}
        return usable[0] if len(same) == 1 else AMBIGUOUS
