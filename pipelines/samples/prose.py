"""Documents: web pages, worked mathematics and books, composed of the exchanges of words.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pipelines.samples.sums import word_problem
from pipelines.samples.words import Exchange, Texts, load_yaml, seeded

_SITES = ("garden-notes", "townmuseum", "openlessons", "harbour-times", "fieldguide", "workbench")
_EXCHANGES_A_SEED = 500
DUMPS = ("CC-MAIN-2013-20", "CC-MAIN-2024-10")


class Page(NamedTuple):
    text: str
    url: str
    record_id: str  # of its WARC record
    crawled: str  # ISO 8601


@dataclass
class Documents:
    """Documents of one source without repetition; each depends on the name and its number."""

    name: str
    count: int = 0
    num_exchanges: int = 0

    def exchange(self) -> Exchange:
        """A question and its answer; `Texts` has no more than some 1400 that differ."""
        if self.num_exchanges % _EXCHANGES_A_SEED == 0:
            self._texts = Texts(self.name, self.num_exchanges // _EXCHANGES_A_SEED)
        self.num_exchanges += 1
        return self._texts.exchange()

    def page(self) -> Page:
        """A page of a heading and two to four questions with their answers."""
        rng = seeded(self.name, "page", self.count)
        made = [self.exchange() for _ in range(rng.randint(2, 4))]
        body = "\n\n".join(f"{part.user}\n\n{part.assistant}" for part in made)
        return self._placed(f"{made[0].topic.capitalize()}: a page of notes\n\n{body}\n")

    def lesson(self) -> Page:
        """Three to five word problems with their solutions, in Markdown with LaTeX."""
        rng = seeded(self.name, "lesson", self.count)
        parts = [f"# Worksheet {rng.randint(100, 99_999)}"]
        for number in range(1, rng.randint(3, 5) + 1):
            problem, solution = word_problem(rng, self.count + number)
            parts.append(f"## Problem {number}\n\n{problem}\n\n**Solution.** {solution}")
            a, b = rng.randint(12, 99), rng.randint(12, 99)
            parts.append(f"Warm up with ${a} \\times {b} = {a * b}$.")
        return self._placed("\n\n".join(parts) + "\n")

    def book(self) -> str:
        """Some twenty kilobytes in chapters, of true sentences and worked sums."""
        rng = seeded(self.name, "book", self.count)
        self.count += 1
        chapters = []
        for number, (name, topic) in enumerate(rng.sample(sorted(load_yaml("topics").items()), 12)):
            parts = [f"CHAPTER {number + 1}. OF {name.upper()}"]
            for fact in rng.sample(topic["facts"], len(topic["facts"])):
                problem, solution = word_problem(rng, rng.randrange(6))
                parts.append(f"{fact} {problem} {solution}")
            chapters.append("\n\n".join(parts))
        return "\n\n\n".join(chapters)

    def long_page(self) -> Page:
        """Some fifty kilobytes: above 8,192 ids in any vocabulary that knows English."""
        return self._placed("\n\n\n".join(self.book() for _ in range(2)))

    def _placed(self, text: str) -> Page:
        rng = seeded(self.name, "place", self.count)
        self.count += 1
        site = rng.choice(_SITES)
        record = f"{rng.getrandbits(128):032x}"
        groups = (record[:8], record[8:12], record[12:16], record[16:20], record[20:])
        day = f"2021-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        crawled = f"{day}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:00Z"
        url = f"https://{site}.example/{rng.randint(1000, 99_999)}"
        return Page(text, url, f"<urn:uuid:{'-'.join(groups)}>", crawled)


def blank_page() -> str:
    """What an extractor leaves of a page without text."""
    return " \n\t\n"
