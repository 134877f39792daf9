"""Members of tar and tar.gz archives: one pass forward over the file, in flat memory."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Self

from sources.readers.members import Member, Wanted, clean_name, is_unsafe, take, too_large

GZIP_MAGIC = b"\x1f\x8b"
_IN_BYTES = 256 * 1024
_OUT_BYTES = 256 * 1024
_SKIP_BYTES = 1024 * 1024
_SMALL_BYTES = 512  # what may be lost before a damaged place
# A long name or a set of pax records is hundreds of bytes; tarfile would read any size into memory.
_MAX_EXTENDED_BYTES = 1024 * 1024
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_DAMAGE = (tarfile.TarError, zlib.error, EOFError, RecursionError)
# What may follow the end of the archive inside the stream: tar pads to records of 10 KiB.
_MAX_PADDING_BYTES = 16 * 1024 * 1024


def read_tar(handle: IO[bytes], wanted: Wanted, spool: Path) -> Iterator[Member]:
    """Wanted members in archive order; what cannot be read is one `archive_damaged`, the last.

    Links and devices are `member_unsafe`, and so are names that lead out of the archive's folder.
    """
    name = ""
    stream = _Forward(_Gunzip(handle).read if _is_gzip(handle) else handle.read)
    try:
        with _Archive.open(fileobj=stream, mode="r:", tarinfo=_Header) as archive:
            while (info := archive.next()) is not None:
                archive.members = []  # else a million members pile up: about 1 GB
                name = clean_name(info.name)
                member = _member(archive, info, name, wanted, spool)
                if member is not None:
                    yield member
                name = ""
        # To the end of the gzip stream, where its checksum stands.
        stream.seek(stream.tell() + _MAX_PADDING_BYTES)
    except _DAMAGE as error:
        yield Member(name, reason="archive_damaged", detail=str(error) or type(error).__name__)


def _member(
    archive: tarfile.TarFile, info: tarfile.TarInfo, name: str, wanted: Wanted, spool: Path
) -> Member | None:
    want = None if info.isdir() else wanted(name)
    if want is None:
        return None
    stream = archive.extractfile(info) if info.isfile() else None
    if stream is None or is_unsafe(name):
        return Member(name, reason="member_unsafe", detail=f"type {info.type!r}, name {name!r}")
    if info.size > want.max_bytes:
        return too_large(name, want)
    return take(name, stream.read, want, spool)


class _Archive(tarfile.TarFile):
    members: list[tarfile.TarInfo]


class _Header(tarfile.TarInfo):
    """Tells a damaged header from the end of the archive: tarfile ends quietly at both."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            info = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if not bytes(buf).strip(b"\0"):
                raise
            raise tarfile.ReadError(f"damaged header: {error}") from error
        if info.size < 0 or (info.type in _EXTENDED and info.size > _MAX_EXTENDED_BYTES):
            raise tarfile.ReadError(f"a header of {info.size} bytes")
        return info


def _is_gzip(handle: IO[bytes]) -> bool:
    magic = handle.read(len(GZIP_MAGIC))
    handle.seek(0)
    return magic == GZIP_MAGIC


class _Forward(io.RawIOBase):
    """A stream that tarfile may seek in, forward only, by reading.

    In place of tarfile's own stream mode, where a header that claims 8 EiB loops for years.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        super().__init__()
        self._read = read
        self._place = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._read(size)
        self._place += len(data)
        return data

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        """As far as there is something; the end shows when it is read there."""
        if place < self._place or whence != io.SEEK_SET:
            raise tarfile.ReadError(f"a header points back to byte {place}")
        while self._place < place and self.read(min(_SKIP_BYTES, place - self._place)):
            pass
        return self._place


class _Gunzip:
    """The unpacked bytes of one or more gzip streams; EOFError where the last one is cut.

    Unlike `gzip.GzipFile`, it gives all that can be unpacked before a damaged place.
    """

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle
        self._packed = b""
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Fewer bytes at the end, and before damage, which is raised when nothing else is left."""
        parts: list[memoryview] = []
        while size > 0 and self._is_ready(must=not parts):
            parts.append(self._ready[:size])
            self._ready = self._ready[size:]
            size -= len(parts[-1])
        return b"".join(parts)

    def _is_ready(self, must: bool) -> bool:
        try:
            return bool(self._ready) or self._fill()
        except (zlib.error, EOFError):
            if must:
                raise
            return False

    def _fill(self) -> bool:
        """Unpack a step; False at the end of the last stream."""
        while not self._ready:
            if self._inflate.eof and not self._next_stream():
                return False
            self._packed = self._packed or self._handle.read(_IN_BYTES)
            if not self._packed:
                raise EOFError("the gzip stream is cut")
            before = self._inflate.copy()
            try:
                self._ready = memoryview(self._step(_OUT_BYTES))
            except zlib.error:
                self._inflate = before
                self._ready = memoryview(self._up_to_damage())
        return True

    def _step(self, size: int) -> bytes:
        data = self._inflate.decompress(self._packed, size)
        self._packed = self._inflate.unconsumed_tail
        return data

    def _up_to_damage(self) -> bytes:
        """What zlib drops when a step fails; zlib.error where the very next byte does."""
        data = b""
        try:
            while self._packed:
                data += self._step(_SMALL_BYTES)
        except zlib.error:
            if not data:
                raise
        return data

    def _next_stream(self) -> bool:
        """Streams may follow each other; anything else after one is padding."""
        after = self._inflate.unused_data
        after += self._handle.read(_IN_BYTES) if len(after) < len(GZIP_MAGIC) else b""
        if not after.startswith(GZIP_MAGIC):
            return False
        self._packed = after
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return True
