"""Magpie: the three generations of columns, and each quirk of the reference, by value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.errors import SchemaDriftError
from sources.base import Draft, Rejected
from sources.magpie import SOURCE
from sources.root import Root

PRO = "Magpie-Align/Magpie-Pro-300K-Filtered"
TURN = pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())]))
CHAT = pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))
HI = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]


def put(folder: Path, columns: dict[str, Any], repo: str = PRO, config: str = "data") -> Root:
    path = folder / repo / config / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), path)
    return Root(str(folder / repo), repo)


def drafts(root: Root) -> list[Draft | Rejected]:
    return [row for shard in SOURCE.rows(root) for row in SOURCE.read_rows(root, shard)]


def texts(draft: Draft | Rejected) -> list[tuple[str, str]]:
    assert isinstance(draft, Draft), draft
    assert all(len(m.content) == 1 and m.content[0][0] == "text" for m in draft.messages)
    assert draft.media == []
    return [(m.role, m.content[0][1]) for m in draft.messages]


def test_conversations(tmp_path: Path) -> None:
    (draft,) = drafts(put(tmp_path, {"conversations": pa.array([HI], TURN), "uuid": ["u"]}))
    assert texts(draft) == [("user", "Hi"), ("assistant", "Hello")]
    assert isinstance(draft, Draft) and draft.extra == {"uuid": "u"}
    assert draft.subset == "Magpie-Pro-300K-Filtered"


@pytest.mark.parametrize("names", [("input", "output"), ("instruction", "response")])
def test_flat_pairs(tmp_path: Path, names: tuple[str, str]) -> None:
    (draft,) = drafts(put(tmp_path, {names[0]: ["Hi"], names[1]: ["Hello"], "model": ["m"]}))
    assert texts(draft) == [("user", "Hi"), ("assistant", "Hello")]
    assert isinstance(draft, Draft) and draft.extra == {"model": "m"}


def test_conversations_are_preferred_where_not_empty(tmp_path: Path) -> None:
    columns = {
        "instruction": ["flat"] * 3,
        "response": ["pair"] * 3,
        "conversations": pa.array([HI, [], None], TURN),
    }
    first, second, third = drafts(put(tmp_path, columns))
    assert texts(first) == [("user", "Hi"), ("assistant", "Hello")]
    assert texts(second) == texts(third) == [("user", "flat"), ("assistant", "pair")]


def test_second_turns(tmp_path: Path) -> None:
    columns = {
        "instruction": ["a", "a", "a"],
        "response": ["b", "b", "b"],
        "instruction_2": ["c", None, "c"],
        "response_2": ["d", None, None],
    }
    two, one, broken = drafts(put(tmp_path, columns))
    assert texts(two) == [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    assert texts(one) == [("user", "a"), ("assistant", "b")]
    assert isinstance(broken, Rejected)
    assert (broken.reason, broken.detail) == ("row_malformed", "response_2 is not a string")


@pytest.mark.parametrize("column", ["conversation", "messages"])
def test_ultra(tmp_path: Path, column: str) -> None:
    chat = [{"role": r, "content": r[0]} for r in ("system", "user", "assistant")]
    columns = {column: pa.array([chat], CHAT), "embedding": [[0.5]], "score": [0.25]}
    root = put(tmp_path, columns, "argilla/magpie-ultra-v1.0", "top_300k_longer_conversations")
    (draft,) = drafts(root)
    assert texts(draft) == [("system", "s"), ("user", "u"), ("assistant", "a")]
    assert draft.subset == "magpie-ultra-v1.0-top_300k_longer_conversations"
    assert isinstance(draft, Draft) and draft.extra == {"score": 0.25}


@pytest.mark.parametrize("config", ["data", "default"])
def test_the_default_config_of_ultra_has_either_folder(tmp_path: Path, config: str) -> None:
    columns = {"instruction": ["a"], "response": ["b"]}
    root = put(tmp_path, columns, "argilla/magpie-ultra-v1.0", config)
    assert [shard.subset for shard in SOURCE.rows(root)] == ["magpie-ultra-v1.0-default"]


def test_null_typed_seed_and_null_qualities(tmp_path: Path) -> None:
    config = pa.struct([("temperature", pa.float64()), ("seed", pa.null())])
    columns = {
        "conversations": pa.array([HI, HI], TURN),
        "gen_input_configs": pa.array([{"temperature": 1.2, "seed": None}, None], config),
        "seed": pa.nulls(2),
        "input_quality": ["good", None],
        "difficulty": pa.nulls(2, pa.string()),
        "instruct_reward": [-1.5, None],
        "min_neighbor_distance": [float("nan"), 0.5],
    }
    first, second = drafts(put(tmp_path, columns))
    assert isinstance(first, Draft) and isinstance(second, Draft)
    assert first.extra == {
        "gen_input_configs": {"temperature": 1.2, "seed": None},
        "input_quality": "good",
        "instruct_reward": -1.5,
    }
    assert second.extra == {"min_neighbor_distance": 0.5}


def test_html_is_no_marker(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "Explain <video>"}, {"from": "gpt", "value": "<image>"}]
    (draft,) = drafts(put(tmp_path, {"conversations": pa.array([turns], TURN)}))
    assert texts(draft) == [("user", "Explain <video>"), ("assistant", "<image>")]


def test_rows_without_a_conversation_have_a_reason(tmp_path: Path) -> None:
    bing = [{"from": "bing", "value": "x"}]
    empty = [{"from": "human", "value": None}]
    rows = drafts(put(tmp_path, {"conversations": pa.array([None, [], bing, empty], TURN)}))
    assert [row.reason for row in rows if isinstance(row, Rejected)] == [
        "no_turns",
        "no_turns",
        "unknown_role",
        "row_malformed",
    ]


def test_other_columns_are_schema_drift(tmp_path: Path) -> None:
    root = put(tmp_path, {"prompt": ["a"], "completion": ["b"]})
    with pytest.raises(SchemaDriftError) as caught:
        SOURCE.rows(root)
    message = str(caught.value)
    assert "has the columns prompt, completion; looked for conversations[].from with " in message
    assert "or instruction with response, or input with output" in message


def test_subsets_are_named_after_their_repositories() -> None:
    """The reader finds a subset's folder by it."""
    for subset in SOURCE.card.subsets:
        assert subset.repo is not None
        stem = subset.repo.split("/")[1]
        assert subset.name == stem or subset.name.startswith(f"{stem}-")
