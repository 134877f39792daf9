"""Docmatix in small: drawn documents of one to three pages, as images and as scanned PDFs.

Upstream has every document in both configs; here the PDFs are further documents, but for two of
them that stand in both.
"""

from __future__ import annotations

import io
import re
import time
from functools import partial
from typing import Any

import pyarrow as pa
from PIL import Image

from pipelines.samples import tables
from pipelines.samples.kit import Kit
from pipelines.samples.pages import make_page
from pipelines.samples.stock import png
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

SOURCE = "docmatix"
REPOS = ("HuggingFaceM4/Docmatix",)
_IMAGES = "data/train-00000-of-01106-1c0b6f2d9e7a4835.parquet"
_PDF = "pdf/train-00000-of-00089-7d3e5a90b2c4f168.parquet"
_HELD_OUT = (
    "zero-shot-exp/train-00000-of-00001.parquet",
    "zero-shot-exp/test-00000-of-00001.parquet",
)
_NAMES = ("user", "assistant", "source")
_TEXTS = tables.list_of(pa.struct([(name, pa.string()) for name in _NAMES]))
_TEXT_FEATURES = [{name: tables.value("string") for name in _NAMES}]
_IMAGE_SCHEMA = tables.with_features(
    pa.schema([("images", tables.list_of(tables.IMAGE)), ("texts", _TEXTS)]),
    {"images": {"feature": {"_type": "Image"}, "_type": "Sequence"}, "texts": _TEXT_FEATURES},
)
_PDF_SCHEMA = tables.with_features(
    pa.schema([("pdf", pa.binary()), ("texts", _TEXTS)]),
    {"pdf": tables.value("binary"), "texts": _TEXT_FEATURES},
)
_NUM_IMAGES, _NUM_PDFS = 24, 8
# Upstream's build dropped pairs with a dot between two word characters, and others of that kind.
_DROPPED = re.compile(r"\w+\.\w+|\n\s*\n|unanswerable", re.IGNORECASE)
_LOCK = b"/Encrypt <</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>> /ID [<00> <00>]\n/Root"
_MAX_PAGES = 100
_DATE = time.gmtime(0)
Row = dict[str, Any]
Pages = list[Image.Image]


def write(kit: Kit) -> None:
    images = kit.sheet(SOURCE, "images", _IMAGES)
    documents = [_document(kit, number) for number in range(_NUM_IMAGES * kit.scale)]
    for pages, texts in documents:
        images.add({"images": [_cell(png(page)) for page in pages], "texts": texts})
    _plant_images(images)
    pdfs = kit.sheet(SOURCE, "pdf", _PDF)
    for number in range(_NUM_PDFS * kit.scale):
        pages, texts = _document(kit, len(documents) + number)
        pdfs.add({"pdf": _scan(pages), "texts": texts})
    singles = [number for number, (pages, _) in enumerate(documents) if len(pages) == 1]
    for number in singles[:2]:
        row = {"pdf": _scan(documents[number][0]), "texts": documents[number][1]}
        pdfs.plant("near_duplicate_image", row, images.place(number))
    _plant_pdfs(pdfs)
    _write_held_out(kit, images)
    for sheet, schema in ((images, _IMAGE_SCHEMA), (pdfs, _PDF_SCHEMA)):
        tables.write(kit.folder / REPOS[0] / sheet.file, schema, sheet.rows, row_group_rows=8)


def _document(kit: Kit, number: int) -> tuple[Pages, list[Row]]:
    """Its pages, and what is asked about each of them."""
    rng = seeded(SOURCE, number)
    pages, texts = [], []
    source = f"PDFA key: {rng.randrange(10_000_000)}"
    count = rng.choice([1, 1, 2, 3])
    for place in range(count):
        pairs, image = kit.gallery.draw(partial(_page, number, place))
        pages.append(image)
        where = f"On page {place + 1}: " if count > 1 else ""
        texts += [
            dict(zip(_NAMES, (where + question, f"{answer}.", source), strict=True))
            for question, answer in pairs
            if not _DROPPED.search(question + answer)
        ]
    return pages, texts or [dict(zip(_NAMES, ("How many pages?", str(count), source), strict=True))]


def _page(number: int, place: int, attempt: int) -> tuple[list[tuple[str, str]], Image.Image]:
    image, pairs = make_page(seeded(SOURCE, number, place, attempt), number + place)
    return pairs, image


def _cell(data: bytes | None) -> Row:
    return {"bytes": data, "path": None}


def _scan(pages: Pages) -> bytes:
    """A PDF with a picture on each page that is as large as the page at 150 dots an inch."""
    out = io.BytesIO()
    first, *others = pages
    dates = {"creationDate": _DATE, "modDate": _DATE}
    first.save(out, "PDF", resolution=150, save_all=True, append_images=others, **dates)
    return out.getvalue()


def _locked(document: bytes) -> bytes:
    """The same with a password that nobody knows."""
    head, mark, trailer = document.rpartition(b"trailer")
    return head + mark + trailer.replace(b"/Root", _LOCK % (b"00" * 32, b"00" * 32), 1)


def _plant_images(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("exact_duplicate", rows[3], sheet.place(3))
    sheet.plant("conversation_missing", {**rows[4], "texts": None})
    sheet.plant("conversation_empty", {**rows[5], "texts": []})
    sheet.plant("image_bytes_null", {**rows[6], "images": [*rows[6]["images"], _cell(None)]})


def _plant_pdfs(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("pdf_cut_short", {**rows[0], "pdf": rows[0]["pdf"][:800]})
    sheet.plant("pdf_with_password", {**rows[1], "pdf": _locked(rows[1]["pdf"])})
    sheet.plant("pdf_bytes_null", {**rows[2], "pdf": None})
    blank = Image.new("L", (16, 16), 255)
    sheet.plant("pdf_of_too_many_pages", {**rows[3], "pdf": _scan([blank] * (_MAX_PAGES + 1))})


def _write_held_out(kit: Kit, images: Sheet) -> None:
    """Copies of the first rows; the one on the border stands in both splits, as upstream."""
    for file, numbers in zip(_HELD_OUT, (range(1, 4), range(2)), strict=True):
        sheet = kit.sheet(SOURCE, "zero-shot-exp", file)
        for number in numbers:
            sheet.plant("held_out_split", images.rows[number])
        tables.write(kit.folder / REPOS[0] / file, _IMAGE_SCHEMA, sheet.rows, row_group_rows=8)
