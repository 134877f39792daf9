"""How many ids a tokenizer makes of texts, fast: parts are counted once and looked up after that.

A byte-level BPE first cuts a text by a regular expression, and never joins over a cut. So a text's
ids are the sum of those of its parts (byte_cuts.py), and most parts of a corpus have been met
before. Texts with special tokens in them, and those of a tokenizer that cuts in another way, are
counted as a whole by the library.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from manifests.errors import UsageError
from mixtures.tokens import Template
from pipelines.byte_cuts import FOREIGN_SPACE, cut

if TYPE_CHECKING:
    from tokenizers import Tokenizer

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

# Parts that are kept, and the characters of the longest: some 60 MB.
_MAX_PARTS = 300_000
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
        self._is_cut = _is_cut_by_kinds(config)
        self._single_digits = _cuts_digits(config)
        self._parts: dict[str, int] = {}
        self._check_roles()
        newline, newlines, head = self.counts(["\n", "\n\n", "Assistant:"]).tolist()
        self.template = Template(
            newline=newline, newlines=newlines, prompt_head=0, answer_head=head
        )

    def counts(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Ids of each text; special tokens in a text are one id each."""
        if not self._is_cut:
            return self._of_wholes(texts)
        special, space = self._special.search, FOREIGN_SPACE.search
        odd = [n for n, text in enumerate(texts) if special(text) or space(text)]
        plain = list(texts)
        for number in odd:
            plain[number] = ""
        parts, begins = cut(plain, self._single_digits)
        coded = parts.dictionary_encode()
        known = self._of_parts(coded.dictionary.to_pylist())
        ends = np.concatenate([[0], np.cumsum(known[coded.indices.to_numpy()])])
        found: npt.NDArray[np.int64] = np.diff(ends[begins])
        found[odd] = self._of_wholes([texts[number] for number in odd])
        return found

    def _of_wholes(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        whole = self._tokenizer.encode_batch_fast(
            [_END + text for text in texts], add_special_tokens=False
        )
        return np.array([len(ids) - 1 for ids in whole], np.int64)

    def _of_parts(self, parts: list[str]) -> npt.NDArray[np.int64]:
        """Each part is there once."""
        counts = list(map(self._parts.get, parts))
        new = [part for part, count in zip(parts, counts, strict=True) if count is None]
        if new:
            ids = self._tokenizer.encode_batch_fast(new, add_special_tokens=False)
            made = dict(zip(new, map(len, ids), strict=True))
            counts = [
                made[part] if count is None else count
                for part, count in zip(parts, counts, strict=True)
            ]
            self._remember(made)
        return np.array(counts, np.int64)

    def _remember(self, made: dict[str, int]) -> None:
        if len(self._parts) > _MAX_PARTS:
            self._parts.clear()
        self._parts |= {part: n for part, n in made.items() if len(part) <= _MAX_CHARACTERS}

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
    from tokenizers import AddedToken, Tokenizer

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


def _is_cut_by_kinds(config: dict[str, Any]) -> bool:
    """Whether the cuts are known, and nothing else looks beyond a part."""
    *others, last = _pre_tokenizers(config)
    byte_level = last.get("type") == "ByteLevel" and last.get("use_regex", True)
    plain = byte_level and not last["add_prefix_space"] and config["normalizer"] is None
    tokens = config["added_tokens"]
    narrow = not any(t["lstrip"] or t["rstrip"] or t["single_word"] for t in tokens)
    whole = not any(character.isspace() for t in tokens for character in t["content"])
    digits = all(s["type"] == "Digits" and s["individual_digits"] for s in others)
    return bool(plain and narrow and whole and digits and config["model"]["type"] == "BPE")


def _cuts_digits(config: dict[str, Any]) -> bool:
    return any(step.get("type") == "Digits" for step in _pre_tokenizers(config))
