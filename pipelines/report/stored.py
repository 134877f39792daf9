"""Rows of the ledger as the store still has them: the conversation, and its pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

import sources
from manifests.packs import PackReader
from manifests.storage import join, open_ipc
from pipelines.build_store import BuildStore
from pipelines.ledger_entries import Entry
from pipelines.media_index import find_media, load_found
from pipelines.report.chat import SOME, Limits, Medium, Turn, turns_of
from pipelines.report.thumbs import Room
from pipelines.stored_pictures import stored_pictures

_PLACE = ["row", "group"]


Row = dict[str, Any]
# What of some pictures of a row of the media table goes into the page: its bytes, or its address.
Look = Callable[[str, Row, Sequence[int]], list[tuple[bytes | None, str]]]


def read_pictures(folder: str, row: Row, numbers: Sequence[int]) -> list[tuple[bytes | None, str]]:
    """Encoded pictures: of a clip only the frames that are asked for are read."""
    slim = {name: [row[name][n] for n in numbers] for name in ("offsets", "lengths")}
    with PackReader(folder) as packs:
        ((_, data),) = stored_pictures(packs, folder, [{**row, **slim}])
    return [(blob, "") for blob in data]


def stored_turns(
    store: BuildStore,
    entry: Entry,
    room: Room,
    limits: Limits = SOME,
    look: Look = read_pictures,
) -> list[Turn]:
    """What upstream said, before styles; nothing where the store does not have the row."""
    for folder, _ in store.folders(entry["source"], entry["file"]):
        row = _row(folder, entry["row"], entry["group"])
        if row is not None:
            keys = [ref["key"] for ref in row["media"] or ()]
            media = _media(store, entry["source"], keys, limits, look)
            messages = _with_frames(row["messages"], row["media"], media)
            return turns_of(messages, _flat(media), room, limits)
    return []


def _row(folder: str, row: int, group: int) -> Row | None:
    reader = open_ipc(join(folder, "samples.arrow"))
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        places = pl.DataFrame(pl.from_arrow(pa.table(batch.select(_PLACE))))
        is_it = (places["row"] == row) & (places["group"] == group)
        if is_it.any():
            (found,) = batch.slice(int(is_it.arg_true()[0]), 1).to_pylist()
            return dict(found)
    return None


def _media(
    store: BuildStore, source: str, keys: Sequence[str], limits: Limits, look: Look
) -> list[list[Medium]]:
    """Pictures of each medium: one of an image, some of a clip; none where it is not there."""
    folders = [join(store.store, e.path) for e in store.media if e.source == source]
    if not folders or not keys:
        return [[] for _ in keys]
    suffix = source in sources.names() and sources.get(source).media_lookup == "suffix"
    found = find_media(folders, suffix, pa.array(keys, pa.string()))
    table, places = load_found(folders, found, 0)
    rows = table.to_pylist()
    usable = {p: rows[p] for p in np.unique(places).tolist() if p >= 0 and rows[p]["digest"]}
    pictures = {
        p: _pictures(folders[row["folder"]], row, limits, look) for p, row in usable.items()
    }
    return [pictures.get(place, []) for place in places.tolist()]


def _pictures(folder: str, row: Row, limits: Limits, look: Look) -> list[Medium]:
    numbers = sorted(limits.numbers(len(row["offsets"])))
    sizes, times = row["frame_sizes"] or [], row["timestamps_ms"] or []
    found = []
    for number, (data, uri) in zip(numbers, look(folder, row, numbers), strict=True):
        width, height = sizes[2 * number : 2 * number + 2] or (0, 0)
        time = times[number] if number < len(times) else None
        found.append(Medium(data, row["kind"] == "video", width, height, time, uri))
    return found


def _with_frames(
    messages: list[dict[str, Any]], refs: list[dict[str, Any]], media: list[list[Medium]]
) -> list[dict[str, Any]]:
    """Each item of a medium as many times as it has pictures, at least once."""
    counts = iter([max(len(pictures), 1) for pictures in media])
    written = []
    for message in messages:
        items: list[dict[str, Any]] = []
        for item in message["content"] or ():
            times = 1 if item["type"] == "text" else next(counts, 1)
            items += [item] * times
        written.append({"role": message["role"], "content": items})
    return written


def _flat(media: list[list[Medium]]) -> list[Medium]:
    return [m for pictures in media for m in pictures or [Medium(None, False)]]
