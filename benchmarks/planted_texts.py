"""Texts of which some are copies with words changed, and how similar each copy truly is.

Bases are real (`benchmarks.prose`): whole documents, or as many words of one as a chat has. No base
shares more than a tenth of its shingles with those before it, so that the only pairs are planted.
Half of the copies have words replaced anywhere, half have words added at the end; how many is drawn
so that the similarities of all copies spread from 0.5 to 0.95. What they truly are is counted here,
over sets of word 5-grams in plain Python.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.prose import documents

SHINGLE = 5
_WORD = re.compile(r"[^\W_]+")
_SEEN = 0.1
_CHAT_WORDS = (24, 120)
_ASKED_WORDS = 0.3


@dataclass(frozen=True, slots=True)
class Planted:
    """Texts 2n and 2n + 1 are a pair."""

    texts: list[str]
    similarity: list[float]  # of each pair


def shingle_set(text: str) -> set[tuple[str, ...]]:
    said = _WORD.findall(text.lower())
    return {tuple(said[at : at + SHINGLE]) for at in range(len(said) - SHINGLE + 1)}


def similarity(one: str, other: str) -> float:
    left, right = shingle_set(one), shingle_set(other)
    return len(left & right) / max(len(left | right), 1)


def planted(kind: str, num_pairs: int, bases: list[str]) -> Planted:
    """`kind` is documents or chats. ValueError where there are too few bases."""
    texts: list[str] = []
    for number, base in zip(range(num_pairs), _bases(kind, bases), strict=False):
        texts += [base, _copy(base, random.Random(number))]
    if len(texts) < 2 * num_pairs:
        raise ValueError(f"{num_pairs:,} pairs asked for; the texts give {len(texts) // 2:,}")
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return Planted(texts, [similarity(*pair) for pair in pairs])


def base_texts(num_pairs: int) -> list[str]:
    """Enough of them for so many pairs of either kind."""
    return documents(2 * num_pairs)


def _bases(kind: str, bases: list[str]) -> Iterator[str]:
    seen: set[tuple[str, ...]] = set()
    for number, base in enumerate(bases):
        text = base if kind == "documents" else _chat(base, random.Random(number))
        shingles = shingle_set(text)
        if len(shingles) >= 2 * SHINGLE and len(shingles & seen) <= _SEEN * len(shingles):
            seen |= shingles
            yield text


def _chat(text: str, draw: random.Random) -> str:
    """A question and an answer of consecutive words."""
    said = text.split()
    number = draw.randint(*_CHAT_WORDS)
    start = draw.randrange(max(len(said) - number, 1))
    asked = start + round(number * _ASKED_WORDS)
    return " ".join(said[start:asked]) + "\n" + " ".join(said[asked : start + number])


def _copy(text: str, draw: random.Random) -> str:
    """With so many words changed that the similarity is about one drawn from 0.5 to 0.95."""
    pieces = re.split(r"(\s+)", text)
    number = len(pieces) // 2 + 1
    wanted = draw.uniform(0.5, 0.95)
    if draw.random() < 0.5:
        added = round(number * (1 - wanted) / wanted)
        return " ".join([text, *(draw.choice(pieces[::2]) for _ in range(max(added, 1)))])
    # Each change ends as many shingles, and begins as many.
    changes = round(number * (1 - wanted) / (1 + wanted) / SHINGLE)
    for place in draw.sample(range(number), max(changes, 1)):
        pieces[2 * place] = f"changed{draw.randrange(10**6)}"
    return "".join(pieces)
