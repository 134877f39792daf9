"""Books of Dolma in small: three gzipped files of whole books."""

from __future__ import annotations

import json

from pipelines.samples.archives import gzipped
from pipelines.samples.kit import Kit
from pipelines.samples.prose import Documents

REPOS = ("dolma_books",)
_BOOKS_A_FILE = 4


def write(kit: Kit) -> None:
    documents = Documents("dolma_books")
    for number in range(3):
        sheet = kit.sheet("dolma_books", "default", f"books-{number:04d}.json.gz")
        for _ in range(_BOOKS_A_FILE * kit.scale):
            name = f"book-{number}-{len(sheet.rows)}"
            body = documents.long_page().text if len(sheet.rows) % 4 == 3 else documents.book()
            text = f"THE NOTES OF {name.upper()}\n\n\n{body}"
            sheet.add(
                {
                    "id": name,
                    "text": text,
                    "source": "books",
                    "added": "2023-03-14T00:00:00.000Z",
                    "created": "1897-01-01T00:00:00.000Z",
                    "version": "v0",
                    "metadata": {"length": len(text)},
                }
            )
        if number == 0:
            sheet.plant("text_blank", {**sheet.rows[0], "text": ""})
        lines = "".join(json.dumps(row) + "\n" for row in sheet.rows)
        path = kit.folder / REPOS[0] / sheet.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzipped(lines.encode()))
