"""Media packs: plain uncompressed tar files that grow by appending, read by byte range.

Anyone can open a pack with `tar`; readers here use (offset, length) from the media index, coalesce
neighbouring ranges and read them at once. Headers are ustar with fixed owner and time, so equal
members give equal bytes.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any

from manifests.storage import atomic_file, filesystem, is_local, join, local_path

PACK_BYTES = 512 * 1024 * 1024  # packs are closed at this size
_BLOCK = 512
# Ranges closer than this are read in one go: about what a disk or an object store reads in the
# time of one more request.
_GAP_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class PackSlice:
    """Where one member's bytes lie: pack number, offset of the first byte, length in bytes."""

    pack: int
    offset: int
    length: int


def pack_name(number: int) -> str:
    return f"pack-{number:03d}.tar"


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o644
    # The encoding would otherwise be the locale's.
    return info.tobuf(tarfile.USTAR_FORMAT, "utf-8")


class PackWriter:
    """Appends members to `pack-000.tar`, `pack-001.tar` ... under one folder URI.

    A group of members (the frames of a clip) never spans two packs. Use as a context manager: packs
    appear when they are closed, and an exception leaves no unfinished pack behind.
    """

    def __init__(self, folder: str, pack_bytes: int = PACK_BYTES) -> None:
        self._folder = folder
        self._limit = pack_bytes
        self._number = -1
        self._size = 0
        self._file: IO[bytes] | None = None
        self._open_pack = ExitStack()

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self._close(*error)

    def add(self, members: Sequence[tuple[str, bytes]]) -> list[PackSlice]:
        """Append (name, bytes) members contiguously; returns where each one lies."""
        needed = sum(len(data) + 2 * _BLOCK for _, data in members)
        if self._file is None or (self._size and self._size + needed > self._limit):
            self._close(None, None, None)
            self._open()
        assert self._file is not None
        slices = []
        for name, data in members:
            padding = -len(data) % _BLOCK
            self._file.write(_header(name, len(data)))
            self._file.write(data)
            self._file.write(bytes(padding))
            slices.append(PackSlice(self._number, self._size + _BLOCK, len(data)))
            self._size += _BLOCK + len(data) + padding
        return slices

    def _open(self) -> None:
        self._number += 1
        self._size = 0
        target = join(self._folder, pack_name(self._number))
        self._file = self._open_pack.enter_context(atomic_file(target))

    def _close(self, *error: Any) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        if error[0] is not None:
            self._open_pack.__exit__(*error)
            return
        with self._open_pack:
            file.write(bytes(2 * _BLOCK))


def _coalesce(slices: Sequence[PackSlice], order: Sequence[int]) -> list[list[int]]:
    """Runs of slice numbers (taken in `order`) that are worth one read each."""
    runs: list[list[int]] = []
    pack, end = -1, 0
    for index in order:
        here = slices[index]
        if here.pack != pack or here.offset - end > _GAP_BYTES:
            runs.append([])
            pack, end = here.pack, 0
        runs[-1].append(index)
        end = max(end, here.offset + here.length)
    return runs


class PackReader:
    """Reads slices of the packs under one folder URI; keeps local file handles open."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._handles: dict[int, int] = {}

    def __enter__(self) -> PackReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    def read_into(self, slices: Sequence[PackSlice], target: memoryview, at: Sequence[int]) -> None:
        """Fill `target[at[i] : at[i] + slices[i].length]` with the bytes of slice i.

        Local packs are read straight into the target, without a copy; remote ones by coalesced
        concurrent range requests. EOFError where a pack is shorter than its index says, OSError
        where it cannot be read.
        """
        if is_local(self._folder):
            for here, start in zip(slices, at, strict=True):
                self._pread(here, target[start : start + here.length])
            return
        order = sorted(
            (i for i in range(len(slices)) if slices[i].length),
            key=lambda i: (slices[i].pack, slices[i].offset),
        )
        runs = _coalesce(slices, order)
        for run, blob in zip(runs, self._fetch(slices, runs), strict=True):
            base = slices[run[0]].offset
            for index in run:
                here = slices[index]
                piece = blob[here.offset - base :][: here.length]
                if len(piece) != here.length:
                    raise self._too_short(here.pack, base + len(blob))
                target[at[index] : at[index] + here.length] = piece

    def _fetch(self, slices: Sequence[PackSlice], runs: list[list[int]]) -> list[memoryview]:
        """The bytes from the first slice of each run to the end of its last, read at once."""
        fs, base = filesystem(self._folder)
        firsts = [slices[run[0]] for run in runs]
        ends = [max(slices[i].offset + slices[i].length for i in run) for run in runs]
        paths = [f"{base}/{pack_name(first.pack)}" for first in firsts]
        blobs = fs.cat_ranges(paths, [first.offset for first in firsts], ends)
        # fsspec hands failures back in place of bytes.
        for path, blob in zip(paths, blobs, strict=True):
            if isinstance(blob, Exception):
                raise OSError(f"{path} cannot be read: {blob}") from blob
        return [memoryview(blob) for blob in blobs]

    def _too_short(self, pack: int, end: int) -> EOFError:
        return EOFError(f"{join(self._folder, pack_name(pack))} ends before byte {end + 1}")

    def read(self, slices: Sequence[PackSlice]) -> list[bytes]:
        at, total = [], 0
        for here in slices:
            at.append(total)
            total += here.length
        buffer = bytearray(total)
        self.read_into(slices, memoryview(buffer), at)
        return [bytes(buffer[s : s + p.length]) for s, p in zip(at, slices, strict=True)]

    def _pread(self, here: PackSlice, target: memoryview) -> None:
        handle = self._handles.get(here.pack)
        if handle is None:
            path = local_path(join(self._folder, pack_name(here.pack)))
            handle = self._handles[here.pack] = os.open(path, os.O_RDONLY)
        done = 0
        while done < here.length:
            count = os.preadv(handle, [target[done:]], here.offset + done)
            if count == 0:
                raise self._too_short(here.pack, here.offset + done)
            done += count
