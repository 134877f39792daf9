"""Language and answer_language on real text: UDHR in 20 languages, words alone, code, formulas."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from pydantic import ValidationError

from filters import _lid, get
from filters.answer_language import AnswerLanguageParams
from filters.language import LanguageParams
from tests.filters.rows import Row, batch_of

_UDHR = json.loads((Path(__file__).parent / "udhr.json").read_text(encoding="utf-8"))
PARAGRAPHS: dict[str, list[str]] = _UDHR["paragraphs"]
_UNSPACED = {"zh", "ja"}

_DESCRIBED = """
from typing import List


def longest(words: List[str]) -> str:
    '''Return the longest of the words that are given, the first of them where several are as
    long. An empty list has no longest word and is an error of whoever calls.

    >>> longest(['a', 'bcd'])
    'bcd'
    '''
    best = words[0]
    for word in words:
        if len(word) > len(best):
            best = word
    return best
"""
CODE = [
    _DESCRIBED,
    "    total = 0\n    for value in values:\n        total += value ** 2\n    return total\n",
    "def check(candidate):\n    assert candidate([1, 2]) == 3\n    assert candidate([]) == 0, 'No'",
    '#include <stdio.h>\n\nint main(void) {\n    printf("good morning to you");\n    return 0;\n}',
    "for (let i = 0; i < names.length; i++) {\n  console.log(names[i]);\n}",
    "SELECT name, count(*) FROM orders\nWHERE price > 10 AND country = 'de'\nGROUP BY name;",
    '{\n  "name": "the little house",\n  "rooms": [1, 2, 3],\n  "open": true\n}',
    "```\nthe words in a fence are no prose, whatever they say\n```",
]
FORMULAS = [
    r"\frac{a}{b} = \sum_{i=1}^{n} x_i",
    r"$$\int_0^\infty e^{-x^2} dx = \frac{\sqrt{\pi}}{2}$$",
    r"\begin{align} x &= 3y + 2 \\ y &= \sin(x) \end{align}",
    r"\operatorname{lim}_{x \to 0} \frac{\sin x}{x} = 1",
    r"\[ \nabla \times \mathbf{E} = -\frac{\partial \mathbf{B}}{\partial t} \]",
    r"\mathbb{P}(A \mid B) = \frac{\mathbb{P}(B \mid A)\,\mathbb{P}(A)}{\mathbb{P}(B)}",
    "x^2 + 2x + 1 = (x + 1)^2",
    "12 + 30 = 42",
]


def _text(text: str) -> list[Row]:
    return [{"type": "text", "text": text}]


def _document(text: str) -> Row:
    return {"kind": "document", "messages": [{"role": "assistant", "content": _text(text)}]}


def _chat(question: str, answer: str) -> Row:
    said = [("user", question), ("assistant", answer)]
    return {"messages": [{"role": role, "content": _text(text)} for role, text in said]}


def _scores(name: str, rows: list[Row]) -> pl.DataFrame:
    here = get(name)
    return pl.DataFrame(here.measure(batch_of(here, rows)))


def _codes(texts: list[str]) -> list[str]:
    return _scores("language", [_document(text) for text in texts])["language_code"].to_list()


def test_udhr_paragraphs_at_least_99_percent() -> None:
    wanted = [code for code, texts in PARAGRAPHS.items() for _ in texts]
    found = _codes([text for texts in PARAGRAPHS.values() for text in texts])
    right = sum(a == b for a, b in zip(wanted, found, strict=True))
    assert len(PARAGRAPHS) == 20
    assert len(wanted) >= 199
    assert right / len(wanted) >= 0.99


def test_udhr_pages_all_in_one_language() -> None:
    scores = _scores("language", [_document("\n".join(texts)) for texts in PARAGRAPHS.values()])
    assert scores["language_code"].to_list() == list(PARAGRAPHS)
    assert (scores["language_share"] == 1).all()
    assert scores["language_score"].min() > 0.65  # type: ignore[operator]


def test_words_alone_have_no_language() -> None:
    spaced = [texts for code, texts in PARAGRAPHS.items() if code not in _UNSPACED]
    words = {word for texts in spaced for text in texts for word in text.split()}
    assert len(words) > 2_500
    assert set(_codes(sorted(words))) <= {"too_short", "code", "formula"}


@pytest.mark.parametrize(("texts", "code"), [(CODE, "code"), (FORMULAS, "formula")])
def test_code_and_formulas_have_none(texts: list[str], code: str) -> None:
    assert _codes(texts) == [code] * len(texts)


def test_prose_beside_code_and_formulas_keeps_its_language() -> None:
    german, french = PARAGRAPHS["de"][0], PARAGRAPHS["fr"][0]
    mixed = [
        f"{german}\n```python\nprint('the words of this code are not German ones')\n```",
        f"{french} Soit $f(x) = \\text{{the area under the curve}}$, avec \\(x > 0\\).",
        f"{german} https://example.com/these-words-are/in-english/and-many",
    ]
    assert _codes(mixed) == ["de", "fr", "de"]


def test_prose_is_not_called_code() -> None:
    """Lists, headings, dialogue and tables in words: all that has a language keeps it."""
    texts = [
        "From time to time we went there; for example, in winter (when it was cold):",
        "Ingredients:\n- two cups of flour\n- one cup of sugar\n- a pinch of salt",
        "# How to plant a tree\n\n1. Dig a hole as deep as the roots are long.\n2. Put it in.",
        '"Where are you going?" she asked. "Home," he said, and closed the door behind him.',
        "If you want to know more, please return the form to us before the end of May.",
    ]
    assert _codes(texts) == ["en"] * len(texts)


def test_share_of_two_halves() -> None:
    english, russian = "\n".join(PARAGRAPHS["en"]), "\n".join(PARAGRAPHS["ru"])
    english *= 3
    pages: list[Any] = [{"role": "assistant", "content": _text(t)} for t in (english, russian)]
    scores = _scores("language", [{"messages": pages}])
    sizes = [len(text.encode()) for text in (english, russian)]
    assert scores["language_code"].to_list() == ["en"]
    assert scores["language_share"].to_list() == [pytest.approx(sizes[0] / sum(sizes))]


def test_a_window_of_a_long_text_counts_for_a_third() -> None:
    """A text's begin, middle and end are looked at, and nothing else."""
    pages = [" ".join(PARAGRAPHS[code]) for code in ("en", "ru", "en")]
    size = min(map(len, pages))
    pieces = _lid.guess(pa.array(["".join(page[:size] for page in pages)]))
    assert [_lid.CODES[code] for code in pieces.code_p] == ["en", "ru", "en"]
    assert np.ptp(pieces.bytes_p) == 0


def test_unknown_languages_are_refused() -> None:
    with pytest.raises(ValidationError, match="no language 'eng'"):
        LanguageParams(languages=("eng",))


def _fallen(pairs: list[Row]) -> float:
    scores = _scores("answer_language", pairs)
    reasons = get("answer_language").judge(scores, AnswerLanguageParams())
    return 1 - reasons.null_count() / len(reasons)


def test_answers_in_the_language_of_the_question_stay() -> None:
    pairs = [
        _chat(question, answer)
        for texts in PARAGRAPHS.values()
        for question, answer in zip(texts, texts[1:] + texts[:1], strict=True)
    ]
    assert _fallen(pairs) == 0


def test_answers_in_another_language_fall() -> None:
    pairs = [
        _chat(PARAGRAPHS[asked][at], PARAGRAPHS[said][at + 1])
        for at in (0, 3, 6)
        for asked, said in product(PARAGRAPHS, PARAGRAPHS)
        if asked != said
    ]
    assert _fallen(pairs) > 0.8
