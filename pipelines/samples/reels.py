"""Short films by the dozen for the video sources, and the archives that they lie in."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

from pipelines.samples.archives import MTIME, Member
from pipelines.samples.talk import Film, film_pan, film_shot
from pipelines.samples.words import seeded

_FPS = 6
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def reel(count: int, variant: int) -> list[Film]:
    """Films of three to four seconds that differ: two shots of real footage to a pan over a photo.

    `variant` sets a source's films apart from those of others: take it 10 apart a scale.
    """
    films = []
    for number in range(count):
        seconds = 3 + number % 3 * 0.5
        if number % 3 == 2:
            films.append(film_pan(number + variant, seconds, variant + number // 3, _FPS))
        else:
            films.append(film_shot(number, seconds, variant + number // 9, _FPS))
    return films


def video_id(*names: object) -> str:
    """Eleven characters, as YouTube's ids have."""
    rng = seeded("video id", *names)
    return "".join(rng.choice(_LETTERS) for _ in range(11))


def tar(members: Sequence[Member]) -> bytes:
    """An uncompressed tar of files alone, as WebDataset writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), MTIME, 0o644
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()
