"""A small mirror of every benchmark, as its card says that upstream has it; no word of upstream's.

What is asked is a function of benchmark and number alone, so that sources can hold copies of it,
which must then be found. Questions say things that no other sample says: what is alike is planted.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from manifests.benchmark_cards import BenchmarkCard, HeldOut
from pipelines.samples import archives
from pipelines.samples.clips import Clip, encode
from pipelines.samples.stock import jpeg, shots
from pipelines.samples.tables import IMAGE
from pipelines.samples.words import seeded

_NUM_ITEMS = 3
# Items that lie in a train split, which is not held out: numbers from here on.
TRAIN = 1000
_SIZE = (320, 240)
_CLIP_SIZE, _CLIP_FRAMES = (128, 96), 24
_LOOKS = (
    "amber brittle crooked drowsy earnest faded gilded hollow icy jagged knotted leaning mossy "
    "narrow ochre polished quilted rusty speckled tattered upturned velvet wobbly weathered"
).split()
_PLACES = (
    "balcony causeway dockyard estuary foundry glacier harbour isthmus jetty kiosk lighthouse "
    "moorland nursery orchard parapet quarry ropewalk shipyard tollgate viaduct windmill"
).split()
_THINGS = (
    "accordion barometer compass dulcimer easel flute gramophone hourglass inkwell jigsaw kite "
    "lantern metronome notebook oboe pendulum quill rudder sextant telescope umbrella violin"
).split()
_PEOPLE = (
    "apprentice botanist cartographer diver engraver ferryman glazier herald innkeeper juggler "
    "kennelman locksmith miller navigator organist potter ringmaster saddler tinker weaver"
).split()
_BIRDS = "avocets bitterns curlews dunlins egrets fulmars godwits herons ibises jackdaws".split()
# Where a folder or the rest of a name is any, it is one of upstream's.
_FOLDERS = {"bbh": "navigate", "math": "algebra", "mmmu": "Art"}
_SHARD = "-00000-of-00001.parquet"


class Asked(NamedTuple):
    """A question, its choices, and which of them is right."""

    question: str
    choices: tuple[str, ...]
    right: int

    @property
    def answer(self) -> str:
        return self.choices[self.right]


def asked(benchmark: str, number: int) -> Asked:
    rng = seeded("benchmark", benchmark, number)
    looks, places = rng.sample(_LOOKS, 5), rng.sample(_PLACES, 2)
    people = rng.sample(_PEOPLE, 2)
    question = (
        f"On the {looks[0]} {places[0]}, which {rng.choice(_THINGS)} did the {looks[1]} "
        f"{people[0]} hide behind a {looks[2]} {rng.choice(_THINGS)} while {rng.randint(3, 99)} "
        f"{rng.choice(_BIRDS)} crossed the {looks[3]} {places[1]}?"
    )
    things = rng.sample(_THINGS, 4)
    choices = [f"The {rng.choice(_LOOKS)} {thing} of the {people[1]}" for thing in things]
    return Asked(question, tuple(choices), rng.randrange(len(choices)))


def picture(benchmark: str, number: int) -> Image.Image:
    """Coloured patches, coarse and fine, under shapes: like no other picture of the samples."""
    rng = np.random.default_rng(seeded("picture", benchmark, number).getrandbits(64))
    image = Image.new("RGB", _SIZE)
    for step, weight in ((6, 1.0), (20, 0.5), (60, 0.35)):
        cells = rng.integers(0, 256, (step * 3 // 4, step, 3), np.uint8)
        layer = Image.fromarray(cells).resize(_SIZE, Image.Resampling.BICUBIC)
        image = Image.blend(image, layer, weight)
    draw = ImageDraw.Draw(image)
    for _ in range(5):
        x, y = (int(rng.integers(0, side - 80)) for side in _SIZE)
        width, height, *color = (int(value) for value in rng.integers(30, 80, 5))
        draw.ellipse((x, y, x + width, y + height), fill=(color[0] * 3, color[1] * 3, color[2] * 3))
    return image


def clip(benchmark: str, number: int) -> bytes:
    """Three seconds in which a window moves over a picture."""
    image = picture(benchmark, number).convert("YCbCr")
    (width, height), last = _CLIP_SIZE, _CLIP_FRAMES - 1
    room = image.width - 2 * width, image.height - 2 * height
    frames = []
    for n in range(_CLIP_FRAMES):
        x, y = (side * n // last for side in room)
        frames.append(image.crop((x, y, x + 2 * width, y + 2 * height)).resize(_CLIP_SIZE))
    return encode(Clip(shots()[0], 8, frames))


def write(folder: Path, card: BenchmarkCard) -> None:
    """The benchmark's files below `folder`, as a mirror has them."""
    number = 0
    for held in card.held_out:
        clips: dict[str, bytes] = {}
        for pattern in held.files:
            rows = []
            for _ in range(_NUM_ITEMS):
                rows.append(_row(card, number, held))
                number += 1
            if card.fields.video is not None:
                clips[_clip_name(card, number - 1)] = clip(card.name, number - 1)
            _write_rows(folder / card.repo / _file(card, pattern), rows, card)
        # NTU RGB+D may not be handed on: upstream has no archive of it either.
        for pattern in [p for p in held.archives if "nturgbd" not in p][:1]:
            path = folder / card.repo / pattern.replace("*", "1")
            path.parent.mkdir(parents=True, exist_ok=True)
            members = [(f"clips/{name}.mp4", data) for name, data in clips.items()]
            path.write_bytes(archives.zip_file(_with_former(path, members)))
    if card.name == "gsm8k":
        rows = [_row(card, TRAIN + n, card.held_out[0]) for n in range(_NUM_ITEMS)]
        _write_rows(folder / card.repo / f"main/train{_SHARD}", rows, card)


