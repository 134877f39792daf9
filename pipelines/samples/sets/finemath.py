"""FineMath in small: all four configs, in both schemas.

Upstream each 4plus config lies in its 3plus config; here a few rows of it do, as duplicates.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.benchmarks import asked
from pipelines.samples.kit import Kit
from pipelines.samples.prose import Documents, Page, blank_page
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

REPOS = ("HuggingFaceTB/finemath",)
_CRAWLED = pa.schema(
    [
        ("url", pa.string()),
        ("fetch_time", pa.int64()),
        ("content_mime_type", pa.string()),
        ("warc_filename", pa.string()),
        ("warc_record_offset", pa.int32()),
        ("warc_record_length", pa.int32()),
        ("text", pa.string()),
        ("token_count", pa.int32()),
        ("char_count", pa.int32()),
        ("metadata", pa.string()),
        ("score", pa.float64()),
        ("int_score", pa.int64()),
        ("crawl", pa.string()),
        ("snapshot_type", pa.string()),
        ("language", pa.string()),
        ("language_score", pa.float64()),
    ]
)
_INFI = pa.schema(
    [
        ("url", pa.string()),
        ("metadata", pa.string()),
        ("score", pa.float64()),
        ("int_score", pa.int64()),
        ("token_count", pa.int64()),
        ("char_count", pa.int64()),
        ("text", pa.string()),
    ]
)
# (config, files of it, ordinary rows)
_CONFIGS = (
    ("finemath-3plus", 128, 30),
    ("finemath-4plus", 64, 16),
    ("infiwebmath-3plus", 64, 20),
    ("infiwebmath-4plus", 32, 12),
)


def write(kit: Kit) -> None:
    sheets: dict[str, Sheet] = {}
    for config, num_files, num_rows in _CONFIGS:
        documents = Documents(f"finemath {config}")
        schema = _CRAWLED if config.startswith("finemath") else _INFI
        sheet = kit.sheet("finemath", config, f"{config}/train-00000-of-{num_files:05d}.parquet")
        for _ in range(num_rows * kit.scale):
            sheet.add(_row(schema, documents.lesson()))
        sheets[config] = sheet
        _plant(sheet, sheets.get(config.replace("4plus", "3plus"), sheet))
        tables.write(kit.folder / REPOS[0] / sheet.file, schema, sheet.rows, row_group_rows=10)


def _row(schema: pa.Schema, page: Page, snapshot: str = "latest") -> dict[str, Any]:
    rng = seeded("finemath", page.url, snapshot)
    score = round(rng.uniform(3, 5), 3)
    told = {
        "url": page.url,
        "fetch_time": rng.randrange(1_600_000_000, 1_700_000_000) * 1_000_000_000,
        "content_mime_type": "text/html",
        "warc_filename": f"crawl-data/CC-MAIN-2022-49/segments/{rng.randint(1, 99)}/warc/0.warc.gz",
        "warc_record_offset": rng.randrange(10**9),
        "warc_record_length": len(page.text) * 3,
        "text": page.text,
        "token_count": len(page.text) // 4,
        "char_count": len(page.text),
        "metadata": json.dumps({"found_math": rng.random() < 0.5, "script_math_tex": False}),
        "score": score,
        "int_score": round(score),
        "crawl": "CC-MAIN-2022-49",
        "snapshot_type": snapshot,
        "language": "en",
        "language_score": round(rng.uniform(0.8, 1), 4),
    }
    return {name: told[name] for name in schema.names}


def _plant(sheet: Sheet, wider: Sheet) -> None:
    rows = sheet.rows
    if sheet is not wider:
        for row in (1, 3):
            sheet.plant("exact_duplicate_across_subsets", wider.rows[row], wider.place(row))
        return
    # The same address twice, as upstream has it: another snapshot, with a text of its own.
    if "snapshot_type" in rows[0]:
        longer = rows[0]["text"] + "\n## Comments\n\nThank you, this helped me a lot.\n"
        sheet.add({**rows[0], "snapshot_type": "largest", "text": longer})
    sheet.add({**rows[5], "metadata": None, "text": rows[5]["text"].replace("Warm up", "Begin")})
    sheet.plant("exact_duplicate", {**rows[2], "url": rows[4]["url"]}, sheet.place(2))
    sheet.plant("text_blank", {**rows[3], "text": blank_page()})
    sheet.plant("text_null", {**rows[4], "text": None})
    sheet.plant("control_token", {**rows[6], "text": rows[6]["text"] + "<|endoftext|>"})
    if "snapshot_type" in rows[0]:
        made = asked("math", 0)
        text = f"{rows[8]['text']}\n\nA reader asks: {made.question}\n\n{made.answer}.\n"
        leak = {**rows[8], "url": "https://readers.example/8", "text": text}
        sheet.plant("benchmark_in_document", leak, benchmark="math/algebra/test/0")
