"""MAmmoTH-VL in small: both JSON arrays, every subset, and archives of each of the three folders.

Photos stand below the first folders that upstream's rows name; one archive has a further folder
above them.
"""

from __future__ import annotations

from typing import Any

import orjson

from pipelines.samples import broken
from pipelines.samples.archives import Member, tar_gz
from pipelines.samples.clips import encode
from pipelines.samples.kit import Kit
from pipelines.samples.pairs import edited_pair, view
from pipelines.samples.questions import Questions
from pipelines.samples.reels import reel
from pipelines.samples.stock import jpeg
from pipelines.samples.truth import Place
from pipelines.samples.words import seeded

SOURCE = "mammoth_vl"
REPOS = ("MAmmoTH-VL/MAmmoTH-VL-Instruct-12M",)
SINGLE, MIXED = "mammoth_si_10M.json", "mammoth_ov_2M.json"
# Rows at scale 1, and where the films of this source begin (see reels.reel).
_NUM_SINGLE, _NUM_ROUNDS, _NUM_CLIPS, _VARIANT = 16, 14, 5, 380
# First folder, source, and whether it is LLaVA-OneVision's.
_SETS = (
    ("Cambrian-10M/idefics375k", "idefics375k_new.json"),
    ("LLaVA-OneVision-Data/image_textualization(filtered)", "image_textualization.json"),
    ("LLaVA-NeXT-Data/coco", "SVIT_mix_665K_new.json"),
)
Row = dict[str, Any]


class _File:
    """One annotation file: rows of all its subsets, numbered together."""

    def __init__(self, kit: Kit, name: str) -> None:
        self.rows: list[Any] = []
        self._truth, self._name = kit.truth, name

    def add(self, subset: str, row: Any) -> Place:
        self.rows.append(row)
        return Place(SOURCE, subset, self._name, len(self.rows) - 1)

    def plant(self, defect: str, subset: str, row: Any, matched: Place | None = None) -> None:
        self._truth.plant(defect, self.add(subset, row), matched)


class _Media:
    """Members by archive; a put returns the path that rows name."""

    def __init__(self) -> None:
        self._members: dict[str, list[Member]] = {}

    def put(self, archive: str, path: str, data: bytes, above: str = "") -> str:
        self._members.setdefault(archive, []).append((above + path, data))
        return path

    def write(self, kit: Kit) -> None:
        for archive, members in self._members.items():
            target = kit.folder / REPOS[0] / archive
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(tar_gz(members))


def write(kit: Kit) -> None:
    media, texts = _Media(), Questions(SOURCE, "Explain your steps.")
    mixed, single = _File(kit, MIXED), _File(kit, SINGLE)
    places = [_write_round(kit, mixed, media, texts, n) for n in range(_NUM_ROUNDS * kit.scale)]
    for number, film in enumerate(reel(_NUM_CLIPS * kit.scale, _VARIANT)):
        path = f"LLaVA-Video-178K/0_30_s_academic_v0_1/academic_source/{number}.mp4"
        media.put("video_data/shard_1.tar.gz", path, encode(film.clip))
        question, answer = film.facts[number % len(film.facts)]
        mixed.add("video", {**_row(f"video-{number}", [(question, answer)], 1), "video": path})
    for number in range(_NUM_SINGLE * kit.scale):
        if number % 4 == 3:
            row = _row(f"text-{number}", texts.chat(1 + number % 2), 0)
            single.add("single_image", {**row, "image": None, "source": "orca_math.json"})
        else:
            single.add("single_image", _picture(kit, media, number, "single", number))
    _plant(kit, mixed, media)
    twin = {**mixed.rows[places[2].row], "id": 31, "source": "cambrian.json"}
    single.plant("exact_duplicate_across_subsets", "single_image", twin, places[2])
    said = [{"value": "Who says this?"}]
    single.plant("conversation_missing", "single_image", {**single.rows[1], "conversations": said})
    media.write(kit)
    for name, file in ((MIXED, mixed), (SINGLE, single)):
        (kit.folder / REPOS[0] / name).write_bytes(orjson.dumps(file.rows))