def _with_former(path: Path, members: list[archives.Member]) -> list[archives.Member]:
    """Beside what another split wrote into the same archive."""
    if not path.exists():
        return members
    with zipfile.ZipFile(path) as former:
        return [*((name, former.read(name)) for name in former.namelist()), *members]


def _file(card: BenchmarkCard, pattern: str) -> str:
    return pattern.replace("*/", f"{_FOLDERS.get(card.name)}/").replace("-*.parquet", _SHARD)


def _clip_name(card: BenchmarkCard, number: int) -> str:
    return f"{card.name}_{number - number % _NUM_ITEMS:03d}"


def _row(card: BenchmarkCard, number: int, held: HeldOut) -> dict[str, Any]:
    """A row with the card's columns; every third has no picture where that may be."""
    made, fields = asked(card.name, number), card.fields
    row: dict[str, Any] = {}
    for path in fields.question:
        _put(row, path, _QUESTIONS.get(card.name, str)(made.question))
    listed = len(fields.choices) == 1
    if fields.choices and not listed:
        made = Asked(made.question, made.choices, made.right % len(fields.choices))
    for at, path in enumerate(fields.choices):
        _put(row, path, _CHOICES.get(card.name, list)(made.choices) if listed else made.choices[at])
    if fields.labels is not None:
        _put(row, fields.labels, list("1234" if number % 2 else "ABCD"))
    if fields.answer is not None and fields.answer not in row:
        value = _right(card, made, number)
        _put(row, fields.answer, _ANSWERS.get(card.name, lambda said: said)(value))
    for at, path in enumerate(fields.images):
        has_none = at > 0 or (card.name == "scienceqa" and number % 3 == 2)
        data = None if has_none else jpeg(picture(card.name, number), 90)
        row[path] = None if data is None else {"bytes": data, "path": f"{number}.jpg"}
    if fields.video is not None:
        row[fields.video] = _clip_name(card, number) + _SUFFIXES.get(card.name, ".mp4")
    return row


def _put(row: dict[str, Any], path: str, value: Any) -> None:
    *outer, last = path.split(".")
    for name in outer:
        row = row.setdefault(name, {})
    row[last] = value


def _right(card: BenchmarkCard, made: Asked, number: int) -> Any:
    kinds: dict[str, Callable[[], Any]] = {
        "text": lambda: made.answer,
        "index": lambda: made.right,
        "number": lambda: str(made.right + 1),
        "letter": lambda: "ABCD"[made.right],
        "label": lambda: ("1234" if number % 2 else "ABCD")[made.right],
    }
    return kinds[card.fields.answer_is]()


def _lettered(choices: Sequence[str]) -> list[str]:
    return [f"{letter}. {choice}" for letter, choice in zip("ABCD", choices, strict=True)]


# How upstream writes what others have as plain texts, numbers and lists (the cards' quirks).
_QUESTIONS: dict[str, Callable[[str], Any]] = {
    "mt_bench": lambda question: [question, "Say the same in one sentence."],
    "humaneval": lambda question: f'def solve(n: int) -> int:\n    """{question}"""\n',
}
_CHOICES: dict[str, Callable[[Sequence[str]], Any]] = {
    "mmmu": lambda choices: repr(list(choices)),
    "video_mme": _lettered,
    "worldsense": _lettered,
}
_ANSWERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("ai2d", "hellaswag"), str),
    **dict.fromkeys(("textvqa", "docvqa", "ocrbench", "nq_open"), lambda said: [said, said]),
}
_SUFFIXES = {"video_mme": "", "tempcompass": "", "worldsense": ""}


def _write_rows(path: Path, rows: list[dict[str, Any]], card: BenchmarkCard) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        made = pa.Table.from_pylist(rows).schema
        types = {f.name: IMAGE if f.name in card.fields.images else f.type for f in made}
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(types.items())))
        pq.write_table(table, path, compression="snappy")
    elif path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
