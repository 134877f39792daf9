"""Documents through a whole build: one answer, all of it learned, and no chat's rules for them."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import sources
from filters import discover
from manifests.errors import SourceError
from pipelines.build import build
from pipelines.options import BuildOptions
from pipelines.why import read_ledger
from sources import contents
from tests.sources import reading
from tests.sources.content_bucket import PUBLIC, serve

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


def test_what_holds_for_all_rows_is_asked_of_documents_too() -> None:
    """One answer, not empty, without control tokens; a document has no turn that is too long."""
    judging = {name for name, filter_ in discover().items() if "document" in filter_.kinds}
    assert judging >= {"content_items", "roles", "empty_turns", "placeholders", "control_tokens"}
    assert "turn_length" not in judging
    assert all(set(filter_.kinds) <= {"chat", "document"} for filter_ in discover().values())


def test_contents_that_were_fetched_are_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build that was refused half way fails, and the next one goes on at the task that failed."""
    source = sources.get("stack_edu")
    mirror = reading.mirror_of(source)
    monkeypatch.setattr(contents, "_ROWS_A_SHARD", 4)
    monkeypatch.setattr(contents, "contents_of", lambda root, address: PUBLIC)
    recipe = tmp_path / "code.yaml"
    recipe.write_text(
        "{name: code, description: code, unit: samples, filters: {},"
        " components: [{name: code, share: 1, modality: text, sources: [stack_edu]}]}"
    )
    options = BuildOptions(
        recipe=str(recipe),
        mirror=str(mirror),
        store=str(tmp_path / "store"),
        out=str(tmp_path / "out"),
        engine="inline",
    )
    files = {file.name: file for file in (mirror / "softwareheritage/content").iterdir()}
    last = hashlib.sha1(b"two_members.py").hexdigest()
    with serve(monkeypatch) as bucket:
        bucket.files = {name: file.read_bytes() for name, file in files.items()}
        bucket.faults[last] = [(403, "AccessDenied", {})]
        with pytest.raises(SourceError, match="may not be read"):
            build(options, Console(quiet=True))
        assert not (tmp_path / "out" / "manifest.json").exists()
        assert bucket.asked[last] == 1
        build(options, Console(quiet=True))
    again = {name for name, count in bucket.asked.items() if count > 1}
    assert again == {last}
    kept = read_ledger(str(tmp_path / "out"))["rule"].to_list()
    assert Counter(kept)["content_missing"] == 1
