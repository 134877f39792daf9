"""Content ids and stable draws.

Nothing here depends on `hash()`, locale, clock or arrival order: an id is a digest of content, and
a draw is a pure function of (seed, id), so that adding a source never changes the relative order
of the samples that were there before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

_MASK = (1 << 64) - 1
# splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
_GAMMA = 0x9E3779B97F4A7C15
_MIX1 = 0xBF58476D1CE4E5B9
_MIX2 = 0x94D049BB133111EB


def media_digest(data: bytes | memoryview, spec: str = "") -> str:
    """SHA-256 (hex) of upstream bytes; with `spec` (the frame sampler's) of bytes and spec."""
    digest = hashlib.sha256(data)
    if spec:
        digest = hashlib.sha256(digest.digest() + spec.encode())
    return digest.hexdigest()


def turn_digest(items: Iterable[tuple[str, str, str]]) -> bytes:
    """16 bytes over the (role, content type, text) items of one turn, order included.

    Each part is length-prefixed, so that no two different turns share an encoding.
    """
    parts: list[bytes] = []
    for role, kind, text in items:
        data = text.encode("utf-8", "surrogatepass")
        parts += (_framed(role), _framed(kind), len(data).to_bytes(4, "little"), data)
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()


@lru_cache(maxsize=64)
def _framed(word: str) -> bytes:
    data = word.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(4, "little") + data


def content_id(turns: Sequence[bytes], media: Sequence[str]) -> str:
    """32 hex digits over ordered turn and media digests: what makes two samples the same."""
    state = hashlib.blake2b(digest_size=16)
    state.update(len(turns).to_bytes(4, "little"))
    for turn in turns:
        state.update(turn)
    for digest in media:
        state.update(bytes.fromhex(digest))
    return state.hexdigest()


def content_ids(
    turns: bytes, num_turns: npt.NDArray[np.int64], media: bytes, num_media: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """`content_id` of many samples, each as its first and its last 8 bytes (little-endian; n x 2).

    `turns` are their digests in a row (16 bytes each), and so are `media` (32 bytes each); the
    counts say how many are whose. About 1 M ids/s.
    """
    heads = num_turns.astype("<u4").tobytes()
    t_ends, m_ends = (16 * np.cumsum(num_turns)).tolist(), (32 * np.cumsum(num_media)).tolist()
    blake2b = hashlib.blake2b
    found = [
        blake2b(heads[h : h + 4] + turns[t:t_end] + media[m:m_end], digest_size=16).digest()
        for h, t, t_end, m, m_end in zip(
            range(0, len(heads), 4), [0, *t_ends], t_ends, [0, *m_ends], m_ends, strict=False
        )
    ]
    return np.frombuffer(b"".join(found), dtype="<u8").reshape(-1, 2)


def key_digest(*parts: object) -> str:
    """16 hex digits that name a task's output: equal parts, equal key, in every process.

    Parts are told apart by their `repr`: numbers, strings, tuples, dataclasses and pydantic models;
    never a set, whose order changes with the hash seed.
    """
    state = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = repr(part).encode()
        state.update(len(data).to_bytes(4, "little"))
        state.update(data)
    return state.hexdigest()


def splitmix64(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """One splitmix64 step of each value; wraps modulo 2**64."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(_GAMMA)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(_MIX1)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(_MIX2)
        return z ^ (z >> np.uint64(31))


def seed_word(seed: int, purpose: str) -> int:
    """A 64-bit word of (seed, purpose), so that two uses of one seed are independent."""
    digest = hashlib.blake2b(f"{seed}:{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") & _MASK


def stable_draws(
    content_ids: Sequence[str], seed: int, purpose: str = "draw"
) -> npt.NDArray[np.uint64]:
    """A uint64 draw for each 32-hex content id: uniform, a function of (seed, purpose, id) alone.

    About 10 M ids/s a core.
    """
    if not len(content_ids):
        return np.empty(0, dtype=np.uint64)
    raw = np.frombuffer(bytes.fromhex("".join(content_ids)), dtype="<u8").reshape(-1, 2)
    assert len(raw) == len(content_ids), "a content id is 32 hex digits"
    word = np.uint64(seed_word(seed, purpose))
    return splitmix64(splitmix64(raw[:, 0] ^ word) ^ raw[:, 1])
