"""FineWeb-Edu in small: two of its dumps, and one of its samples.

The rows of a dump stand in the config `default` too, and a sample's in both: upstream's files are
named by several configs. So each row is kept once and is an exact duplicate elsewhere.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.kit import Kit
from pipelines.samples.prose import DUMPS, Documents, Page, blank_page
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

REPOS = ("HuggingFaceFW/fineweb-edu",)
_FILES = dict(zip(DUMPS, ("train-00000-of-00014.parquet", "000_00000.parquet"), strict=True))
_SAMPLE = "sample/10BT/000_00000.parquet"
_COLUMNS: dict[str, pa.DataType] = {
    "text": pa.string(),
    "id": pa.string(),
    "dump": pa.string(),
    "url": pa.string(),
    "date": pa.string(),
    "file_path": pa.string(),
    "language": pa.string(),
    "language_score": pa.float64(),
    "token_count": pa.int64(),
    "score": pa.float64(),
    "int_score": pa.int64(),
}
_NUM_ROWS = 20
_NUM_LONG = 2


def write(kit: Kit) -> None:
    folder = kit.folder / REPOS[0]
    sheets = []
    for dump in DUMPS:
        documents = Documents(f"fineweb_edu {dump}")
        sheet = kit.sheet("fineweb_edu", dump, f"data/{dump}/{_FILES[dump]}")
        for _ in range(_NUM_ROWS * kit.scale):
            sheet.add(_row(documents.page(), dump))
        for _ in range(_NUM_LONG * kit.scale):
            sheet.add(_row(documents.long_page(), dump))
        defects = _plant(sheet)
        _write(folder / sheet.file, sheet, dump)
        _repeat(kit.sheet("fineweb_edu", "default", sheet.file), sheet, defects)
        sheets.append(sheet)
    sample = kit.sheet("fineweb_edu", "sample-10BT", _SAMPLE)
    for row in range(4):
        first = sheets[row % 2]
        copy = {**first.rows[row], "date": None}
        sample.plant("exact_duplicate_across_subsets", copy, first.place(row))
    _write(folder / _SAMPLE, sample, DUMPS[1])


def _row(page: Page, dump: str) -> dict[str, Any]:
    rng = seeded("fineweb_edu", page.url)
    score = round(rng.uniform(2.6, 4.6), 4)
    return {
        "text": page.text,
        "id": page.record_id,
        "dump": dump,
        "url": page.url,
        "date": page.crawled,
        "file_path": f"s3://commoncrawl/crawl-data/{dump}/segments/1/warc/0.warc.gz",
        "language": "en",
        "language_score": round(rng.uniform(0.8, 1), 6),
        "token_count": len(page.text) // 4,
        "score": score,
        "int_score": round(score),
    }


def _plant(sheet: Sheet) -> dict[int, str]:
    """Plants defects; those that are no duplicates, by row."""
    rows = sheet.rows
    sheet.plant("exact_duplicate", {**rows[5], "url": "https://copies.example/5"}, sheet.place(5))
    blank = sheet.plant("text_blank", {**rows[6], "text": blank_page()})
    token = sheet.plant("control_token", {**rows[7], "text": rows[7]["text"] + "<|endoftext|>"})
    return {blank.row: "text_blank", token.row: "control_token"}


def _repeat(default: Sheet, sheet: Sheet, defects: dict[int, str]) -> None:
    """The rows of a dump's file once more, as rows of the config `default`."""
    for row, record in enumerate(sheet.rows):
        if row in defects:
            default.plant(defects[row], record)
        else:
            first = next(n for n, other in enumerate(sheet.rows) if other["text"] == record["text"])
            default.plant("exact_duplicate_across_subsets", record, sheet.place(first))


def _write(path: Any, sheet: Sheet, dump: str) -> None:
    """The old dump's files have dates; the column is of type null in the new one's."""
    types = {**_COLUMNS, "date": pa.string() if dump == DUMPS[0] else pa.null()}
    rows = [{**row, "date": row["date"] if dump == DUMPS[0] else None} for row in sheet.rows]
    tables.write(path, pa.schema(list(types.items())), rows, row_group_rows=10)
