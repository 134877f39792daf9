"""Cuts of texts: those that GPT-2's expression makes, and none inside words of other alphabets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from pipelines.byte_cuts import FOREIGN_SPACE, cut

SMOLLM2 = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ]
)
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
# What decides cuts, far denser than in any text.
_ASCII = st.text("  '''stmdrevl15a\n\n\t!.<A", max_size=12)
_ANY = st.text("  'sa1\n.\u00e9\u65e5\u0416\U0001f600", max_size=12)

CASES: list[tuple[str, list[str]]] = [
    ("", []),
    ("Why? It's 12 cats.", ["Why", "?", " It", "'s", " ", "1", "2", " cats", "."]),
    ("a  b", ["a", " ", " b"]),
    ("a\n\nb", ["a", "\n", "\n", "b"]),
    ("a  5", ["a", "  ", "5"]),
    ("end \n", ["end", " \n"]),
    ("we'll 'ere 'the", ["we", "'ll", " '", "ere", " '", "the"]),
    ("'the", ["'t", "he"]),
    ("''s", ["''", "s"]),
    ("it's\u00e9 ok", ["it's\u00e9", " ok"]),
]


def _cut(texts: list[str], single_digits: bool) -> list[list[str]]:
    parts, begins = cut(texts, single_digits)
    words = parts.to_pylist()
    return [words[a:b] for a, b in zip(begins.tolist(), begins[1:].tolist(), strict=False)]


def _theirs(tokenizer: pre_tokenizers.PreTokenizer, text: str) -> list[str]:
    return [text[a:b] for _, (a, b) in tokenizer.pre_tokenize_str(text)]


@pytest.mark.parametrize(("text", "parts"), CASES, ids=[repr(text) for text, _ in CASES])
def test_cases(text: str, parts: list[str]) -> None:
    assert _cut([text], single_digits=True) == [parts]


@given(st.lists(_ASCII, max_size=6), st.booleans())
def test_ascii_is_cut_as_the_library_cuts_it(texts: list[str], single_digits: bool) -> None:
    tokenizer = SMOLLM2 if single_digits else GPT2
    assert _cut(texts, single_digits) == [_theirs(tokenizer, text) for text in texts]


@given(st.lists(_ANY, max_size=6), st.booleans())
def test_no_cut_is_made_that_the_library_does_not_make(
    texts: list[str], single_digits: bool
) -> None:
    tokenizer = SMOLLM2 if single_digits else GPT2
    assert not any(map(FOREIGN_SPACE.search, texts))
    for text, parts in zip(texts, _cut(texts, single_digits), strict=True):
        finer = [piece for part in parts for piece in _theirs(tokenizer, part)]
        assert "".join(parts) == text and finer == _theirs(tokenizer, text)
