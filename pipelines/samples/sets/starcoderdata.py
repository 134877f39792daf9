"""StarCoderData in small: four of its languages and its four special folders."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.code import source_file
from pipelines.samples.kit import Kit
from pipelines.samples.prose import Documents
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

REPOS = ("bigcode/starcoderdata",)
# (folder, files of it, type of max_stars_count)
_LANGUAGES = (
    ("c", 53, pa.int64()),
    ("java", 87, pa.float64()),
    ("javascript", 65, pa.int64()),
    ("markdown", 79, pa.int64()),
    ("python", 59, pa.int64()),
)
_ISSUES = "github-issues-filtered-structured"
_NUM_ROWS = 14


def write(kit: Kit) -> None:
    for language, num_files, stars in _LANGUAGES:
        sheet = kit.sheet("starcoderdata", language, _file(language, num_files))
        for number in range(_NUM_ROWS * kit.scale):
            sheet.add(_row(language, number))
        if language == "python":
            _plant(sheet)
        types: dict[str, pa.DataType] = dict.fromkeys(sheet.rows[0], pa.string())
        schema = pa.schema(list((types | {"max_stars_count": stars}).items()))
        tables.write(kit.folder / REPOS[0] / sheet.file, schema, sheet.rows, row_group_rows=10)
    _write_special(kit)


def _file(folder: str, num_files: int) -> str:
    return f"{folder}/train-00000-of-{num_files:05d}.parquet"


def _row(language: str, number: int) -> dict[str, Any]:
    made = source_file(language, "starcoderdata", number)
    stars = seeded("starcoderdata", language, number).choice([None, 0, 3, 27, 410])
    shown = "" if number % 3 else f"<reponame>{made.repo}<filename>{made.path[1:]}<gh_stars>0\n"
    return {
        "max_stars_repo_path": made.path[1:],
        "max_stars_repo_name": made.repo,
        "max_stars_count": stars,
        "id": str(number),
        "content": shown + made.text,
    }


def _plant(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("exact_duplicate", {**rows[1], "id": "copy"}, sheet.place(1))
    sheet.plant("text_blank", {**rows[2], "content": "\n"})
    sheet.plant("text_null", {**rows[3], "content": None})
    token = rows[4]["content"] + 'END = "<|im_end|>"\n'
    sheet.plant("control_token", {**rows[4], "content": token})


def _write_special(kit: Kit) -> None:
    """Columns beside the content are ours: upstream's are not documented."""
    documents = Documents("starcoderdata")
    makers = (
        (_ISSUES, 59, _issue),
        ("git-commits-cleaned", 55, _commit),
        ("jupyter-scripts-dedup-filtered", 8, _script),
        ("jupyter-structured-clean-dedup", 6, _notebook),
    )
    for folder, num_files, make in makers:
        sheet = kit.sheet("starcoderdata", folder, _file(folder, num_files))
        for number in range(_NUM_ROWS * kit.scale):
            sheet.add({"content": make(documents, number), "id": number})
        schema = pa.schema([("content", pa.string()), ("id", pa.int64())])
        tables.write(kit.folder / REPOS[0] / sheet.file, schema, sheet.rows, row_group_rows=10)


def _issue(documents: Documents, number: int) -> str:
    made = documents.exchange()
    return (
        f"<issue_start><issue_comment>Title: {made.topic}, part {number}\nusername_0: {made.user}\n"
        f"<issue_comment>username_1: {made.assistant}<issue_closed>"
    )


def _commit(documents: Documents, number: int) -> str:
    before = source_file("python", "commit", number).text
    message = f"Say what it is: {documents.exchange().topic}"
    after = f'"""{message}."""\n\n{before}'
    return f"<commit_before>{before}<commit_msg>{message}\n<commit_after>{after}"


def _script(documents: Documents, number: int) -> str:
    made = documents.exchange()
    code = source_file("python", "script", number).text
    return f"# ---\n# # {made.topic}\n# ---\n\n# {made.user}\n\n{code}"


def _notebook(documents: Documents, number: int) -> str:
    made = documents.exchange()
    code = source_file("python", "notebook", number).text
    return (
        f"<start_jupyter><jupyter_text># {made.topic}\n{made.assistant}<jupyter_code>{code}"
        f"<jupyter_output>{number}<empty_output>"
    )
