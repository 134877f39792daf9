"""English questions and answers, composed from true sentences and seeded choices.

Nothing here reads a clock or depends on hash order: every text is a function of the names it is
seeded with, so that a mirror is the same in every process. `Texts` never gives a text twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import yaml

from pipelines.samples import exercises
from pipelines.samples.sums import word_problem


def seeded(*names: object) -> random.Random:
    """A generator that depends on the names alone (seeding with a string never uses `hash`)."""
    return random.Random("/".join(str(name) for name in names))


@cache
def load_yaml(name: str) -> dict[str, Any]:
    """One of the data files beside this module: photos, footage, topics."""
    text = (resources.files("pipelines.samples") / f"{name}.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    assert isinstance(data, dict)
    return data


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, its answer, and the task category that Magpie would have tagged it with."""

    user: str
    assistant: str
    category: str
    topic: str


# A way to make exchanges has some hundred results: after so many tries the next ones are numbered.
_MAX_ATTEMPTS = 100


class Texts:
    """Exchanges without repetition; each call is seeded with `names` and its running number."""

    def __init__(self, *names: object) -> None:
        self._names = names
        self._seen: set[str] = set()
        self._count = 0

    def exchange(self) -> Exchange:
        """The next exchange; the ten ways to make one take turns."""
        turn, kind = divmod(self._count, len(_MAKERS))
        self._count += 1
        attempt = 0
        while True:
            made = _MAKERS[kind](seeded(*self._names, kind, turn, attempt), turn)
            attempt += 1
            if attempt > _MAX_ATTEMPTS:
                mark = f" (No. {self._count})"
                made = replace(made, user=made.user + mark, assistant=made.assistant + mark)
            if made.user not in self._seen and made.assistant not in self._seen:
                self._seen |= {made.user, made.assistant}
                return made

    def follow_up(self, first: Exchange) -> Exchange:
        """A second exchange that stays with the topic of the first."""
        rng = seeded(*self._names, "follow", first.user)
        name, topic = first.topic, load_yaml("topics")[first.topic]
        ask = rng.choice(
            [
                f"Thank you. What do beginners in {topic['field']} often miss?",
                f"That helps. And what else should I know about {name}?",
                f"Can you say more, this time about how {name} looks in practice?",
                f"Good. Please give me two further points on {name}, in plain words.",
            ]
        )
        facts = [fact for fact in topic["facts"] if fact not in first.assistant]
        chosen = rng.sample(facts, 2)
        answer = f"{rng.choice(_MORE)} {chosen[0]} {rng.choice(_LINKS)} {_lower(chosen[1])}"
        return Exchange(ask, answer, first.category, name)


_OPENINGS = (
    "In short, {name} can be understood from a few observations.",
    "Here is a compact introduction to {name}.",
    "There is more to {name} than one expects at first sight.",
    "Let me go through what matters most about {name}.",
    "A good way into {field} is to look at {name} closely.",
    "People who work in {field} would probably begin as follows.",
)
_LINKS = (
    "Besides,",
    "It also helps to know this:",
    "In addition,",
    "Another point is this:",
    "Just as important,",
    "At the same time,",
)
_CLOSINGS = (
    "If you want to go further, a visit to a local club or museum is a good next step.",
    "All of this is easy to check with a little patience and a notebook.",
    "Together these points explain most of what you will meet in daily life.",
    "The details differ from place to place, but the principle stays the same.",
    "With that in mind, the rest of the subject falls into place quickly.",
    "I can go into any one of these points if you like.",
)
_MORE = ("Certainly.", "Of course.", "Gladly.", "Yes, two things come to mind.", "There is more.")


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _topic(turn: int, offset: int) -> tuple[str, dict[str, Any]]:
    """Topics take turns, from another one on for each way of asking."""
    topics = load_yaml("topics")
    chosen = sorted(topics)[(turn + offset) % len(topics)]
    return chosen, topics[chosen]


def _explain(rng: random.Random, turn: int) -> Exchange:
    name, topic = _topic(turn, 0)
    user = rng.choice(
        [
            f"Can you explain {name} to someone who knows nothing about {topic['field']}?",
            f"I have to give a short talk on {name}. What are the main points?",
            f"What should every beginner know about {name}?",
            f"Please write a paragraph about {name} for a newsletter on {topic['field']}.",
            f"My daughter asked me about {name} and I did not know the answer. Can you help?",
            f"Which facts about {name} surprise people most?",
            f"Summarise what is known about {name} in about a hundred words.",
        ]
    )
    facts = rng.sample(topic["facts"], rng.choice([3, 4]))
    body = [facts[0], f"{rng.choice(_LINKS)} {_lower(facts[1])}", *facts[2:]]
    opening = rng.choice(_OPENINGS).format(name=name, field=topic["field"])
    return Exchange(
        user, " ".join([opening, *body, rng.choice(_CLOSINGS)]), "Information seeking", name
    )


