"""The four rule filters answer what datatrove's do with the same thresholds, document by document.

Documents are the topics of Python's own help, whole and in pieces, and random documents made of
them that lie near the thresholds: lines doubled, bullets, ellipses, hashes, braces, menus, numbers.
datatrove reads words with spaCy's English tokenizer; ours (`filters._words`) follows it but for
what `DIFFERENCES` lists: there are no others in these documents, in verdict or in reason.
"""

from __future__ import annotations

import importlib
import random
import re
from functools import cache
from pydoc_data import topics
from typing import Any

import polars as pl
import pytest

from filters import get
from tests.filters.rows import Row, batch_of

_PEERS = {
    "gopher_quality": "GopherQualityFilter",
    "gopher_repetition": "GopherRepetitionFilter",
    "c4_quality": "C4QualityFilter",
    "fineweb_quality": "FineWebQualityFilter",
}
# Our reasons in datatrove's words.
_REASONS = {
    "gopher_too_few_words": "gopher_short_doc",
    "gopher_too_many_words": "gopher_long_doc",
    "gopher_words_too_short": "gopher_below_avg_threshold",
    "gopher_words_too_long": "gopher_above_avg_threshold",
    "gopher_too_many_hashes": "gopher_too_many_hashes",
    "gopher_too_many_ellipses": "gopher_too_many_ellipsis",
    "gopher_too_many_bullets": "gopher_too_many_bullets",
    "gopher_too_many_ellipsis_lines": "gopher_too_many_end_ellipsis",
    "gopher_too_few_alphabetic": "gopher_below_alpha_threshold",
    "gopher_too_few_stop_words": "gopher_enough_stop_words",
    "gopher_text_empty": "empty",
    "gopher_paragraphs_repeated": "dup_para_frac",
    "gopher_paragraph_chars_repeated": "dup_para_char_frac",
    "gopher_lines_repeated": "dup_line_frac",
    "gopher_line_chars_repeated": "dup_line_char_frac",
    "c_four_filler": "lorem_ipsum",
    "c_four_braces": "curly_bracket",
    "c_four_too_few_sentences": "too_few_sentences",
    "fineweb_no_lines": "empty",
    "fineweb_lines_without_end": "line_punct_ratio",
    "fineweb_lines_too_short": "short_line_ratio",
    "fineweb_lines_repeated": "char_dup_ratio",
    "fineweb_list": "list_ratio",
}
_NUM_RANDOM = 400
_CHARS = 2_000  # of a document at most: datatrove reads some 0.2 MB a second

# Words that a list or a rule of their own cuts, or keeps whole.
_AWKWARD = (
    "cannot id dont Theyre 5km 16GB 10am e.g. i.e. U.S. Mr. Calif. vs. a.k.a. x. and/or w/o "
    "example.com/words https://example.com/a-b_c?d=e#f http://localhost:8080/x a.b@example.com "
    "don't cat's I'll 's ''x'' \"x\" `x`'s (x): :) ;) 8) <3 :* -- - -x a-b a--b 3-4 a/b key:value "
    "a=b a,b end.Next end...next 50% $5 +5 #tag @name [1] ) ( ... .... \u2026 \u2019s \u2014 "
    "\u201cx\u201d \u00e9t\u00e9 \u4e2d\u6587\u3002 \u2713 \u2192"
).split()
# Kinds of words that ours and datatrove are known to read otherwise; each with a text whose verdict
# hangs on it, and the two answers.
DIFFERENCES: list[tuple[str, str, list[str], str | None, str | None]] = [
    (
        "gopher_quality",
        "punctuation is what Unicode says; datatrove's list lacks bullets and middle dots",
        ["word"] * 40 + ["\u2022", "\u00b7"] * 4,
        "gopher_too_few_words",
        None,
    ),
    (
        "gopher_quality",
        "spaCy knows units beyond ASCII",
        ["5m\u00b2"] * 5 + ["wording"] * 41,
        "gopher_too_few_words",
        None,
    ),
    (
        "gopher_quality",
        "spaCy knows emoticons of three and more characters",
        [":-)"] * 12 + ["wording"] * 50,
        "gopher_too_few_alphabetic",
        None,
    ),
    (
        "gopher_quality",
        "spaCy knows shortened words that begin with an apostrophe, where a quotation may as well",
        ["'cos'"] * 8 + ["wording"] * 48,
        "gopher_too_few_alphabetic",
        None,
    ),
    (
        "gopher_quality",
        "spaCy knows currencies that begin with letters: the number is a word without letters",
        ["US$5"] * 10 + ["wording"] * 48 + ["5"] * 7,
        None,
        "gopher_below_alpha_threshold",
    ),
    (
        "gopher_quality",
        "spaCy cuts words of two clitics in three",
        ["I'd've"] * 4 + ["wording"] * 39,
        "gopher_too_few_words",
        None,
    ),
    (
        "c4_quality",
        'spaCy knows that "Ph.D." is no end of a sentence',
        ["words."] * 3 + ["from a Ph.D. of words."],
        None,
        "too_few_sentences",
    ),
]


