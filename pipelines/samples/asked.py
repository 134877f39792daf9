"""Pictures of six kinds with what is asked about them: photos, charts, pages, diagrams, figures.

Each is a function of the names it is seeded with and of its number; the gallery sees to it that no
two look alike. Question and answer are plain: markers and styles are the writers'.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from PIL import Image

from pipelines.samples.charts import make_chart
from pipelines.samples.diagrams import make_diagram
from pipelines.samples.figures import make_figure
from pipelines.samples.pages import make_page
from pipelines.samples.stock import Gallery, Scene, jpeg, photos, png
from pipelines.samples.words import seeded


class Asked(NamedTuple):
    """An encoded picture, and (question, answer) pairs."""

    data: bytes
    pairs: list[tuple[str, str]]


Maker = Callable[[Gallery, str, int], Asked]


def described(gallery: Gallery, name: str, number: int) -> Asked:
    """A photo with a caption and some facts in one answer."""
    scene, image = _photo(gallery, name, number)
    rng = seeded(name, "describe", number)
    facts = " ".join(answer for _, answer in rng.sample(scene.facts, 3))
    ask = rng.choice(
        [
            "Describe the photo in detail.",
            "What is shown here? Please be thorough.",
            "Write a description of this picture for somebody who cannot see it.",
        ]
    )
    return Asked(jpeg(image), [(ask, f"{rng.choice(scene.captions)} {facts}")])


def captioned(gallery: Gallery, name: str, number: int) -> Asked:
    scene, image = _photo(gallery, name, number)
    rng = seeded(name, "caption", number)
    ask = rng.choice(["Caption this photo.", "What is in the photo?", "Give the photo a title."])
    return Asked(jpeg(image), [(ask, rng.choice(scene.captions))])


def questioned(gallery: Gallery, name: str, number: int) -> Asked:
    """A photo with two questions."""
    scene, image = _photo(gallery, name, number)
    return Asked(jpeg(image), seeded(name, "ask", number).sample(scene.facts, 2))


def chart(gallery: Gallery, name: str, number: int) -> Asked:
    made, image = _drawn(gallery, make_chart, name, number)
    return Asked(png(image), made.questions(seeded(name, "ask", number)))


def page(gallery: Gallery, name: str, number: int) -> Asked:
    pairs, image = _drawn(gallery, _page, name, number)
    return Asked(jpeg(image, 88), pairs)


def diagram(gallery: Gallery, name: str, number: int) -> Asked:
    """A diagram with a question of four choices, of which the letter is asked."""
    made, image = _drawn(gallery, make_diagram, name, number)
    rng = seeded(name, "ask", number)
    question, answer, wrong = made.question(rng)
    choices = rng.sample([answer, *wrong], 4)
    listed = "\n".join(f"{letter}. {text}" for letter, text in zip("ABCD", choices, strict=True))
    asked = f"{question}\n{listed}\nAnswer with the option's letter."
    return Asked(png(image), [(asked, "ABCD"[choices.index(answer)])])


def figure(gallery: Gallery, name: str, number: int) -> Asked:
    """A figure of plane geometry with the steps that lead to the answer."""
    made, image = _drawn(gallery, make_figure, name, number)
    return Asked(png(image), [(made.question, f"{made.steps} The answer is {made.answer}.")])


def _photo(gallery: Gallery, name: str, number: int) -> tuple[Scene, Image.Image]:
    first = seeded(name, "first").randrange(len(photos()))
    scene = photos()[(first + number) % len(photos())]
    return scene, gallery.take(scene, name, number)


def _drawn(gallery: Gallery, make: Callable[..., Any], name: str, number: int) -> Any:
    return gallery.draw(lambda attempt: make(seeded(name, number, attempt), number))


def _page(rng: Any, number: int) -> tuple[list[tuple[str, str]], Image.Image]:
    image, pairs = make_page(rng, number)
    return pairs, image
