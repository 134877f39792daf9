"""PDF documents as images: one PNG a page, drawn by PDFium in the decoder's child process.

A page is drawn as Docmatix's own build did (clean_and_create/load_data.py): 150 dots an inch, the
long side at most 2940 pixels. The limit is on what is drawn, not on the result, so that no page can
ask for more than 9 megapixels. Fonts that a document does not bring are PDFium's own and never the
machine's: pages have the same bytes everywhere.

The child is needed: PDFium is native code and pages are programs. Measured with pypdfium2 5.15.2: 5
kB of forms that show each other twice, thirty deep, did not end in 30 s; 2.5 MB of filled paths
took 102 s; 2 MB of packed strokes took all memory. An ordinary page takes 0.1 to 0.2 s, of which
the way to the child and back is a millisecond.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from typing import Any

from sources.base import MediaItem
from sources.conversations import RowError
from sources.sandbox import DecoderError, shared_sandbox

# At least 64 tokens a page: a hundred pages fill the contexts that SmolVLM is trained with.
MAX_PAGES = 100
_DOTS_PER_INCH, _POINTS_PER_INCH = 150, 72
_MAX_SIDE_PX = 2940
_OPEN_TIMEOUT_S, _PAGE_TIMEOUT_S = 30.0, 60.0
# What a document may take beyond what the child has; PDFium ends the child where it gets no more.
_MEMORY_BYTES = 1 << 30
# fpdfview.h: a password is asked for; a security handler that PDFium does not know.
_ENCRYPTED = (4, 5)


def count_pages(data: bytes) -> int:
    """Pages of a document, from 1 to MAX_PAGES; costs a millisecond.

    RowError: `pdf_undecodable`, `pdf_encrypted` (it needs a password), `pdf_too_many_pages`,
    `decoder_crashed`, `decoder_timeout`.
    """
    num_pages: int = _call(_count, (data,), _OPEN_TIMEOUT_S)
    if num_pages > MAX_PAGES:
        raise RowError("pdf_too_many_pages", f"{num_pages} pages")
    if num_pages < 1:
        raise RowError("pdf_undecodable", "it has no pages")
    return num_pages


def read_pages(place: str, data: object) -> Iterator[MediaItem]:
    """The pages as images `<place>/0`, `<place>/1` and so on.

    One that cannot be drawn has its reason and is the last: all pages are needed, or none. A
    document of which no page can be had is one image with the reason.
    """
    number = 0
    try:
        for number in range(count_pages(pdf_bytes(data))):
            page = _call(_draw, (data, number), _PAGE_TIMEOUT_S)
            yield MediaItem(f"{place}/{number}", "image", data=page)
    except RowError as error:
        yield MediaItem(f"{place}/{number}", "image", reason=error.reason, detail=error.detail)


def pdf_bytes(value: object) -> bytes:
    """The document of a cell; RowError `pdf_bytes_null`."""
    if not isinstance(value, bytes):
        raise RowError("pdf_bytes_null")
    return value


def _call(function: Any, args: tuple[Any, ...], timeout_s: float) -> Any:
    try:
        return shared_sandbox().call(function, args, timeout_s)
    except DecoderError as error:
        raise RowError(str(error)) from error


def _count(data: bytes) -> int:
    """In the child."""
    with _document(data) as document:
        return len(document)


def _draw(data: bytes, number: int) -> bytes:
    """In the child. A page without colours is a grayscale PNG: the same pixels, half the bytes."""
    from PIL import ImageChops

    with _document(data) as document, closing(document[number]) as page:
        # A hair less than the exact scale: PDFium rounds sizes up.
        scale = min(
            _DOTS_PER_INCH / _POINTS_PER_INCH * (1 - 1e-9),
            (_MAX_SIDE_PX - 0.5) / max(*page.get_size(), 1.0),
        )
        image = page.render(scale=scale).to_pil().convert("RGB")
    grey = image.convert("L")
    if ImageChops.difference(image, grey.convert("RGB")).getbbox() is None:
        image = grey
    out = io.BytesIO()
    # What deflate makes of runs does not depend on the build of zlib.
    image.save(out, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return out.getvalue()


@contextmanager
def _document(data: bytes) -> Iterator[Any]:
    """The open document, form fields filled in; whatever goes wrong with it is a RowError."""
    pdfium, _ = _library()
    try:
        with ExitStack() as stack:
            stack.enter_context(_memory_limit())
            document = stack.enter_context(closing(pdfium.PdfDocument(data)))
            document.init_forms()
            yield document
    except pdfium.PdfiumError as error:
        encrypted = error.err_code in _ENCRYPTED
        reason = "pdf_encrypted" if encrypted else "pdf_undecodable"
        raise RowError(reason, str(error)) from None
    except Exception as error:
        raise RowError("pdf_undecodable", f"{type(error).__name__}: {error}") from None


@cache
def _library() -> tuple[Any, Any]:
    """PDFium, started again with an empty list of places to look for fonts; and that list."""
    import ctypes

    import pypdfium2

    raw = pypdfium2.raw
    raw.FPDF_DestroyLibrary()
    nowhere = (ctypes.POINTER(ctypes.c_char) * 1)()
    raw.FPDF_InitLibraryWithConfig(raw.FPDF_LIBRARY_CONFIG(version=2, m_pUserFontPaths=nowhere))
    return pypdfium2, nowhere


@contextmanager
def _memory_limit() -> Iterator[None]:
    """While it lasts, this process gets at most _MEMORY_BYTES more; on Linux, and where nobody has
    set a limit already.
    """
    import resource
    import sys

    before = resource.getrlimit(resource.RLIMIT_DATA)
    if sys.platform == "linux" and before[0] == resource.RLIM_INFINITY:
        with open("/proc/self/statm", encoding="ascii") as handle:
            taken = int(handle.read().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (taken + _MEMORY_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
