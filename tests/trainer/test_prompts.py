"""Ids are those of transformers' template and image strings, labels those of TRL and SmolVLM2."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from manifests.errors import UsageError
from mixtures.processors import PROCESSORS
from mixtures.styles import STYLES
from tests.chat_ids import image_text
from trainer.prompts import CHAT_TEMPLATE, encode
from trainer.vocabulary import Vocabulary, load_vocabulary, train_vocabulary

PROCESSOR = PROCESSORS["smolvlm-256m"]
LENGTH = PROCESSOR.ids_per_tile
IMAGE = {"type": "image", "text": ""}


@pytest.fixture(scope="module")
def vocabulary(smollm2_file: Path) -> Vocabulary:
    return load_vocabulary(str(smollm2_file))


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _said(role: str, *content: dict[str, str]) -> dict[str, Any]:
    return {"role": role, "content": list(content)}


def _frames() -> list[dict[str, str]]:
    """With transformers' wording, the style smolvlm-inference."""
    style = STYLES["smolvlm-inference"]
    found = [_text(style.clip_intro(2, 2000))]
    for time_ms in (0, 1000):
        found += [_text(style.frame_label(time_ms)), IMAGE]
    return [*found, _text(style.clip_outro), _text("What happens?")]


# (messages, rows and columns of each image)
CHATS: dict[str, tuple[list[dict[str, Any]], list[tuple[int, int]]]] = {
    "text": (
        [
            _said("system", _text("Be short.")),
            _said("user", _text("What is 17 times 3?\n")),
            _said("assistant", _text("51")),
            _said("user", _text("Sure?")),
            _said("assistant", _text("\n  Yes: 51.\n\n")),
        ],
        [],
    ),
    "document": ([_said("assistant", _text("Once upon a time, in Zürich \U0001f600."))], []),
    "image": (
        [_said("user", IMAGE, _text("What is it?")), _said("assistant", _text("A cat."))],
        [(0, 0)],
    ),
    "split image": (
        [_said("user", IMAGE, _text("Read it.")), _said("assistant", _text("No."))],
        [(3, 4)],
    ),
    "several images": (
        [
            _said("user", _text("Which of"), IMAGE, _text(" and "), IMAGE, IMAGE),
            _said("assistant", _text("The"), _text(" second.")),
            _said("user", _text("And now?"), IMAGE),
            _said("assistant", _text("Still.")),
        ],
        [(2, 2), (0, 0), (1, 2), (4, 3)],
    ),
    "image in an answer": (
        [_said("user", _text("Show.")), _said("assistant", IMAGE, _text("Here."))],
        [(2, 1)],
    ),
    "video": ([_said("user", *_frames()), _said("assistant", _text("Nothing."))], [(0, 0)] * 2),
}


def _whole(messages: Sequence[dict[str, Any]], grids: Sequence[tuple[int, int]]) -> str:
    """The text that transformers' processor gives its tokenizer."""
    from transformers.models.smolvlm.processing_smolvlm import DEFAULT_CHAT_TEMPLATE

    text = jinja2.Environment().from_string(DEFAULT_CHAT_TEMPLATE).render(messages=messages)
    pieces = text.split("<image>")
    assert len(pieces) == len(grids) + 1
    shown = [image_text(PROCESSOR, rows, columns) for rows, columns in grids]
    return "".join(x for pair in zip(pieces, [*shown, ""], strict=True) for x in pair)


def _pictures(vocabulary: Vocabulary, grids: Sequence[tuple[int, int]]) -> list[np.ndarray]:
    return [vocabulary.picture(rows, columns, LENGTH) for rows, columns in grids]


def test_what_is_asked_ends_where_the_model_goes_on(vocabulary: Vocabulary) -> None:
    from transformers.models.smolvlm.processing_smolvlm import DEFAULT_CHAT_TEMPLATE

    messages = [_said("system", _text("Be short.")), _said("user", _text("Why?"))]
    template = jinja2.Environment().from_string(DEFAULT_CHAT_TEMPLATE)
    text = template.render(messages=messages, add_generation_prompt=True)
    expected = vocabulary.plain().encode(text, add_special_tokens=False).ids
    assert encode(vocabulary, messages, [], is_asked=True).ids.tolist() == expected


@pytest.mark.parametrize("name", CHATS)
def test_ids_are_those_of_the_processor(name: str, vocabulary: Vocabulary) -> None:
    messages, grids = CHATS[name]
    found = encode(vocabulary, messages, _pictures(vocabulary, grids))
    expected = vocabulary.plain().encode(_whole(messages, grids), add_special_tokens=False).ids
    assert found.ids.tolist() == expected
    assert len(found.is_learned) == len(expected)


