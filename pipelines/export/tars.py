"""`webdataset` and `energon`: a tar a data file, `KEY.json` and then `KEY.0.jpg`, `KEY.1.png` ...

`KEY.json` is the row with all of its columns; `images` names its members by what follows the key.
Headers are ustar with fixed owner and time, so that the same build gives the same bytes.
"""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import IO, Any

import orjson
import yaml

from manifests.storage import atomic_file, join, write_bytes
from pipelines.export.chats import refuse_clips
from pipelines.export.format import Format, Take, Written, data_file
from pipelines.export.rows import Row, Shard

_BLOCK = 512
_META = ".nv-meta"
# Energon's names of the splits that builds have.
_PARTS = {"validation": "val"}
_ENERGON = {"__module__": "megatron.energon", "__class__": "CrudeWebdataset"}


class WebDataset(Format):
    name = "webdataset"
    has_index = False

    def holds(self, splits: Sequence[str]) -> list[str]:
        return ["data"]

    @contextmanager
    def shard(self, out: str, shard: Shard) -> Iterator[Take]:
        index = atomic_file(join(out, data_file(shard, ".tar.idx")))
        with (
            atomic_file(join(out, data_file(shard, ".tar"))) as file,
            index if self.has_index else nullcontext() as offsets,
        ):
            tar = _Tar(file, offsets)

            def take(row: Row) -> list[str]:
                refuse_clips(row)
                tar.add(row)
                return []

            yield take
            tar.close()

    def finish(self, out: str, written: Sequence[Written]) -> None:
        pass


class Energon(WebDataset):
    """The same with an index beside each tar, and what `energon prepare` would write of them."""

    name = "energon"
    has_index = True

    def holds(self, splits: Sequence[str]) -> list[str]:
        return ["data", _META]

    def finish(self, out: str, written: Sequence[Written]) -> None:
        counts = {data_file(one.shard, ".tar"): one.rows for one in written}
        parts: dict[str, list[str]] = {"train": [], "val": [], "test": []}
        for one in written:
            split = _PARTS.get(one.shard.split, one.shard.split)
            parts.setdefault(split, []).append(data_file(one.shard, ".tar"))
        info = {"shard_counts": counts}
        _write_yaml(join(out, _META, "dataset.yaml"), _ENERGON)
        _write_yaml(join(out, _META, "split.yaml"), {"split_parts": parts, "exclude": []})
        # Older versions read the one, newer ones the other.
        _write_yaml(join(out, _META, ".info.yaml"), info)
        write_bytes(join(out, _META, ".info.json"), orjson.dumps(info, option=orjson.OPT_INDENT_2))


class _Tar:
    """Samples as neighbouring members; `offsets` takes where each begins, and where the last ends.

    That is Energon's index: eight bytes a sample, least byte first.
    """

    def __init__(self, file: IO[bytes], offsets: IO[bytes] | None) -> None:
        self._file = file
        self._offsets = offsets
        self._size = 0

    def add(self, row: Row) -> None:
        self._mark()
        images = row.images()
        names = [f"{number}{suffix}" for number, (suffix, _) in enumerate(images)]
        self._member(f"{row.key}.json", orjson.dumps(_plain(row, names)))
        for name, (_, data) in zip(names, images, strict=True):
            self._member(f"{row.key}.{name}", data)

    def close(self) -> None:
        self._mark()
        self._file.write(bytes(2 * _BLOCK))

    def _mark(self) -> None:
        if self._offsets is not None:
            self._offsets.write(struct.pack("<Q", self._size))

    def _member(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.mode = 0o644
        padding = -len(data) % _BLOCK
        for piece in (info.tobuf(tarfile.USTAR_FORMAT, "utf-8"), data, bytes(padding)):
            self._file.write(piece)
            self._size += len(piece)


def _plain(row: Row, names: list[str]) -> dict[str, Any]:
    """All columns; `extra` is JSON already and stays the string that it is."""
    columns = {name: value for name, value in row.values.items() if name != "videos"}
    return {**columns, "images": names}


def _write_yaml(uri: str, value: Any) -> None:
    write_bytes(uri, yaml.safe_dump(value, sort_keys=False).encode())
