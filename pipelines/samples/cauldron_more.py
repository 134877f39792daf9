"""The Cauldron's further configs in small: a handful of rows each, without a defect among them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageDraw

from pipelines.samples import asked
from pipelines.samples.charts import INK, PALETTES, SCALE, Chart, make_chart
from pipelines.samples.diagrams import Diagram, draw_panel, make_diagram, make_matrix
from pipelines.samples.figures import Figure, make_figure
from pipelines.samples.pages import make_page
from pipelines.samples.pairs import edited_pair, marked_pair
from pipelines.samples.stock import Gallery, png
from pipelines.samples.web_pages import WebPage, html_of, make_web_page
from pipelines.samples.words import seeded

NUM_ROWS = 6
# Encoded pictures of a row, and its (question, answer) pairs.
Held = tuple[list[bytes], list[tuple[str, str]]]
Maker = Callable[[Gallery, str, int], Held]
_Drawing = Callable[[random.Random, int], tuple[Any, Image.Image]]


def _drawn(draw: _Drawing, gallery: Gallery, name: str, number: int) -> tuple[Any, bytes]:
    made, image = gallery.draw(lambda attempt: draw(seeded(name, number, attempt), number))
    return made, png(image)


def _photo(make: asked.Maker) -> Maker:
    def maker(gallery: Gallery, name: str, number: int) -> Held:
        found = make(gallery, name, number)
        return [found.data], found.pairs

    return maker


def _meme(gallery: Gallery, name: str, number: int) -> Held:
    found = asked.captioned(gallery, name, number)
    said = found.pairs[0][1]
    return [found.data], [(f'Is this meme hateful? Its text is "{said}"', "No.")]


def _summary(gallery: Gallery, name: str, number: int) -> Held:
    chart, data = _drawn(make_chart, gallery, name, number)
    assert isinstance(chart, Chart)
    told = ", ".join(f"{a} {b}" for a, b in zip(chart.labels, chart.values, strict=True))
    answer = f"The {chart.kind} chart has the title {chart.title}. In {chart.unit}: {told}."
    return [data], [("Explain what this graph is communicating.", answer)]


def _chart(gallery: Gallery, name: str, number: int) -> Held:
    """All that can be asked about the values: more questions than a recipe may want of one row."""
    chart, data = _drawn(make_chart, gallery, name, number)
    assert isinstance(chart, Chart)
    pairs = [
        (f"What is the value of {label}?", f"{value}.")
        for label, value in zip(chart.labels, chart.values, strict=True)
    ]
    more = [
        (f"Is {first} above {second}?", "Yes." if a > b else "No.")
        for (first, a), (second, b) in zip(
            zip(chart.labels, chart.values, strict=True),
            zip(chart.labels[1:], chart.values[1:], strict=True),
            strict=False,
        )
    ]
    return [data], pairs + more


def _page(rng: random.Random, number: int) -> tuple[list[tuple[str, str]], Image.Image]:
    image, pairs = make_page(rng, number)
    return pairs, image


def _table(rng: random.Random, number: int) -> tuple[list[tuple[str, str]], Image.Image]:
    """The fourth kind of page is a table."""
    return _page(rng, 4 * number + 3)


def _read(draw: _Drawing) -> Maker:
    def maker(gallery: Gallery, name: str, number: int) -> Held:
        pairs, data = _drawn(draw, gallery, name, number)
        return [data], [(question, f"{answer}.") for question, answer in pairs]

    return maker


def _screen(gallery: Gallery, name: str, number: int) -> Held:
    page, data = _drawn(make_web_page, gallery, name, number)
    assert isinstance(page, WebPage)
    return [data], [("What is the screen about? Answer in one sentence.", page.idea)]


def _code(gallery: Gallery, name: str, number: int) -> Held:
    page, data = _drawn(make_web_page, gallery, name, number)
    ask = "Write the HTML code that shows this page."
    return [data], [(ask, html_of(page, tailwind=False))]


def _diagram(gallery: Gallery, name: str, number: int) -> Held:
    found = asked.diagram(gallery, name, number)
    return [found.data], found.pairs


def _chain(gallery: Gallery, name: str, number: int) -> Held:
    diagram, data = _drawn(make_diagram, gallery, name, number)
    assert isinstance(diagram, Diagram)
    steps = f" {diagram.relation} ".join(diagram.labels)
    return [data], [("Dissect the diagram.", f"The {diagram.kind} says: {steps}.")]


def _figure(gallery: Gallery, name: str, number: int) -> Held:
    found = asked.figure(gallery, name, number)
    return [found.data], found.pairs


def _tikz(gallery: Gallery, name: str, number: int) -> Held:
    figure, data = _drawn(make_figure, gallery, name, number)
    assert isinstance(figure, Figure)
    code = f"\\begin{{tikzpicture}}\n% {figure.description}\n\\end{{tikzpicture}}"
    return [data], [("Synthesize TikZ code for this figure.", code)]


def _scene(rng: random.Random, number: int) -> tuple[dict[str, int], Image.Image]:
    """Discs and squares on a plain ground, as CLEVR's solids; says how many there are of each."""
    width, height = 320, 240
    image = Image.new("RGB", (width * SCALE, height * SCALE), (206, 204, 200))
    draw = ImageDraw.Draw(image)
    counts = {"discs": 0, "squares": 0}
    for place in rng.sample(range(20), rng.randint(4, 12)):
        x, y = (place % 5 * 62 + 36) * SCALE, (place // 5 * 56 + 36) * SCALE
        radius = rng.randint(12, 24) * SCALE
        shape = rng.choice(sorted(counts))
        counts[shape] += 1
        paint = draw.ellipse if shape == "discs" else draw.rectangle
        box = (x - radius, y - radius, x + radius, y + radius)
        paint(box, rng.choice(rng.choice(PALETTES)), INK, SCALE)
    return counts, image.reduce(SCALE)


def _shapes(gallery: Gallery, name: str, number: int) -> Held:
    counts, data = _drawn(_scene, gallery, name, number)
    pairs = [(f"What number of {shape} are there?", f"{n}.") for shape, n in counts.items()]
    asks = [("Are there more discs than squares?", counts["discs"] > counts["squares"])]
    return [data], pairs + [(ask, "Yes." if said else "No.") for ask, said in asks]


def _grid(rng: random.Random, number: int) -> tuple[str, Image.Image]:
    """A matrix puzzle with its four choices below, and the letter of the right one."""
    matrix = make_matrix(rng)
    choices = rng.sample([matrix.panels[8], *matrix.wrong], 4)
    side = 96
    image = Image.new("L", (4 * side, 4 * side + 16), 255)
    for place, panel in enumerate((*matrix.panels[:8], *choices)):
        row, column = (place // 3, place % 3) if place < 8 else (3, place - 8)
        corner = column * side, row * side + (16 if row == 3 else 0)
        image.paste(draw_panel(panel).resize((side, side), Image.Resampling.BOX), corner)
    return "ABCD"[choices.index(matrix.panels[8])], image


def _matrix(gallery: Gallery, name: str, number: int) -> Held:
    letter, data = _drawn(_grid, gallery, name, number)
    return [data], [("Which figure of A to D completes the matrix?", f"{letter}.")]


def _statement(gallery: Gallery, name: str, number: int) -> Held:
    """A statement about two pictures, every second time of another pair's marks."""
    pair = marked_pair(gallery, name, number)
    said = pair.answer if number % 2 else pair.answer.replace("second", "first")
    ask = f'Is this statement right? "{said}" Answer with yes or no.'
    return [pair.first, pair.second], [(ask, "Yes." if number % 2 else "No.")]


def _edit(gallery: Gallery, name: str, number: int) -> Held:
    pair = edited_pair(gallery, name, number)
    return [pair.first, pair.second], [(pair.question, pair.answer)]


CONFIGS: dict[str, Maker] = {
    "aokvqa": _photo(asked.questioned),
    "chart2text": _summary,
    "clevr": _shapes,
    "cocoqa": _photo(asked.questioned),
    "datikz": _tikz,
    "diagram_image_to_text": _chain,
    "dvqa": _chart,
    "figureqa": _chart,
    "finqa": _read(_table),
    "geomverse": _figure,
    "hateful_memes": _meme,
    "hitab": _read(_table),
    "iam": _read(_page),
    "iconqa": _shapes,
    "infographic_vqa": _read(_page),
    "intergps": _figure,
    "localized_narratives": _photo(asked.described),
    "mapqa": _chart,
    "mimic_cgd": _edit,
    "multihiertt": _read(_table),
    "nlvr2": _statement,
    "ocrvqa": _read(_page),
    "plotqa": _chart,
    "raven": _matrix,
    "rendered_text": _read(_page),
    "robut_sqa": _read(_table),
    "robut_wikisql": _read(_table),
    "robut_wtq": _read(_table),
    "scienceqa": _diagram,
    "screen2words": _screen,
    "st_vqa": _read(_page),
    "tabmwp": _read(_table),
    "tallyqa": _shapes,
    "tat_qa": _read(_table),
    "textvqa": _photo(asked.questioned),
    "tqa": _diagram,
    "vistext": _summary,
    "visual7w": _photo(asked.questioned),
    "visualmrc": _read(_page),
    "vqarad": _photo(asked.questioned),
    "vqav2": _photo(asked.questioned),
    "vsr": _photo(asked.questioned),
    "websight": _code,
}
