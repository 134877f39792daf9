"""Drawn clips that differ, of which none may be taken for another: `clip_duplicates` counts pairs.

Charts that are revealed, zoomed in on or whose bars grow, chats of one form, balls of any colour
that cross a white ground, discs that move before a gray one. Frames are seen as they are drawn, one
a second: what an encoder adds could only tell them apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from PIL import Image, ImageDraw

from filters.pixels import pixels_of
from pipelines.near.clip_codes import ClipCode, clip_code
from pipelines.near.clip_columns import ClipColumns
from pipelines.near.clip_pairs import find_pairs
from pipelines.samples.charts import font, make_chart

_SIZE = (320, 240)
_FRAMES = 10
_COLOURS = ("red", "blue", "black", "green", "#1f77b4", "#ff7f0e")
_WORDS = "bench street window light table corner child dog river yellow under left small".split()
Frames = Sequence[Image.Image]


def _chart(number: int) -> Image.Image:
    return make_chart(random.Random(f"chart-{number}"), number)[1].convert("RGB")


def _revealed(number: int) -> Frames:
    chart = _chart(number)
    frames = []
    for step in range(1, _FRAMES + 1):
        frames.append(Image.new("RGB", chart.size, chart.getpixel((2, 2))))
        frames[-1].paste(chart.crop((0, 0, chart.width * step // _FRAMES, chart.height)))
    return frames


def _zoomed(number: int) -> Frames:
    chart = _chart(number)
    width, height = chart.size
    return [
        chart.resize(
            chart.size,
            Image.Resampling.BILINEAR,
            (width * part, height * part, width * (1 - part), height * (1 - part)),
        )
        for part in (0.02 * step for step in range(_FRAMES))
    ]


def _bars(number: int) -> Frames:
    draw = random.Random(f"bars-{number}")
    heights = [draw.randint(40, 200) for _ in range(draw.randint(4, 6))]
    wide = 280 // len(heights)
    frames = []
    for step in range(1, _FRAMES + 1):
        frames.append(Image.new("RGB", _SIZE, "white"))
        for place, height in enumerate(heights):
            box = (20 + place * wide, 230 - height * step // _FRAMES, 10 + (place + 1) * wide, 230)
            ImageDraw.Draw(frames[-1]).rectangle(box, fill="#1f77b4")
    return frames


def _chat(number: int) -> Frames:
    draw, letters = random.Random(f"chat-{number}"), font(16)
    page, frames = Image.new("RGB", (640, 360), "white"), []
    pen = ImageDraw.Draw(page)
    for line in range(8):
        text = " ".join(draw.choices(_WORDS, k=draw.randint(2, 6)))
        wide, top = letters.getlength(text) + 16, 10 + 42 * line
        left, fill = (16.0, "#dcf8c6") if line % 2 == 0 else (624 - wide, "#e5e5ea")
        pen.rounded_rectangle((left, top, left + wide, top + 30), 8, fill=fill)
        pen.text((left + 8, top + 5), text, "black", letters)
        frames.append(page.copy())
    return frames


def _ball(number: int) -> Frames:
    draw = random.Random(f"ball-{number}")
    side, pace, fill = draw.randint(30, 160), draw.choice((24, 32, 40)), draw.choice(_COLOURS)
    top, frames = draw.randint(0, 240 - side), []
    for step in range(_FRAMES):
        frames.append(Image.new("RGB", _SIZE, "white"))
        box = (pace * step, top, pace * step + side, top + side)
        ImageDraw.Draw(frames[-1]).ellipse(box, fill=fill)
    return frames


def _discs(number: int) -> Frames:
    draw = random.Random(f"discs-{number}")
    ground = Image.linear_gradient("L").resize(_SIZE).point([150 + n // 6 for n in range(256)])
    discs = [
        (draw.uniform(40, 280), draw.uniform(60, 200), draw.uniform(-12, 12), draw.uniform(-8, 8))
        for _ in range(4)
    ]
    looks = [(draw.randint(12, 28), draw.randint(20, 120)) for _ in discs]
    frames = []
    for step in range(_FRAMES):
        frames.append(ground.copy())
        for (x, y, across, down), (reach, level) in zip(discs, looks, strict=True):
            middle = (x + across * step, y + down * step)
            ImageDraw.Draw(frames[-1]).circle(middle, reach, fill=level)
    return frames


KINDS: Mapping[str, Callable[[int], Frames]] = {
    "charts that are revealed": _revealed,
    "charts that are zoomed in on": _zoomed,
    "bars that grow": _bars,
    "chats": _chat,
    "balls": _ball,
    "discs before gray": _discs,
}


def _code(frames: Frames) -> ClipCode:
    times = [1000 * number for number in range(len(frames))]
    width, height = frames[0].size
    return clip_code(list(map(pixels_of, frames)), times, 1000 * len(frames), width, height)


def taken_rows(num_clips: int) -> list[list[str]]:
    """Of each kind: pairs of so many clips, and how many are taken for one."""
    rows = []
    for kind, make in KINDS.items():
        clips = ClipColumns.of_codes([_code(make(number)) for number in range(num_clips)])
        taken = len(find_pairs(clips, clips))
        rows.append([kind, f"{num_clips * (num_clips - 1) // 2:,}", str(taken)])
    return rows
