"""How many ids a tokenizer makes of texts, fast: words are counted once and looked up after that.

A byte-level BPE first cuts a text by a regular expression, and never joins over a cut. A single
space between two other characters is such a cut. So a text's ids are the sum of those of its words,
each with the space before it, and most words of a corpus have been met before. Words that have not
are cut further, as the tokenizer would, where they are ASCII: few of these parts are new. Of a
tokenizer that cuts in another way, every text is counted as a whole.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Tokenizer

from manifests.errors import UsageError
from mixtures.tokens import Template

_END = "<end_of_utterance>"
# What the chat template and the image layout of SmolVLM put around texts.
SPECIAL_TOKENS = (
    "<|im_start|>",
    _END,
    "<fake_token_around_image>",
    "<global-img>",
    "<image>",
    *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
)
_ROLES = ("User", "System", "Assistant")

_SPACE = re.compile(r" (?=\S)(?<=\S )")
# GPT-2's cuts of ASCII text, digits one by one before it (SmolLM2).
_PARTS = re.compile(
    r"'(?:s|t|re|ve|m|ll|d)| ?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+|\s+(?=[0-9])|\s+(?!\S)|\s+",
    re.ASCII,
)
# Before a text's first word, which has no space before it: no text holds a lone surrogate.
_FIRST = "\ud800"
# Words that are kept, and the characters of the longest: some 60 MB.
_MAX_WORDS = 300_000
_MAX_CHARACTERS = 64


class TextCounter:
    """Counts ids of texts that stand after a special token."""

    def __init__(self, data: bytes, name: str) -> None:
        """`data` is a tokenizer.json; `name` stands for it in errors."""
        # One thread: a task has one core. Read by the library whenever it encodes.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._name = name
        self._tokenizer = _open(data, name)
        config = json.loads(self._tokenizer.to_str())
        self._special = re.compile(
            "|".join(re.escape(t["content"]) for t in config["added_tokens"])
        )
        self._by_words = _cuts_at_spaces(config)
        self._parts = _PARTS if _cuts_digits(config) else None
        self._words: dict[str, int] = {}
        self._known_parts: dict[str, int] = {}
        self._check_roles()
        newline, newlines, head = self.counts(["\n", "\n\n", "Assistant:"]).tolist()
        self.template = Template(
            newline=newline, newlines=newlines, prompt_head=0, answer_head=head
        )

    def counts(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Ids of each text; special tokens in a text are one id each."""
        if not self._by_words:
            whole = self._tokenizer.encode_batch_fast(
                [_END + text for text in texts], add_special_tokens=False
            )
            return np.array([len(ids) - 1 for ids in whole], np.int64)
        split = [_SPACE.split(_FIRST + text) for text in texts]
        new = [*set(chain.from_iterable(split)).difference(self._words)]
        self._words.update(zip(new, self._of_words(new), strict=True))
        count = self._words.__getitem__
        found = np.array([sum(map(count, words)) for words in split], np.int64)
        self._forget(new)
        return found

    def _of_words(self, words: Sequence[str]) -> list[int]:
        texts = [word[1:] if word[0:1] == _FIRST else " " + word for word in words]
        split = [self._cut(text) for text in texts]
        new = [*set(chain.from_iterable(split)).difference(self._known_parts)]
        ids = self._tokenizer.encode_batch_fast(new, add_special_tokens=False)
        self._known_parts.update(zip(new, map(len, ids), strict=True))
        count = self._known_parts.__getitem__
        found = [sum(map(count, parts)) for parts in split]
        if len(self._known_parts) > _MAX_WORDS:
            self._known_parts.clear()
        return found

    def _cut(self, text: str) -> list[str]:
        if self._parts is None or not text.isascii() or self._special.search(text):
            return [text]
        return self._parts.findall(text)

    def _forget(self, new: Sequence[str]) -> None:
        if len(self._words) > _MAX_WORDS:
            self._words.clear()
            return
        for word in new:
            if len(word) > _MAX_CHARACTERS:
                del self._words[word]

    def _check_roles(self) -> None:
        """Sums are exact only where a newline, a role and its text share no id."""
        encode = self._tokenizer.encode
        for role in _ROLES:
            parts = [f"{_END}\n", f"{role}:", " a"]
            joined = encode("".join(parts), add_special_tokens=False).ids
            apart = [i for part in parts for i in encode(part, add_special_tokens=False).ids]
            if joined != apart:
                raise UsageError(
                    f"--tokenizer {self._name} joins {role!r}, the newline before it or the text "
                    "after it, so that counts of turns do not add up; name a byte-level BPE "
                    "tokenizer, as all SmolLM2 and SmolVLM models have"
                )


def _open(data: bytes, name: str) -> Tokenizer:
    """With the template's special tokens: a tokenizer that lacks some is given them, as SmolVLM
    gave them to SmolLM2's."""
    try:
        tokenizer = Tokenizer.from_str(data.decode())
    except Exception as error:  # the library raises bare Exception
        reason = str(error).splitlines()[0]
        raise UsageError(f"--tokenizer {name}: its tokenizer.json is none ({reason})") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    known = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    lacking = [token for token in SPECIAL_TOKENS if token not in known]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in lacking])
    return tokenizer


def _pre_tokenizers(config: dict[str, Any]) -> list[dict[str, Any]]:
    found = config["pre_tokenizer"] or {}
    steps: list[dict[str, Any]] = found.get("pretokenizers", [found])
    return steps


def _cuts_at_spaces(config: dict[str, Any]) -> bool:
    """Whether the cuts are known, and nothing else looks beyond a word."""
    *others, last = _pre_tokenizers(config)
    byte_level = last.get("type") == "ByteLevel" and last.get("use_regex", True)
    plain = byte_level and not last["add_prefix_space"] and config["normalizer"] is None
    tokens = config["added_tokens"]
    narrow = not any(t["lstrip"] or t["rstrip"] or t["single_word"] for t in tokens)
    whole = not any(character.isspace() for t in tokens for character in t["content"])
    digits = all(step["type"] == "Digits" for step in others)
    return bool(plain and narrow and whole and digits and config["model"]["type"] == "BPE")


def _cuts_digits(config: dict[str, Any]) -> bool:
    digits = [step for step in _pre_tokenizers(config) if step.get("type") == "Digits"]
    return len(digits) == 1 and bool(digits[0]["individual_digits"])
