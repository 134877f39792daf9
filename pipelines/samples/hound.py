"""LLaVA-Hound's clips as folders of frames, asked about by two sources.

The frames lie in a third repository, `train_300k/chunk_<n>.tar.gz` with members
`<clip>/c01_0001.jpeg` at two a second and 336 pixels wide; rows name a clip
`shareVideoGPTV/frames/all_frames/<clip>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.samples import archives
from pipelines.samples.clips import frames_as_jpeg
from pipelines.samples.talk import Film, film_ball, film_pan, film_shot
from pipelines.samples.truth import Place, Sheet
from pipelines.samples.words import seeded

REPO = "ShareGPTVideo/train_video_and_instruction"
_PREFIX = "shareVideoGPTV/frames/all_frames"
_NUM_SHOTS, _NUM_PANS, _NUM_BALLS = 9, 4, 3
_FRAME_WIDTH_PX = 336
_FPS = 2
_CHUNKS = 2
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Question:
    clip: str
    number: int
    ask: str
    answer: str


class Hound:
    """The clips, and questions about them that are handed out once each."""

    def __init__(self, scale: int) -> None:
        self._films: dict[str, Film] = {}
        for number in range(_NUM_SHOTS * scale):
            name = f"v_{_name(number)}-Scene-{number + 1:03d}"
            self._films[name] = film_shot(number, 5, 20 + number, _FPS)
        for number in range(_NUM_PANS * scale):
            name = str(23_230_678 + 977 * number)
            self._films[name] = film_pan(number * 4 + 1, 4, 20 + number, _FPS)
        for number in range(_NUM_BALLS * scale):
            self._films[_name(500 + number)] = film_ball(20 + number, 4.5, _FPS)
        self._left = self._questions()
        self.llava_copy: tuple[_Question, Place] | None = None

    def _questions(self) -> list[_Question]:
        """Round after round over all clips, so that any head of the list asks about each."""
        asked: list[_Question] = []
        for name, film in self._films.items():
            rng = seeded("hound", name)
            pairs = [("Describe the video in one or two sentences.", film.caption), *film.facts]
            pairs += [film.ask_choice(rng, number) for number in range(len(film.choices))]
            asked += [_Question(name, n, *pair) for n, pair in enumerate(pairs)]
        return sorted(asked, key=lambda question: (question.number, question.clip))

    def write_frames(self, folder: Path) -> None:
        target = folder / REPO / "train_300k"
        target.mkdir(parents=True, exist_ok=True)
        chunks: list[list[archives.Member]] = [[] for _ in range(_CHUNKS)]
        for number, (name, film) in enumerate(self._films.items()):
            frames = frames_as_jpeg(film.clip, _FRAME_WIDTH_PX)
            chunks[number % _CHUNKS] += [
                (f"{name}/c01_{n + 1:04d}.jpeg", data) for n, data in enumerate(frames)
            ]
        for number, members in enumerate(chunks):
            (target / f"chunk_{number}.tar.gz").write_bytes(archives.tar_gz(members))

    def fill_llava(self, sheet: Sheet, count: int) -> None:
        """Rows of sharegptvideo_qa_255k_processed.json."""
        for number in range(count):
            question = self._left.pop(0)
            place = sheet.add(_row(question))
            if number == 4:
                self.llava_copy = question, place
        gone = _Question(_name(900), 1, "What happens at the end?", "The lights go out.")
        sheet.plant("missing_file", _row(gone))

    def fill_m4(self, sheet: Sheet, count: int) -> None:
        """Rows of m4_instruct_video.json; one of them LLaVA-Video holds too."""
        for number in range(count):
            sheet.add(_row(self._left.pop(0)))
            if number == count // 2:
                assert self.llava_copy is not None, "LLaVA-Video is written first"
                question, place = self.llava_copy
                sheet.plant("exact_duplicate_across_sources", _row(question), place)


def _name(number: int) -> str:
    """Eleven characters, as YouTube's ids have."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
    rng = seeded("hound", "name", number)
    return "".join(rng.choice(letters) for _ in range(11))


def _row(question: _Question) -> Row:
    """One row in five or so has no id, as upstream."""
    row: Row = {"id": f"{question.clip}_{question.number}"}
    if question.number == 3:
        row = {}
    return {
        **row,
        "conversations": [
            {"from": "human", "value": f"<image>\n{question.ask}"},
            {"from": "gpt", "value": question.answer},
        ],
        "data_source": "llava_hound",
        "video": f"{_PREFIX}/{question.clip}",
    }
