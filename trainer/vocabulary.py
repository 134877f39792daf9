"""The tokenizer of a model, and the ids that the chat template and the image layout are made of.

`tiny` has a vocabulary of its own, a byte-level BPE trained on the build's first rows, so that it
needs no file from anywhere; other models bring theirs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Encoding, Tokenizer, decoders, models, pre_tokenizers, trainers

from manifests.errors import UsageError

Ids = npt.NDArray[np.int64]

START, PAD, END = "<|im_start|>", "<|im_end|>", "<end_of_utterance>"
IMAGE, FAKE, GLOBAL = "<image>", "<fake_token_around_image>", "<global-img>"
_MAX_TILES = 6
SPECIAL_TOKENS = (
    *("<|endoftext|>", START, PAD, FAKE, GLOBAL, IMAGE, END),
    *(f"<row_{r}_col_{c}>" for r in range(1, _MAX_TILES + 1) for c in range(1, _MAX_TILES + 1)),
)
_FILE = "tokenizer.json"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


class Vocabulary:
    """A tokenizer with all of SPECIAL_TOKENS that a template needs; UsageError where one lacks."""

    def __init__(self, tokenizer: Tokenizer, name: str) -> None:
        self.tokenizer = tokenizer
        # Texts of a build never make control tokens, whatever stands in them.
        tokenizer.encode_special_tokens = True
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._name = name
        self.start, self.pad, self.end = map(self._id, (START, PAD, END))
        self.image, self.fake, self.globe = map(self._id, (IMAGE, FAKE, GLOBAL))
        self._newline, self._newlines = (self._ids(text) for text in ("\n", "\n\n"))

    def __reduce__(self) -> tuple[Any, ...]:
        """Anew from its JSON: pickled tokenizers forget what they were set to."""
        return _of_json, (self.tokenizer.to_str(), self._name)

    def __len__(self) -> int:
        return int(self.tokenizer.get_vocab_size())

    def encodings(self, texts: Sequence[str]) -> list[Encoding]:
        """Each text by itself, with the characters that each id stands for."""
        return self.tokenizer.encode_batch(list(texts), add_special_tokens=False)  # type: ignore[no-any-return, unused-ignore]

    def picture(self, rows: int, columns: int, ids_per_tile: int) -> Ids:
        """Ids of an image of so many tiles (mixtures/tokens.py), 0 by 0 of one alone."""
        tile = [self.image] * ids_per_tile
        found: list[int] = []
        for row in range(rows):
            for column in range(columns):
                mark = self._id(f"<row_{row + 1}_col_{column + 1}>")
                found += [self.fake, mark, *tile]
            found += self._newline if row + 1 < rows else self._newlines
        found += [self.fake, self.globe, *tile, self.fake]
        return np.array(found, np.int64)

    def plain(self) -> Tokenizer:
        """A copy that reads control tokens in texts, as transformers' own do."""
        copy = Tokenizer.from_str(self.tokenizer.to_str())
        copy.encode_special_tokens = False
        return copy

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def _id(self, token: str) -> int:
        found = self.tokenizer.token_to_id(token)
        if found is None:
            raise UsageError(
                f"tokenizer {self._name}: it has no {token}; take SmolVLM's, or the default"
            )
        return int(found)


def _of_json(text: str, name: str) -> Vocabulary:
    return Vocabulary(Tokenizer.from_str(text), name)


def load_vocabulary(spec: str) -> Vocabulary:
    """Of a folder, a tokenizer.json or a Hub id."""
    path = Path(spec)
    file = path / _FILE if path.is_dir() else path
    if not file.is_file():
        file = _from_hub(spec)
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain exceptions
        raise UsageError(f"tokenizer {spec}: {error}") from error
    return Vocabulary(tokenizer, spec)


def _from_hub(spec: str) -> Path:
    if _HUB_ID.fullmatch(spec) is None or Path(spec).exists():
        raise UsageError(f"tokenizer {spec}: no such folder, no {_FILE} and no Hub id `owner/name`")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(spec, _FILE))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UsageError(f"tokenizer {spec}: not to be had from the Hub ({error})") from error


def train_vocabulary(texts: Iterable[str], size: int) -> Vocabulary:
    """Byte-level BPE that takes digits one by one, as SmolLM2's; the same texts, the same ids."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIAL_TOKENS],
    )
    tokenizer.train_from_iterator(texts, trainer)
    return Vocabulary(tokenizer, "of the build")
