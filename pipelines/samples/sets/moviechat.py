"""MovieChat-1K in small: a JSON file and a film each, with what is known to be wrong upstream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipelines.samples.clips import encode
from pipelines.samples.kit import Kit
from pipelines.samples.talk import Film, film_still
from pipelines.samples.truth import Place

REPOS = ("Enxin/MovieChat-1K_train",)
_SERIES = ("AWA", "TFS", "s02e10", "BWB", "MV")
_NUM_MOVIES = 12
# Some are longer than three minutes; upstream's are longer still.
_SECONDS = (34, 190, 250, 37, 310)
_SUBSETS = ("descriptions", "global_qa", "breakpoint_qa")


def write(kit: Kit) -> None:
    folder = kit.folder / REPOS[0]
    for name in ("jsons", "raw_videos"):
        (folder / name).mkdir(parents=True)
    movies = [_film(kit, number) for number in range(_NUM_MOVIES * kit.scale)]
    for number, film in enumerate(movies):
        name = f"{_SERIES[number % len(_SERIES)]}-{number + 1}"
        _write_json(folder, name, _movie(name, film, number))
        suffix = (".mp4", ".MP4")[number % 5 == 3]
        (folder / f"raw_videos/{name}{suffix}").write_bytes(encode(film.clip, crf=34))
    _plant(kit, folder, movies)


def _film(kit: Kit, number: int) -> Film:
    seconds = _SECONDS[number % len(_SECONDS)] + number
    return film_still(kit.gallery, "moviechat", number, seconds)


def _write_json(folder: Path, name: str, movie: dict[str, Any]) -> None:
    (folder / f"jsons/{name}.json").write_text(json.dumps(movie, indent=4), encoding="utf-8")


def _movie(name: str, film: Film, number: int) -> dict[str, Any]:
    caption = f"{film.caption} {film.facts[0][1]} {film.facts[1][1]}"
    info = {
        "video_path": f"{name}.mp4",
        "fps": film.clip.fps,
        "num_frame": len(film.clip.frames),
        "class": "documentary film",
    }
    return {
        "info": info,
        "global": [{"question": q, "answer": a} for q, a in film.facts[2 + number % 2 : 5]],
        "breakpoint": _breakpoints(film),
        "caption": f'"{caption}"' if number % 3 == 1 else caption,
    }


def _breakpoints(film: Film) -> list[dict[str, Any]]:
    """What is shown in the middle of a section, whose frame is named."""
    clip = film.clip
    points = []
    for place, (word, color) in enumerate(clip.sections):
        frame = (place * clip.section_s + clip.section_s // 2) * clip.fps
        if frame < len(clip.frames):
            question = ("Which word is shown?", "Which word is it, and in which colour?")[place % 2]
            answer = (f"The word {word}.", f"It is {word}, in {color}.")[place % 2]
            points.append({"time": frame, "question": question, "answer": answer})
    return points


def _plant(kit: Kit, folder: Path, movies: list[Film]) -> None:
    """Movies that were never uploaded, and a text with bare quotes; a row is a file's number."""
    for name, film in (("179", movies[0]), ("s02e10-3x", movies[1])):
        _write_json(folder, name, _movie(name, film, 0))
    text = '{"info": {"video_path": "TNG-1.mp4"}, "caption": "He says "no" and leaves."}'
    (folder / "jsons/TNG-1.json").write_text(text, encoding="utf-8")
    names = [p.stem for p in sorted((folder / "jsons").iterdir())]
    for name in ("179", "s02e10-3x"):
        for group, subset in enumerate(_SUBSETS):
            place = Place("moviechat", subset, "jsons", names.index(name), group)
            kit.truth.plant("missing_file", place)
    place = Place("moviechat", _SUBSETS[0], "jsons", names.index("TNG-1"))
    kit.truth.plant("stray_quotes", place)
