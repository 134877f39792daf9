"""MathWriting in small: one tgz of inks that a pen of this package wrote, with its two indexes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.samples import archives
from pipelines.samples.expressions import Part, make_expression, scaled
from pipelines.samples.strokes import GLYPHS, Pen, Stroke, Token, write_inkml
from pipelines.samples.truth import Place, Truth
from pipelines.samples.words import seeded

SOURCE = "mathwriting"
FILE = "mathwriting-2024.tgz"
_ROOT = "mathwriting-2024"
_COUNTS = {"train": 44, "synthetic": 42, "symbols": 42, "valid": 10, "test": 8}
_HELD_OUT = ("valid", "test")
_README = (
    "# MathWriting Dataset\n\nA small mirror with the layout of the real archive. Its inks were "
    "drawn by\n`mixture samples` of smolmix, none of them comes from the dataset.\n\nThe ground "
    "truth is in the `normalizedLabel` field, for inks under `symbols/` in `label`.\n"
)


@dataclass(frozen=True, slots=True)
class _Ink:
    """A written expression: its parts, the strokes, and which strokes made which token."""

    part: Part
    strokes: list[Stroke]
    owners: list[tuple[Token, list[int]]]


def write(folder: Path, truth: Truth, scale: int) -> None:
    shelf = _Shelf(truth)
    written = {
        split: [_human(split, number) for number in range(_COUNTS[split] * scale)]
        for split in ("train", "valid", "test")
    }
    for split, inks in written.items():
        for ink in inks:
            notes = _notes(split, ink.part, human=True)
            shelf.add(split, notes, ink.strokes, "held_out_split" if split in _HELD_OUT else "")
    _plant(shelf, written["train"])
    boxes = [_synthetic(shelf, number) for number in range(_COUNTS["synthetic"] * scale)]
    glyphs = _symbols(shelf, written["train"], _COUNTS["symbols"] * scale)
    shelf.members.append((f"{_ROOT}/synthetic-bboxes.jsonl", _lines(boxes)))
    shelf.members.append((f"{_ROOT}/symbols.jsonl", _lines(glyphs)))
    shelf.members.append((f"{_ROOT}/readme.md", _README.encode()))
    path = folder / SOURCE / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archives.tar_gz(shelf.members))


class _Shelf:
    """Members of the archive in order. A row is an ink, counted over all folders."""

    def __init__(self, truth: Truth) -> None:
        self.members: list[tuple[str, bytes]] = []
        self.train_ids: list[str] = []
        self._truth = truth

    def add(
        self, folder: str, notes: dict[str, str], strokes: list[Stroke], defect: str = ""
    ) -> Place:
        """Add an ink under a new id."""
        ink_id = self._new_id(folder)
        if folder == "train":
            self.train_ids.append(ink_id)
        return self._add(folder, ink_id, notes, strokes, defect)

    def add_raw(self, folder: str, defect: str, data: bytes) -> None:
        place = Place(SOURCE, folder, FILE, len(self.members))
        self.members.append((f"{_ROOT}/{folder}/{self._new_id(folder)}.inkml", data))
        self._truth.plant(defect, place)

    def add_twice(self, notes: dict[str, str], strokes: list[Stroke]) -> None:
        """An ink of synthetic in the folder train, and once more where it belongs."""
        ink_id = self._new_id("merged")
        kept = self._add("train", ink_id, notes, strokes)
        self._add("synthetic", ink_id, notes, strokes, "exact_duplicate", kept)

    def _new_id(self, folder: str) -> str:
        name = f"{folder}/{len(self.members)}".encode()
        return hashlib.blake2b(name, digest_size=8).hexdigest()

    def _add(
        self,
        folder: str,
        ink_id: str,
        notes: dict[str, str],
        strokes: list[Stroke],
        defect: str = "",
        matched: Place | None = None,
    ) -> Place:
        """The ink's own tag is its subset; its id stands before the normalised label."""
        head = {name: text for name, text in notes.items() if name != "normalizedLabel"}
        tail = {name: text for name, text in notes.items() if name == "normalizedLabel"}
        data = write_inkml({**head, "sampleId": ink_id, **tail}, strokes)
        place = Place(SOURCE, notes["splitTagOriginal"], FILE, len(self.members))
        self.members.append((f"{_ROOT}/{folder}/{ink_id}.inkml", data))
        if defect:
            self._truth.plant(defect, place, matched)
        return place


