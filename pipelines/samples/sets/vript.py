"""Vript in small: captions of long and short videos in zips, their scenes as clips in others."""

from __future__ import annotations

import json
from typing import Any

from pipelines.samples import archives
from pipelines.samples.clips import encode
from pipelines.samples.kit import Kit
from pipelines.samples.reels import reel, video_id
from pipelines.samples.talk import Film
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

REPOS = ("Mutonix/Vript",)
_VARIANT = 230
# Of each subset: videos, scenes a video, and the folder's and the zips' names.
_SETS = {"long": (5, 3, "clips", 1095), "short": (5, 2, "shorts_clips", 42)}
_SHOTS = ("Medium shot, subject centered.", "Wide shot, eye level.", "Close-up, slight low angle.")
_SPOKEN = (
    "Hey everyone, welcome back.",
    "So this is what it looks like.",
    "Let me show you something.",
    "Boa tarde, pessoal.",
    "And that is it for today.",
)
Scenes = list[tuple[str, dict[str, Any]]]


def write(kit: Kit) -> None:
    for place, (subset, (count, scenes, stem, total)) in enumerate(_SETS.items()):
        folder = kit.folder / REPOS[0]
        file = f"vript_captions/vript_{subset}_videos_captions.zip"
        sheet = kit.sheet("vript", subset, file)
        count *= kit.scale
        films = reel(count * scenes, _VARIANT + 60 * place)
        names = sorted(_name(subset, number) for number in range(count))
        captions = [_broken(sheet)] if subset == "long" else []
        clips: list[archives.Member] = []
        for number, name in enumerate(names):
            taken = films[number * scenes : (number + 1) * scenes]
            clips += [_member(name, n, film) for n, film in enumerate(taken, 1)]
            captions.append(_captions(sheet, name, taken, last=number == count - 1))
        _write(folder / file, archives.zip_file(captions))
        target = folder / f"vript_{subset}_videos_clips"
        half = len(clips) // 2
        for number, members in ((2, clips[:half]), (10, clips[half:]), (1001, [])):
            if number <= total:
                _write(target / f"{stem}_{number}_of_{total}.zip", archives.zip_file(members))


def _write(path: Any, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _name(subset: str, number: int) -> str:
    name = video_id("vript", subset, number)
    return f"-_{name[2:]}" if number == 1 else name


def _member(name: str, scene: int, film: Film) -> archives.Member:
    return f"{name}/{name}-Scene-{scene:03d}.mp4", encode(film.clip)


def _broken(sheet: Sheet) -> archives.Member:
    """A member that was cut; its name stands before all others, and takes one row."""
    sheet.plant("json_cut_short", None)
    return "+cut_caption.json", b'{"meta": {"video_id": "+cut", "num_clips": 9'


def _captions(sheet: Sheet, name: str, films: list[Film], last: bool) -> archives.Member:
    """A video's captions; those of the last one are not whole, and one of its clips is missing."""
    scenes: Scenes = []
    for number, film in enumerate(films, 1):
        about = _scene(name, number, film)
        sheet.add(about)
        scenes.append((about["clip_id"], about))
    if last:
        lost = _scene(name, len(films) + 1, films[0])
        sheet.plant("missing_file", lost)
        bare = _scene(name, len(films) + 2, films[0]) | {"caption": None}
        sheet.plant("label_missing", bare)
        scenes += [(about["clip_id"], about) for about in (lost, bare)]
    meta = {"video_id": name, "video_title": _title(films[0]), "num_clips": len(scenes)}
    whole = {"meta": {**meta, "integrity": not last}, "data": dict(scenes)}
    return f"{name}_caption.json", json.dumps(whole, ensure_ascii=False).encode()


def _title(film: Film) -> str:
    return f"All about {film.clip.scene.subject} - Ep. {len(film.caption) % 40 + 1}"


def _scene(name: str, number: int, film: Film) -> dict[str, Any]:
    rng = seeded("vript", name, number)
    facts = " ".join(answer for _, answer in film.facts[:3])
    caption = {
        "shot_type": rng.choice(_SHOTS),
        "camera_movement": _movement(film),
        "content": f"{film.caption} {facts}",
        "scene_title": film.clip.scene.subject.capitalize(),
    }
    if rng.random() < 0.2:
        caption |= {"shot_type": "", "camera_movement": ""}
    return {
        "video_id": name,
        "clip_id": f"{name}-Scene-{number:03d}",
        "video_title": _title(film),
        "caption": caption,
        "voiceover": rng.sample(_SPOKEN, rng.randrange(3)),
    }


def _movement(film: Film) -> str:
    question, answer = film.facts[0]
    return answer if question.startswith("Does the camera") else "The camera keeps its place."
