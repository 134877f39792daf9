"""How the benchmark items begin that rows leaked from, read where the build read upstream.

Indexes hold no text (leaks/index.py), so that whoever wants to see an item needs the benchmark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from manifests.benchmark_cards import BenchmarkCard, benchmark_cards
from manifests.errors import SmolmixError
from manifests.storage import exists, join
from pipelines.benchmarks import HELD
from pipelines.build_store import excerpt, read_plan, run_says
from pipelines.upstream import hub_root, unavailable
from sources.benchmark_item import BenchmarkItem
from sources.benchmarks import items_at
from sources.root import Root


@dataclass(frozen=True, slots=True)
class LeakItems:
    """`texts` by `benchmark/place`; `gone` says why a benchmark's are not there, by its name."""

    texts: dict[str, str]
    gone: dict[str, str]


def leak_items(build: str, matched: Collection[str]) -> LeakItems:
    """The items that a build's ledger names as `matched`."""
    places: dict[str, set[str]] = defaultdict(set)
    for name in matched:
        benchmark, _, place = name.partition("/")
        places[benchmark].add(place)
    found = LeakItems({}, {})
    for name in sorted(places):
        try:
            items = _read(build, benchmark_cards()[name], places[name])
        except SmolmixError as error:
            found.gone[name] = str(error)
            continue
        found.texts.update({f"{name}/{place}": item for place, item in items.items()})
    return found


def _read(build: str, card: BenchmarkCard, places: Collection[str]) -> dict[str, str]:
    try:
        items = items_at(card, _root(build, card), places)
    except Exception as error:  # network libraries raise of everything
        raise unavailable(card.name, card.repo, error, "benchmark") from error
    media = "[image]" if card.fields.images else "[video]" if card.fields.video else ""
    return {place: _text(item, media) for place, item in items.items()}


def _root(build: str, card: BenchmarkCard) -> Root:
    mirror = run_says(build, "mirror")
    if mirror and exists(mirror):
        return Root(join(mirror, card.repo), card.repo, card.revision)
    pin = read_plan(build).pins.get(f"{HELD}{card.name}", "")
    return hub_root(card.repo, pin.partition("@")[2] or card.revision)


def _text(item: BenchmarkItem, media: str) -> str:
    asked = f"question: {media} {item.question}"
    choices = f"choices: {'; '.join(item.choices)}" if item.choices else ""
    answer = f"answer: {item.answer}" if item.answer else ""
    return excerpt([part for part in (asked, choices, answer) if part])
