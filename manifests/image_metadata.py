"""GPS and all other metadata out of images, without touching what is seen.

Gone are EXIF with its maker notes, XMP, IPTC and Photoshop, comments, texts, C2PA, thumbnails, the
bytes after an image's end, and the further images of an MPO. Kept are pixels, every coded byte of
them, the EXIF orientation (alone in an EXIF of its own), ICC profile, density, animation.

What cannot be done:

- BMP and PPM come back as they are: BMP has no place for metadata but the profile; comments in the
  header of a PPM stay.
- TIFF, AVIF and JPEG 2000 keep their length, for offsets point into them: values are overwritten.
  What their modules say is not touched stays.
- Names inside ICC profiles, text that is drawn, and what watermarks hold are pixels or profile.
- Where the structure is broken, nobody can say what is metadata: MetadataError, and the caller
  drops the image. Fail closed: never bytes that may have a place in them.
"""

from __future__ import annotations

from collections.abc import Callable

from manifests.image_edits import MetadataError
from manifests.strip_boxes import strip_avif, strip_jpeg2000
from manifests.strip_gif import strip_gif
from manifests.strip_jpeg import strip_jpeg
from manifests.strip_png import strip_png
from manifests.strip_tiff import strip_tiff
from manifests.strip_webp import strip_webp

__all__ = ["MetadataError", "strip_metadata"]


def _as_it_is(data: bytes) -> bytes:
    return data


# The formats that `manifests/images.py` takes, by what a file begins with.
_BY_START: dict[bytes, Callable[[bytes], bytes]] = {
    b"\xff\xd8\xff": strip_jpeg,
    b"\x89PNG\r\n\x1a\n": strip_png,
    b"GIF87a": strip_gif,
    b"GIF89a": strip_gif,
    b"II": strip_tiff,
    b"MM": strip_tiff,
    b"\0\0\0\x0cjP  \r\n\x87\n": strip_jpeg2000,
    b"\xff\x4f\xff\x51": strip_jpeg2000,
    b"BM": _as_it_is,
    b"P": _as_it_is,
}


def strip_metadata(data: bytes) -> bytes:
    """`data` without metadata: the very same object where there is none, in microseconds.

    Done twice, the second time finds nothing. MetadataError (see above) for a broken structure and
    for what begins like no image that smolmix takes; nothing else is raised. Reads no pixel and
    checks none: whether an image decodes is another's to say.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return strip_webp(data)
    if data[4:8] == b"ftyp":
        return strip_avif(data)
    for start, strip in _BY_START.items():
        if data.startswith(start):
            return strip(data)
    raise MetadataError(f"no known image format begins with {data[:4].hex()}")
