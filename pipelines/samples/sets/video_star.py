"""Video-STaR in small: three JSON files of as many shapes, the clips below the sets' folders.

Upstream ships no clips; in a mirror they lie where `--media` would otherwise point.
"""

from __future__ import annotations

import json
from typing import Any

from pipelines.samples import broken
from pipelines.samples.clips import encode
from pipelines.samples.kit import Kit
from pipelines.samples.reels import reel, video_id
from pipelines.samples.talk import Film
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

REPOS = ("orrzohar/Video-STaR",)
_CLASSES = ("juggling balls", "riding a bike", "yoga", "talking on cell phone")
_VARIANT = 100
# Of each subset: file, clips, and how many of a film's questions are asked.
_SETS = {
    "Kinetics700": ("kinetics700_tune_.json", 7, 3),
    "STAR-benchmark": ("starb_tune_.json", 6, 3),
    "FineDiving": ("finediving_tune_.json", 4, 2),
}
Row = dict[str, Any]


def write(kit: Kit) -> None:
    folder = kit.folder / REPOS[0]
    (folder / "ft_json").mkdir(parents=True)
    for place, (subset, (file, count, questions)) in enumerate(_SETS.items()):
        sheet = kit.sheet("video_star", subset, f"ft_json/{file}")
        for number, film in enumerate(reel(count * kit.scale, _VARIANT + 40 * place)):
            path = _path(subset, number)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(encode(film.clip))
            for row in _rows(path, film, number, questions, subset):
                sheet.add(row)
        if subset == "Kinetics700":
            _plant(sheet)
            _plant_clip(folder / "Kinetics700/yoga/broken.mp4", sheet)
        text = json.dumps(_shape(sheet), indent=1)
        (folder / sheet.file).write_text(text, encoding="utf-8")


def _path(subset: str, number: int) -> str:
    if subset == "Kinetics700":
        return f"{subset}/{_CLASSES[number % 4]}/{video_id('k700', number)}_000012_000022.mp4"
    if subset == "FineDiving":
        return f"{subset}/{number % 3 + 1:02d}/{number + 1}.mp4"
    return f"{subset}/charades/{video_id('charades', number)[:5].upper()}.mp4"


def _turns(question: str, answer: Any) -> list[Row]:
    return [
        {"from": "human", "value": f"<video>\n{question}"},
        {"from": "gpt", "value": answer},
    ]


def _rows(path: str, film: Film, number: int, questions: int, subset: str) -> list[Row]:
    """Questions with an answer in words, and one whose answer is a letter or a number."""
    rng = seeded("video_star", subset, number)
    pairs: list[tuple[str, Any]] = list(film.facts[:questions])
    if subset == "FineDiving":
        pairs.append(("How many seconds does the clip last?", film.clip.duration_s))
    else:
        pairs.append(film.ask_choice(rng, number))
    rows: list[Row] = []
    for turn, (question, answer) in enumerate(pairs):
        row: Row = {"video": path, "conversations": _turns(question, answer)}
        if turn % 3 != 2:
            row = {"id": f"{number}_{turn}" if turn else number, **row}
        if turn == 1:
            row["video"] = [path]
        rows.append({**row, "label": {"class": path.split("/")[1]}, "qa_type": "qa"})
    return rows


def _shape(sheet: Sheet) -> Any:
    """An array, an object around one, and rows by id."""
    if sheet.subset == "STAR-benchmark":
        return {"dataset": "STAR-benchmark", "data": sheet.rows}
    if sheet.subset == "FineDiving":
        return {f"dive_{number}": row for number, row in enumerate(sheet.rows)}
    return sheet.rows


def _plant(sheet: Sheet) -> None:
    """The cot and the qa form share one conversation; the rest is what any download may hold."""
    rows = sheet.rows
    sheet.plant("exact_duplicate", {**rows[0], "qa_type": "cot"}, sheet.place(0))
    sheet.plant("missing_file", {**rows[4], "video": "Kinetics700/yoga/gone_000001_000011.mp4"})
    sheet.plant("conversation_missing", {"id": 77, "video": rows[5]["video"]})
    said = [{"from": "narrator", "value": "A"}]
    sheet.plant("unknown_role", {**rows[6], "conversations": said})
    turns = [rows[7]["conversations"][0], {"from": "gpt", "value": None}]
    sheet.plant("text_null", {**rows[7], "conversations": turns})


def _plant_clip(path: Any, sheet: Sheet) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(broken.WEB_PAGE)
    name = "Kinetics700/yoga/broken.mp4"
    sheet.plant("web_page_as_video", {**sheet.rows[8], "video": name})
