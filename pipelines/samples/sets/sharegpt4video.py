"""ShareGPT4Video in small: captions of six sites in one JSON Lines file, videos in a zip a site."""

from __future__ import annotations

import json
from typing import Any

from pipelines.samples import archives, broken
from pipelines.samples.clips import encode
from pipelines.samples.kit import Kit
from pipelines.samples.reels import reel, video_id
from pipelines.samples.talk import Film
from pipelines.samples.truth import Place
from pipelines.samples.words import seeded

REPOS = ("ShareGPT4Video/ShareGPT4Video",)
_FILE = "sharegpt4video_40k.jsonl"
_VARIANT, _NUM_CLIPS = 360, 4
# Of each site: its folder (mixkit's is called mixit), its zip, and what stands before a member.
_SITES = {
    "panda": ("panda", "panda_videos_1.zip", "panda/"),
    "pexels": ("pexels", "pexels_videos_1.zip", ""),
    "pixabay": ("pixabay", "pixabay_videos_14.zip", "pixabay_videos_14/"),
    "mixkit": ("mixit", "mixkit_videos.zip", "mixkit/"),
    "bdd100k": ("bdd100k", "bdd100k_videos.zip", ""),
    "ego4d": ("ego4d", "ego4d_videos_4.zip", "ego4d/"),
}
Row = dict[str, Any]


class _Lines:
    """The one file of all sites: a row's number counts them all."""

    def __init__(self, kit: Kit) -> None:
        self.rows: list[Row] = []
        self._kit = kit

    def add(self, site: str, row: Row, defect: str = "") -> None:
        place = Place("sharegpt4video", site, _FILE, len(self.rows))
        self.rows.append(row)
        if defect:
            self._kit.truth.plant(defect, place)


def write(kit: Kit) -> None:
    lines, folder = _Lines(kit), kit.folder / REPOS[0]
    films = reel(len(_SITES) * _NUM_CLIPS * kit.scale, _VARIANT)
    for place, (site, (target, file, prefix)) in enumerate(_SITES.items()):
        members: list[archives.Member] = []
        for number, film in enumerate(films[place :: len(_SITES)]):
            row = _row(site, file, number, film)
            lines.add(site, row)
            members.append((prefix + row["video_path"].rsplit("/", 1)[1], encode(film.clip)))
        members += _plant(lines, site, file, prefix)
        (folder / "zip_folder" / target).mkdir(parents=True)
        (folder / "zip_folder" / target / file).write_bytes(archives.zip_file(members))
    text = "".join(json.dumps(row) + "\n" for row in lines.rows)
    (folder / _FILE).write_text(text, encoding="utf-8")


def _row(site: str, file: str, number: int, film: Film) -> Row:
    """Captions of single moments, and last the one of the whole video."""
    rng = seeded("sharegpt4video", site, number)
    facts = [answer for _, answer in rng.sample(film.facts, min(3, len(film.facts)))]
    whole = f"{film.caption} {' '.join(fact.rstrip('.') + '.' for fact in facts)}"
    moments = [f"At this moment: {fact}" for fact in facts]
    captions = [{"idx": str(n), "content": text} for n, text in enumerate(moments)]
    name = str(rng.randrange(10**4, 10**6)) if site == "pexels" else video_id(site, number)
    return {
        "video_id": name,
        "video_path": f"{site}/{name}.mp4",
        "timestamp": [f"{n}.0" for n in range(len(moments))],
        "zip_folder": file,
        "captions": [*captions, {"idx": "-1", "content": whole}],
    }


def _plant(lines: _Lines, site: str, file: str, prefix: str) -> list[archives.Member]:
    """Rows that are lost; returns the members that they need."""
    last = lines.rows[-1]
    if site == "panda":
        lines.add(site, {**last, "video_path": f"{site}/removed.mp4"}, "missing_file")
    if site == "ego4d":
        lines.add(site, {**last, "captions": last["captions"][:-1]}, "label_missing")
    if site == "pixabay":
        lines.add(site, {**last, "video_path": f"{site}/expired.mp4"}, "web_page_as_video")
        return [(f"{prefix}expired.mp4", broken.WEB_PAGE)]
    if site == "pexels":
        lines.add(site, {k: v for k, v in last.items() if k != "captions"}, "conversation_missing")
    return []
