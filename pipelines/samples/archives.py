"""Archives that are the same bytes each time: tar.gz, zip, and zip split over two files."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Sequence

# 2024-06-18, when several of the upstreams were packed; any fixed time would do.
MTIME = 1_718_668_800
_ZIP_TIME = (2024, 6, 18, 0, 0, 0)
# The same moment as MS-DOS writes it: date and time of 16 bits each.
_DOS_DATE = (2024 - 1980) << 9 | 6 << 5 | 18
_DOS_TIME = 0

Member = tuple[str, bytes]


def tar_gz(members: Sequence[Member]) -> bytes:
    """A gzipped tar with its folders as members, as `tar czf` writes it."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        seen: set[str] = set()
        for name, data in members:
            for folder in _folders(name):
                if folder not in seen:
                    seen.add(folder)
                    tar.addfile(_tar_info(folder, 0, folder=True))
            tar.addfile(_tar_info(name, len(data), folder=False), io.BytesIO(data))
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=6, mtime=MTIME) as packed:
        packed.write(raw.getvalue())
    return out.getvalue()


def gzipped(data: bytes) -> bytes:
    """One gzip member without a name."""
    return gzip.compress(data, mtime=MTIME)


def tar(members: Sequence[Member]) -> bytes:
    """A tar of files alone, as WebDataset's writers make it."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in members:
            archive.addfile(_tar_info(name, len(data), folder=False), io.BytesIO(data))
    return raw.getvalue()


def _folders(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def _tar_info(name: str, size: int, folder: bool) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = size, MTIME
    info.mode = 0o755 if folder else 0o644
    info.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
    return info


def zip_file(members: Sequence[Member]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            archive.writestr(info, data)
    return out.getvalue()


def split_zip(members: Sequence[Member]) -> tuple[bytes, bytes]:
    """The two files of a zip as `zip -s` splits it: `.z01`, then `.zip`, which has the directory.

    The border lies inside the data of the middle member. Offsets in the directory count from the
    start of the file that holds the member (APPNOTE.TXT 6.3.10, sections 4.3 and 8.5).
    """
    body = bytearray(b"PK\x07\x08")  # the marker of a split archive
    starts: list[int] = []
    headers: list[tuple[str, bytes, int, int]] = []
    for name, data in members:
        starts.append(len(body))
        packed = _deflate(data)
        headers.append((name, packed, zlib.crc32(data), len(data)))
        body += struct.pack("<4s2H", b"PK\x03\x04", 20, 0) + _shared(headers[-1])
        body += name.encode() + packed
    middle = len(members) // 2
    cut = starts[middle] + 30 + len(headers[middle][0].encode()) + len(headers[middle][1]) // 2
    directory = bytearray()
    for start, header in zip(starts, headers, strict=True):
        disk = int(start >= cut)
        directory += struct.pack("<4s3H", b"PK\x01\x02", 3 << 8 | 20, 20, 0) + _shared(header)
        attributes = 0o100644 << 16
        directory += struct.pack("<3H2L", 0, disk, 0, attributes, start - cut * disk)
        directory += header[0].encode()
    # Both counts are of entries; the first of those on the last disk, where all of them are.
    counts = (len(members), len(members))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 1, 1, *counts, len(directory), len(body) - cut, 0)
    return bytes(body[:cut]), bytes(body[cut:] + directory + end)


def _shared(header: tuple[str, bytes, int, int]) -> bytes:
    """The fields that a local header and a directory entry have in common."""
    name, packed, crc, size = header
    sizes = (crc, len(packed), size, len(name.encode()), 0)
    return struct.pack("<3H3L2H", zipfile.ZIP_DEFLATED, _DOS_TIME, _DOS_DATE, *sizes)


def _deflate(data: bytes) -> bytes:
    worker = zlib.compressobj(6, zlib.DEFLATED, -15)
    return worker.compress(data) + worker.flush()
