"""Metadata leaves, pixels stay: by Pillow's reading, and by a secret no byte may still hold."""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, TiffImagePlugin

from manifests.image_metadata import MetadataError, strip_metadata

SECRET = b"Sophie at 48.8584 N"
XMP = b'<x:xmpmeta><rdf tiff:Orientation="%d"/>' + SECRET + b"</x:xmpmeta>"
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
REAL = Path(__file__).parents[3] / "shared" / "realdata" / "media"
# Formats that turn by EXIF; in AVIF the container turns, and the others do not turn.
TURNING = ("JPEG", "PNG", "WEBP", "TIFF")
FORMATS = (*TURNING, "GIF", "AVIF", "JPEG2000")


def _exif(orientation: int | None) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = SECRET.decode()
    exif[0x9C9D] = SECRET
    exif.get_ifd(0x8769).update({0x927C: SECRET * 9, 0x9286: SECRET})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.24), 27: SECRET})
    if orientation is not None:
        exif[0x0112] = orientation
    return exif


def _picture(width: int, height: int, mode: str, seed: int) -> Image.Image:
    """Noise over a ramp, so that every turn of it is another picture."""
    noise = [(x * 7 + y * 13 + seed * (x ^ y)) % 256 for y in range(height) for x in range(width)]
    gray = Image.new("L", (width, height))
    gray.putdata(noise)
    return gray.convert(mode)


def _options(kind: str, orientation: int | None, icc: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"icc_profile": ICC} if icc and kind != "JPEG2000" else {}
    if kind in ("JPEG", "PNG", "WEBP", "AVIF"):
        options["exif"] = _exif(orientation)
    if kind in ("JPEG", "WEBP", "AVIF"):
        # MIAF (ISO 23000-22) has XMP turn no AVIF, yet Pillow lets it.
        options["xmp"] = XMP % (1 if kind == "AVIF" else 3)
    if kind in ("JPEG", "GIF", "JPEG2000"):
        options["comment"] = SECRET
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", SECRET.decode())
        text.add_text("Author", SECRET.decode() * 9, zip=True)
        text.add_itxt("XML:com.adobe.xmp", (XMP % 3).decode())
        options["pnginfo"] = text
    if kind == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        if orientation is not None:
            tags[274] = orientation
        tags[270] = tags[315] = SECRET.decode()
        tags[0x8769] = {0x927C: SECRET * 9, 0x9286: SECRET}
        tags[0x8825] = {1: "N", 2: (48.0, 51.0, 30.24), 27: SECRET}
        tags[700] = XMP % 3
        tags[33723] = tags[34377] = SECRET
        tags.tagtype[700] = tags.tagtype[33723] = tags.tagtype[34377] = 7
        options["tiffinfo"] = tags
    return options


