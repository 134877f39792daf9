"""VISTA-400K in small: twelve subsets, each asked about minute-long clips of its own, in tars.

A clip shows a word after another in its corner: what comes when is the needle that is asked for.
"""

from __future__ import annotations

import json
import random
from typing import Any

from pipelines.samples import broken
from pipelines.samples.archives import Member
from pipelines.samples.clips import SECTION_COLORS, SECTION_WORDS, Clip, encode
from pipelines.samples.kit import Kit
from pipelines.samples.reels import tar, video_id
from pipelines.samples.talk import Film, film_still
from pipelines.samples.words import seeded

REPOS = ("TIGER-Lab/VISTA-400K",)
_QUESTIONS = (
    "temporal_niah_qa",
    "spatial_niah_qa",
    "spatiotemporal_niah_qa",
    "event_relationship_qa",
    "hr_video_grid_qa",
    "two_needle_niah_qa",
)
_CHOICES = (
    "temporal_niah_mcq",
    "spatial_niah_mcq",
    "spatiotemporal_niah_mcq",
    "event_relationship_mcq",
    "hr_video_grid_mcq",
)
_CAPTIONS = "long_video_caption"
# Films of a subset at scale 1, and questions on each; of a caption there is one.
_NUM_FILMS, _NUM_ROWS = 3, 3
_NUM_CAPTIONED = 6
_ASKS = (
    "Describe the video from beginning to end.",
    "What does this video show, and what changes in it?",
    "Give a detailed account of the video.",
)
Row = dict[str, Any]
Pairs = list[tuple[str, str]]


def write(kit: Kit) -> None:
    taken = 0
    for subset in (*_QUESTIONS, *_CHOICES, _CAPTIONS):
        count = (_NUM_CAPTIONED if subset == _CAPTIONS else _NUM_FILMS) * kit.scale
        films = {number: _film(kit, number) for number in range(taken, taken + count)}
        taken += count
        _write_subset(kit, subset, films)


def _film(kit: Kit, number: int) -> Film:
    return film_still(kit.gallery, "vista", number, 61 + number % 9)


def _pairs(film: Film, subset: str, number: int) -> Pairs:
    if subset == _CAPTIONS:
        facts = " ".join(answer for _, answer in film.facts[:5])
        return [(_ASKS[number % len(_ASKS)], f"{film.caption} {facts}")]
    asked = list(film.facts) if subset in _QUESTIONS else _choices(film.clip, number)
    return seeded("vista", subset, number).sample(asked, _NUM_ROWS)


def _choices(clip: Clip, number: int) -> Pairs:
    """One of four options, for each word when it is shown and in which colour."""
    rng = seeded("vista", number)
    pairs = []
    for place, (word, color) in enumerate(clip.sections):
        second = place * clip.section_s + 2
        ask = f"Which word stands in the corner {second} seconds after the start?"
        pairs.append(_choice(rng, ask, word, SECTION_WORDS))
        ask = f"What is the colour of the letters of {word}?"
        pairs.append(_choice(rng, ask, color, SECTION_COLORS))
    return pairs


def _choice(rng: random.Random, ask: str, right: str, words: tuple[str, ...]) -> tuple[str, str]:
    options = rng.sample([right, *rng.sample([w for w in words if w != right], 3)], 4)
    listed = "\n".join(f"({letter}) {text}" for letter, text in zip("ABCD", options, strict=True))
    answer = f"({'ABCD'[options.index(right)]}) {right}"
    return f"{ask}\n{listed}\nAnswer with the option's letter and text.", answer


def _row(path: str, pairs: Pairs) -> Row:
    turns = []
    for question, answer in pairs:
        turns.append({"from": "human", "value": question})
        turns.append({"from": "gpt", "value": answer})
    return {"image": path, "conversations": turns}


def _write_subset(kit: Kit, subset: str, films: dict[int, Film]) -> None:
    sheet = kit.sheet("vista_400k", subset, f"{subset}.json")
    members: list[Member] = []
    for number, film in films.items():
        path = f"{video_id('vista', number)}_{number}_17to138.mp4"
        members.append((path, encode(film.clip, crf=34)))
        for pair in _pairs(film, subset, number):
            sheet.add(_row(path, [pair]))
    if subset == _QUESTIONS[-1]:
        sheet.plant("web_page_as_video", {**sheet.rows[0], "image": "corrupt_1.mp4"})
        members.append(("corrupt_1.mp4", broken.WEB_PAGE))
        sheet.plant("missing_file", {**sheet.rows[1], "image": "not_packed_1.mp4"})
    if subset == _CHOICES[0]:
        sheet.plant("exact_duplicate", sheet.rows[0], sheet.place(0))
    folder = kit.folder / REPOS[0]
    (folder / subset).mkdir(parents=True)
    (folder / f"{subset}.json").write_text(json.dumps(sheet.rows, indent=2), encoding="utf-8")
    for number, part in ((1, members[:1]), (10, members[1:])):
        (folder / subset / f"{subset}_{number}.tar").write_bytes(tar(part))
