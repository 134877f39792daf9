"""One row folder and its media folder of the synthetic store, as curate would leave them.

Contents have numbers. What a sample holds, its turns and media, is a function of its content's
number alone, so that two rows of one number are exact duplicates wherever they lie. Contents come
in streams of one modality and kind; four neighbours in a stream may show one scene, the same media.
Messages are empty and packs are absent: resolve reads neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

import filters
import sources
from benchmarks.synthetic_columns import (
    Bytes,
    Hash,
    Ints,
    Words,
    digits,
    fixed_width,
    hexadecimal,
    nested,
    repeated,
    steps,
    template,
)
from filters.base import Filter
from filters.pixels import PixelFilter, pixels_of
from manifests.schema import (
    MEDIA_REF_TYPE,
    MEDIA_SCHEMA,
    MESSAGES_TYPE,
    REJECTED_SCHEMA,
    STORE_SCHEMA,
    TURNS_SCHEMA,
)
from manifests.storage import join, write_ipc, write_parquet
from pipelines.curate_rows import BATCH_ROWS
from pipelines.row_batches import SampleBatch
from pipelines.store import mark_done, measure_path
from sources.base import Draft, Message

REJECTED_RATE, UNREADABLE_RATE, DEFECT_RATE = 0.001, 0.001, 0.01
SCENE_ROWS = 4
_SYSTEM_RATE, _SYSTEM_BYTES = 0.1, 120
_MAX_FRAMES = 64
# (median bytes, sigma of a lognormal) of questions and answers, and how many turns follow one.
# Ours: of the order of magpie, fineweb-edu, the cauldron, m4-instruct and llava-video-178k.
_TEXTS: dict[str, tuple[tuple[float, float], tuple[float, float], float]] = {
    "text": ((150, 1.0), (900, 1.0), 0.3),
    "document": ((1, 0.0), (3000, 1.0), 0.0),
    "image": ((60, 0.7), (80, 1.2), 0.45),
    "multi_image": ((120, 0.7), (100, 1.2), 0.25),
    "video": ((90, 0.7), (200, 1.2), 0.3),
}
_MAX_TURNS = 12
_SIDE_PX, _FRAMES, _IMAGE_BYTES = (700.0, 0.6), (14.0, 0.8), (60_000.0, 0.8)


@dataclass(frozen=True, slots=True)
class Folder:
    """What to write. `first` is the place of its first row in its stream, of `stream_rows`."""

    source: str
    subset: str
    file: str
    rows_folder: str
    media_folder: str | None  # null: a subset of text
    stream: str
    first: int
    num_rows: int
    stream_rows: int
    seed: int
    duplicates: float
    same_media: float
    excluded: float
    filters: tuple[str, ...]


def _contents(hash_: Hash, places: Ints, stream_rows: int, rate: float) -> Ints:
    """The content number of each row: its place in the stream, or that of the row it repeats.

    What is repeated is a row that repeats none itself, but for a rate**8 of them.
    """
    numbers = places.copy()
    for _ in range(8):
        again = hash_.chance(numbers, "duplicate", rate)
        numbers[again] = hash_.below(numbers[again], "of", stream_rows)
    return numbers


def _hash(folder: Folder) -> Hash:
    # Streams differ by their seed: content 5 of text is not content 5 of video.
    return Hash(folder.seed * 8 + list(_TEXTS).index(folder.stream))


def write_folder(folder: Folder) -> list[str]:
    """Task: writes both folders; returns the entries that an exclusion list has of them."""
    return _Writer(folder).write()


class _Writer:
    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._hash = hash_ = _hash(folder)
        place = np.arange(folder.first, folder.first + folder.num_rows)
        lost = hash_.chance(place, "rejected", REJECTED_RATE)
        self._row = np.flatnonzero(~lost)
        self._lost = np.flatnonzero(lost)
        self._place = place[~lost]
        self._content = _contents(hash_, self._place, folder.stream_rows, folder.duplicates)
        self._scene = self._scenes()
        self._num_media = self._media_counts(self._scene)
        self._in_rows = sources.get(folder.source).media_in_rows
        card = sources.get(folder.source).card
        self._subset = card.subset(folder.subset)
        self._license = self._subset.license or card.license

    def write(self) -> list[str]:
        folder = self._folder.rows_folder
        write_parquet(join(folder, "turns.parquet"), self._turns())
        write_parquet(join(folder, "rejected.parquet"), self._rejected())
        samples = self._samples()

        def write_batches(ipc: pa.ipc.RecordBatchFileWriter) -> None:
            ipc.write_table(samples, max_chunksize=BATCH_ROWS)

        write_ipc(join(folder, "samples.arrow"), write_batches, STORE_SCHEMA)
        self._write_sample_measures()
        if self._folder.media_folder is not None:
            self._write_media(self._folder.media_folder)
        counts = {"samples": len(self._row), "rejected": len(self._lost), "passed_over": 0}
        mark_done(folder, {**counts, "file": self._folder.file})
        return self._excluded()

    def _scenes(self) -> Ints:
        block = self._content // SCENE_ROWS
        shared = self._hash.chance(block, "scene", self._folder.same_media)
        return np.where(shared, block * SCENE_ROWS, self._content)

    def _media_counts(self, scene: Ints) -> Ints:
        if self._folder.stream in ("text", "document"):
            return np.zeros(len(scene), np.int64)
        if self._folder.stream == "multi_image":
            return 2 + self._hash.below(scene, "images", 3)
        return np.ones(len(scene), np.int64)

    def _turn_counts(self) -> Ints:
        more = _TEXTS[self._folder.stream][2]
        counts = np.ones(len(self._content), np.int64)
        going = counts > 0
        for turn in range(1, _MAX_TURNS) if more else ():
            going &= self._hash.chance(self._content, f"turn {turn}", more)
            counts += going
        return counts

    def _turns(self) -> pa.Table:
        question, answer, _ = _TEXTS[self._folder.stream]
        counts = self._turn_counts()
        sample = np.repeat(np.arange(len(counts)), counts)
        turn = steps(counts)
        number = np.repeat(self._content, counts) * _MAX_TURNS + turn
        digest = np.stack([self._hash.words(number, half) for half in ("low", "high")], axis=1)
        has_system = (turn == 0) & self._hash.chance(number, "system", _SYSTEM_RATE)
        is_document = self._folder.stream == "document"
        has_system &= not is_document
        asked = self._hash.lognormal(number, "question", *question)
        columns = {
            "sample": sample,
            "turn": turn,
            "digest": pa.Array.from_buffers(
                pa.binary(16), len(digest), [None, pa.py_buffer(np.ascontiguousarray(digest))]
            ),
            "num_messages": (1 if is_document else 2) + has_system,
            "num_answers": np.ones(len(turn), np.int64),
            "num_media": np.where(turn == 0, np.repeat(self._num_media, counts), 0),
            "system_bytes": has_system * _SYSTEM_BYTES,
            "user_bytes": np.zeros(len(turn), np.int64) if is_document else asked,
            "assistant_bytes": self._hash.lognormal(number, "answer", *answer),
        }
        return pa.table(columns, schema=TURNS_SCHEMA)

    def _rejected(self) -> pa.Table:
        count = len(self._lost)
        columns = {
            "row": self._lost,
            "group": np.zeros(count, np.int16),
            "subset": repeated(self._folder.subset, count),
            "reason": repeated("no_messages", count),
            "detail": repeated("", count),
        }
        return pa.table(columns, schema=REJECTED_SCHEMA)

    def _samples(self) -> pa.Table:
        count = len(self._row)
        owner = np.repeat(np.arange(count), self._num_media)
        kind = "video" if self._folder.stream == "video" else "image"
        keys = self._keys(owner, steps(self._num_media))
        refs = pa.StructArray.from_arrays(
            [repeated(kind, len(owner)), keys], fields=list(MEDIA_REF_TYPE)
        )
        columns = {
            "row": self._row,
            "group": np.zeros(count, np.int16),
            "subset": repeated(self._folder.subset, count),
            "category": repeated(self._subset.category, count),
            "kind": repeated("document" if self._folder.stream == "document" else "chat", count),
            "messages": nested(np.zeros(count, np.int64), pa.array([], MESSAGES_TYPE.value_type)),
            "media": nested(self._num_media, refs),
            "license": repeated(self._license, count),
            "extra": pa.nulls(count, pa.string()),
        }
        return pa.table(columns, schema=STORE_SCHEMA)

    def _keys(self, owner: Ints, number: Ints) -> pa.Array:
        """By row where media lie in the rows; otherwise rows of a scene name the same member."""
        words: list[str | Bytes]
        if self._in_rows:
            words = [f"{self._folder.file}#", digits(self._row[owner], 7), "/", digits(number, 1)]
        else:
            ending = ".mp4" if self._folder.stream == "video" else ".jpg"
            scene = digits(self._scene[owner], 9)
            words = [f"{self._folder.subset}/", scene, "-", digits(number, 1), ending]
        return fixed_width(template(words, len(owner)))

    def _write_media(self, folder: str) -> None:
        if self._in_rows:
            first = np.arange(len(self._row))
        else:
            _, first = np.unique(self._scene, return_index=True)
        owner = np.repeat(first, self._num_media[first])
        number = steps(self._num_media[first])
        media = self._media(self._scene[owner] * 8 + number, self._keys(owner, number))
        write_parquet(join(folder, "media.parquet"), media)
        for filter_ in map(filters.get, self._folder.filters):
            if filter_.level == "media":
                (batch,) = media.combine_chunks().to_batches() or [_no_media()]
                scores = _measured(filter_, batch)
                write_parquet(measure_path(folder, filter_), pa.Table.from_batches([scores]))
        bad = media["digest"].null_count
        mark_done(folder, {"media": media.num_rows, "unreadable": bad})

    def _media(self, number: Ints, keys: pa.Array) -> pa.Table:
        """Facts of media; `number` names its bytes."""
        hash_, count = self._hash, len(number)
        is_video = self._folder.stream == "video"
        broken = hash_.chance(number, "broken", UNREADABLE_RATE)
        pieces = hash_.lognormal(number, "frames", *_FRAMES) if is_video else np.ones(count)
        pieces = np.where(broken, 0, np.minimum(pieces, _MAX_FRAMES)).astype(np.int64)
        width, height = (hash_.lognormal(number, side, *_SIDE_PX) for side in ("wide", "high"))
        sides = np.repeat(np.stack([width, height], axis=1), pieces, axis=0)
        place = np.repeat(number * _MAX_FRAMES, pieces) + steps(pieces)
        lengths = hash_.lognormal(place, "bytes", *_IMAGE_BYTES)
        upstream = np.bincount(np.repeat(np.arange(count), pieces), lengths, count)
        times = pa.array(steps(pieces) * 1000 if is_video else [], pa.int64())
        columns = {
            "key": keys,
            "kind": repeated("video" if is_video else "image", count),
            "digest": _with_nulls(fixed_width(hexadecimal(self._digests(number))), broken),
            "reason": _with_nulls(repeated("image_corrupt", count), ~broken),
            "detail": _with_nulls(repeated("truncated", count), ~broken),
            "pack": pa.array(np.zeros(count, np.int32), mask=broken),
            "offsets": nested(pieces, pa.array(np.cumsum(lengths) - lengths)),
            "lengths": nested(pieces, pa.array(lengths)),
            "timestamps_ms": nested(pieces if is_video else np.zeros(count, np.int64), times),
            "width": pa.array(width, pa.int32(), mask=broken),
            "height": pa.array(height, pa.int32(), mask=broken),
            "frame_sizes": nested(pieces * 2, pa.array(sides.ravel(), pa.int32())),
            "format": repeated("mov/h264" if is_video else "JPEG", count),
            "upstream_bytes": pa.array(upstream.astype(np.int64)),
            "duration_ms": pa.array(pieces * 1000, mask=broken | (not is_video)),
            "fps": pa.array(np.full(count, 25.0), mask=broken | (not is_video)),
            "decoded_ratio": pa.array(np.ones(count), mask=broken | (not is_video)),
        }
        return pa.table(columns, schema=MEDIA_SCHEMA)

    def _digests(self, number: Ints) -> Words:
        return np.stack([self._hash.words(number, f"digest {n}") for n in range(4)], axis=1)

    def _write_sample_measures(self) -> None:
        """Filters measure two conversations, a good one and one without its answer; rows have the
        scores of either."""
        defect = self._hash.chance(self._content, "defect", DEFECT_RATE).astype(np.int64)
        batch = self._prototypes()
        for filter_ in map(filters.get, self._folder.filters):
            if filter_.level == "sample":
                scores = pa.Table.from_batches([filter_.measure(batch)]).take(pa.array(defect))
                path = measure_path(self._folder.rows_folder, filter_)
                write_parquet(path, scores.combine_chunks())

    def _prototypes(self) -> pa.RecordBatch:
        batch = SampleBatch(sources.get(self._folder.source).card, 0)
        subset = self._folder.subset
        question = Message("user", [("text", "How many are there?")])
        answer = Message("assistant", [("text", "There are four of them.")])
        if self._folder.stream == "document":
            batch.add(Draft(row=0, subset=subset, messages=[answer], kind="document"))
            batch.add(Draft(row=1, subset=subset, messages=[question], kind="document"))
        else:
            batch.add(Draft(row=0, subset=subset, messages=[question, answer]))
            batch.add(Draft(row=1, subset=subset, messages=[question]))
        return batch.samples()

    def _excluded(self) -> list[str]:
        """Some rows by their place, and with media as many by the digest of the first of them."""
        rate = self._folder.excluded / (2 if self._num_media.any() else 1)
        by_row = self._hash.chance(self._place, "exclude row", rate)
        rows = (f"{self._folder.source}/{self._folder.file}#{row}" for row in self._row[by_row])
        if not self._num_media.any():
            return list(rows)
        named = np.unique(self._scene[self._hash.chance(self._scene, "exclude media", rate)])
        digests = hexadecimal(self._digests(named * 8))
        return [*rows, *(bytes(digest).decode() for digest in digests)]


def _measured(filter_: Filter, media: pa.RecordBatch) -> pa.RecordBatch:
    """Of pixels, what a filter says of one made-up picture is said of all: packs are absent."""
    if not isinstance(filter_, PixelFilter):
        return filter_.measure(media)
    shown = [pixels_of(_picture(number)) for number in range(4)]
    rows = media.to_pylist()
    usable = [row for row in rows if row["kind"] == filter_.on and row["reason"] is None]
    found = filter_.score(shown, filter_.facts(usable[0])) if usable else None
    scores = [found if row["kind"] == filter_.on and not row["reason"] else None for row in rows]
    return filter_.scored(rows, scores)


def _picture(number: int) -> Image.Image:
    """Coarse noise that moves under fine: neither plain, nor blurred, nor still, nor cut."""
    coarse = np.random.default_rng(0).integers(40, 216, (6, 8), np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((320, 240)), np.int64)
    fine = np.random.default_rng(1 + number).integers(-30, 30, (240, 320))
    moved = np.roll(smooth, 8 * number, axis=1) + fine
    return Image.fromarray(moved.clip(0, 255).astype(np.uint8))


def _with_nulls(column: pa.Array, mask: npt.NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(mask), None, column)


def _no_media() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=MEDIA_SCHEMA)
