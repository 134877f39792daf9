"""Small web pages: their HTML, with CSS of its own or with Tailwind classes, and how they look.

The screenshot is drawn with Pillow from what the HTML says: a bar, a headline, paragraphs, cards.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from PIL import Image, ImageDraw

from pipelines.samples.charts import INK, SCALE, Color, font
from pipelines.samples.pages import wrap
from pipelines.samples.words import load_yaml

_THEMES: tuple[tuple[str, Color, Color], ...] = (
    ("indigo", (79, 70, 229), (238, 242, 255)),
    ("green", (5, 150, 105), (236, 253, 245)),
    ("red", (220, 38, 38), (254, 242, 242)),
    ("yellow", (180, 83, 9), (255, 251, 235)),
    ("gray", (55, 65, 81), (243, 244, 246)),
)
_NAMES = ("Harbour", "Lantern", "Quarry", "Meadow", "Cedar", "Compass", "Northern", "Copper")
_TRADES = ("Bakery", "Cycles", "Books", "Garden", "Studio", "Clinic", "Tours", "Workshop")
_LINKS = ("Home", "About", "Services", "Prices", "Team", "Contact", "News", "Gallery")
_BUTTONS = ("Book a visit", "Read more", "Get a quote", "Join us", "Order now")
_TAILWIND = "https://cdn.jsdelivr.net/npm/tailwindcss@2.2.19/dist/tailwind.min.css"
_WIDTH, _MARGIN = 384, 16


@dataclass(frozen=True, slots=True)
class WebPage:
    """What a page says; `cards` are (title, text)."""

    name: str
    links: tuple[str, ...]
    headline: str
    text: str
    cards: tuple[tuple[str, str], ...]
    button: str
    theme: int

    @property
    def idea(self) -> str:
        """As a language model would have proposed the page."""
        return f"{self.name}: a page about {self.headline.lower()}, with {len(self.cards)} cards."


def make_web_page(rng: random.Random, number: int) -> tuple[WebPage, Image.Image]:
    """Page `number` of a series: topics take turns."""
    topics = load_yaml("topics")
    topic = sorted(topics)[number % len(topics)]
    facts = rng.sample(topics[topic]["facts"], 3)
    cards = tuple((f"{rng.choice(_NAMES)} {n}", fact) for n, fact in enumerate(facts[1:], 1))
    page = WebPage(
        name=f"{rng.choice(_NAMES)} {rng.choice(_TRADES)}",
        links=tuple(rng.sample(_LINKS, rng.randint(2, 4))),
        headline=topic.capitalize(),
        text=facts[0],
        cards=cards[: rng.randint(1, 2)],
        button=rng.choice(_BUTTONS),
        theme=rng.randrange(len(_THEMES)),
    )
    return page, _draw(page, rng.choice([240, 272, 304]))


class _Dress(NamedTuple):
    """Attributes of the elements, and what stands before the body."""

    head: str
    bar: str
    card: str
    button: str


def html_of(page: WebPage, tailwind: bool) -> str:
    """The page's source; with Tailwind as v0.2 of WebSight writes it, else as v0.1."""
    dress = _tailwind(page) if tailwind else _plain(page)
    links = "".join(f'<a href="#">{escape(link)}</a> ' for link in page.links)
    cards = "\n".join(
        f"  <div {dress.card}><h2>{escape(title)}</h2><p>{escape(text)}</p></div>"
        for title, text in page.cards
    )
    return (
        f"<html>\n{dress.head}\n<body>\n"
        f"  <nav {dress.bar}><b>{escape(page.name)}</b> {links}</nav>\n"
        f"  <h1>{escape(page.headline)}</h1>\n  <p>{escape(page.text)}</p>\n{cards}\n"
        f"  <button {dress.button}>{escape(page.button)}</button>\n</body>\n</html>\n"
    )


def _plain(page: WebPage) -> _Dress:
    _, strong, pale = _THEMES[page.theme]
    head = (
        "<style>\nbody { font-family: sans-serif; margin: 0; }\n"
        f".bar {{ background: rgb{strong}; color: white; padding: 8px; }}\n"
        f".card {{ background: rgb{pale}; margin: 12px; padding: 8px; }}\n"
        f"button {{ background: rgb{strong}; color: white; }}\n</style>"
    )
    return _Dress(head, 'class="bar"', 'class="card"', 'type="button"')


def _tailwind(page: WebPage) -> _Dress:
    name = _THEMES[page.theme][0]
    return _Dress(
        f'<link href="{_TAILWIND}" rel="stylesheet">',
        f'class="bg-{name}-600 text-white p-2"',
        f'class="bg-{name}-50 m-3 p-2"',
        f'class="bg-{name}-600 text-white rounded px-4"',
    )


def _draw(page: WebPage, height: int) -> Image.Image:
    _, strong, pale = _THEMES[page.theme]
    image = Image.new("RGB", (_WIDTH * SCALE, height * SCALE), "white")
    draw = ImageDraw.Draw(image)
    _box(draw, (0, 0, _WIDTH, 30), strong)
    _text(draw, _MARGIN, 8, page.name, 12, "white")
    _text(draw, 190, 9, "  ".join(page.links), 10, "white")
    _text(draw, _MARGIN, 40, page.headline, 18)
    y = _lines(draw, page.text, 68, _MARGIN) + 8
    for title, text in page.cards:
        rows = wrap(text, _WIDTH - 3 * _MARGIN, 10)
        _box(draw, (_MARGIN, y, _WIDTH - _MARGIN, y + 26 + 14 * len(rows)), pale)
        _text(draw, _MARGIN + 8, y + 5, title, 12)
        y = _lines(draw, text, y + 22, _MARGIN + 8) + 12
    _box(draw, (_MARGIN, y, _MARGIN + 96, y + 22), strong)
    _text(draw, _MARGIN + 10, y + 5, page.button, 10, "white")
    return image.reduce(SCALE)


def _lines(draw: ImageDraw.ImageDraw, text: str, y: int, x: int) -> int:
    """Where the text ends."""
    for line in wrap(text, _WIDTH - 3 * _MARGIN, 10):
        _text(draw, x, y, line, 10)
        y += 14
    return y


def _box(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], fill: Color) -> None:
    draw.rectangle(tuple(value * SCALE for value in box), fill)


def _text(
    draw: ImageDraw.ImageDraw, x: int, y: int, text: str, size: int, fill: Color | str = INK
) -> None:
    draw.text((x * SCALE, y * SCALE), text, fill, font(size))