def _lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def _notes(split: str, part: Part, human: bool, method: str = "") -> dict[str, str]:
    notes = {
        "label": part.label,
        "splitTagOriginal": split,
        "inkCreationMethod": "human" if human else "boundingBoxes",
    }
    if method:
        notes["labelCreationMethod"] = method
    return {**notes, "normalizedLabel": part.normalized}


def _human(split: str, number: int) -> _Ink:
    """An ink as a device records it: a digit is 50 to 140 units high."""
    rng = seeded("mathwriting", split, number)
    part = make_expression(rng, number)
    placed = scaled(part, rng.uniform(50, 140), rng.uniform(40, 240), rng.uniform(100, 300))
    return _written(placed, Pen(rng))


def _written(part: Part, pen: Pen) -> _Ink:
    strokes = pen.write(list(part.tokens))
    owners, first = [], 0
    for token in part.tokens:
        count = len(GLYPHS[token.name][2].split("|"))
        owners.append((token, list(range(first, first + count))))
        first += count
    return _Ink(part, strokes, owners)


def _synthetic(shelf: _Shelf, number: int) -> dict[str, Any]:
    """An ink stitched together from boxes, and the line of boxes that belongs to it."""
    rng = seeded("mathwriting", "synthetic", number)
    part = make_expression(rng, number + 3)
    placed = scaled(part, rng.uniform(380, 460), 78.64, -865.7)
    ink = _written(placed, Pen(rng))
    method = "synthetic" if number % 7 == 3 else "wikipedia"
    shelf.add("synthetic", _notes("synthetic", part, human=False, method=method), ink.strokes)
    boxes = [
        {
            "token": token.name,
            "xMin": round(token.x_min, 2),
            "yMin": round(token.y_min, 2),
            "xMax": round(token.x_max, 2),
            "yMax": round(token.y_max, 2),
        }
        for token in placed.tokens
    ]
    return {"label": part.label, "normalizedLabel": part.normalized, "bboxes": boxes}


def _symbols(shelf: _Shelf, inks: list[_Ink], count: int) -> list[dict[str, Any]]:
    """Single glyphs cut from the first inks of train, and the lines that say where they stood."""
    found: list[tuple[str, _Ink, Token, list[int]]] = []
    for number, ink in enumerate(inks):
        for token, strokes in ink.owners:
            if token.name not in (r"\frac", r"\sqrt") and len(found) < count:
                found.append((shelf.train_ids[number], ink, token, strokes))
    for _, ink, token, strokes in found:
        notes = {
            "label": token.name,
            "splitTagOriginal": "symbols",
            "inkCreationMethod": "human",
        }
        shelf.add("symbols", notes, [ink.strokes[index] for index in strokes])
    return [
        {"sourceSampleId": ink_id, "strokeIndices": strokes, "label": token.name}
        for ink_id, _, token, strokes in found
    ]


def _plant(shelf: _Shelf, inks: list[_Ink]) -> None:
    """Defects between the inks of train; one more ink of synthetic, which comes again below."""
    first = inks[0]
    notes = _notes("train", first.part, human=True)
    shelf.add("train", {**notes, "splitTagOriginal": "test"}, first.strokes, "held_out_split")
    nameless = {"splitTagOriginal": "train", "inkCreationMethod": "human"}
    shelf.add("train", nameless, inks[1].strokes, "label_missing")
    shelf.add("train", _notes("train", inks[2].part, human=True), [], "ink_without_points")
    whole = write_inkml(_notes("train", inks[3].part, human=True), inks[3].strokes)
    shelf.add_raw("train", "ink_not_xml", whole[: len(whole) * 2 // 3])
    entity = whole.replace(
        b"<ink ", b'<!DOCTYPE ink [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<ink '
    )
    shelf.add_raw("train", "ink_not_xml", entity)
    # Mirrors exist that merged synthetic inks into train: the ink's own tag counts, and the copy in
    # its proper folder is the same sample.
    part = make_expression(seeded("mathwriting", "merged"), 1)
    ink = _written(scaled(part, 410, 78.64, -865.7), Pen(seeded("mathwriting", "merged pen")))
    merged = _notes("synthetic", part, human=False, method="wikipedia")
    shelf.add_twice(merged, ink.strokes)
