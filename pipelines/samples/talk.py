"""What may be said of a clip: captions, open questions, and multiple choice with its options."""

from __future__ import annotations

import random
from dataclasses import dataclass

from pipelines.samples.clips import (
    Clip,
    bouncing_ball,
    cut_shot,
    long_clip,
    pan_photo,
    still_clip,
)
from pipelines.samples.stock import Gallery, Scene, photos, shots

_LETTERS = "ABCDE"
_MC_ASKS = (
    "Please provide your answer by stating the letter followed by the full option.",
    "Please respond with only the letter of the correct answer.",
)


@dataclass(frozen=True, slots=True)
class Film:
    """A clip, a caption of some sentences, and (question, answer) pairs that only it answers."""

    clip: Clip
    caption: str
    facts: tuple[tuple[str, str], ...]
    choices: tuple[tuple[str, ...], ...]

    def ask_choice(self, rng: random.Random, number: int) -> tuple[str, str]:
        """A multiple-choice question with four options, as LLaVA-Video words it."""
        question, right, *wrong = self.choices[number % len(self.choices)]
        options = rng.sample([right, *wrong], 1 + len(wrong))
        listed = "\n".join(f"{_LETTERS[n]}. {text}." for n, text in enumerate(options))
        ask = _MC_ASKS[number % 2]
        letter = _LETTERS[options.index(right)]
        answer = letter if number % 2 else f"{letter}. {right}."
        return f"{question}\nOptions:\n{listed}\n{ask}", answer


def _subject_choice(scene: Scene, number: int) -> tuple[str, ...]:
    others = [other.subject for other in (*shots(), *photos()) if other.subject != scene.subject]
    wrong = [others[(number * 5 + step * 7) % len(others)] for step in range(3)]
    return ("What does the video mainly show?", scene.subject, *wrong)


def film_shot(number: int, seconds: float, variant: int, fps: int = 8) -> Film:
    """Real footage: shot `number`, taken in turn."""
    scene = shots()[number % len(shots())]
    clip = cut_shot(scene, variant, seconds, fps)
    caption = scene.captions[variant % len(scene.captions)]
    tail = f" The shot lasts about {round(clip.duration_s)} seconds and is not cut."
    choices = (*scene.choices, _subject_choice(scene, number))
    return Film(clip, caption + tail, scene.facts, choices)


def film_pan(number: int, seconds: float, variant: int, fps: int = 8) -> Film:
    """A camera that moves over a photo."""
    scene = photos()[number % len(photos())]
    clip = pan_photo(scene, variant, seconds, fps)
    way = "comes closer" if clip.comes_closer else "draws back"
    other = "draws back" if clip.comes_closer else "comes closer"
    caption = f"{scene.captions[variant % len(scene.captions)]} The camera slowly {way}."
    moves = ("Does the camera come closer or draw back?", f"It {way}.")
    choices = (
        _subject_choice(scene, number),
        ("How does the camera move?", f"It {way}", f"It {other}", "It spins", "It stands still"),
    )
    return Film(clip, caption, (moves, *scene.facts), choices)


def film_ball(number: int, seconds: float, fps: int = 8) -> Film:
    """A drawn ball that bounces across the picture."""
    clip, color, bounces = bouncing_ball(number, seconds, fps)
    times = f"{bounces} time" + ("s" if bounces > 1 else "")
    caption = f"A {color} ball crosses the picture from left to right and bounces {times}."
    facts = (
        ("What colour is the ball?", f"It is {color}."),
        ("How often does the ball bounce on the ground on its way?", f"It bounces {times}."),
        ("In which direction does the ball move?", "It moves from left to right."),
        ("Is this a drawing or a real scene?", "It is a drawing."),
    )
    wrong = [name for name in ("blue", "orange", "green", "red") if name != color][:3]
    choices = (("What colour is the ball?", color.capitalize(), *(w.capitalize() for w in wrong)),)
    return Film(clip, caption, facts, choices)


def film_long(scene_number: int, number: int, seconds: int) -> Film:
    """More than a minute, with a coloured word for each section."""
    return _film_of_sections(long_clip(photos()[scene_number], number, seconds), scene_number)


def film_still(gallery: Gallery, name: str, number: int, seconds: int) -> Film:
    """The same, small and still; its picture looks like none before it. The scenes take turns."""
    scene_number = number % len(photos())
    scene = photos()[scene_number]
    picture = gallery.take(scene, name, number)
    return _film_of_sections(still_clip(scene, picture, seconds, name, number), scene_number)


def _film_of_sections(clip: Clip, scene_number: int) -> Film:
    scene = clip.scene
    words = [word for word, _ in clip.sections]
    facts = [
        ("Which word is shown first?", f"The first word is {words[0]}."),
        ("Which word is shown last?", f"The last word is {words[-1]}."),
        ("How many different words appear in the corner?", f"{len(words)} words appear."),
        ("List the words in the order in which they appear.", ", ".join(words).capitalize() + "."),
        ("In which direction does the square at the bottom move?", "It moves from left to right."),
    ]
    for (before, _), (after, color) in zip(clip.sections, clip.sections[1:], strict=False):
        facts.append((f"Which word follows {before}?", f"The word {after} follows."))
        facts.append((f"In which colour is the word {after} written?", f"It is {color}."))
    for place, word in enumerate(words):
        second = place * clip.section_s + clip.section_s // 2
        facts.append((f"Which word is shown after {second} seconds?", f"The word {word} is shown."))
    caption = f"{scene.captions[0]} Words in the corner change: {', '.join(words)}."
    return Film(clip, caption, (*facts, *scene.facts), (_subject_choice(scene, scene_number),))
