"""Documents through a whole build: one answer, all of it learned, and no chat's rules for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from filters import discover
from pipelines.build import build
from pipelines.options import BuildOptions
from pipelines.why import read_ledger

_RECIPE = """
name: documents
description: documents and chats
unit: samples
filters: {content_items: {}, roles: {}, empty_turns: {}, placeholders: {}, control_tokens: {},
          turn_length: {max_chars: 40}}
components:
  - {name: documents, share: 50%, modality: text, sources: [openwebmath]}
  - {name: chats, share: 50%, modality: text, sources: [magpie]}
"""
_LONG = "A document is no turn: it may be as long as it is. " * 20


def _write_mirror(mirror: Path) -> None:
    texts = [_LONG, "  short\n", "Ends <|endoftext|> here.", " ", "  short\n"]
    columns: dict[str, Any] = {
        "url": [f"https://a.org/{i}" for i in range(len(texts))],
        "text": texts,
        "date": ["2021-10-15"] * len(texts),
        "metadata": ['{"math_score": 0.5}'] * len(texts),
    }
    folder = mirror / "open-web-math" / "open-web-math" / "data"
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "train-00000-of-00114-5a023365406cb9c4.parquet")
    chats = [
        [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": answer}]
        for answer in ("So.", "Therefore.", _LONG)
    ]
    folder = mirror / "Magpie-Align" / "Magpie-Pro-300K-Filtered" / "data"
    folder.mkdir(parents=True)
    table = pa.table({"conversations": chats, "uuid": ["a", "b", "c"]})
    pq.write_table(table, folder / "train-00000-of-00003.parquet")


def test_documents_in_a_build(tmp_path: Path) -> None:
    recipe, out = tmp_path / "documents.yaml", tmp_path / "out"
    recipe.write_text(_RECIPE)
    _write_mirror(tmp_path / "mirror")
    options = BuildOptions(
        recipe=str(recipe),
        mirror=str(tmp_path / "mirror"),
        store=str(tmp_path / "store"),
        out=str(out),
        engine="inline",
    )
    build(options, Console(quiet=True))
    rows = [
        row for file in sorted((out / "data").iterdir()) for row in pq.read_table(file).to_pylist()
    ]
    documents = sorted((r for r in rows if r["kind"] == "document"), key=lambda r: r["num_tokens"])
    assert [row["messages"] for row in documents] == [
        [{"role": "assistant", "content": [{"type": "text", "text": text}]}]
        for text in ("  short\n", _LONG)
    ]
    for row in documents:
        assert (row["modality"], row["images"], row["category"]) == ("text", [], "math_text")
        # All but the template's own few tokens is an answer, and an answer is what is learned.
        assert 0 < row["num_tokens"] - row["num_answer_tokens"] < 10
        assert row["extra"] is not None and '"math_score":0.5' in row["extra"]
    assert 100 < documents[1]["num_answer_tokens"] < len(_LONG)
    lost = read_ledger(str(out)).filter(~read_ledger(str(out))["fate"].is_in(["kept"]))
    reasons = {(r["source"], r["row"]): (r["fate"], r["rule"]) for r in lost.to_dicts()}
    assert reasons == {
        ("openwebmath", 2): ("dropped", "control_token"),
        ("openwebmath", 3): ("unreadable", "text_empty"),
        ("openwebmath", 4): ("duplicate_of", "exact_duplicate"),
        ("magpie", 2): ("dropped", "turn_too_long"),
    }


def test_which_filters_are_for_chats_alone() -> None:
    """The others judge a document by what it is: one answer, not empty, without control tokens."""
    chats = {name for name, filter_ in discover().items() if filter_.kinds == ("chat",)}
    assert chats == {"turn_length"}
    assert all(set(filter_.kinds) <= {"chat", "document"} for filter_ in discover().values())
