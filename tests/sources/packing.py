"""Archives, clips and frames for fixtures and tests: the same bytes each time.

Nothing is compressed unless asked, so that bytes do not depend on the build of zlib.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import av
import numpy as np
from PIL import Image

Entry = tuple[str, bytes]


def tar(entries: Iterable[Entry | tarfile.TarInfo]) -> bytes:
    """An uncompressed tar; a TarInfo stands for a member without data (folder, link, device)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            archive.addfile(info, io.BytesIO(entry[1]))
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def gz(data: bytes, level: int = 0) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", level, out, mtime=0) as packed:
        packed.write(data)
    return out.getvalue()


def tar_gz(entries: Iterable[Entry | tarfile.TarInfo], level: int = 0) -> bytes:
    return gz(tar(entries), level)


@dataclass
class _Placed:
    """A member of a zip as its directory will name it."""

    name: bytes
    data: bytes
    packed: bytes
    mode: int
    disk: int
    offset: int

    @property
    def shared(self) -> tuple[int, ...]:
        """Flags (UTF-8), method, time, date: of both kinds of header."""
        return 0x800, 8 if self.packed is not self.data else 0, 0, 0x21

    def local(self) -> bytes:
        sizes = zlib.crc32(self.data), len(self.packed), len(self.data)
        fixed = struct.pack("<4s5H3L2H", b"PK\3\4", 45, *self.shared, *sizes, len(self.name), 0)
        return fixed + self.name

    def central(self, zip64: bool) -> bytes:
        """With zip64, sizes, offset and part are in the extra field: its record is kind 1."""
        full = 0xFFFFFFFF
        sizes = (full, full) if zip64 else (len(self.packed), len(self.data))
        place = (0xFFFF, full) if zip64 else (self.disk, self.offset)
        values = len(self.data), len(self.packed), self.offset, self.disk
        extra = struct.pack("<2H3QL", 1, 28, *values) if zip64 else b""
        fixed = struct.pack(
            "<4s6H3L5H2L",
            b"PK\1\2",
            3 << 8 | 45,
            45,
            *self.shared,
            zlib.crc32(self.data),
            *sizes,
            len(self.name),
            len(extra),
            0,
            place[0],
            0,
            self.mode << 16,
            place[1],
        )
        return fixed + self.name + extra


@dataclass
class _Disks:
    """Parts that fill up one after another; `limit` None is one part without end."""

    limit: int | None
    parts: list[bytearray] = field(default_factory=lambda: [bytearray()])

    def begin(self, size: int) -> tuple[int, int]:
        """(part, offset) of a record of that size, which must not lie in two parts."""
        if self.limit and len(self.parts[-1]) + size > self.limit:
            self.parts.append(bytearray())
        return len(self.parts) - 1, len(self.parts[-1])

    def write(self, data: bytes) -> None:
        while self.limit and len(self.parts[-1]) + len(data) > self.limit:
            room = self.limit - len(self.parts[-1])
            self.parts[-1] += data[:room]
            data = data[room:]
            self.parts.append(bytearray())
        self.parts[-1] += data


def zip_parts(
    entries: Sequence[Entry],
    part_bytes: int | None = None,
    zip64: bool = False,
    compress: bool = False,
    modes: dict[str, int] | None = None,
) -> list[bytes]:
    """A zip (APPNOTE 6.3.10), in parts of at most `part_bytes`; the last one is the `.zip`.

    `zip -s 0` of Info-ZIP 3.0 joins what this writes, with and without zip64. `modes` are Unix
    modes by name, for links.
    """
    disks = _Disks(part_bytes)
    if part_bytes:
        disks.write(b"PK\7\x08")
    placed = []
    for name, data in entries:
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush() if compress else data
        member = _Placed(name.encode(), data, packed, (modes or {}).get(name, 0o100644), 0, 0)
        member.disk, member.offset = disks.begin(len(member.local()))
        disks.write(member.local() + member.packed)
        placed.append(member)
    directory_disk, directory_offset = disks.begin(sum(len(m.central(zip64)) for m in placed) + 98)
    directory = b"".join(member.central(zip64) for member in placed)
    disks.write(directory)
    disks.write(_end(len(placed), len(directory), directory_disk, directory_offset, zip64))
    return [bytes(part) for part in disks.parts]


def _end(count: int, size: int, disk: int, offset: int, zip64: bool) -> bytes:
    where = disk, disk
    if not zip64:
        return struct.pack("<4s4H2LH", b"PK\5\6", *where, count, count, size, offset, 0)
    values = 44, 45, 45, *where, count, count, size, offset
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", *values)
    place = struct.pack("<4sLQL", b"PK\6\7", disk, offset + size, disk + 1)
    full = 0xFFFFFFFF
    return end64 + place + struct.pack("<4s4H2LH", b"PK\5\6", *[0xFFFF] * 4, full, full, 0)


def zip_file(entries: Sequence[Entry]) -> bytes:
    return zip_parts(entries)[0]


def picture(shade: int, kind: str = "JPEG") -> bytes:
    """An 8 x 8 image of one shade."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 255 - shade, 40)).save(out, kind)
    return out.getvalue()


def clip(shade: int) -> bytes:
    """An mp4 of three frames, 32 x 32: about 1.5 kB. x264 is the same on one thread only."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=2)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.options = {"x264-params": "threads=1:cpu-independent=1:info=0", "crf": "40"}
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        for number in range(3):
            pixels = np.full((32, 32, 3), (shade + 40 * number) % 256, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return out.getvalue()


def make_pdf(pages: Sequence[tuple[int, int]], encrypt: bool = False, lost_pages: int = 0) -> bytes:
    """A PDF 1.4 with a grey square on each page of (width, height) points.

    `encrypt` asks for a password that nobody has; `lost_pages` are counted but not there.
    """
    first = 3
    kids = " ".join(f"{first + 2 * n} 0 R" for n in range(len(pages) + lost_pages))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages) + lost_pages}/Kids[{kids}]>>".encode(),
    ]
    for number, (width, height) in enumerate(pages):
        content = f"{number % 10 / 10} g 2 2 {width / 3:g} {height / 2:g} re f".encode()
        box = f"/MediaBox[0 0 {width} {height}]/Contents {len(objects) + 2} 0 R"
        objects.append(f"<</Type/Page/Parent 2 0 R{box}>>".encode())
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(content), content))
    return pdf_file(objects, encrypt)


def pdf_file(objects: Sequence[bytes], encrypt: bool = False) -> bytes:
    """A PDF of these objects, numbered from 1; the first is its catalog."""
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    word = b"00" * 32
    lock = b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>/ID[<00><00>]" % (word, word)
    trailer = b"<</Size %d/Root 1 0 R%s>>" % (len(objects) + 1, lock if encrypt else b"")
    return bytes(out) + b"trailer%s\nstartxref\n%d\n%%%%EOF\n" % (trailer, start)
