"""A sample's messages to ids, and which of them are learned.

    <|im_start|>User:<media>text<end_of_utterance>\\nAssistant: text<end_of_utterance>\\n

`Role:` is followed by a space unless the message begins with an image; text items of a message
follow one another as they are. Ids are those that transformers' SmolVLMProcessor makes of the same
messages.

    learn        labels                                                                      from
    answers      the texts of assistant messages, each with its <end_of_utterance> and the     [1]
                 newline after it
    smolvlm2     all but system messages, `User:` with its text up to its                     [2]
                 <end_of_utterance>, <image>, <global-img> and <row_r_col_c>; so that the
                 user's <end_of_utterance>, the newline and `Assistant:` are learned too

    [1] TRL, chat_templates/smolvlm_training.jinja; huggingface/smollm,
        vision/m4/training/packing.py (split_pack_and_pad_sft) learns the same
    [2] huggingface/smollm, vision/smolvlm2, smolvlm/datasets/dataset.py (_mask_user_tokens)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trainer.vocabulary import Ids, Vocabulary

# The same as a template of transformers; `encode` is held against it.
CHAT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{{ ':' if message['content'] and message['content'][0]['type'] == 'image' else ': ' }}"
    "{% for item in message['content'] %}"
    "{% if item['type'] == 'text' %}{{ item['text'] }}"
    "{% elif item['type'] == 'image' %}<image>{% elif item['type'] == 'video' %}<video>{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)

Learn = Literal["answers", "smolvlm2"]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """`is_learned[i]`: whether id i is a label, given those before it."""

    ids: Ids
    is_learned: Bools


@dataclass
class _Text:
    """Text between two control tokens, with the characters of it that are learned."""

    text: str = ""
    learned: list[tuple[int, int]] = field(default_factory=list)

    def add(self, text: str, is_learned: bool) -> None:
        if is_learned and text:
            self.learned.append((len(self.text), len(self.text) + len(text)))
        self.text += text


# Text, or control ids with whether they are learned.
_Part = _Text | tuple[Ids, bool]


def encode(
    vocabulary: Vocabulary,
    messages: Sequence[Mapping[str, Any]],
    pictures: Sequence[Ids],
    learn: Learn = "answers",
    is_asked: bool = False,
) -> Prompt:
    """`pictures` are the ids of each image item, in order (`Vocabulary.picture`).

    What is asked ends with `Assistant:`, for the model to go on.
    """
    parts = _parts(vocabulary, messages, iter(pictures), learn, is_asked)
    texts = [part for part in parts if isinstance(part, _Text)]
    encodings = iter(vocabulary.encodings([part.text for part in texts]))
    ids: list[Ids] = []
    learned: list[Bools] = []
    for part in parts:
        if isinstance(part, _Text):
            encoding = next(encodings)
            ids.append(np.array(encoding.ids, np.int64))
            learned.append(_overlap(np.array(encoding.offsets, np.int64), part.learned))
        else:
            ids.append(part[0])
            learned.append(_of_control(vocabulary, *part))
    return Prompt(np.concatenate(ids), np.concatenate(learned))


def _parts(
    vocabulary: Vocabulary,
    messages: Sequence[Mapping[str, Any]],
    pictures: Iterator[Ids],
    learn: Learn,
    is_asked: bool,
) -> list[_Part]:
    is_all = learn == "smolvlm2"
    parts: list[_Part] = [(np.array([vocabulary.start]), False)]
    text = _Text()
    for message in messages:
        role, content = message["role"], message["content"]
        is_answer = role == "assistant"
        text.add(f"{role.capitalize()}:", is_answer and is_all)
        # A model is asked with `Assistant:` alone.
        text.add("" if _begins_with_image(content) else " ", is_answer)
        for item in content:
            if item["type"] == "text":
                text.add(item["text"], is_answer)
                continue
            parts += [text, (next(pictures), is_answer and is_all)]
            text = _Text()
        is_end_learned = is_answer or (is_all and role == "user")
        parts += [text, (np.array([vocabulary.end]), is_end_learned)]
        text = _Text()
        text.add("\n", is_answer or (is_all and role == "user"))
    text.add("Assistant:" if is_asked else "", False)
    return [part for part in [*parts, text] if not isinstance(part, _Text) or part.text]


def _begins_with_image(content: Sequence[Mapping[str, Any]]) -> bool:
    return bool(content) and content[0]["type"] == "image"


def _overlap(offsets: Ids, spans: Sequence[tuple[int, int]]) -> Bools:
    """Ids of which at least one character lies in a span: a space before it is part of its word."""
    found = np.zeros(len(offsets), np.bool_)
    for first, last in spans:
        found |= (offsets[:, 0] < last) & (offsets[:, 1] > first)
    return found


def _of_control(vocabulary: Vocabulary, ids: Ids, is_learned: bool) -> Bools:
    """What stands for pixels or their place is never learned."""
    if len(ids) == 1 or not is_learned:
        return np.full(len(ids), is_learned)
    return np.equal(ids, vocabulary.fake)
