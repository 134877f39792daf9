"""Stack-Edu in small: its fifteen languages, and their contents beside the repository."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.archives import gzipped
from pipelines.samples.code import SourceFile, source_file
from pipelines.samples.kit import Kit
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

CONTENTS = "softwareheritage/content"
REPOS = ("HuggingFaceTB/stack-edu", CONTENTS)
# (config, language of the writer, files of it, ordinary rows: about one for each billion tokens in
# Table 7 of the SmolLM2 paper, ten at least)
_CONFIGS = (
    ("Python", "python", 5, 24),
    ("Go", "go", 1, 12),
    ("Cpp", "cpp", 5, 18),
    ("Markdown", "markdown", 5, 16),
    ("SQL", "sql", 1, 11),
    ("Rust", "rust", 1, 10),
    ("C", "c", 2, 12),
    ("CSharp", "c-sharp", 3, 10),
    ("Java", "java", 7, 40),
    ("JavaScript", "javascript", 3, 12),
    ("PHP", "php", 2, 10),
    ("Ruby", "ruby", 1, 10),
    ("Shell", "shell", 1, 10),
    ("Swift", "swift", 1, 10),
    ("TypeScript", "typescript", 1, 10),
)
_ENCODINGS = ("UTF-8", "ISO-8859-1", "GB18030")
_TEXT = pa.large_string()
_TEXTS = pa.large_list(pa.field("element", _TEXT))
_COLUMNS: dict[str, pa.DataType] = {
    "blob_id": _TEXT,
    "language": _TEXT,
    "repo_name": _TEXT,
    "path": _TEXT,
    "src_encoding": _TEXT,
    "length_bytes": pa.int64(),
    "score": pa.float64(),
    "int_score": pa.int64(),
    "detected_licenses": _TEXTS,
    "license_type": _TEXT,
}


def write(kit: Kit) -> None:
    for config, language, num_files, num_rows in _CONFIGS:
        sheet = kit.sheet("stack_edu", config, f"{config}/train-00000-of-{num_files:05d}.parquet")
        for number in range(num_rows * kit.scale):
            made = source_file(language, "stack_edu", number)
            sheet.add(_row(kit, config, made, _ENCODINGS[number % 3]))
        if config == "Python":
            _plant(kit, sheet)
        types = dict(_COLUMNS)
        if config == "Go":
            types["detected_licenses_right"] = _TEXTS
        rows = [{**row, "detected_licenses_right": ["MIT"]} for row in sheet.rows]
        kept = [{name: row[name] for name in types} for row in rows]
        schema = pa.schema(list(types.items()))
        tables.write(kit.folder / REPOS[0] / sheet.file, schema, kept, row_group_rows=10)


def put_content(kit: Kit, blob_id: str, packed: bytes) -> None:
    path = kit.folder / CONTENTS / blob_id
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed)


def _row(kit: Kit, config: str, made: SourceFile, encoding: str) -> dict[str, Any]:
    content = (made.text + "\n").encode(encoding)
    put_content(kit, made.blob_id, gzipped(content))
    rng = seeded("stack_edu", made.blob_id)
    score = round(rng.uniform(3, 4.9), 4)
    licenses = rng.choice([["MIT"], ["Apache-2.0"], ["MIT", "BSD-3-Clause"], []])
    return {
        "blob_id": made.blob_id,
        "language": config,
        "repo_name": made.repo,
        "path": made.path,
        "src_encoding": encoding,
        "length_bytes": len(content),
        "score": score,
        "int_score": round(score),
        "detected_licenses": licenses,
        "license_type": "permissive" if licenses else "no_license",
    }


def _plant(kit: Kit, sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("exact_duplicate", {**rows[1], "repo_name": "copies/of-it"}, sheet.place(1))
    sheet.plant("content_not_there", {**rows[2], "blob_id": "0" * 40})
    put_content(kit, "1" * 40, gzipped(rows[3]["path"].encode() * 40)[:30])
    sheet.plant("content_cut_short", {**rows[3], "blob_id": "1" * 40})
    put_content(kit, "2" * 40, gzipped(b"\n\n"))
    sheet.plant("text_blank", {**rows[4], "blob_id": "2" * 40})
    sheet.plant("text_null", {**rows[5], "blob_id": None})
    put_content(kit, "3" * 40, gzipped(b'EOS = "<|endoftext|>"\n'))
    sheet.plant("control_token", {**rows[6], "blob_id": "3" * 40})
