"""Lists of samples and of rows, and one of either: what their pages show, by what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from manifests.ledger import Fate, Stage
from manifests.schema import MODALITIES
from pipelines.browse import entries, samples, store_rows
from pipelines.browse.asked import Asked, Fields, one, read_asked, whole_number
from pipelines.browse.context import Context
from pipelines.ledger_entries import Entry, place_of
from pipelines.ledger_view import deciding_thresholds
from pipelines.report.chat import SOME, Limits, Medium, Piece, Turn, turns_of
from pipelines.report.pairs import Side, items_of
from pipelines.report.stored import stored_turns
from pipelines.report.thumbs import Room
from pipelines.why import explain

View = tuple[str, dict[str, Any]]

_SAMPLES_A_PAGE = 24
_ROWS_A_PAGE = 16
# Of one sample on a page of its own.
_WHOLE = Limits(pictures=256, chars=400_000, pieces=4000)
# Pictures have addresses: none is put into a page.
_NO_ROOM = Room(0)


@dataclass(frozen=True, slots=True)
class Pages:
    """Where a list stands: `first` and `last` are the numbers of the rows shown, from 1."""

    asked: Asked
    total: int
    each: int

    @property
    def count(self) -> int:
        return max(-(-self.total // self.each), 1)

    @property
    def number(self) -> int:
        return min(self.asked.page, self.count)

    @property
    def start(self) -> int:
        return (self.number - 1) * self.each

    @property
    def last(self) -> int:
        return min(self.start + self.each, self.total)


def list_samples(context: Context, fields: Fields) -> View:
    assert context.build is not None, "a store has no page of samples"
    held = context.build.samples
    scores = context.scores.names()
    asked = read_asked(fields, samples.WORDS, [*samples.NUMBERS, *scores])
    ids = context.build.entries.ids(asked) if asked.scores else None
    selected = held.select(asked, ids)
    pages = Pages(asked, selected.total, _SAMPLES_A_PAGE)
    found = held.read(selected.places(pages.start, _SAMPLES_A_PAGE))
    shown = [row | {"turns": _sample_turns(row, SOME)} for row in found]
    options = {name: words for name, words in held.options().items() if len(words) > 1}
    numbers = {"sample": list(samples.NUMBERS), **_by_filter(scores)}
    return "samples", {
        "samples": shown,
        "pages": pages,
        "asked": asked,
        "options": options,
        "numbers": numbers,
        "files": [file.path for file in held.files],
    }


def one_sample(context: Context, fields: Fields) -> View:
    assert context.build is not None, "a store has no page of a sample"
    held = context.build.samples
    unit, row = (whole_number(one(fields, name), name) for name in ("file", "row"))
    held.check(unit, row)
    (sample,) = held.read([(unit, row)])
    turns = _sample_turns(sample, _WHOLE)
    path = held.files[unit].path
    return "sample", {"sample": sample | {"turns": turns}, "path": path}


def _sample_turns(sample: dict[str, Any], limits: Limits) -> list[Turn]:
    media = [
        Medium(
            None,
            info["kind"] == "frame",
            info["width"],
            info["height"],
            info["timestamp_ms"],
            f"picture?file={sample['file']}&row={sample['row']}&number={number}",
        )
        for number, info in enumerate(sample["media"])
    ]
    return turns_of(sample["messages"], media, _NO_ROOM, limits)


def list_rows(context: Context, fields: Fields) -> View:
    is_build = context.build is not None
    scores = context.scores.names()
    asked = read_asked(fields, entries.WORDS if is_build else store_rows.WORDS, scores)
    selected = context.rows.select(asked)
    pages = Pages(asked, selected.total, _ROWS_A_PAGE)
    found = context.rows.read(selected.places(pages.start, _ROWS_A_PAGE))
    return "rows", {
        "rows": [(entry, place_of(entry), _turns(context, entry, SOME)) for entry in found],
        "pages": pages,
        "asked": asked,
        "unknown": selected.num_unknown,
        "choices": context.rows.choices(),
        "modalities": MODALITIES if context.store.is_there else (),
        "readable": () if is_build else store_rows.READABLE,
        "numbers": _by_filter(scores),
    }


def one_row(context: Context, fields: Fields) -> View:
    source, file = one(fields, "source"), one(fields, "file")
    row = whole_number(one(fields, "row"), "row")
    said = one(fields, "group")
    found = context.rows.find(source, file, row, whole_number(said, "group") if said else None)
    policy, scores = context.scores.of_row(found[0])
    deciding = [
        (at, entry["rule"])
        for entry in found
        if entry["stage"] == Stage.FILTER.value
        for at in deciding_thresholds(entry, context.scores.rules, policy)
    ]
    return "row", {
        "entry": found[0],
        "place": place_of(found[0]),
        "explained": [explain(entry) for entry in found] if context.build else [],
        "deciding": deciding,
        "turns": _turns(context, found[0], _WHOLE),
        "matched": _matched(context, found[0]),
        "scores": scores,
        "policy": policy,
    }


def _matched(context: Context, entry: Entry) -> Side | None:
    """What a row lost to: the sample that stayed, or the benchmark's item."""
    matched = entry["matched"]
    if context.build is None or not matched:
        return None
    if entry["fate"] == Fate.LEAKED.value:
        texts, unread = items_of(context.where, {matched})
        text = texts.get(matched, "")
        turns = [Turn("benchmark", [Piece(text=text)])] if text else []
        return Side("benchmark item", matched, unread, turns)
    stayed = context.build.entries.of_sample(matched)
    if stayed is None:
        return Side("what it matched", matched, "", [])
    fate = stayed["fate"].replace("_", " ")
    turns = _turns(context, stayed, _WHOLE)
    return Side("what it matched", place_of(stayed), fate, turns)


def _turns(context: Context, entry: Entry, limits: Limits) -> list[Turn]:
    return stored_turns(context.store, entry, _NO_ROOM, limits, context.handed.look)


def _by_filter(names: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.partition(".")[0], []).append(name)
    return found
