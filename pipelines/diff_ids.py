"""Which samples of the train split came and went between two builds, in bounded memory.

Ids end in a digest, so their first hexadecimal digits cut them into parts of about equal size: ids
of both builds are put into a file a part, and the parts are compared one after another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.build import DATA_FOLDER, TRAIN
from manifests.storage import filesystem, join, list_files, undamaged

_DIGEST_DIGITS = 32
# About 70 bytes an id, in both builds, and as much again while they are compared.
_PART_IDS = 1_000_000
_BATCH_IDS = 250_000
NUM_SHOWN = 5

_SCHEMA = pa.schema([("id", pa.string())])


@dataclass(slots=True)
class IdDiff:
    """Distinct ids; `first_*` are a few of them, in the order of their digests."""

    came: int = 0
    went: int = 0
    both: int = 0
    first_came: list[str] = field(default_factory=list)
    first_went: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def compare_ids(old: str, new: str, num_rows: int, lines: IO[bytes] | None) -> IdDiff:
    """Ids of two builds at their URIs, of at most `num_rows` rows.

    `lines` gets `came ID` and `went ID` of all, one a line.
    """
    digits = num_digits(num_rows)
    found = IdDiff()
    with tempfile.TemporaryDirectory(prefix="smolmix-diff-") as folder:
        sides = [
            _cut(build, digits, Path(folder) / name) for build, name in ((old, "a"), (new, "b"))
        ]
        for part in _parts(digits):
            before, after = (_read(side / part) for side in sides)
            _compare(found, before, after, lines)
    return found


def num_digits(num_ids: int) -> int:
    """How many digits cut that many ids into parts of at most a million."""
    digits = 0
    while num_ids > _PART_IDS * 16**digits:
        digits += 1
    return digits


def _parts(digits: int) -> list[str]:
    return [f"{number:0{digits}x}" if digits else "all" for number in range(16**digits)]


def _batches(build: str) -> Iterator[pl.DataFrame]:
    """Ids of a build, a quarter of a million at once."""
    fs, base = filesystem(join(build, "data"))
    held: list[pa.RecordBatch] = []
    for name in list_files(join(build, "data"), ".parquet"):
        if not f"{DATA_FOLDER}{name}".startswith(TRAIN):
            continue
        path = f"{base}/{name}"
        with undamaged(path), fs.open(path, "rb") as handle:
            for batch in pq.ParquetFile(handle).iter_batches(columns=["id"], use_threads=False):
                held.append(batch)
                if sum(len(piece) for piece in held) >= _BATCH_IDS:
                    yield _frame(held)
                    held = []
    yield _frame(held)


def _frame(batches: list[pa.RecordBatch]) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches, _SCHEMA)))


def _cut(build: str, digits: int, folder: Path) -> Path:
    """The folder with one file a part."""
    folder.mkdir()
    with ExitStack() as stack:
        writers: dict[str, pa.ipc.RecordBatchStreamWriter] = {}
        for ids in _batches(build):
            head = pl.col("id").str.slice(-_DIGEST_DIGITS, digits) if digits else pl.lit("all")
            for (part,), rows in ids.group_by(head.alias("part")):
                name = str(part)
                if name not in writers:
                    sink = stack.enter_context((folder / name).open("wb"))
                    writers[name] = stack.enter_context(pa.ipc.new_stream(sink, _SCHEMA))
                writers[name].write_table(rows.select("id").to_arrow().cast(_SCHEMA))
    return folder


def _read(file: Path) -> pl.DataFrame:
    if not file.exists():
        return pl.DataFrame(schema={"id": pl.String})
    with pa.OSFile(str(file)) as handle, pa.ipc.open_stream(handle) as reader:
        return pl.DataFrame(pl.from_arrow(reader.read_all())).unique()


def _compare(
    found: IdDiff, before: pl.DataFrame, after: pl.DataFrame, lines: IO[bytes] | None
) -> None:
    order = [pl.col("id").str.slice(-_DIGEST_DIGITS), "id"]
    came = after.join(before, on="id", how="anti").sort(order)
    went = before.join(after, on="id", how="anti").sort(order)
    found.came += came.height
    found.went += went.height
    found.both += after.height - came.height
    found.first_came += came["id"].head(NUM_SHOWN - len(found.first_came)).to_list()
    found.first_went += went["id"].head(NUM_SHOWN - len(found.first_went)).to_list()
    if lines is not None:
        for word, ids in (("came", came), ("went", went)):
            lines.writelines(f"{word} {text}\n".encode() for text in ids["id"])
