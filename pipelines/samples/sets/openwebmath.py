"""OpenWebMath in small: one file."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.kit import Kit
from pipelines.samples.prose import Documents, blank_page
from pipelines.samples.words import seeded

REPOS = ("open-web-math/open-web-math",)
_FILE = "data/train-00000-of-00114-5a023365406cb9c4.parquet"
_SCHEMA = pa.schema([(name, pa.string()) for name in ("url", "text", "date", "metadata")])
_NUM_ROWS = 24


def write(kit: Kit) -> None:
    sheet = kit.sheet("openwebmath", "default", _FILE)
    documents = Documents("openwebmath")
    for _ in range(_NUM_ROWS * kit.scale):
        sheet.add(_row(documents))
    rows = sheet.rows
    sheet.plant("exact_duplicate", {**rows[1], "url": "https://copies.example/1"}, sheet.place(1))
    sheet.plant("text_blank", {**rows[2], "text": blank_page()})
    sheet.plant("control_token", {**rows[3], "text": rows[3]["text"] + "<|im_start|>"})
    tables.write(kit.folder / REPOS[0] / _FILE, _SCHEMA, sheet.rows, row_group_rows=10)


def _row(documents: Documents) -> dict[str, Any]:
    page = documents.lesson()
    rng = seeded("openwebmath", page.url)
    scores = {"math_score": rng.random(), "perplexity": rng.uniform(900, 9000)}
    info = {"found_math": True, "script_math_tex": False, "mathjax_tag": rng.randint(0, 30)}
    metadata = json.dumps({"extraction_info": info | scores, "warc_path": "warc/0.warc.gz"})
    return {"url": page.url, "text": page.text, "date": page.crawled[:-1], "metadata": metadata}
