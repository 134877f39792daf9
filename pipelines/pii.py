"""E-mail addresses and public IP addresses out of texts, by datatrove's formatter.

As in FineWeb (arXiv 2406.17557) each becomes one of a few that are nobody's, in rotation. Here a
text's rotation begins anew with it: what a text becomes depends on that text alone, not on those
before it, so that whoever counts it and whoever writes it see the same.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.conversation import Conversations, equals, flatten, truth
from manifests.schema import CONTENT_TYPE, MESSAGE_TYPE, MESSAGES_TYPE
from pipelines.flat import Bools, offsets

# Bump it when texts become others: counts of masked texts are stored by it.
VERSION = 1

# What either of datatrove's patterns needs to match at all.
_MAY_MATCH = r"@|[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
# Characters of addresses, and others that make no word boundary with them: no match, and nothing
# that a match looks at, lies across the end of such a run.
_RUN = re.compile(r"[\w!#$%&'*+/=?^`{|}~.@\[\]:-]+")
# The pattern of e-mail takes time by the square of a run; of longer ones each so long piece is
# looked at by itself. An address has at most 254 characters (RFC 5321).
_MAX_RUN_CHARS = 1024


def mask_text(text: str) -> str:
    """The text with addresses replaced; the same object where there is none."""
    formatter = _formatter()
    formatter.emails_replacer._replace_i = formatter.ip_replacer._replace_i = 0
    may_match = _may_match()
    pieces: list[str] = []
    here = 0
    for run in _RUN.finditer(text):
        for piece in _cut(run) if may_match.search(run[0]) else ():
            if may_match.search(text, *piece):
                begin, end = piece
                pieces += [text[here:begin], formatter.format(text[begin:end])]
                here = end
    return "".join([*pieces, text[here:]]) if pieces else text


def mask_messages(messages: pa.Array, wanted_s: Bools) -> tuple[pa.Array, Bools]:
    """(stored messages, of the wanted conversations masked; conversations that this changed)."""
    chats = flatten(pa.record_batch({"messages": messages}))
    wanted_i = wanted_s[chats.sample_i] & equals(chats.types_i, "text")
    at = np.flatnonzero(wanted_i & truth(pc.match_substring_regex(chats.texts_i, _MAY_MATCH)))
    texts = chats.texts_i.take(pa.array(at)).to_pylist()
    masked = [mask_text(text) for text in texts]
    is_new = np.array([new != old for new, old in zip(masked, texts, strict=True)], bool)
    changed_s = np.zeros(chats.num_samples, bool)
    changed_s[chats.sample_i[at[is_new]]] = True
    if not is_new.any():
        return messages, changed_s
    mask_i = np.zeros(len(chats.texts_i), bool)
    mask_i[at[is_new]] = True
    new_texts = [text for text, new in zip(masked, is_new.tolist(), strict=True) if new]
    replaced = pc.replace_with_mask(chats.texts_i, pa.array(mask_i), pa.array(new_texts))
    return _with_texts(chats, replaced), changed_s


def _with_texts(chats: Conversations, texts: pa.Array) -> pa.Array:
    items = pa.StructArray.from_arrays([chats.types_i, texts], fields=list(CONTENT_TYPE))
    contents = pa.ListArray.from_arrays(offsets(chats.num_items_m), items)
    messages = pa.StructArray.from_arrays([chats.roles_m, contents], fields=list(MESSAGE_TYPE))
    return pa.ListArray.from_arrays(offsets(chats.num_messages_s), messages, type=MESSAGES_TYPE)


def _cut(run: re.Match[str]) -> list[tuple[int, int]]:
    """(begin, end) of its pieces in the text."""
    begin, end = run.span()
    firsts = range(begin, end, _MAX_RUN_CHARS)
    return [(first, min(first + _MAX_RUN_CHARS, end)) for first in firsts]


@cache
def _may_match() -> re.Pattern[str]:
    return re.compile(_MAY_MATCH)


@cache
def _formatter() -> Any:
    """Half a second to import: builds that mask nothing do without."""
    from datatrove.pipeline.formatters.pii import PIIFormatter

    return PIIFormatter()
