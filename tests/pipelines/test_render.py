"""Video placeholders become frames with their times."""

from __future__ import annotations

import pyarrow as pa
import pytest

from manifests.schema import MESSAGES_TYPE
from pipelines.render import frame_label, render_messages

TEXT = {"type": "text", "text": "What?"}
VIDEO = {"type": "video", "text": ""}
IMAGE = {"type": "image", "text": ""}


@pytest.mark.parametrize(
    ("ms", "label"),
    [
        (0, "Frame from 00:00:"),
        (499, "Frame from 00:00:"),
        (967, "Frame from 00:01:"),
        (61_000, "Frame from 01:01:"),
    ]
    + [(3_600_000, "Frame from 60:00:")],
)
def test_frame_label(ms: int, label: str) -> None:
    assert frame_label(ms) == label


def test_only_rows_with_clips_change_and_order_stays() -> None:
    plain = [{"role": "user", "content": [IMAGE, TEXT]}]
    clip = [{"role": "user", "content": [TEXT, VIDEO, TEXT]}, {"role": "assistant", "content": []}]
    batch = pa.array([plain, clip, plain], type=MESSAGES_TYPE)
    rendered = render_messages(batch, [[], [[0, 1000]], []]).to_pylist()
    assert rendered[0] == plain and rendered[2] == plain
    assert [item["text"] or item["type"] for item in rendered[1][0]["content"]] == [
        "What?",
        "Frame from 00:00:",
        "image",
        "Frame from 00:01:",
        "image",
        "What?",
    ]


def test_two_clips_in_one_conversation() -> None:
    batch = pa.array([[{"role": "user", "content": [VIDEO, TEXT, VIDEO]}]], type=MESSAGES_TYPE)
    content = render_messages(batch, [[[0], [5000, 6000]]]).to_pylist()[0][0]["content"]
    labels = [item["text"] for item in content if item["type"] == "text"]
    assert labels == ["Frame from 00:00:", "What?", "Frame from 00:05:", "Frame from 00:06:"]