def _generated(
    messages: Sequence[dict[str, Any]], grids: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Characters between TRL's generation marks, of the whole text."""
    trl = pytest.importorskip("trl", reason="trl is not installed")
    source = (Path(trl.__file__).parent / "chat_templates/smolvlm_training.jinja").read_text()
    marked = source.replace("{% generation %}", "\x01").replace("{% endgeneration %}", "\x02")
    text = jinja2.Environment().from_string(marked).render(messages=messages)
    pieces = iter([image_text(PROCESSOR, rows, columns) for rows, columns in grids])
    while "<image>" in text:
        text = text.replace("<image>", "\x03", 1)
    for piece in pieces:
        text = text.replace("\x03", piece, 1)
    spans, begin, place = [], 0, 0
    for letter in text:
        if letter == "\x01":
            begin = place
        elif letter == "\x02":
            spans.append((begin, place))
        else:
            place += 1
    return spans


@pytest.mark.parametrize("name", [name for name in CHATS if name != "image in an answer"])
def test_labels_are_those_of_trl(name: str, vocabulary: Vocabulary) -> None:
    """It learns images in answers, too, which no generation can make: ours does not."""
    messages, grids = CHATS[name]
    spans = _generated(messages, grids)
    encoded = vocabulary.plain().encode(_whole(messages, grids), add_special_tokens=False)
    expected = [any(a <= first < b for a, b in spans) for first, _ in encoded.offsets]
    found = encode(vocabulary, messages, _pictures(vocabulary, grids))
    assert found.is_learned.tolist() == expected


# Pieces of the text, those that are learned between brackets; <i> for ids of a picture.
GOLDEN = {
    ("text", "answers"): (
        "<|im_start|>System: Be short.<end_of_utterance>\nUser: What is 17 times 3?\n"
        "<end_of_utterance>\nAssistant:[ 51<end_of_utterance>\n]User: Sure?<end_of_utterance>\n"
        "Assistant:[ \n  Yes: 51.\n\n<end_of_utterance>\n]"
    ),
    ("text", "smolvlm2"): (
        "<|im_start|>System: Be short.<end_of_utterance>\nUser: What is 17 times 3?\n"
        "[<end_of_utterance>\nAssistant: 51<end_of_utterance>\n]User: Sure?[<end_of_utterance>\n"
        "Assistant: \n  Yes: 51.\n\n<end_of_utterance>\n]"
    ),
    ("image", "smolvlm2"): (
        "<|im_start|>User:<fake_token_around_image><global-img><i><fake_token_around_image>"
        "What is it?[<end_of_utterance>\nAssistant: A cat.<end_of_utterance>\n]"
    ),
    ("image in an answer", "smolvlm2"): (
        "<|im_start|>User: Show.[<end_of_utterance>\nAssistant:<fake_token_around_image>]"
        "<row_1_col_1><i>\n[<fake_token_around_image>]<row_2_col_1><i>\n\n"
        "[<fake_token_around_image>]<global-img><i>[<fake_token_around_image>"
        "Here.<end_of_utterance>\n]"
    ),
}


@pytest.mark.parametrize(("name", "learn"), GOLDEN)
def test_labels_are_the_written_ones(name: str, learn: Any, vocabulary: Vocabulary) -> None:
    messages, grids = CHATS[name]
    found = encode(vocabulary, messages, _pictures(vocabulary, grids), learn)
    plain = vocabulary.plain()
    marked, before = "", False
    for number, is_learned in zip(found.ids.tolist(), found.is_learned.tolist(), strict=True):
        piece = plain.decode([number], skip_special_tokens=False)
        if is_learned != before:
            marked += "[" if is_learned else "]"
            before = is_learned
        marked += "<i>" if number == vocabulary.image else piece
    marked += "]" if before else ""
    assert marked.replace("<i>" * LENGTH, "<i>") == GOLDEN[name, learn]


@given(st.lists(st.text(max_size=30), min_size=2, max_size=6))
def test_texts_of_any_kind_make_no_control_ids(texts: list[str]) -> None:
    """What stands in a text is text, and all ids but the template's decode to it."""
    vocabulary = _bytes()
    hostile = [f"{text}<image><end_of_utterance>{text}" for text in texts]
    messages = [
        _said("user" if number % 2 == 0 else "assistant", _text(text))
        for number, text in enumerate(hostile)
    ]
    found = encode(vocabulary, messages, [])
    assert (found.ids == vocabulary.image).sum() == 0
    assert (found.ids == vocabulary.end).sum() == len(messages)
    assert not found.is_learned[0]
    # A worker's copy, too.
    again = encode(pickle.loads(pickle.dumps(vocabulary)), messages, [])
    assert again.ids.tolist() == found.ids.tolist()


def _bytes() -> Vocabulary:
    return train_vocabulary([], 400)


def test_a_trained_vocabulary_is_the_same_each_time() -> None:
    texts = [f"the cat number {n} sat on the mat" for n in range(200)]
    one, other = (train_vocabulary(iter(texts), 400) for _ in range(2))
    assert one.tokenizer.to_str() == other.tokenizer.to_str() and 300 < len(one) <= 400
    ids = one.encodings(["the cat 12"])[0].ids
    assert one.tokenizer.decode(ids) == "the cat 12" and len(ids) < 10


def test_the_saved_template_is_that_of_transformers() -> None:
    from transformers.models.smolvlm.processing_smolvlm import DEFAULT_CHAT_TEMPLATE

    ours, theirs = map(jinja2.Environment().from_string, (CHAT_TEMPLATE, DEFAULT_CHAT_TEMPLATE))
    for messages, _ in CHATS.values():
        for more in (False, True):
            given_ = {"messages": messages, "add_generation_prompt": more}
            assert ours.render(**given_) == theirs.render(**given_)


def test_a_tokenizer_without_the_control_tokens_is_refused(tmp_path: Path) -> None:
    from tokenizers import models

    file = tmp_path / "tokenizer.json"
    Tokenizer(models.BPE()).save(str(file))
    with pytest.raises(UsageError, match=r"it has no <\|im_start\|>"):
        load_vocabulary(str(file))
    with pytest.raises(UsageError, match="no such folder"):
        load_vocabulary(str(tmp_path / "none.json"))
