"""Oracles in plain Python: words, shingles and similarities as their definitions have them."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from pipelines.flat import Ints
from pipelines.near.characters import (
    ALONE,
    BLANK,
    DIGIT,
    LETTER,
    MARK,
    OPERATOR,
    UNSEEN,
    flags_of_one,
    folded,
)
from pipelines.near.shingles import Shingles, shingle_sets

# Letters with and without case, digits, marks, a script without spaces, signs, what is not seen.
TEXTS = st.text(
    "aBc\u00e9\u0130\u03c2\u03a312\u0663 \n\t.,-*%/=$|`_"
    "\u4e00\u0e01\u0e31\u0301\u00ad\U0001f600\ufb01",
    max_size=40,
)
_VOCABULARY = [f"w{number}" for number in range(500)]


def plain_words(text: str) -> list[str]:
    seen = [c for c in unicodedata.normalize("NFKC", text) if flags_of_one(c) != UNSEEN]
    flags = [0, *map(flags_of_one, seen), 0]
    found: list[str] = []
    last = 0
    for place, char in enumerate(seen, 1):
        kind = flags[place]
        if kind == OPERATOR:
            around = flags[place - 1], flags[place + 1]
            if any(flag & DIGIT for flag in around) or all(flag == BLANK for flag in around):
                kind = ALONE
        goes_on = (kind & MARK and last) or (kind & LETTER and last & (LETTER | MARK))
        if goes_on:
            found[-1] += folded(char)
        elif kind & (LETTER | MARK | ALONE):
            found.append(folded(char))
        last = kind & (LETTER | MARK | ALONE)
    return found


def plain_shingles(text: str, length: int = 5) -> set[tuple[str, ...]]:
    said = plain_words(text)
    if len(said) < length:
        return {tuple(said)} if said else set()
    return {tuple(said[at : at + length]) for at in range(len(said) - length + 1)}


def plain_jaccard(one: str, other: str) -> float:
    left, right = plain_shingles(one), plain_shingles(other)
    return len(left & right) / max(len(left | right), 1)


def prose(number: int, seed: int) -> str:
    """So many words, drawn from 500."""
    return " ".join(random.Random(seed).choices(_VOCABULARY, k=number))


def edited(text: str, share: float, seed: int) -> str:
    """With so many of its words replaced by others."""
    draw, said = random.Random(seed), text.split()
    for place in draw.sample(range(len(said)), round(share * len(said))):
        said[place] = f"x{draw.randrange(10**9)}"
    return " ".join(said)


def families(num_families: int, seed: int) -> list[str]:
    """Texts with copies of 3 kinds: the same words, a few of them changed, many changed."""
    draw = random.Random(seed)
    texts = []
    for number in range(num_families):
        base = prose(draw.randrange(1, 80), seed * 1000 + number)
        texts += [base, base.upper() + "!"]
        texts += [edited(base, share, number) for share in (0.02, 0.04, 0.06, 0.3)]
    draw.shuffle(texts)
    return texts


def loader(texts: Sequence[str]) -> Callable[[Ints], Sequence[Shingles]]:
    return lambda numbers: [shingle_sets([texts[number] for number in numbers.tolist()])]
