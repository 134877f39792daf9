"""What the contract cannot say of Video-STaR: files whose shape upstream never told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sources import video_star
from sources.base import Draft
from sources.root import Root
from sources.video_star import SOURCE

ROW = {
    "video": "a/b.mp4",
    "conversations": [{"from": "human", "value": "<video>\n?"}, {"from": "gpt", "value": "!"}],
}


def _rows(folder: Path, text: str) -> list[Any]:
    file = folder / "ft_json" / "starb_tune_.json"
    file.parent.mkdir()
    file.write_text(text)
    root = Root(str(folder), SOURCE.card.repo)
    (shard,) = SOURCE.rows(root)
    return list(SOURCE.read_rows(root, shard))


@pytest.mark.parametrize(
    "shape",
    [
        [ROW, ROW],
        {"train": [ROW, ROW]},
        {"info": {"by": "star"}, "train": [ROW, ROW]},
        {"0": ROW, "1": ROW},
    ],
)
def test_every_shape_gives_both_rows(tmp_path: Path, shape: Any) -> None:
    assert [isinstance(row, Draft) for row in _rows(tmp_path, json.dumps(shape))] == [True, True]


def test_an_object_that_is_cut_is_one_loss(tmp_path: Path) -> None:
    (row,) = _rows(tmp_path, json.dumps({"0": ROW, "1": ROW})[:-9])
    assert row.reason == "json_malformed"


def test_an_object_by_id_that_is_too_large_is_a_loss_and_no_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_star, "_MAX_BY_ID_BYTES", 10)
    assert all(row.reason for row in _rows(tmp_path, json.dumps({"0": ROW, "1": ROW})))
