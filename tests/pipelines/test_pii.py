"""Masked addresses: datatrove's own formatter is the oracle, and what is written is what counts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from datatrove.pipeline.formatters.pii import PIIFormatter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from tokenizers import Tokenizer

from manifests.schema import MESSAGES_TYPE
from manifests.storage import list_files, read_parquet
from mixtures.processors import get_processor
from mixtures.styles import STYLES
from pipelines.build import build
from pipelines.options import BuildOptions
from pipelines.pii import mask_messages, mask_text
from pipelines.pii_measures import measure_pii, pii_path
from pipelines.shape import Counter, shape
from pipelines.token_measures import measure_tokens
from pipelines.tokenizers import TokenizerRef
from pipelines.verify import verify
from sources.base import Message
from tests.chat_ids import Image, chat_ids
from tests.pipelines.test_shape import Case, Oracle, cases, oracle, recipe_of, tokenizer
from tests.pipelines.trees import tree_digests
from tests.sources.packing import picture

__all__ = ["oracle", "tokenizer"]

_COUNTS = ("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens")
ADDRESSES = ["ann.lee@mail.example.net", "b@c.de", "8.8.8.8", "1.1.1.1", "192.168.0.1"]


def formatted(text: str) -> str:
    """As datatrove has it of a document that it sees first."""
    return str(PIIFormatter().format(text))


def test_addresses_become_those_that_are_nobodys() -> None:
    assert mask_text("Ask Ann.Lee+x@mail.co.uk, or b@c.de; then d@e.org.") == (
        "Ask email@example.com, or firstname.lastname@example.org; then email@example.com."
    )
    assert mask_text("ping 8.8.8.8 from 192.168.0.1") == "ping 22.214.171.124 from 192.168.0.1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no address",
        "@home",
        "3.14159",
        "v1.2.3",
        "10.0.0.1 127.0.0.1",
        "a @ b.c",
        "x@y",
    ],
)
def test_what_is_no_address_is_the_very_same(text: str) -> None:
    assert mask_text(text) is text or mask_text(text) == text == formatted(text)


PIECES = [*ADDRESSES, "@", ".", "-", "a", "\u00e9", "\u4e2d", " ", "\n", ",", "(", ")", "<", '"']
PIECES += ["/", "=", "[1.2.3.4]", "8.8", "7", ":", ";", "x.y", "\u00a0", "\u2019", "_", "\\"]


@settings(max_examples=500)
@example(["\u00e9", "b@c.de"])
@example(["a@", "[1.2.3.4]", "8.8.8.8"])
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_text_is_masked_as_datatrove_does(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert mask_text(text) == formatted(text)


def test_a_text_is_masked_alike_whatever_came_before() -> None:
    text = "b@c.de 8.8.8.8"
    before = mask_text(text)
    mask_text("a@b.cd " * 3 + "1.1.1.1")
    assert mask_text(text) == before == formatted(text)


def test_a_long_run_without_spaces_ends() -> None:
    """By itself the pattern would look at each of its parts anew: hours for these."""
    begun = time.monotonic()
    assert mask_text("a-" * 200_000 + "@") == "a-" * 200_000 + "@"
    assert mask_text("a/" * 100_000 + " b@c.de").endswith(" email@example.com")
    assert time.monotonic() - begun < 30


def test_messages_that_are_not_wanted_stay() -> None:
    said = [{"role": "user", "content": [{"type": "text", "text": "I am b@c.de."}]}]
    seen = [{"role": "user", "content": [{"type": "image", "text": "b@c.de"}]}]
    stored = pa.array([said, said, [], seen], MESSAGES_TYPE).slice(1)
    made, changed = mask_messages(stored, np.array([False, True, True]))
    assert made is stored and not changed.any()
    made, changed = mask_messages(stored, np.array([True, True, True]))
    assert changed.tolist() == [True, False, False] and made.type == MESSAGES_TYPE
    assert made[0].as_py()[0]["content"][0]["text"] == "I am email@example.com."
    assert made.slice(1).equals(stored.slice(1))


@st.composite
def with_addresses(draw: st.DrawFn) -> tuple[Case, list[bool]]:
    """Cases of test_shape with addresses in some texts; which of the rows are masked."""
    case = draw(cases())
    extra = st.lists(st.sampled_from(["", *ADDRESSES]), max_size=3).map(" ".join)
    chats = [
        tuple(
            Message(
                message.role,
                [(kind, text + draw(extra) if kind == "text" else text) for kind, text in items],
            )
            for message in chat
            for items in [message.content]
        )
        for chat in case.chats
    ]
    masked = st.lists(st.booleans(), min_size=len(chats), max_size=len(chats))
    return replace(case, chats=chats), draw(masked)


def _masked(case: Case, masked: list[bool]) -> Case:
    chats = [
        tuple(
            Message(m.role, [(k, formatted(t) if k == "text" else t) for k, t in m.content])
            for m in chat
        )
        if is_masked
        else chat
        for chat, is_masked in zip(case.chats, masked, strict=True)
    ]
    return replace(case, chats=chats)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(made=with_addresses(), style=st.sampled_from(sorted(STYLES)), shuffle=st.booleans())
def test_counts_are_those_of_masked_texts(
    tmp_path_factory: pytest.TempPathFactory,
    tokenizer: TokenizerRef,
    oracle: Oracle,
    made: tuple[Case, list[bool]],
    style: str,
    shuffle: bool,
) -> None:
    case, masked = made
    joined = case.joined(tmp_path_factory.mktemp("case"), independent=shuffle)
    index = joined.index.with_columns(masked=pl.Series([masked[n] for n in joined.index["row"]]))
    joined = replace(joined, index=index)
    recipe = recipe_of(style=style, max_turns=2, shuffle_turns=shuffle, mask_pii=["chat"])
    for folder in joined.row_folders:
        measure_tokens(folder, tokenizer)
        measure_pii(folder, tokenizer)
    for row in shape(joined, recipe, Counter.of(recipe, tokenizer)).index.iter_rows(named=True):
        expected = oracle.counts(_masked(case, masked), row, recipe)
        assert {name: row[name] for name in expected} == expected, row


def test_without_a_tokenizer_bytes_of_masked_texts_count(tmp_path: Path) -> None:
    asked, said = "From b@c.de. ", "To a-very-long-name@of-a-very-long-place.example.net. "
    chat: tuple[Message, ...] = (
        Message("user", [("text", asked)]),
        Message("assistant", [("text", said * 20)]),
    )
    case = Case([chat] * 2, [[], []])
    recipe = recipe_of(mask_pii=["chat"])
    counter = Counter.of(recipe, None)
    plain = _masked(case, [False, True]).joined(tmp_path / "masked by hand")
    joined = case.joined(tmp_path / "masked")
    joined = replace(joined, index=joined.index.with_columns(masked=pl.Series([False, True])))
    measure_pii(joined.row_folders[0], None)
    expected = shape(plain, recipe, counter).index.select(_COUNTS)
    assert shape(joined, recipe, counter).index.select(_COUNTS).equals(expected)
    assert expected["num_answer_tokens"][0] > expected["num_answer_tokens"][1]


def test_only_what_masking_changes_is_measured(tmp_path: Path) -> None:
    chats: list[tuple[Message, ...]] = [
        (Message("user", [("text", "Who?")]), Message("assistant", [("text", text)]))
        for text in ("nobody", "b@c.de", "192.168.0.1")
    ]
    joined = Case(chats, [[], [], []]).joined(tmp_path)
    folder = joined.row_folders[0]
    measure_pii(folder, None)
    assert read_parquet(pii_path(folder, None)).to_pylist() == [
        {"turn": 1, "system_bytes": 0, "user_bytes": 4, "assistant_bytes": 17}
    ]


def _write(folder: Path, **settings_: Any) -> BuildOptions:
    """Chats, chats about pictures of which two share one, and code; all with addresses."""
    data = folder / "data"
    (folder / "mirror").mkdir(exist_ok=True)
    (data / "images").mkdir(parents=True, exist_ok=True)
    chats: list[Any] = []
    code: list[Any] = []
    seen: list[Any] = []
    for number in range(12):
        mail, host = f"someone.{number}@mail.example.net", f"8.8.8.{number}"
        for rows, name in ((chats, "chat"), (code, "code")):
            asked = {"role": "user", "content": f"Who is {name} {mail}?"}
            answer = {"role": "assistant", "content": f"The owner of {host}, not 10.0.0.1."}
            rows.append({"messages": [asked, answer, asked, answer]})
        (data / f"images/{number}.png").write_bytes(picture(20 * (number // 2), "PNG"))
        turns = [
            {"from": "human", "value": f"<image>\nWhose card is it, {number}?"},
            {"from": "gpt", "value": f"It says {mail} and {host}."},
        ]
        seen.append({"image": f"{number}.png", "conversations": turns})
    (data / "chat.jsonl").write_text("\n".join(map(json.dumps, chats)))
    (data / "code.jsonl").write_text("\n".join(map(json.dumps, code)))
    (data / "seen.json").write_text(json.dumps(seen))
    local: dict[str, Any] = {
        "chat": {"path": "data/chat.jsonl"},
        "code": {"path": "data/code.jsonl", "category": "code"},
        "seen": {"path": "data/seen.json", "media": "data/images", "modality": "image"},
    }
    made = {
        "name": "masked",
        "description": "addresses in chats and on pictures, and in code",
        "unit": "samples",
        "max_turns": 3,
        "filters": {"placeholders": {}, "roles": {}},
        "local": local,
        "components": [
            {"name": name, "share": "1/3", "sources": [f"local/{name}"]} for name in local
        ],
        **settings_,
    }
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(made, sort_keys=False))
    return BuildOptions(
        recipe=str(recipe),
        mirror=str(folder / "mirror"),
        store=str(folder / "store"),
        out=str(folder / "out"),
        engine="inline",
    )


def _rows(options: BuildOptions) -> Iterator[dict[str, Any]]:
    for name in list_files(options.out + "/data", ".parquet"):
        yield from pq.read_table(f"{options.out}/data/{name}").to_pylist()


def _texts(row: dict[str, Any]) -> list[str]:
    return [item["text"] for message in row["messages"] for item in message["content"]]


@pytest.mark.parametrize("merge", ["none", "same_media"])
def test_what_is_written_is_masked_and_counted(
    tmp_path: Path, smollm2_file: Path, merge: str
) -> None:
    plain = _write(tmp_path, merge=merge, style="smolvlm2", shuffle_turns=True)
    plain = replace(plain, tokenizer=str(smollm2_file), out=str(tmp_path / "plain"))
    build(plain, Console(quiet=True))
    said = {"merge": merge, "style": "smolvlm2", "shuffle_turns": True}
    options = replace(
        _write(tmp_path, **said, mask_pii=["chat", "photo"]), tokenizer=str(smollm2_file)
    )
    build(options, Console(quiet=True))
    verify(options.out, lambda path: None)
    before = {row["id"]: row for row in _rows(plain)}
    after = {row["id"]: row for row in _rows(options)}
    assert set(after) == set(before) and {row["subset"] for row in after.values()} == {
        "chat",
        "code",
        "seen",
    }
    oracle_ = Tokenizer.from_file(str(smollm2_file))
    for sample, row in after.items():
        if row["subset"] == "code":
            assert row == before[sample] and "@mail.example.net" in str(_texts(row))
            continue
        assert _texts(row) == [formatted(text) for text in _texts(before[sample])]
        assert "@mail.example.net" not in str(row["messages"]) and "8.8.8." not in str(row)
        images = [Image(one["width"], one["height"], one["split"]) for one in row["media"]]
        found = chat_ids(row["messages"], images, get_processor("smolvlm-256m"), oracle_)
        assert [row[name] for name in _COUNTS] == [getattr(found, name) for name in _COUNTS]
    merged = [row for row in after.values() if len(row["origins"]) > 1]
    assert bool(merged) == (merge == "same_media")


def test_a_recipe_that_masks_nothing_is_built_as_before(tmp_path: Path) -> None:
    plain = _write(tmp_path)
    build(plain, Console(quiet=True))
    masked = replace(_write(tmp_path, mask_pii=["chat"]), out=str(tmp_path / "masked"))
    build(masked, Console(quiet=True))
    again = replace(_write(tmp_path), out=str(tmp_path / "again"))
    build(again, Console(quiet=True))
    assert tree_digests(tmp_path / "out/data") == tree_digests(tmp_path / "again/data")
    assert tree_digests(tmp_path / "out/data") != tree_digests(tmp_path / "masked/data")
    assert "mask_pii" not in (tmp_path / "out/plan.json").read_text()
    assert "mask_pii" in (tmp_path / "masked/plan.json").read_text()
