"""StarCoder2's extra sources in small: four of its twelve configs, one of each set of columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.code import source_file
from pipelines.samples.kit import Kit
from pipelines.samples.prose import Documents

REPOS = ("bigcode/starcoder2data-extras",)
_NUM_ROWS = 12


def write(kit: Kit) -> None:
    for config, (num_files, make) in _CONFIGS.items():
        sheet = kit.sheet(
            "starcoder2_extras", config, f"{config}/train-00000-of-{num_files:05d}.parquet"
        )
        documents = Documents(f"starcoder2 {config}")
        for number in range(_NUM_ROWS * kit.scale):
            sheet.add(make(documents, number))
        if config == "arxiv":
            sheet.plant("text_blank", {"content": "\n"})
            sheet.plant("exact_duplicate", dict(sheet.rows[1]), sheet.place(1))
        types = [(n, pa.int64() if n == "size" else pa.string()) for n in sheet.rows[0]]
        path = kit.folder / REPOS[0] / sheet.file
        tables.write(path, pa.schema(types), sheet.rows, row_group_rows=10)


def _paper(documents: Documents, number: int) -> dict[str, Any]:
    body = documents.lesson().text.replace("## ", "\\subsection{}").replace("# ", "\\section{}")
    return {"content": f"\\documentclass{{article}}\n{body}"}


def _documentation(documents: Documents, number: int) -> dict[str, Any]:
    project = f"project{number}"
    content = documents.page().text
    return {"project": project, "source": "readthedocs", "language": "python", "content": content}


def _intermediate(documents: Documents, number: int) -> dict[str, Any]:
    code = source_file("rust", "ir", number).text
    content = f"{code}\n; ModuleID = 'unit{number}'\ndefine i64 @f{number}(i64 %x) {{\n}}\n"
    told = {"__index_level_0__": str(number), "id": f"unit{number}", "content": content}
    return told | {"size": len(content)}


def _issue(documents: Documents, number: int) -> dict[str, Any]:
    made = documents.exchange()
    content = f"<issue_start>Title: {made.user}\nusername_0: {made.assistant}"
    return {"repo_name": f"owner/repo{number}", "content": content}


_Maker = Callable[[Documents, int], dict[str, Any]]
_CONFIGS: dict[str, tuple[int, _Maker]] = {
    "arxiv": (44, _paper),
    "documentation": (3, _documentation),
    "ir_low_resource": (5, _intermediate),
    "issues": (30, _issue),
}