def _random_document(draw: random.Random, lines: list[str], words: list[str]) -> str:
    """Lines of real text, a share of them turned into what one of the rules looks for."""
    noise = draw.choice(
        ["{}", "{}", "- {}", "{}...", "# {}", "{}\u2026", "{{{}}}", "\u2022 {}", "{}[1][23]"]
    )
    share = draw.random() ** 3
    found: list[str] = []
    for _ in range(draw.randrange(1, 40)):
        kind = draw.random()
        if kind < 0.1:
            line = " ".join(draw.choices(words, k=draw.randrange(1, 6)))
        elif kind < 0.2 and found:
            line = draw.choice(found)
        elif kind < 0.25:
            line = " ".join(str(draw.randrange(10_000)) for _ in range(draw.randrange(1, 12)))
        elif kind < 0.3:
            line = " ".join(draw.choices(_AWKWARD + words[:50], k=draw.randrange(1, 20)))
        elif kind < 0.32:
            line = draw.choice(["Lorem ipsum dolor.", "We use cookies here.", "Menu", "[edit]"])
        else:
            line = draw.choice(lines)
        found.append(noise.format(line) if draw.random() < share else line)
    return draw.choice(["\n", "\n", "\n\n", " ", "\r\n", "\n\n\n"]).join(found)


@cache
def _documents() -> list[str]:
    texts = list(topics.topics.values())
    whole = [text[:_CHARS] for text in texts]
    blocks = [block for text in texts for block in text.split("\n\n") if block.strip()]
    lines = [line.strip() for block in blocks for line in block.split("\n")]
    lines += [" ".join(block.split())[:600] for block in blocks]
    # Help is full of marks, which the rule on letters drops: half of the lines are bare prose.
    lines += [re.sub(r"[^\w\s.,?!']", "", line) for line in lines if len(line) > 60]
    words = [word for block in blocks for word in block.split()]
    draw = random.Random(5)
    made = [_random_document(draw, lines, words)[:_CHARS] for _ in range(_NUM_RANDOM)]
    pieces = [
        "\n\n".join(blocks[first : first + draw.randrange(1, 12)])[:_CHARS]
        for first in draw.sample(range(len(blocks)), 100)
    ]
    bare = [re.sub(r"[^\w\s.,?!']", "", text) for text in pieces]
    return [text for text in whole + pieces + bare + made if text.strip()]


def _row(text: str) -> Row:
    items = [{"type": "text", "text": text}]
    return {"kind": "document", "messages": [{"role": "assistant", "content": items}]}


def _ours(name: str, texts: list[str]) -> list[str | None]:
    here = get(name)
    scores = pl.DataFrame(here.measure(batch_of(here, list(map(_row, texts)))))
    found: list[str | None] = here.judge(scores, here.params_type()).to_list()
    return found


@cache
def _answers(text: str) -> dict[str, str | None]:
    """All four at once: datatrove remembers the words of the last texts."""
    document = importlib.import_module("datatrove.data").Document
    found: dict[str, str | None] = {}
    for name, peer in _peers().items():
        answer = peer.filter(document(text=text, id="0"))
        found[name] = None if answer is True else answer[1]
    return found


@cache
def _peers() -> dict[str, Any]:
    module = importlib.import_module("datatrove.pipeline.filters")
    return {name: getattr(module, peer)() for name, peer in _PEERS.items()}


def _same(ours: str | None, theirs: str | None) -> bool:
    if ours == "gopher_top_gram_too_frequent":
        return theirs in ("top_2_gram", "top_3_gram", "top_4_gram")
    if ours == "gopher_grams_repeated":
        return theirs is not None and theirs.startswith("duplicated_")
    if ours == "c_four_filler":  # datatrove answers with whichever line comes first
        return theirs in ("lorem_ipsum", "curly_bracket")
    return (ours and _REASONS[ours]) == theirs


@pytest.mark.parametrize("name", sorted(_PEERS))
def test_every_verdict_is_datatroves(name: str) -> None:
    texts = _documents()
    assert len(texts) > 500
    answers = list(zip(_ours(name, texts), [_answers(text)[name] for text in texts], strict=True))
    wrong = [
        (ours, theirs, text)
        for (ours, theirs), text in zip(answers, texts, strict=True)
        if not _same(ours, theirs)
    ]
    assert wrong == []
    # Both keep and both drop a good part, or the agreement would say little.
    kept = sum(theirs is None for _, theirs in answers)
    assert 0.05 < kept / len(answers) < 0.95


@pytest.mark.parametrize(
    ("name", "words", "ours", "theirs"),
    [pytest.param(name, *rest, id=why) for name, why, *rest in DIFFERENCES],
)
def test_known_differences(
    name: str, words: list[str], ours: str | None, theirs: str | None
) -> None:
    text = " ".join(["the and", *words])
    assert _ours(name, [text]) == [ours]
    assert _answers(text)[name] == theirs
