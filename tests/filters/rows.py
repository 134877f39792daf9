"""Rows for filter tests: defaults, batches, and random conversations with nulls at every level."""

from __future__ import annotations

from hypothesis import strategies as st

from filters.base import Filter
from filters.contract import MEDIA_DEFAULTS, STORE_DEFAULTS, Row, batch_of, schema_of

__all__ = ["MEDIA_DEFAULTS", "STORE_DEFAULTS", "Row", "batch_of", "rows_for", "schema_of"]

_TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "\u00a0\n", "B", "<image>", "<row_6_col_6> <row_7_col_1>", "x<|im_end|>"]
    ),
    st.text(max_size=4),
)
_ITEMS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["text"] * 5 + ["image"] * 3 + ["video", "audio", None]),
        "text": st.one_of(_TEXTS, _TEXTS, st.just(""), st.none()),
    }
)
_MESSAGES = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant"] * 4 + ["system", "tool", None]),
        "content": st.one_of(
            *[st.lists(st.one_of(*[_ITEMS] * 9, st.none()), max_size=3)] * 9, st.none()
        ),
    }
)
_REFS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["image"] * 5 + ["video"] * 3 + ["audio", None]),
        "key": st.sampled_from(["a"] * 9 + [None]),
    }
)


@st.composite
def _tidy(draw: st.DrawFn) -> Row:
    """Mostly right conversations, so that random rows also reach the keep side."""
    num_images = draw(st.integers(0, 2))
    texts = draw(st.lists(_TEXTS, min_size=2, max_size=6).filter(lambda found: len(found) % 2 == 0))
    messages: list[Row] = [
        {"role": "assistant" if place % 2 else "user", "content": [{"type": "text", "text": text}]}
        for place, text in enumerate(texts)
    ]
    images = [{"type": "image", "text": ""}] * num_images
    messages[0]["content"] = images + messages[0]["content"]
    if draw(st.booleans()):
        messages.insert(0, {"role": "system", "content": [{"type": "text", "text": "Be brief."}]})
    return {"messages": messages, "media": [{"kind": "image", "key": "a"}] * num_images}


_WILD = st.fixed_dictionaries(
    {
        "messages": st.one_of(
            *[st.lists(st.one_of(*[_MESSAGES] * 9, st.none()), max_size=4)] * 9, st.none()
        ),
        "media": st.one_of(
            *[st.lists(st.one_of(*[_REFS] * 9, st.none()), max_size=3)] * 9, st.none()
        ),
        "kind": st.sampled_from(["chat", "chat", "document", None]),
    }
)
conversations: st.SearchStrategy[Row] = st.one_of(_tidy(), _WILD)

_SIDES = st.one_of(
    st.sampled_from([None, -1, 0, 27, 28, 280, 281, 16_384, 16_385]), st.integers(1, 20_000)
)
media: st.SearchStrategy[Row] = st.fixed_dictionaries({"width": _SIDES, "height": _SIDES})


def rows_for(a_filter: Filter) -> st.SearchStrategy[list[Row]]:
    return st.lists(conversations if a_filter.level == "sample" else media, max_size=6)
