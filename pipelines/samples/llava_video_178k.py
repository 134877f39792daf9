"""LLaVA-Video-178K in small: five configs of clips in tar.gz, and the questions of LLaVA-Hound."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from pipelines.samples import archives, broken
from pipelines.samples.clips import encode
from pipelines.samples.hound import Hound
from pipelines.samples.stock import Gallery
from pipelines.samples.talk import Film, film_ball, film_long, film_pan, film_shot, film_still
from pipelines.samples.truth import Sheet, Truth
from pipelines.samples.words import seeded

SOURCE = "llava_video_178k"
REPO = "lmms-lab/LLaVA-Video-178K"
ACADEMIC, NEXTQA = "0_30_s_academic_v0_1", "0_30_s_nextqa"
ACTIVITY, HOUND = "1_2_m_activitynetqa", "llava_hound"
_NUM_HOUND_ROWS = 44
_NUM_LONG_ROWS = 14
# Configs of longer clips: seconds of the first one, and how much longer each next one is.
_LONGER = {"1_2_m_academic_v0_1": (62, 7), "2_3_m_academic_v0_1": (122, 7)}
_NUM_LONGER, _NUM_ASKED = 8, 5
_CAPTION_ASKS = (
    "Please provide a detailed description of the video, focusing on the main subjects.",
    "Can you describe what happens in the video, in the order in which it happens?",
    "Write a caption that would let a blind reader follow this video.",
    "What is going on in this clip? Describe it thoroughly.",
)
Row = dict[str, Any]
Clips = dict[str, tuple[Film, bytes]]


def write(folder: Path, truth: Truth, scale: int, hound: Hound) -> None:
    repo = folder / REPO
    academic = _academic(repo, truth, scale)
    _nextqa(repo, truth, scale, academic)
    _activity(repo, truth, scale)
    for config in _LONGER:
        _longer(repo, truth, scale, config)
    sheet = _sheet(truth, HOUND, "sharegptvideo_qa_255k_processed.json")
    hound.fill_llava(sheet, _NUM_HOUND_ROWS * scale)
    _write_json(repo, sheet)


def _sheet(truth: Truth, config: str, name: str) -> Sheet:
    return Sheet(truth, SOURCE, config, f"{config}/{name}")


def _write_json(repo: Path, sheet: Sheet) -> None:
    path = repo / sheet.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(sheet.rows, indent=4), encoding="utf-8")


def _write_tar(repo: Path, config: str, number: int, members: list[archives.Member]) -> None:
    path = repo / config / f"{config}_videos_{number}.tar.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archives.tar_gz(members))


def _row(config: str, path: str, turns: list[tuple[str, str]], has_id: bool = True) -> Row:
    """Only the first question has the marker, and for a video it says image."""
    conversations = []
    for number, (ask, answer) in enumerate(turns):
        marker = "" if number else "<image>\n"
        conversations.append({"from": "human", "value": f"{marker}{ask}"})
        conversations.append({"from": "gpt", "value": answer})
    row: Row = {"id": Path(path).stem} if has_id else {}
    return {**row, "conversations": conversations, "data_source": config, "video": path}


def _caption(film: Film, rng: random.Random) -> str:
    facts = [answer for _, answer in rng.sample(film.facts, min(3, len(film.facts)))]
    sentences = [fact if fact.endswith(".") else f"{fact}." for fact in facts]
    return f"{film.caption} Some details: {' '.join(sentences)}"


def _members(clips: Clips) -> list[archives.Member]:
    return [(path, data) for path, (_, data) in clips.items()]


def _academic(repo: Path, truth: Truth, scale: int) -> Clips:
    clips = _academic_clips(12 * scale)
    caption = _sheet(truth, ACADEMIC, f"{ACADEMIC}_cap_processed.json")
    choice = _sheet(truth, ACADEMIC, "0_30_s_academic_mc_v0_1_qa_processed.json")
    open_ended = _sheet(truth, ACADEMIC, "0_30_s_academic_oe_v0_1_qa_processed.json")
    for number, (path, (film, _)) in enumerate(clips.items()):
        rng = seeded("academic", "ask", number)
        # A marker without any words is a whole question upstream, too.
        ask = "" if number == 7 else _CAPTION_ASKS[number % len(_CAPTION_ASKS)]
        caption.add(_row(ACADEMIC, path, [(ask, _caption(film, rng))], number % 5 != 4))
        open_ended.add(_row(ACADEMIC, path, list(film.facts[:2])))
        open_ended.add(_row(ACADEMIC, path, list(film.facts[2:])))
        for turn in range(len(film.choices)):
            choice.add(_row(ACADEMIC, path, [film.ask_choice(rng, turn)]))
    bad = _plant_media(caption, open_ended, next(iter(clips.values()))[1])
    _plant_turns(open_ended, choice)
    members = _members(clips)
    half = len(members) // 2
    _write_tar(repo, ACADEMIC, 1, members[:half])
    _write_tar(repo, ACADEMIC, 2, [*members[half:], *bad])
    for sheet in (caption, open_ended, choice):
        _write_json(repo, sheet)
    return clips


def _academic_clips(count: int) -> Clips:
    """Nine shots of real footage to three drawn clips."""
    folders = ("Charades", "youcook2", "ego4d", "activitynet")
    clips: Clips = {}
    for number in range(count):
        rng = seeded("academic", number)
        seconds, kind = 4 + number % 4, number % 12
        film = film_ball(number, seconds) if kind > 8 else film_shot(kind, seconds, number // 12)
        name = "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(5))
        clips[f"academic_source/{folders[number % 4]}/{name}.mp4"] = (film, encode(film.clip))
    return clips


def _plant_media(caption: Sheet, open_ended: Sheet, clip: bytes) -> list[archives.Member]:
    """Rows of both files that name broken clips, which are returned, or none at all."""
    place = "academic_source/ego4d"
    bad = [
        ("web_page_as_video", f"{place}/8f21c0aa.mp4", broken.WEB_PAGE),
        ("mp4_without_index", f"{place}/b71e99d4.mp4", broken.without_index(clip)),
        ("mp4_without_picture", f"{place}/c5d3107e.mp4", broken.without_picture()),
    ]
    for number, (defect, path, _) in enumerate(bad):
        caption.plant(defect, {**caption.rows[number], "video": path})
        open_ended.plant(defect, {**open_ended.rows[number], "video": path})
    caption.plant("exact_duplicate", {**caption.rows[4], "id": "again"}, caption.place(4))
    open_ended.plant("missing_file", {**open_ended.rows[4], "video": f"{place}/00000000.mp4"})
    return [(path, data) for _, path, data in bad]


def _plant_turns(sheet: Sheet, choice: Sheet) -> None:
    rows = sheet.rows
    first, answer = rows[6]["conversations"][:2]
    sheet.plant("row_not_an_object", None)
    sheet.plant("conversation_missing", {"id": "lost", "video": rows[5]["video"]})
    again = {**first, "value": "<image>\nOnce more: what is this?"}
    for defect, row, turns in (
        ("empty_answer", rows[6], [first, {**answer, "value": ""}]),
        ("no_answer", rows[7], rows[7]["conversations"][:1]),
        ("too_many_markers", rows[8], [first, answer, again, answer]),
        ("control_token", rows[9], [first, {**answer, "value": "It is red.<|im_end|>"}]),
    ):
        sheet.plant(defect, {**row, "conversations": turns})
    said = [{"from": "bot", "value": "A"}]
    choice.plant("unknown_role", {**choice.rows[0], "conversations": said})


def _nextqa(repo: Path, truth: Truth, scale: int, academic: Clips) -> None:
    clips: Clips = {}
    for number in range(8 * scale):
        rng = seeded("nextqa", number)
        seconds = 3 + number % 3
        film = (
            film_shot(number + 1, seconds, 30 + number)
            if number % 2
            else film_pan(number + 2, seconds, 30 + number)
        )
        path = f"NextQA/NExTVideo/{1000 + number % 6:04d}/{rng.randrange(10**9, 10**10)}.mp4"
        clips[path] = (film, encode(film.clip))
    choice = _sheet(truth, NEXTQA, f"{NEXTQA}_mc_qa_processed.json")
    open_ended = _sheet(truth, NEXTQA, f"{NEXTQA}_oe_qa_processed.json")
    for number, (path, (film, _)) in enumerate(clips.items()):
        rng = seeded("nextqa", "ask", number)
        for fact in film.facts:
            open_ended.add(_row(NEXTQA, path, [fact]))
        for turn in range(len(film.choices)):
            choice.add(_row(NEXTQA, path, [film.ask_choice(rng, turn)], number % 4 != 1))
    copies = _plant_copies(open_ended, truth, academic)
    _write_tar(repo, NEXTQA, 1, [*_members(clips), *copies])
    _write_json(repo, open_ended)
    _write_json(repo, choice)
    _cut_short(repo, choice, truth)


def _plant_copies(sheet: Sheet, truth: Truth, academic: Clips) -> list[archives.Member]:
    """Clips of another config under other names, asked the same: one as it is, one re-encoded."""
    films = list(academic.values())[:2]
    paths = [f"NextQA/NExTVideo/1001/{number}.mp4" for number in (4_010_069_381, 5_296_635_780)]
    rows = [
        _row(NEXTQA, path, list(film.facts)[:2])
        for path, (film, _) in zip(paths, films, strict=True)
    ]
    kept = _sheet(truth, ACADEMIC, "0_30_s_academic_oe_v0_1_qa_processed.json")
    sheet.plant("exact_duplicate_across_subsets", rows[0], kept.place(0))
    sheet.plant("near_duplicate_clip", rows[1], kept.place(2))
    return [(paths[0], films[0][1]), (paths[1], encode(films[1][0].clip, crf=36))]


def _cut_short(repo: Path, sheet: Sheet, truth: Truth) -> None:
    """The download of this file stopped inside its last row."""
    path = repo / sheet.file
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b'"data_source"')])
    truth.plant("json_cut_short", sheet.place(len(sheet.rows) - 1))


def _activity(repo: Path, truth: Truth, scale: int) -> None:
    clips: Clips = {}
    for number, (scene, seconds) in enumerate(((0, 66), (3, 70), (7, 74)) * scale):
        film = film_long(scene, number, seconds)
        rng = seeded("activity", number)
        name = "".join(rng.choice("ABCDEFGHIJKLMNabcdefghijklmn0123456789") for _ in range(11))
        path = f"ActivityNet-QA/activitynet/train/v1-3/train_val/v_{name}.mp4"
        clips[path] = (film, encode(film.clip))
    sheet = _sheet(truth, ACTIVITY, f"{ACTIVITY}_oe_qa_processed.json")
    for path, (film, _) in clips.items():
        for fact in film.facts[:_NUM_LONG_ROWS]:
            sheet.add(_row(ACTIVITY, path, [fact]))
    _write_tar(repo, ACTIVITY, 1, _members(clips))
    _write_json(repo, sheet)


def _longer(repo: Path, truth: Truth, scale: int, config: str) -> None:
    """Clips of one to three minutes, with a caption and single questions each."""
    gallery, (first_s, step_s) = Gallery(), _LONGER[config]
    caption = _sheet(truth, config, f"{config}_cap_processed.json")
    stem = config.removesuffix("_v0_1")
    open_ended = _sheet(truth, config, f"{stem}_oe_v0_1_qa_processed.json")
    clips: Clips = {}
    for number in range(_NUM_LONGER * scale):
        film = film_still(gallery, config, number, first_s + step_s * (number % _NUM_LONGER))
        rng = seeded(config, number)
        path = f"academic_source/ego4d/{rng.getrandbits(64):016x}.mp4"
        clips[path] = (film, encode(film.clip, crf=34))
        ask = _CAPTION_ASKS[number % len(_CAPTION_ASKS)]
        caption.add(_row(config, path, [(ask, _caption(film, rng))], number % 5 != 4))
        for pair in rng.sample(film.facts, _NUM_ASKED):
            open_ended.add(_row(config, path, [pair]))
    _write_tar(repo, config, 1, _members(clips))
    _write_json(repo, caption)
    _write_json(repo, open_ended)
