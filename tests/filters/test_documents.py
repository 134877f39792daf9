"""What the filters of documents share of a batch: the same scores, however much of it is kept."""

from __future__ import annotations

import gc
import weakref

import pyarrow as pa
import pytest

from filters import _blocks, get
from tests.filters.rows import Row, batch_of

_NAMES = ("gopher_quality", "gopher_repetition", "c4_quality", "fineweb_quality")
_PAGES = [
    f"Page {number} tells what the filters do with it [1].\nMany lines have words, and some end.\n"
    + "The same sentence stands here in several pages, and it is no shorter. " * (number % 40)
    for number in range(600)
]


def _batch(texts: list[str]) -> pa.RecordBatch:
    rows: list[Row] = [
        {
            "kind": "document",
            "messages": [{"role": "assistant", "content": [{"type": "text", "text": text}]}],
        }
        for text in texts
    ]
    return batch_of(get(_NAMES[0]), rows)


def _scores(batch: pa.RecordBatch) -> list[list[Row]]:
    return [get(name).measure(batch).to_pylist() for name in _NAMES]


def test_scores_are_the_same_whether_blocks_are_kept_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = _batch(_PAGES)
    assert sum(map(len, _PAGES)) > 3 * _blocks._BLOCK_CHARS
    kept = _scores(batch)
    assert _blocks._last[0].num_kept == len(_blocks._last[0].blocks) > 3
    for limit in (0, 2 * _blocks._BLOCK_CHARS):
        monkeypatch.setattr(_blocks, "_KEPT_CHARS", limit)
        again = _batch(_PAGES)
        assert _scores(again) == kept
        assert _blocks._last[0].num_kept < 3


def test_batches_that_take_turns_are_not_mixed_up() -> None:
    one, other = _batch(_PAGES[:5]), _batch(_PAGES[5:10])
    whole = _scores(_batch(_PAGES[:10]))
    for place, name in enumerate(_NAMES):
        found = [get(name).measure(batch).to_pylist() for batch in (one, other, one)]
        assert found == [whole[place][:5], whole[place][5:], whole[place][:5]]


def test_nothing_is_kept_of_a_batch_that_is_gone() -> None:
    batch = _batch(_PAGES[:5])
    _scores(batch)
    block = weakref.ref(_blocks._last[0].blocks[0])
    assert block() is not None
    del batch
    gc.collect()
    assert block() is None
    assert _blocks._last == []
