"""Document pages drawn with Pillow: letters, receipts, forms, tables, and questions about them."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

from pipelines.samples.charts import INK, SCALE, font
from pipelines.samples.words import load_yaml

Questions = list[tuple[str, str]]

_FIRMS = (
    "Harbour Lane Books",
    "Nordwind Cycles",
    "Old Mill Bakery",
    "Quarry Road Tools",
    "Fern and Field Nursery",
    "Lantern Street Theatre",
    "Blue Kettle Tea House",
    "Stone Bridge Pharmacy",
    "Three Oaks Surveyors",
)
_PEOPLE = (
    "A. Lindqvist",
    "R. Okafor",
    "M. Duarte",
    "S. Novak",
    "J. Hartley",
    "P. Rossi",
    "T. Sato",
)
_WARES = ("Rye loaf", "Lamp oil", "Inner tube", "Herb tea", "Garden twine", "Note book", "Soap bar")
_MONTHS = ("January", "March", "April", "June", "July", "September", "October", "December")
_PAPERS = ((255, 255, 255), (252, 249, 240), (244, 246, 248), (250, 244, 232))


def make_page(rng: random.Random, number: int) -> tuple[Image.Image, Questions]:
    """Page `number` of a series: the four kinds take turns. Between 300 and 450 pixels high."""
    kind = _KINDS[number % len(_KINDS)]
    width, height = rng.choice([288, 320, 352]), rng.choice([320, 384, 432])
    image = Image.new("RGB", (width * SCALE, height * SCALE), rng.choice(_PAPERS))
    questions = kind(ImageDraw.Draw(image), rng, width, height)
    image = image.reduce(SCALE)
    if rng.random() < 0.4:  # a slight blur, as scans have
        image = image.filter(ImageFilter.GaussianBlur(0.5))
    return image, rng.sample(questions, 3)


def _date(rng: random.Random) -> str:
    return f"{rng.randint(1, 28)} {rng.choice(_MONTHS)} {rng.randint(1987, 2023)}"


def _put(
    draw: ImageDraw.ImageDraw, x: float, y: float, text: str, size: int = 11, anchor: str = "la"
) -> None:
    draw.text((x * SCALE, y * SCALE), text, INK, font(size), anchor=anchor)


def _rule(draw: ImageDraw.ImageDraw, x0: float, y0: float, x1: float, y1: float) -> None:
    draw.line((x0 * SCALE, y0 * SCALE, x1 * SCALE, y1 * SCALE), (120, 120, 126), SCALE)


def wrap(text: str, width: float, size: int) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if font(size).getlength(longer) > width * SCALE and line:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]


def _letter(draw: ImageDraw.ImageDraw, rng: random.Random, width: int, height: int) -> Questions:
    firm, date, signed = rng.choice(_FIRMS), _date(rng), rng.choice(_PEOPLE)
    reader = rng.choice([name for name in _PEOPLE if name != signed])
    reference = f"{rng.choice('ABCDEFGH')}-{rng.randint(1000, 9999)}"
    topics = load_yaml("topics")
    topic = rng.choice(sorted(topics))
    _put(draw, width / 2, 14, firm, 16, "ma")
    _rule(draw, 20, 40, width - 20, 40)
    _put(draw, width - 22, 48, date, 10, "ra")
    _put(draw, 22, 48, f"Ref. {reference}", 10)
    _put(draw, 22, 72, f"Dear {reader},")
    body = f"you asked us about {topic}. " + " ".join(rng.sample(topics[topic]["facts"], 2))
    y = 94
    for line in wrap(body, width - 44, 11):
        _put(draw, 22, y, line)
        y += 17
    _put(draw, 22, y + 14, "Yours sincerely,")
    _put(draw, 22, y + 38, signed, 13)
    return [
        ("Who signed the letter?", signed),
        ("What is the date of the letter?", date),
        ("What is the reference number?", reference),
        ("Which company wrote the letter?", firm),
        ("To whom is the letter addressed?", reader),
        ("What is the letter about?", topic.capitalize()),
    ]


def _receipt(draw: ImageDraw.ImageDraw, rng: random.Random, width: int, height: int) -> Questions:
    firm, date = rng.choice(_FIRMS), _date(rng)
    wares = rng.sample(_WARES, rng.randint(3, 6))
    counts = [rng.randint(1, 9) for _ in wares]
    prices = [rng.randint(60, 990) for _ in wares]
    total = sum(count * price for count, price in zip(counts, prices, strict=True))
    _put(draw, width / 2, 16, firm, 15, "ma")
    _put(draw, width / 2, 38, f"Receipt no. {total % 7919 + 100}   {date}", 10, "ma")
    _rule(draw, 24, 58, width - 24, 58)
    y = 66
    for ware, count, price in zip(wares, counts, prices, strict=True):
        _put(draw, 26, y, f"{count} x {ware}", 12)
        _put(draw, width - 26, y, f"{count * price / 100:.2f}", 12, "ra")
        y += 24
    _rule(draw, 24, y + 4, width - 24, y + 4)
    _put(draw, 26, y + 12, "TOTAL", 15)
    _put(draw, width - 26, y + 12, f"{total / 100:.2f}", 15, "ra")
    _put(draw, width / 2, y + 46, "Thank you for your visit", 10, "ma")
    return [
        ("What is the total amount?", f"{total / 100:.2f}"),
        ("Which shop issued the receipt?", firm),
        ("On which date was it issued?", date),
        (f"How many of {wares[0]} were bought?", str(counts[0])),
        ("How many different items are listed?", str(len(wares))),
        (f"How much was paid for {wares[1]}?", f"{counts[1] * prices[1] / 100:.2f}"),
    ]


def _form(draw: ImageDraw.ImageDraw, rng: random.Random, width: int, height: int) -> Questions:
    fields = {
        "Name": rng.choice(_PEOPLE),
        "Member no.": str(rng.randint(10_000, 99_999)),
        "Date of entry": _date(rng),
        "Branch": rng.choice(["North", "Harbour", "Old Town", "Hillside", "Station"]),
        "Annual fee": f"{rng.randrange(20, 180, 5)} EUR",
        "Phone": f"0{rng.randint(200, 899)} {rng.randint(100_000, 999_999)}",
    }
    names = rng.sample(sorted(fields), rng.randint(4, 6))
    title = rng.choice(["Application for membership", "Registration form", "Library card"])
    draw.rectangle(
        (0, 0, width * SCALE, 34 * SCALE), rng.choice([(214, 226, 236), (228, 232, 214)])
    )
    _put(draw, 16, 9, title, 15)
    step = (height - 70) / len(names)
    for n, name in enumerate(names):
        y = 48 + n * step
        _put(draw, 18, y, name, 10)
        box = (18 * SCALE, (y + 14) * SCALE, (width - 18) * SCALE, (y + 36) * SCALE)
        draw.rectangle(box, "white", (120, 120, 126), SCALE)
        _put(draw, 25, y + 18, fields[name], 12)
    asked = [(f"What is entered under {name}?", fields[name]) for name in names]
    return [("What is the title of the form?", title), *asked]


def _table(draw: ImageDraw.ImageDraw, rng: random.Random, width: int, height: int) -> Questions:
    heads = rng.sample(["Price", "Stock", "Weight", "Sold", "Rank", "Pages"], rng.randint(2, 3))
    names = rng.sample(_WARES, rng.randint(4, 6))
    cells = {(name, head): str(rng.randint(3, 970)) for name in names for head in heads}
    firm = rng.choice(_FIRMS)
    _put(draw, 18, 14, f"Stock list of {firm}", 12)
    column = (width - 130) / len(heads)
    for m, head in enumerate(heads):
        _put(draw, 120 + column * (m + 1), 46, head, 11, "ra")
    _rule(draw, 18, 62, width - 8, 62)
    step = min(40.0, (height - 90) / len(names))
    for n, name in enumerate(names):
        y = 70 + n * step
        if n % 2:
            stripe = (14 * SCALE, int((y - 4) * SCALE), (width - 6) * SCALE, int((y + 17) * SCALE))
            draw.rectangle(stripe, (232, 236, 240))
        _put(draw, 18, y, name)
        for m, head in enumerate(heads):
            _put(draw, 120 + column * (m + 1), y, cells[name, head], 11, "ra")
    chosen = rng.sample(sorted(cells), 3)
    asked = [
        (f"What does the column {head} say for {name}?", cells[name, head]) for name, head in chosen
    ]
    best = max(names, key=lambda name: int(cells[name, heads[0]]))
    return [
        *asked,
        (f"Which item has the largest number under {heads[0]}?", best),
        ("How many items are in the table?", str(len(names))),
        ("Whose stock is listed?", firm),
    ]


_KINDS: tuple[Callable[[ImageDraw.ImageDraw, random.Random, int, int], Questions], ...] = (
    _letter,
    _receipt,
    _form,
    _table,
)