def _write_round(kit: Kit, mixed: _File, media: _Media, texts: Questions, number: int) -> Place:
    """A row of each subset but video; returns where the single picture stands."""
    pair = edited_pair(kit.gallery, SOURCE, number)
    names = [f"M4-Instruct-Data/HQ-Edit/images/{700_000 + 2 * number + n}.jpg" for n in (0, 1)]
    for name, data in zip(names, (pair.first, pair.second), strict=True):
        media.put("multi_image_data/shard_1.tar.gz", name, data)
    row = _row(f"m4-{number}", [(pair.question, pair.answer)], 2)
    # Some rows name their source otherwise.
    key = "datasource" if number % 3 == 2 else "source"
    mixed.add("multi_image", {**row, "image": names, key: "m4_instruct_annotations.json"})
    place = mixed.add("ov_image", _picture(kit, media, number, "ov", 2 * (number % 2)))
    if number % 2:
        mixed.add("ov_image_onevision", _picture(kit, media, number, "onevision", 1))
    mixed.add("text", {**_row(number, texts.chat(2), 0), "source": "magpie_pro.json"})
    return place


def _row(name: str | int, pairs: list[tuple[str, str]], num_images: int) -> Row:
    turns = []
    for place, (question, answer) in enumerate(pairs):
        marker = "<image>" * num_images + "\n" if num_images and not place else ""
        turns += [{"from": "human", "value": marker + question}]
        turns += [{"from": "gpt", "value": answer}]
    return {"id": name, "conversations": turns}


def _picture(kit: Kit, media: _Media, number: int, series: str, which: int) -> Row:
    """A photo with one to three questions; every fifth id is a number."""
    scene, image = view(kit.gallery, f"mammoth {series}", number)
    rng = seeded(SOURCE, series, number)
    folder, source = _SETS[which % len(_SETS)]
    path = f"{folder}/{series}_{number:06d}.jpg"
    archive = f"single_image_data/shard_{number % 2 + 1}.tar.gz"
    media.put(archive, path, jpeg(image), above="" if number % 2 else "images/")
    facts = rng.sample(scene.facts, rng.randint(1, min(3, len(scene.facts))))
    name = number if number % 5 == 4 else f"{source}-{284_624 + number}"
    return {**_row(name, facts, 1), "image": path, "source": source}


def _plant(kit: Kit, mixed: _File, media: _Media) -> None:
    pair, picture, text = mixed.rows[0], mixed.rows[1], mixed.rows[2]
    gone = [pair["image"][0], "M4-Instruct-Data/HQ-Edit/images/1.jpg"]
    mixed.plant("missing_file", "multi_image", {**pair, "image": gone})
    turns = [{"from": "human", "value": "<image>\nWhat has changed?"}, pair["conversations"][1]]
    mixed.plant("too_few_markers", "multi_image", {**pair, "conversations": turns})
    mixed.plant("exact_duplicate", "multi_image", pair, Place(SOURCE, "multi_image", MIXED, 0))
    answered = [picture["conversations"][0], {"from": "gpt", "value": ""}]
    mixed.plant("empty_answer", "ov_image", {**picture, "conversations": answered})
    data = broken.truncated(jpeg(view(kit.gallery, "mammoth cut", 0)[1]))
    cut = media.put("single_image_data/shard_1.tar.gz", "Cambrian-10M/idefics375k/cut.jpg", data)
    mixed.plant("truncated_jpeg", "ov_image", {**picture, "image": [cut]})
    mixed.plant("text_null", "text", {**text, "conversations": [{"from": "human", "value": None}]})
    mixed.plant("row_not_an_object", "text", "mammoth_ov_multi(700K).json")
