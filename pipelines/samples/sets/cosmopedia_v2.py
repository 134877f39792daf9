"""SmolLM-Corpus in small: Cosmopedia v2, deduplicated FineWeb-Edu, and ids of Python files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.archives import gzipped
from pipelines.samples.code import source_file
from pipelines.samples.kit import Kit
from pipelines.samples.prose import Documents, blank_page
from pipelines.samples.sets.stack_edu import CONTENTS, put_content
from pipelines.samples.words import seeded

REPOS = ("HuggingFaceTB/smollm-corpus", CONTENTS)
_COSMOPEDIA = pa.schema(
    [
        ("prompt", pa.string()),
        ("text", pa.string()),
        ("token_length", pa.int64()),
        ("audience", pa.string()),
        ("format", pa.string()),
        ("seed_data", pa.string()),
    ]
)
_METADATA = pa.struct(
    [
        ("dump", pa.string()),
        ("url", pa.string()),
        ("date", pa.timestamp("s")),
        ("file_path", pa.string()),
        ("language", pa.string()),
        ("language_score", pa.float64()),
        ("token_count", pa.int64()),
        ("score", pa.float64()),
        ("int_score", pa.int64()),
    ]
)
_FINEWEB = pa.schema([("text", pa.string()), ("id", pa.string()), ("metadata", _METADATA)])
_PYTHON = pa.schema(
    [
        ("blob_id", pa.string()),
        ("repo_name", pa.string()),
        ("path", pa.string()),
        ("length_bytes", pa.int64()),
        ("score", pa.float64()),
        ("int_score", pa.int64()),
    ]
)
_AUDIENCES = ("college_students", "young_children", "middle_school_students", "general")
_FORMATS = ("textbook_narrative_tone", "textbook_academic_tone", "wikihow", "story_children")
_NUM_ROWS = 20


def write(kit: Kit) -> None:
    _write_cosmopedia(kit)
    _write_fineweb(kit)
    _write_python(kit)


def _write_cosmopedia(kit: Kit) -> None:
    sheet = kit.sheet(
        "cosmopedia_v2", "cosmopedia-v2", "cosmopedia-v2/train-00000-of-00104.parquet"
    )
    documents = Documents("cosmopedia_v2")
    for number in range(_NUM_ROWS * kit.scale):
        parts = [documents.exchange() for _ in range(3)]
        text = "\n\n".join(f"### {part.topic.capitalize()}\n\n{part.assistant}" for part in parts)
        audience = _AUDIENCES[number % len(_AUDIENCES)]
        told = {
            "prompt": f"Write a course unit about {parts[0].topic} for {audience}.",
            "text": f" Unit {number + 1}\n\n{text}",
            "token_length": len(text) // 4,
            "audience": audience,
            "format": _FORMATS[number % len(_FORMATS)],
            "seed_data": ("fineweb", "stanford", "wikihow")[number % 3],
        }
        sheet.add(told)
    rows = sheet.rows
    sheet.plant("exact_duplicate", {**rows[1], "seed_data": "openstax"}, sheet.place(1))
    sheet.plant("text_blank", {**rows[2], "text": blank_page()})
    sheet.plant("control_token", {**rows[3], "text": rows[3]["text"] + "<|endoftext|>"})
    tables.write(kit.folder / REPOS[0] / sheet.file, _COSMOPEDIA, rows, row_group_rows=10)


def _write_fineweb(kit: Kit) -> None:
    file = "fineweb-edu-dedup/train-00000-of-00234.parquet"
    sheet = kit.sheet("cosmopedia_v2", "fineweb-edu-dedup", file)
    documents = Documents("fineweb-edu-dedup")
    for _ in range(_NUM_ROWS * kit.scale):
        page = documents.page()
        rng = seeded("fineweb-edu-dedup", page.url)
        metadata: dict[str, Any] = {
            "dump": "CC-MAIN-2021-43",
            "url": page.url,
            "date": datetime.fromisoformat(page.crawled[:-1]),
            "file_path": "s3://commoncrawl/crawl-data/CC-MAIN-2021-43/segments/1/warc/0.warc.gz",
            "language": "en",
            "language_score": rng.uniform(0.8, 1),
            "token_count": len(page.text) // 4,
            "score": rng.uniform(2.6, 4.4),
            "int_score": 3,
        }
        sheet.add({"text": page.text, "id": page.record_id, "metadata": metadata})
    tables.write(kit.folder / REPOS[0] / file, _FINEWEB, sheet.rows, row_group_rows=10)


def _write_python(kit: Kit) -> None:
    file = "python-edu/train-00000-of-00002.parquet"
    sheet = kit.sheet("cosmopedia_v2", "python-edu", file)
    for number in range(_NUM_ROWS * kit.scale):
        made = source_file("python", "python-edu", number)
        put_content(kit, made.blob_id, gzipped(made.text.encode()))
        told = {"blob_id": made.blob_id, "repo_name": made.repo, "path": made.path}
        scores = {"length_bytes": len(made.text), "score": 4.0 + number % 9 / 10, "int_score": 4}
        sheet.add(told | scores)
    sheet.plant("content_not_there", {**sheet.rows[1], "blob_id": "4" * 40})
    tables.write(kit.folder / REPOS[0] / file, _PYTHON, sheet.rows, row_group_rows=10)
