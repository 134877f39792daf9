"""IIW-400 in small: long descriptions as JSON lines, the photos in DOCCI's archive among others."""

from __future__ import annotations

import json
from typing import Any

from pipelines.samples import archives
from pipelines.samples.kit import Kit
from pipelines.samples.stock import Scene, jpeg, photos
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

# Layout url: the mirror's folder has the source's name.
REPOS = ("iiw400",)
_FILE, _ARCHIVE = "data.jsonl", "docci_images_aar.tar.gz"
_FIRST = 4600
_NUM_ROWS, _NUM_OTHERS = 12, 3
# Upstream has 400 photos; the last one is for the row whose photo is missing.
_MAX_ROWS = 399


def write(kit: Kit) -> None:
    sheet = kit.sheet("iiw400", "IIW-400", _FILE)
    members: list[archives.Member] = []
    for number in range(min(_MAX_ROWS, _NUM_ROWS * kit.scale)):
        scene = photos()[(number + 9) % len(photos())]
        image = kit.gallery.take(scene, "iiw400", number)
        members.append((f"images_aar/aar_test_{_FIRST + number:05}.jpg", jpeg(image)))
        sheet.add(_row(scene, number))
    for number in range(_NUM_OTHERS):
        image = kit.gallery.take(photos()[number], "docci", number)
        members.insert(2 * number, (f"images_aar/aar_train_{number:05}.jpg", jpeg(image)))
    _plant(sheet)
    folder = kit.folder / REPOS[0]
    folder.mkdir(parents=True)
    lines = [json.dumps(row) for row in sheet.rows]
    (folder / _FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / _ARCHIVE).write_bytes(archives.tar_gz(members))


def _row(scene: Scene, number: int) -> dict[str, Any]:
    rng = seeded("iiw400", number)
    details = [f"{question} {answer}" for question, answer in scene.facts]
    text = " ".join([*rng.sample(scene.captions, 3), *rng.sample(details, 3)])
    low, high = sorted(rng.sample(range(1000), 2))
    box = {
        "description": f"In the picture is {scene.subject}.",
        "label": scene.subject.capitalize(),
        "normalized_coords": [str(high), "0", str(low), "999"],
    }
    row: dict[str, Any] = {
        "IIW": text,
        "image/key": f"aar_test_{_FIRST + number:05}",
        "objects": [box],
    }
    if number < 4:  # upstream: only the first hundred have been compared
        row["IIW-P5B"] = f"Captured at eye level, {scene.subject} stands out in vivid hues."
        row["iiw-human-sxs-iiw-p5b"] = {"metrics/Specificity": "IIW-Human is marginally better"}
    return row


def _plant(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("missing_file", {**rows[0], "image/key": f"aar_test_{_FIRST + _MAX_ROWS:05}"})
    sheet.plant("label_missing", {**rows[1], "IIW": None})
    sheet.plant("exact_duplicate", rows[2], sheet.place(2))