def _save(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _open(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(data))
        image.load()
        return image


def _seen(data: bytes) -> list[Any]:
    """What a viewer shows: each frame upright, with its time; the profile, the density."""
    image = _open(data)
    shown = []
    for number in range(1 if image.format == "MPO" else getattr(image, "n_frames", 1)):
        image.seek(number)
        upright = ImageOps.exif_transpose(image)
        shown.append((upright.mode, upright.size, upright.tobytes(), image.info.get("duration")))
    return [*shown, image.info.get("icc_profile"), image.info.get("jfif_density")]


def _assert_clean(data: bytes, made: bytes) -> None:
    assert _seen(made) == _seen(data)
    assert strip_metadata(made) is made
    exif = _open(made).getexif()
    assert not exif.get_ifd(0x8825) and not exif.get_ifd(0x8769)
    metadata = {270, 271, 272, 305, 306, 315, 700, 33432, 33723, 34377, 0x9C9D}
    assert not metadata & set(exif)


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(FORMATS),
    mode=st.sampled_from(["L", "RGB"]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    orientation=st.one_of(st.none(), st.integers(0, 10)),
    icc=st.booleans(),
    seed=st.integers(0, 255),
)
def test_metadata_leaves_and_pixels_stay(
    kind: str, mode: str, size: tuple[int, int], orientation: int | None, icc: bool, seed: int
) -> None:
    data = _save(_picture(*size, mode, seed), kind, **_options(kind, orientation, icc))
    made = strip_metadata(data)
    _assert_clean(data, made)
    assert SECRET in data or kind == "PNG"
    assert SECRET not in made
    if kind in ("TIFF", "AVIF", "JPEG2000"):
        assert len(made) == len(data)
    elif kind in ("JPEG", "PNG", "WEBP"):
        # Of EXIF the orientation alone, and where nothing is turned no EXIF at all.
        turn = 3 if orientation is None else orientation
        kept = {0x0112: turn} if turn in range(2, 9) else {}
        assert dict(_open(made).getexif()) == kept


def test_what_has_no_metadata_is_the_very_same_object() -> None:
    for kind in (*FORMATS, "BMP", "PPM"):
        options = {"comment": b""} if kind == "JPEG2000" else {}
        data = _save(_picture(20, 10, "RGB", 1), kind, **options)
        assert strip_metadata(data) is data or kind == "JPEG2000"


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_animations_keep_frames_and_times(kind: str) -> None:
    frames = [_picture(24, 16, "RGB", seed) for seed in (3, 90, 200)]
    options: dict[str, Any] = {"duration": [40, 80, 120], "loop": 2}
    if kind == "AVIF":
        del options["loop"]
    options |= _options(kind, None, True)
    data = _save(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    made = strip_metadata(data)
    _assert_clean(data, made)
    assert _open(made).info.get("loop") == _open(data).info.get("loop")
    assert len(_seen(made)) == 5 and SECRET not in made


def test_every_application_segment_but_those_of_pixels_goes() -> None:
    image = _picture(33, 17, "L", 5)
    cmyk = Image.merge("CMYK", [image] * 4)
    plain = _save(cmyk, "JPEG", icc_profile=ICC, dpi=(72, 72), progressive=True)
    bodies = [bytes([0xFF, n]) + struct.pack(">H", len(SECRET) + 2) + SECRET for n in _APPS]
    thumbnail = b"JFXX\0\x13\2\2" + SECRET
    jfxx = b"\xff\xe0" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    # After the start, between two scans, and after the end.
    second_scan = plain.rindex(b"\xff\xc4")
    data = plain[:2] + jfxx + b"".join(bodies) + plain[2:second_scan] + bodies[-1]
    # Decoders pass over what is between segments as well.
    data += SECRET + plain[second_scan:] + SECRET
    assert _seen(data) == _seen(plain)
    assert strip_metadata(data) == plain
    assert strip_metadata(plain) is plain


# APP0 to APP15 and the comment.
_APPS = [*range(0xE0, 0xF0), 0xFE]


def test_thumbnails_and_further_images_of_a_jpeg_go() -> None:
    plain = _save(_picture(30, 20, "RGB", 2), "JPEG", dpi=(300, 300))
    length = int.from_bytes(plain[4:6], "big")
    thumbnail = b"\2\2" + SECRET[:12]
    jfif = plain[6 : 4 + length - 2] + thumbnail
    data = b"\xff\xd8\xff\xe0" + struct.pack(">H", len(jfif) + 2) + jfif + plain[4 + length :]
    assert strip_metadata(data) == plain

    second = _picture(30, 20, "RGB", 9)
    pair = _save(
        _picture(30, 20, "RGB", 2), "MPO", save_all=True, append_images=[second], exif=_exif(6)
    )
    assert _open(pair).format == "MPO"
    made = strip_metadata(pair + SECRET)
    _assert_clean(pair, made)
    assert _open(made).format == "JPEG" and _open(made).getexif()[0x0112] == 6
    assert SECRET not in made and made.count(b"\xff\xd8\xff") == 1


def test_long_exif_over_two_segments_keeps_its_orientation() -> None:
    exif = _exif(8).tobytes()
    parts = exif, b"Exif\0\0" + SECRET * 3000
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in parts)
    plain = _save(_picture(30, 20, "RGB", 2), "JPEG")
    made = strip_metadata(plain[:2] + segments + plain[2:])
    assert dict(_open(made).getexif()) == {0x0112: 8}
    assert len(made) == len(plain) + 4 + 6 + 26


def test_raw_profiles_of_imagemagick_turn_a_png() -> None:
    text = PngImagePlugin.PngInfo()
    exif = _exif(6).tobytes()
    text.add_text("Raw profile type exif", f"\nexif\n{len(exif):8}\n{exif.hex()}\n", zip=True)
    text.add_text("Raw profile type iptc", SECRET.hex())
    data = _save(_picture(20, 10, "L", 4), "PNG", pnginfo=text)
    made = strip_metadata(data)
    _assert_clean(data, made)
    assert dict(_open(made).getexif()) == {0x0112: 6} and b"iptc" not in made


def test_png_keeps_what_decides_pixels_alone() -> None:
    image = _picture(20, 10, "L", 4).convert("P")
    plain = _save(image, "PNG", transparency=3, dpi=(72, 72), icc_profile=ICC)
    chunks = b"".join(
        len(SECRET).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        for body in (name + SECRET for name in (b"tIME", b"caBX", b"prVW", b"dSIG"))
    )
    assert strip_metadata(plain[:33] + chunks + plain[33:] + SECRET) == plain


def test_a_flag_or_none_decides_whether_webp_turns() -> None:
    data = _save(_picture(20, 10, "RGB", 4), "WEBP", lossless=True, exif=_exif(6))
    assert _open(strip_metadata(data)).getexif()[0x0112] == 6
    unread = data[:20] + bytes([data[20] & ~0x08]) + data[21:]
    made = strip_metadata(unread)
    assert _seen(made) == _seen(unread) and not _open(made).getexif()
    unknown = b"SECR" + len(SECRET).to_bytes(4, "little") + SECRET + b"\0"
    longer = data + unknown
    longer = longer[:4] + (len(longer) - 8).to_bytes(4, "little") + longer[8:]
    assert strip_metadata(longer) == strip_metadata(data)


@pytest.mark.parametrize("is_big", [False, True])
def test_all_pages_of_a_tiff_lose_their_metadata(is_big: bool) -> None:
    pages = [_picture(24, 16, "RGB", seed) for seed in (3, 90)]
    options = _options("TIFF", 6, True) | {"big_tiff": is_big}
    # Pillow moves a further page without what its EXIF points to, where nobody finds it.
    for tag in (0x8769, 0x8825):
        del options["tiffinfo"][tag]
    data = _save(pages[0], "TIFF", save_all=True, append_images=pages[1:], **options)
    assert data.count(SECRET) == 2 * 5
    made = strip_metadata(data)
    _assert_clean(data, made)
    assert SECRET not in made and len(made) == len(data)


def test_boxes_of_metadata_become_free_space() -> None:
    box = struct.pack(">I", len(SECRET) + 24) + b"uuid" + bytes(range(16)) + SECRET
    for kind in ("AVIF", "JPEG2000"):
        data = _save(_picture(20, 10, "RGB", 4), kind) + box
        made = strip_metadata(data)
        assert _seen(made) == _seen(data) and len(made) == len(data)
        assert SECRET not in made and made[-len(box) + 4 :][:4] == b"free"


def _shift(data: bytes, tag: int, offset: int) -> bytes:
    """A little-endian TIFF whose tag's value lies elsewhere."""
    at = data.index(struct.pack("<H", tag), int.from_bytes(data[4:8], "little"))
    return data[: at + 8] + offset.to_bytes(4, "little") + data[at + 12 :]


def test_metadata_over_pixels_is_refused() -> None:
    data = _save(_picture(20, 10, "L", 4), "TIFF", tiffinfo={270: SECRET.decode()})
    strip = _open(data).tag_v2[273][0]  # type: ignore[attr-defined]
    with pytest.raises(MetadataError, match="overlaps"):
        strip_metadata(_shift(data, 270, strip))
    pointed = _save(_picture(20, 10, "L", 4), "TIFF", **_options("TIFF", None, False))
    with pytest.raises(MetadataError):
        strip_metadata(_shift(pointed, 0x8825, len(pointed) - 4))


BROKEN: dict[str, Callable[[], bytes]] = {
    "no format": lambda: b"no image at all",
    "nothing": lambda: b"",
    "jpeg without a scan": lambda: b"\xff\xd8\xff\xe1\0\x04ab\xff\xd9",
    "jpeg segment without an end": lambda: b"\xff\xd8\xff\xe1\xff\xffab",
    "jpeg in a jpeg": lambda: b"\xff\xd8\xff\xd8\xff\xd9",
    "png chunk": lambda: _save(_picture(9, 9, "L", 1), "PNG")[:-5],
    "webp end": lambda: _save(_picture(9, 9, "RGB", 1), "WEBP")[:-9],
    "gif block": lambda: _save(_picture(9, 9, "L", 1), "GIF")[:-1] + b"\x77;",
    "tiff in a circle": lambda: b"II\x2a\0\x08\0\0\0\0\0\x08\0\0\0",
    "tiff of another order": lambda: b"MM\x2a\0\0\0\0\x08" + bytes(20),
    "avif box": lambda: _save(_picture(9, 9, "RGB", 1), "AVIF") + b"\0\0\0\x03uuid",
    "jpeg 2000 segment": lambda: b"\xff\x4f\xff\x51\xff\xff\0\0",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_structure_is_refused(name: str) -> None:
    with pytest.raises(MetadataError) as refused:
        strip_metadata(BROKEN[name]())
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


@settings(deadline=None, max_examples=300)
@given(
    kind=st.sampled_from([*FORMATS, "MPO"]),
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=0, max_size=6)), max_size=4),
    cut=st.floats(0.0, 1.0),
)
def test_hostile_bytes_raise_one_error_or_come_back_clean(
    kind: str, edits: list[tuple[float, bytes]], cut: float
) -> None:
    source = bytearray(_HOSTILE[kind])
    for place, new in edits:
        at = int(place * (len(source) - 1))
        source[at : at + len(new)] = new
    data = bytes(source[: max(int(len(source) * min(cut * 4, 1.0)), 1)])
    try:
        made = strip_metadata(data)
    except MetadataError:
        return
    assert strip_metadata(made) == made


_HOSTILE = {
    kind: _save(
        _picture(20, 12, "RGB", 7),
        kind,
        **_options("JPEG" if kind == "MPO" else kind, 6, kind != "MPO"),
    )
    for kind in (*FORMATS, "MPO")
}


@pytest.mark.skipif(not REAL.is_dir(), reason="shared/realdata is not here")
@pytest.mark.parametrize(
    "name",
    [
        "flower.webp",
        "g4-multi.tiff",
        "hopper.gif",
        "hopper_orientation_6.jpg",
        "mode_16bit.png",
        "pil_sample_cmyk.jpg",
        "transparent.png",
    ],
)
def test_real_files(name: str) -> None:
    data = (REAL / name).read_bytes()
    _assert_clean(data, strip_metadata(data))


def test_real_photos_of_another_maker() -> None:
    from skimage import data as photos

    folder = Path(photos.__file__).parent
    files = sorted(p for p in folder.iterdir() if p.suffix in (".jpg", ".png", ".gif"))
    files.append(folder / "multipage.tif")
    assert len(files) >= 20
    for file in files:
        data = file.read_bytes()
        _assert_clean(data, strip_metadata(data))
