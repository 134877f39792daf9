"""Pages of PDFs: their size and their bytes, and documents that break what draws them."""

from __future__ import annotations

import io
import zlib

import pytest
from PIL import Image

from sources.base import MediaItem
from sources.conversations import RowError
from sources.readers import pdf
from tests.sources.packing import make_pdf, pdf_file


def read(data: object) -> list[MediaItem]:
    return list(pdf.read_pages("f#0", data))


def page(data: bytes) -> Image.Image:
    (item,) = read(data)
    assert item.data is not None, item.reason
    return Image.open(io.BytesIO(item.data))


def drawing(content: bytes, *objects: bytes, resources: bytes = b"") -> bytes:
    """One Letter page with that content; further objects are numbered from 5."""
    box = b"/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<<%s>>" % resources
    stream = b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream"
    packed = zlib.compress(content)
    return pdf_file(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R%s>>" % box,
            stream % (len(packed), packed),
            *objects,
        ]
    )


def bomb() -> bytes:
    """Forms that show the next one twice, thirty deep."""
    form = (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</I %d 0 R>>>>/Length 11"
        b">>stream\n/I Do /I Do\nendstream"
    )
    forms = [form % number for number in range(6, 36)]
    last = (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 15>>stream\n0 0 m 9 9 l S  \nendstream"
    )
    return drawing(b"/I Do", *forms, last, resources=b"/XObject<</I 5 0 R>>")


@pytest.mark.parametrize(
    ("points", "pixels"),
    [
        ((612, 792), (1275, 1650)),
        ((595, 842), (1240, 1755)),
        ((1411, 10), (2940, 21)),
        ((14400, 7200), (2940, 1470)),
        ((7200, 14400), (1470, 2940)),
        ((3, 14400), (1, 2940)),
    ],
)
def test_pages_have_150_dots_an_inch_and_at_most_2940_pixels(
    points: tuple[int, int], pixels: tuple[int, int]
) -> None:
    assert page(make_pdf([points])).size == pixels


def test_pages_without_colours_are_grayscale() -> None:
    assert page(make_pdf([(60, 40)])).mode == "L"
    red = page(drawing(b"1 0 0 rg 0 0 612 792 re f"))
    assert (red.mode, red.getpixel((600, 800))) == ("RGB", (255, 0, 0))


def test_pages_are_counted_without_drawing() -> None:
    assert pdf.count_pages(make_pdf([(60, 40)] * pdf.MAX_PAGES)) == pdf.MAX_PAGES
    with pytest.raises(RowError) as raised:
        pdf.count_pages(make_pdf([(60, 40)] * (pdf.MAX_PAGES + 1)))
    assert (raised.value.reason, raised.value.detail) == ("pdf_too_many_pages", "101 pages")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "pdf_bytes_null"),
        (b"", "pdf_undecodable"),
        (b"%PDF-1.4", "pdf_undecodable"),
        (make_pdf([(60, 40)])[:150], "pdf_undecodable"),
        (make_pdf([]), "pdf_undecodable"),
        (make_pdf([(60, 40)], encrypt=True), "pdf_encrypted"),
    ],
)
def test_a_document_without_pages_is_one_media_with_a_reason(data: object, reason: str) -> None:
    assert [(item.key, item.reason) for item in read(data)] == [("f#0/0", reason)]


def test_the_first_lost_page_ends_its_document() -> None:
    found = read(make_pdf([(60, 40)], lost_pages=2))
    assert [(item.key, item.reason) for item in found] == [
        ("f#0/0", None),
        ("f#0/1", "pdf_undecodable"),
    ]


def test_a_page_that_draws_for_ever_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    assert page(make_pdf([(60, 40)]))
    monkeypatch.setattr(pdf, "_PAGE_TIMEOUT_S", 0.3)
    assert [item.reason for item in read(bomb())] == ["decoder_timeout"]
    monkeypatch.undo()
    assert page(make_pdf([(60, 40)]))


@pytest.mark.slow
def test_a_page_that_takes_all_memory_costs_itself() -> None:
    assert [item.reason for item in read(drawing(b"0 0 m 9 9 l S " * 70_000_000))] == [
        "decoder_crashed"
    ]
    assert page(make_pdf([(60, 40)]))
