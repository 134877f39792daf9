"""Messages as they are emitted: every video placeholder becomes its frames, each with its time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from manifests.schema import MESSAGES_TYPE


def frame_label(timestamp_ms: int) -> str:
    """`Frame from MM:SS:`, the words of SmolVLM2's training code; minutes go past 59.

    To the nearest second: at 29.97 frames a second, what is shown at 1 s began at 0.967 s.
    """
    seconds = (timestamp_ms + 500) // 1000
    return f"Frame from {seconds // 60:02d}:{seconds % 60:02d}:"


def expand_videos(
    messages: list[dict[str, Any]], timestamps: Sequence[Sequence[int]]
) -> list[dict[str, Any]]:
    """The conversation with its i-th video item replaced by a label and an image for each frame."""
    clips = iter(timestamps)
    return [
        {"role": message["role"], "content": _expand(message["content"], clips)}
        for message in messages
    ]


def _expand(content: list[dict[str, str]], clips: Any) -> list[dict[str, str]]:
    items: list[dict[str, str]] = []
    for item in content:
        if item["type"] != "video":
            items.append(item)
            continue
        for timestamp_ms in next(clips):
            items.append({"type": "text", "text": frame_label(timestamp_ms)})
            items.append({"type": "image", "text": ""})
    return items


def render_messages(messages: pa.Array, timestamps: Sequence[Sequence[Sequence[int]]]) -> pa.Array:
    """Emitted messages of a batch; `timestamps[i]` are the clips of row i, none for most rows.

    Rows without a clip are passed on as the Arrow values that they are.
    """
    changed = [i for i, clips in enumerate(timestamps) if clips]
    if not changed:
        return messages
    rendered = pa.array(
        [expand_videos(messages[i].as_py(), timestamps[i]) for i in changed], type=MESSAGES_TYPE
    )
    order = list(range(len(messages)))
    for place, i in enumerate(changed):
        order[i] = len(messages) + place
    return pc.take(pa.concat_arrays([messages, rendered]), pa.array(order, pa.int64()))
