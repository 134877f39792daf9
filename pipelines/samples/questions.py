"""Exchanges for the samples of text sources, and rows with the defects that these have.

Each source asks in its own voice, a sentence of its own after the question, so that no exchange is
a copy of another source's; within a source none is given twice.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from pipelines.samples import exercises
from pipelines.samples.problems import Problem
from pipelines.samples.sciences import SUBJECTS
from pipelines.samples.truth import Sheet
from pipelines.samples.words import Texts, load_yaml, seeded

Pair = tuple[str, str]
Turn = dict[str, Any]


class Questions:
    """What one source asks and is told; the same each time for the same source and voice."""

    def __init__(self, source: str, voice: str) -> None:
        self._source, self.voice = source, voice
        self._texts = Texts(source)
        self._count: Counter[str] = Counter()
        self._seen: set[str] = set()

    def chat(self, num_pairs: int = 1) -> list[Pair]:
        """A conversation that stays with one topic, at most three pairs long."""
        made = self._texts.exchange()
        pairs = [(f"{made.user} {self.voice}", made.assistant)]
        for _ in range(num_pairs - 1):
            more = self._texts.follow_up(made)
            pairs.append((more.user, more.assistant))
            made = more
        return pairs

    def problem(self, subject: str = "math") -> Problem:
        makers = SUBJECTS[subject]
        number = self._count[subject]

        def make(rng: random.Random) -> Pair:
            made = makers[number % len(makers)](rng)
            found.append(made)
            return made.question, made.solution

        found: list[Problem] = []
        question, _ = self._fresh(subject, make)
        return found[-1]._replace(question=question)

    def code(self) -> Pair:
        turn = self._count["code"]
        return self._fresh("code", lambda rng: exercises.coding(rng, turn))

    def rewrite(self) -> Pair:
        turn = self._count["rewrite"]
        return self._fresh("rewrite", lambda rng: exercises.editing(rng, turn))

    def passage(self) -> tuple[str, str, str]:
        """(text of four sentences, its subject, one of the sentences)."""
        names = sorted(load_yaml("topics"))
        name = names[self._count["passage"] % len(names)]
        facts = load_yaml("topics")[name]["facts"]

        def make(rng: random.Random) -> Pair:
            chosen = rng.sample(facts, 4)
            return " ".join(chosen), chosen[1]

        text, fact = self._fresh("passage", make, spoken=False)
        return text, name, fact

    def _fresh(self, kind: str, make: Callable[[random.Random], Pair], spoken: bool = True) -> Pair:
        number = self._count[kind]
        self._count[kind] += 1
        attempt = 0
        while True:
            question, answer = make(seeded(self._source, kind, number, attempt))
            attempt += 1
            if question not in self._seen:
                self._seen.add(question)
                return (f"{question} {self.voice}" if spoken else question), answer


def chat_turns(pairs: list[Pair], system: str | None = None) -> list[Turn]:
    """{content, role}, as SmolTalk orders them."""
    turns = [{"content": system, "role": "system"}] if system else []
    for user, assistant in pairs:
        turns += [{"content": user, "role": "user"}, {"content": assistant, "role": "assistant"}]
    return turns


def write_json(path: Path, rows: list[Any]) -> None:
    """JSON Lines where the suffix says so, else one array, indented as upstreams have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    else:
        path.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))


def plant_pairs(sheet: Sheet, question: str, answer: str) -> None:
    """Defects of flat pairs, whose columns are named. Takes rows 2 to 5 as models."""
    rows = sheet.rows
    sheet.plant("exact_duplicate", dict(rows[2]), sheet.place(2))
    sheet.plant("text_null", {**rows[3], question: None})
    sheet.plant("empty_answer", {**rows[4], answer: " "})
    sheet.plant("control_token", {**rows[5], answer: f"{rows[5][answer]}<|im_end|>"})


def plant_turns(sheet: Sheet, column: str, text: str, role: str) -> None:
    """Defects of lists of turns under `column`; `text` and `role` are keys of a turn.

    Takes rows 1 to 6 as models.
    """

    def changed(number: int, last: Turn, stop: int | None = None) -> dict[str, Any]:
        turns = sheet.rows[number][column][:stop]
        return {**sheet.rows[number], column: [*turns[:-1], {**turns[-1], **last}]}

    sheet.plant("exact_duplicate", dict(sheet.rows[1]), sheet.place(1))
    sheet.plant("no_answer", changed(2, {}, _asked(sheet.rows[2][column], role)))
    sheet.plant("text_null", changed(3, {text: None}))
    sheet.plant("empty_answer", changed(4, {text: ""}))
    sheet.plant("unknown_role", changed(5, {role: "ipython"}))
    sheet.plant("conversation_empty", {**sheet.rows[6], column: []})


def _asked(turns: list[Turn], role: str) -> int:
    """How many turns it takes to the end of the first question."""
    return next(n for n, turn in enumerate(turns, 1) if turn[role] in ("user", "human"))
