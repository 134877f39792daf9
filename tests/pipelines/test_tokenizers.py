"""Tokenizers by name and path, and fast counts that are those of the tokenizers library."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from manifests.errors import IntegrityError, UsageError
from mixtures.tokens import Template
from pipelines.text_counter import SPECIAL_TOKENS, TextCounter
from pipelines.tokenizers import TokenizerRef, load_tokenizer, open_tokenizer
from tests.hub import COMMIT, Hub, serve
from tests.smollm2 import smollm2

# Every kind of character that a cut depends on, those that Python and the library may see
# differently among them.
PIECES = [
    *(" ", "  ", "\n", "\t", "\r", "\x0b", "\x1c", "\x00", "\x85", "\xa0", "\u2003", "\u200b"),
    *("a", "Hello", "THE", " the", "1", "12", "'s", "'ll", "'", '"', "-", "...", "_", "<", "x1y"),
    *("\u00e9", "\u4e2d", "\u00b2", "\u00bd", "\u0663", "\u0301", "\U0001f600", "\ufeff", "\u201d"),
    *("<image>", "<end_of_utterance>", "<|im_end|>"),
]
TEXTS = st.lists(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), max_size=8)


@pytest.fixture(scope="session")
def whole(smollm2_file: Path) -> Tokenizer:
    return Tokenizer.from_file(str(smollm2_file))


@pytest.fixture(scope="session")
def counter(smollm2_file: Path) -> TextCounter:
    return TextCounter(smollm2_file.read_bytes(), "smollm2")


def ids(tokenizer: Tokenizer, texts: list[str]) -> list[int]:
    return [len(tokenizer.encode(text, add_special_tokens=False)) for text in texts]


@settings(deadline=None, max_examples=80)
@given(texts=TEXTS)
def test_counts_are_those_of_the_library(
    counter: TextCounter, whole: Tokenizer, texts: list[str]
) -> None:
    assert counter.counts(texts).tolist() == ids(whole, texts)


@settings(deadline=None, max_examples=30)
@given(texts=st.lists(st.text(max_size=40), max_size=5))
def test_any_text_at_all(counter: TextCounter, whole: Tokenizer, texts: list[str]) -> None:
    assert counter.counts(texts).tolist() == ids(whole, texts)


def test_parts_are_forgotten_when_there_are_too_many(
    counter: TextCounter, whole: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.text_counter._MAX_PARTS", 3)
    texts = ["one two three four", "five one", "x" * 200, "two " * 3]
    for _ in range(2):
        assert counter.counts(texts).tolist() == ids(whole, texts)


def test_smollm2_as_it_is_known(counter: TextCounter, whole: Tokenizer) -> None:
    """The reference's ids: `Assistant:` is three, digits are one each, two newlines are one."""
    assert whole.encode("Assistant: 42").tokens == ["Ass", "istant", ":", "\u0120", "4", "2"]
    assert counter.template == Template(prompt_head=0, answer_head=3)
    assert whole.get_vocab_size() == 49_152 + len(SPECIAL_TOKENS) - 1


def other(**settings_: Any) -> Tokenizer:
    """A tiny byte-level BPE of another kind."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("\u010a", "\u010a"), ("a", "b"), ("\u0120", "a")]
    tokens = [*alphabet, *(first + second for first, second in merges)]
    made = Tokenizer(models.BPE({token: n for n, token in enumerate(tokens)}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **settings_})
    made.decoder = decoders.ByteLevel()
    return made


@settings(deadline=None, max_examples=30)
@given(texts=TEXTS, use_regex=st.booleans())
def test_other_byte_level_tokenizers(texts: list[str], use_regex: bool) -> None:
    made = other(use_regex=use_regex)
    counted = TextCounter(made.to_str().encode(), "other").counts(texts).tolist()
    made.add_special_tokens(list(SPECIAL_TOKENS))
    assert counted == ids(made, texts)


def test_what_a_tokenizer_lacks_is_added(tmp_path: Path) -> None:
    """SmolLM2's own vocabulary has none of SmolVLM's tokens."""
    bare = TextCounter(smollm2(special=()).to_str().encode(), "bare")
    assert bare.counts(["<image>", "a<end_of_utterance>b"]).tolist() == [1, 3]


def test_truncation_and_padding_of_the_file_do_not_count() -> None:
    made = other()
    made.enable_truncation(2)
    made.enable_padding(length=8)
    assert TextCounter(made.to_str().encode(), "x").counts(["xyz xyz", ""]).tolist() == [7, 0]


def test_a_tokenizer_that_joins_role_and_text() -> None:
    made = other(add_prefix_space=True)
    with pytest.raises(UsageError, match="--tokenizer odd joins 'User'.*byte-level BPE"):
        TextCounter(made.to_str().encode(), "odd")


_OPEN = """
import sys
from pipelines.tokenizers import load_tokenizer, open_tokenizer
ref = open_tokenizer(sys.argv[1], sys.argv[2])
print(ref.name, load_tokenizer(ref).counts(["Assistant: 42"]).tolist())
"""


def _opened(hub: Hub, spec: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: huggingface_hub reads its settings when it is imported."""
    env = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    env |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "hf")}
    command = [sys.executable, "-c", _OPEN, spec, str(folder / "store")]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("spec", ["org/model", "org/model@main"])
def test_a_name_is_looked_up_on_the_hub(smollm2_file: Path, tmp_path: Path, spec: str) -> None:
    """And called by the commit that it was found at."""
    folder = tmp_path / "mirror/org/model"
    folder.mkdir(parents=True)
    shutil.copy(smollm2_file, folder / "tokenizer.json")
    with serve(Hub(tmp_path / "mirror")) as hub:
        found = _opened(hub, spec, tmp_path)
    assert found.stdout.strip() == f"org/model@{COMMIT} [6]", found.stderr
    assert len(list((tmp_path / "store/tokenizers").iterdir())) == 1


def test_a_name_that_the_hub_does_not_have(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    with serve(Hub(tmp_path / "mirror")) as hub:
        found = _opened(hub, "org/none", tmp_path)
    assert found.returncode != 0 and "UnavailableError" in found.stderr


@pytest.mark.parametrize("name", ["", "tokenizer.json"])
def test_a_path_is_kept_in_the_store_by_digest(
    smollm2_file: Path, tmp_path: Path, name: str
) -> None:
    ref = open_tokenizer(str(smollm2_file.parent / name), str(tmp_path))
    assert ref is not None
    assert ref.uri == str(tmp_path / "tokenizers" / f"{ref.fingerprint}.json")
    assert ref.name == (name or smollm2_file.parent.name)
    assert load_tokenizer(ref).counts(["a b"]).tolist() == [2]
    assert open_tokenizer(None, str(tmp_path)) is None


def test_a_store_that_was_tampered_with(smollm2_file: Path, tmp_path: Path) -> None:
    ref = open_tokenizer(str(smollm2_file), str(tmp_path))
    assert ref is not None
    Path(ref.uri).write_text("{}")
    with pytest.raises(IntegrityError, match="is not the tokenizer that its name says"):
        load_tokenizer(TokenizerRef("again", ref.fingerprint, ref.uri))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("empty", "the folder has no tokenizer.json"),
        ("broken.json", "its tokenizer.json is none"),
        ("nowhere at all", "no such file or folder, and it is no Hub id"),
    ],
)
def test_what_is_no_tokenizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("broken.json").write_text(json.dumps({"model": 3}))
    with pytest.raises(UsageError, match=message):
        open_tokenizer(spec, str(tmp_path))
