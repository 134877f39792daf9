"""DCLM-baseline in small: two shards of JSON Lines in zstd, and a shard of the Parquet twin.

The twin holds another shard here, and a few rows of the first as the duplicates that they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.kit import Kit
from pipelines.samples.prose import Documents, Page, blank_page
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

REPOS = ("mlfoundations/dclm-baseline-1.0", "mlfoundations/dclm-baseline-1.0-parquet")
_LINES, _TWIN = (repo.split("/")[1] for repo in REPOS)
_SHARDS = "global-shard_01_of_10/local-shard_0_of_10"
_TWIN_FOLDER = (
    "filtered/OH_eli5_vs_rw_v2_bigram_200k_train/"
    "fasttext_openhermes_reddit_eli5_vs_rw_v2_bigram_200k_train/processed_data/"
    "global-shard_02_of_10/local-shard_1_of_10"
)
_PROB = "fasttext_openhermes_reddit_eli5_vs_rw_v2_bigram_200k_train_prob"
_TWIN_SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("id", pa.string()),
        ("url", pa.string()),
        ("language", pa.string()),
        ("language_score", pa.float64()),
        ("fasttext_score", pa.float64()),
    ]
)
_NUM_ROWS = 18
_NUM_LONG = 3


def write(kit: Kit) -> None:
    documents = Documents("dclm")
    sheets = []
    for number in range(2):
        file = f"{_SHARDS}/shard_{number:08d}_processed.jsonl.zst"
        sheet = kit.sheet("dclm", _LINES, file)
        for _ in range(_NUM_ROWS * kit.scale):
            sheet.add(_row(documents.page()))
        sheets.append(sheet)
    _plant(sheets[0])
    _write(kit.folder / REPOS[0] / sheets[0].file, sheets[0].rows)
    long = "\n".join(row["text"] for row in sheets[0].rows[:6])
    sheets[1].plant("json_cut_short", {**sheets[1].rows[0], "text": long})
    _write(kit.folder / REPOS[0] / sheets[1].file, sheets[1].rows, cut=True)
    _write_twin(kit, documents, sheets[0])


def _row(page: Page) -> dict[str, Any]:
    rng = seeded("dclm", page.url)
    metadata: dict[str, Any] = {
        "Content-Length": str(len(page.text) * 9),
        "Content-Type": "application/http; msgtype=response",
        "WARC-Date": page.crawled,
        "WARC-Record-ID": page.record_id,
        "WARC-Target-URI": page.url,
        "WARC-Type": "response",
    }
    if rng.random() < 0.5:
        metadata["WARC-Identified-Payload-Type"] = rng.choice(["text/html", None])
    if rng.random() < 0.2:
        metadata["WARC-Truncated"] = "length"
    return {
        "bff_contained_ngram_count_before_dedupe": rng.randint(0, 60),
        "language_id_whole_page_fasttext": {"en": rng.uniform(0.65, 1)},
        "metadata": metadata,
        "previous_word_count": len(page.text.split()),
        "text": page.text,
        "url": page.url,
        "warcinfo": "robots: classic\r\nhostname: ip-10-183-142-35.ec2.internal\r\n"
        "isPartOf: CC-MAIN-2014-10\r\n",
        _PROB: rng.uniform(0.02, 1),
    }


def _plant(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("exact_duplicate", {**rows[2], "url": "https://copies.example/2"}, sheet.place(2))
    sheet.plant("text_blank", {**rows[3], "text": blank_page()})
    sheet.plant("text_null", {name: value for name, value in rows[4].items() if name != "text"})
    sheet.plant("row_not_an_object", [rows[5]["text"]])
    sheet.plant("control_token", {**rows[6], "text": rows[6]["text"] + "<|endoftext|>"})


def _write(path: Path, rows: list[Any], cut: bool = False) -> None:
    """Two frames, as tools that append leave them; with `cut` the second is not whole."""
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    frames = [b"".join(lines[:-1]) + lines[-1][:4096], lines[-1][4096:]]
    packed = [_zst(frame) for frame in frames if frame]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(packed)[: -40 if cut else None])


def _zst(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as packed:
        packed.write(data)
    return bytes(out.getvalue())


def _write_twin(kit: Kit, documents: Documents, lines: Sheet) -> None:
    sheet = kit.sheet("dclm", _TWIN, f"{_TWIN_FOLDER}/shard_00000000_processed.parquet")
    for _ in range(_NUM_ROWS * kit.scale):
        sheet.add(_twin_row(_row(documents.page())))
    for _ in range(_NUM_LONG * kit.scale):
        sheet.add(_twin_row(_row(documents.long_page())))
    for row in (0, 7):
        copy = _twin_row(lines.rows[row])
        sheet.plant("exact_duplicate_across_subsets", copy, lines.place(row))
    tables.write(kit.folder / REPOS[1] / sheet.file, _TWIN_SCHEMA, sheet.rows, row_group_rows=10)


def _twin_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "text": row["text"],
        "id": row["metadata"]["WARC-Record-ID"],
        "url": row["url"],
        "language": "en",
        "language_score": row["language_id_whole_page_fasttext"]["en"],
        "fasttext_score": row[_PROB],
    }
