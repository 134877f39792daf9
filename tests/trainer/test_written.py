"""Answers that a model writes to held-out rows: which rows, what is asked, how it is counted."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from rich.console import Console  # noqa: E402

from tests.conftest import Built  # noqa: E402
from tests.trainer.tiny import encoder_of, loss_model  # noqa: E402
from trainer.build_rows import BuildRows  # noqa: E402
from trainer.cli import _held_out  # noqa: E402
from trainer.greedy import answers  # noqa: E402
from trainer.items import Item, read_items  # noqa: E402
from trainer.prompts import encode  # noqa: E402
from trainer.questions import asking, choose, first_exchange, short_answers  # noqa: E402
from trainer.written import AllWritten, write_answers  # noqa: E402


def _said(*texts: str) -> list[dict[str, Any]]:
    """A user's message, an assistant's, and so on."""
    roles = ("user", "assistant")
    return [
        {"role": roles[place % 2], "content": [{"type": "text", "text": text}]}
        for place, text in enumerate(texts)
    ]


_ANSWERS = {
    "one": (_said("What?", " Red. "), ("Red.",)),
    "asked again": (_said("What?", "red", "Where?", "left", "What?", "rose"), ("red", "rose")),
    "ten words": (_said("What?", "a b c d e f g h i j"), ("a b c d e f g h i j",)),
    "eleven": (_said("What?", "a b c d e f g h i j k"), ()),
    "64 bytes": (_said("What?", "x" * 64), ("x" * 64,)),
    "65": (_said("What?", "x" * 63 + "é"), ()),
    "a later one is short": (_said("What?", "x" * 65, "What?", "red"), ()),
    "nothing": (_said("What?", " "), ()),
    "no question": (_said("Once upon a time")[:1], ()),
}


@pytest.mark.parametrize("name", _ANSWERS)
def test_rows_are_asked_whose_first_answer_is_short(name: str) -> None:
    messages, expected = _ANSWERS[name]
    assert short_answers(messages) == expected


def _asked(built: Built, number: int) -> tuple[Any, list[Item]]:
    rows = BuildRows.open(str(built.out))
    encoder = encoder_of(rows)
    units = [question.unit for question in choose(rows, 4).questions][:number]
    return encoder, list(read_items(rows, units, asking(encoder), 0))


def test_the_first_so_many_of_each_source_are_chosen_and_the_rest_counted(built: Built) -> None:
    rows = BuildRows.open(str(built.out))
    every = [(unit.first, row) for unit, row in rows.texts()]
    short = [(first, row["source"]) for first, row in every if short_answers(row["messages"])]
    assert [first for first, _ in every] == list(range(len(rows)))
    chosen = choose(rows, 2)
    expected = [
        first
        for place, (first, source) in enumerate(short)
        if [name for _, name in short[:place]].count(source) < 2
    ]
    assert [question.unit.first for question in chosen.questions] == expected
    reasons = [reason for reason, _ in chosen.left_out]
    assert reasons.count("not_short") == len(every) - len(short)
    assert reasons.count("not_drawn") == len(short) - len(expected) > 0


def test_what_is_asked_is_what_mixture_ask_asks(built: Built) -> None:
    rows = BuildRows.open(str(built.out))
    encoder, items = _asked(built, 40)
    kept = {q.unit.first: rows.read(q.unit)[0] for q in choose(rows, 4).questions}
    assert len(items) > 10 and any(len(item.tiles) for item in items)
    for item in items:
        question = list(first_exchange(kept[item.row]["messages"]))[:-1]
        layouts = [ids for ids in _pictures(encoder, item)]
        if all(one["type"] == "text" for message in question for one in message["content"]):
            expected = encode(encoder.vocabulary, question, layouts, is_asked=True).ids
            assert item.ids.tolist() == expected.tolist()
        assert item.num_learned == 0
        assert encoder.vocabulary.tokenizer.decode(item.ids[-12:].tolist()).endswith("Assistant:")


def _pictures(encoder: Any, item: Item) -> list[Any]:
    return [encoder.vocabulary.picture(0, 0, encoder.processor.ids_per_tile) for _ in item.tiles]


def test_many_at_once_are_answered_as_one_by_one(built: Built) -> None:
    encoder, items = _asked(built, 24)
    vlm = loss_model(encoder).vlm
    together = answers(vlm, items, encoder.vocabulary, 6)
    assert len(together) == len(items)
    assert len({len(item.tiles) for item in items}) > 1
    for item in items[:8]:
        assert answers(vlm, [item], encoder.vocabulary, 6) == {item.row: together[item.row]}


def test_ranks_together_count_what_one_counts(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.written.MOST_IDS", 4)
    rows = BuildRows.open(str(built.out))
    encoder = encoder_of(rows)
    model = loss_model(encoder)
    whole = write_answers(model, rows, encoder, 1, 0)
    both = write_answers(model, rows, encoder, 1, 0, 0, 2)
    both.merge(write_answers(model, rows, encoder, 1, 0, 1, 2))
    one, other = _found(whole), _found(both)
    for name, groups in one.items():
        for value, scores in groups.items():
            again = other[name][value]["written"]
            for part in ("rows", "left_out", "own", "blank"):
                assert again[part] == scores["written"][part], (name, value)
    everything = one["all"]["all"]["written"]
    assert everything["rows"] + sum(everything["left_out"].values()) == len(rows)
    assert everything["rows"] == sum(s["written"]["rows"] for s in one["source"].values())


def _found(written: AllWritten) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    written.put_into(found)
    return found


def test_a_source_whose_rows_are_all_too_long_for_a_loss_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Losses are asked of rows that fit into a sequence, answers of first questions alone."""
    written = AllWritten()
    for found in written.each(
        {"source": "long", "modality": "text", "category": "", "component": ""}
    ):
        found.left_out["too_large"] += 1
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    written.put_into(scores)
    assert scores["source"]["long"]["rows"] == 0 and scores["source"]["long"]["loss"] is None
    _held_out(Console(width=120), scores)
    assert "long" in capsys.readouterr().out
