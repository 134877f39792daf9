"""How right a written answer is: exact match, ANLS and relaxed accuracy, each 0 to 1.

    metric    what it is                                                                      from
    exact     equal after both are normalised: lower case, thousands' commas out, other        [1]
              punctuation but ' : and decimal points a space, words for 0 to 10 as digits,
              articles out where something else is left
    anls      1 less the edit distance by the longer one's length, 0 from a distance of        [2]
              half on; case and outer spaces do not count
    relaxed   a number within 5 % of the answer's, `12%` being 0.12; of an answer that is      [3]
              no number, or 0, exact

    [1] Antol et al. 2015 (arXiv 1505.00468); visualqa.org/evaluation. It also mends contractions
        and counts three of ten people; rows of a build have one answer, seldom more
    [2] Biten et al. 2019, ST-VQA (arXiv 1905.13648), section 4.2
    [3] Masry et al. 2022, ChartQA (arXiv 2203.10244), section 5.1, after Methani et al. 2020

Of several answers the best counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

# Distances from here on count as nothing [2]; how far a number may be off, by the answer's [3].
ANLS_THRESHOLD = 0.5
RELAXED_TOLERANCE = 0.05
_ARTICLES = frozenset(("a", "an", "the"))
_DIGITS = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
} | {"none": "0"}

_THOUSANDS = re.compile(r"(?<=\d),(?=\d)")
# A point stays between digits, and before them; a sign before a number.
_PUNCTUATION = re.compile(r"(?!\.\d)(?!(?<!\w)-\.?\d)[^\w\s':]|_")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(\s?%)?")


def normalised(text: str) -> str:
    """As exact match sees it; never empty unless the text is."""
    plain = _THOUSANDS.sub("", text.lower())
    words = _PUNCTUATION.sub(" ", plain).split()
    kept = [word for word in words if word not in _ARTICLES] or words
    return " ".join(_DIGITS.get(word, word) for word in kept) or plain.strip()


def exact(said: str, answer: str) -> float:
    return float(normalised(said) == normalised(answer))


def anls(said: str, answer: str) -> float:
    one, other = said.strip().lower(), answer.strip().lower()
    distance = _edits(one, other) / max(len(one), len(other), 1)
    return 1 - distance if distance < ANLS_THRESHOLD else 0.0


def relaxed(said: str, answer: str) -> float:
    value, wanted = _number(said), _number(answer)
    if value is None or not wanted:
        return exact(said, answer)
    # A hair more: 9.5 of 10 is within 5 %, whatever doubles make of it.
    return float(abs(value - wanted) <= RELAXED_TOLERANCE * abs(wanted) * (1 + 1e-9))


METRICS: Mapping[str, Callable[[str, str], float]] = {
    "exact": exact,
    "anls": anls,
    "relaxed": relaxed,
}


def best(said: str, answers: Sequence[str]) -> dict[str, float]:
    """By metric, the most that any of the answers gives."""
    return {name: max(score(said, one) for one in answers) for name, score in METRICS.items()}


def _number(text: str) -> float | None:
    plain = _THOUSANDS.sub("", text.strip().lower().removesuffix("."))
    found = _NUMBER.fullmatch(plain)
    if found is None:
        return None
    return float(found[1]) / (100 if found[2] else 1)


def _edits(one: str, other: str) -> int:
    """Levenshtein's distance, row by row."""
    above = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        row = [place]
        for column, mark in enumerate(other, 1):
            swapped = above[column - 1] + (letter != mark)
            row.append(min(above[column] + 1, row[-1] + 1, swapped))
        above = row
    return above[-1]