def _advise(rng: random.Random, turn: int) -> Exchange:
    name, topic = _topic(turn, 5)
    weeks, hours = rng.randint(2, 12), rng.randint(2, 9)
    user = rng.choice(
        [
            f"I would like to learn about {name} and have {hours} hours a week. Where do I start?",
            f"How can I become better at {topic['field']} within {weeks} weeks?",
            f"What would you advise a teacher who wants to cover {name} in {hours} lessons?",
        ]
    )
    steps = rng.sample(topic["facts"], 3)
    heads = rng.sample(
        ["Read first", "Watch closely", "Keep notes", "Ask an expert", "Try it yourself"], 3
    )
    lines = [
        f"{n}. {head}. {step}" for n, (head, step) in enumerate(zip(heads, steps, strict=True), 1)
    ]
    close = f"With {hours} hours a week, {weeks} weeks are enough for a sound beginning."
    return Exchange(user, "\n".join([*lines, "", close]), "Advice seeking", name)


def _tell(rng: random.Random, turn: int) -> Exchange:
    name, topic = _topic(turn, 10)
    hero = rng.choice(["Mira", "Jonas", "Amina", "Tomas", "Yuki", "Elena", "Kofi", "Ingrid"])
    place = rng.choice(["a harbour town", "a village in the hills", "the old quarter", "an island"])
    thing = rng.choice(["a brass key", "a torn map", "a letter", "a wooden box", "a blue lantern"])
    user = (
        f"Write a very short story in which {hero} from {place} finds {thing} and learns something "
        f"about {name}."
    )
    fact = rng.choice(topic["facts"])
    answer = (
        f"{hero} found {thing} on the first morning of {rng.choice(['spring', 'autumn', 'May'])}. "
        f"Nobody in {place} knew whose it was. An old neighbour who had spent a lifetime with "
        f'{topic["field"]} only smiled and said: "{fact}" {hero} thought about that for '
        f"{rng.randint(3, 30)} days, and then saw it everywhere. When winter came, {thing} was "
        f"back where it had been found, with a note for whoever would come next."
    )
    return Exchange(user, answer, "Creative writing", name)


def _brainstorm(rng: random.Random, turn: int) -> Exchange:
    name, topic = _topic(turn, 15)
    kind = rng.choice(["podcast", "exhibition", "school club", "weekend course", "small magazine"])
    count = rng.randint(4, 6)
    firsts = [
        "Quiet",
        "Open",
        "Second",
        "Northern",
        "Patient",
        "Bright",
        "Slow",
        "Hidden",
        "Honest",
    ]
    seconds = ["Hours", "Circle", "Workshop", "Notes", "Harvest", "Signal", "Table", "Path", "Room"]
    titles = [
        f"{a} {b}"
        for a, b in zip(rng.sample(firsts, count), rng.sample(seconds, count), strict=True)
    ]
    user = f"Give me {count} names for a {kind} about {name}, and say which one you would take."
    listed = "\n".join(f"- {title}" for title in titles)
    answer = (
        f'{listed}\n\nI would take "{titles[0]}": it is short, and it fits because '
        f"{_lower(rng.choice(topic['facts']))}"
    )
    return Exchange(user, answer, "Brainstorming", name)


def _exercise(make: Callable[[random.Random, int], tuple[str, str]], category: str) -> _Maker:
    def maker(rng: random.Random, turn: int) -> Exchange:
        user, assistant = make(rng, turn)
        return Exchange(user, assistant, category, _topic(turn, 3)[0])

    return maker


_Maker = Callable[[random.Random, int], Exchange]
_MAKERS: tuple[_Maker, ...] = (
    _explain,
    _exercise(word_problem, "Math"),
    _advise,
    _exercise(exercises.coding, "Coding & Debugging"),
    _tell,
    _exercise(exercises.table_summary, "Data analysis"),
    _brainstorm,
    _exercise(exercises.puzzle, "Reasoning"),
    _exercise(exercises.itinerary, "Planning"),
    _exercise(exercises.editing, "Editing"),
)
