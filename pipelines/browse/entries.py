"""The ledger of a build as a list: every upstream row with its fate, found by words and scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from manifests.build import LEDGER_FOLDER, BuildManifest
from manifests.errors import UsageError
from manifests.ledger import Fate, Stage
from manifests.storage import join, parquet_batches
from pipelines.browse.asked import Asked
from pipelines.browse.scores import Scores
from pipelines.browse.selected import Found, Recent, Selected
from pipelines.join import Joined
from pipelines.ledger_entries import Entry, ledger_files, read_entries
from pipelines.measured import PLACE

# What a row is looked for by; its modality only the store knows.
WORDS = ("source", "subset", "fate", "stage", "rule", "modality", "id", "matched")
_BATCH_ROWS = 4096
# Rows whose fate was decided before filters judged.
_BEFORE = [stage.value for stage in (Stage.CURATE, Stage.JOIN, Stage.ACCESS)]
_QUESTIONS = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """A word that a field of a form offers, and how many rows have it."""

    word: str
    count: int


class Entries:
    """The ledger's files, a source each."""

    def __init__(self, build: str, manifest: BuildManifest, scores: Scores) -> None:
        self._build = build
        self._scores = scores
        self.files = ledger_files(build)
        rows = {file.path: file.rows for file in manifest.files}
        self._rows = {file: rows[f"{LEDGER_FOLDER}{file}"] for file in self.files}
        self._selected: Recent[Selected] = Recent(_QUESTIONS)
        self._ids: Recent[pl.Series] = Recent(2)
        self._choices: Recent[dict[str, list[Choice]]] = Recent(1)

    def choices(self) -> dict[str, list[Choice]]:
        """Words with their rows, the most first; the ledger is counted once."""
        return self._choices.get("all", self._count)

    def _count(self) -> dict[str, list[Choice]]:
        names = ["source", "subset", "fate", "stage", "rule"]
        counts = pl.concat(
            [read_entries(self._build, file, names).group_by(names).len() for file in self.files]
        )
        found = {}
        for name in names:
            sums = counts.drop_nulls(name).group_by(name).agg(pl.col("len").sum())
            ordered = sums.sort("len", name, descending=[True, False])
            found[name] = [Choice(*row) for row in ordered.iter_rows()]
        return found

    def select(self, asked: Asked) -> Selected:
        return self._selected.get(asked.question, lambda: self._select(asked))

    def _select(self, asked: Asked) -> Selected:
        found = [self._found(file, asked) for file in self.files]
        return Selected([one for one, _ in found], sum(unknown for _, unknown in found))

    def _found(self, file: str, asked: Asked) -> tuple[Found, int]:
        """(what fits of a file, rows of it whose modality or scores the store does not have)."""
        source = file.removesuffix(".parquet")
        if asked.word("source") not in ("", source):
            return Found(0), 0
        words = [pair for pair in asked.words if pair[0] not in ("source", "modality")]
        needs_store = bool(asked.scores or asked.word("modality"))
        if not (words or needs_store):
            return Found(self._rows[file]), 0
        names = sorted({"row", *(name for name, _ in words), *(PLACE if needs_store else ())})
        rows = read_entries(self._build, file, names)
        is_row = pl.col("row").is_not_null()
        fits = rows.select(fits=pl.all_horizontal(is_row, *map(_is, words))).to_series()
        fits = fits.fill_null(False)
        if not needs_store:
            return Found(int(fits.sum()), fits), 0
        left = rows.select(PLACE).with_row_index("at").filter(fits)
        hits, num_known = self._hits(source, left, asked)
        mask = pl.repeat(False, rows.height, eager=True).scatter(hits, True)
        return Found(int(mask.sum()), mask), left.height - num_known

    def _hits(self, source: str, left: pl.DataFrame, asked: Asked) -> tuple[pl.Series, int]:
        used = list(dict.fromkeys(span.name.partition(".")[0] for span in asked.scores))
        hits, num_known = [pl.Series([], dtype=pl.UInt32)], 0
        for joined, rows in self._scores.parts(source, left, used):
            num_known += rows.height
            modality = asked.word("modality")
            mine = rows.filter(pl.col("modality") == modality) if modality else rows
            hits.append(self._scores.fitting(joined, mine, asked.scores)["at"])
        return pl.concat(hits), num_known

    @property
    def num_rows(self) -> int:
        return sum(self._rows.values())

    def judged(self, used: Sequence[str]) -> Iterator[tuple[str, Joined, pl.DataFrame]]:
        """Rows that filters judged and the store still has, by source and part of the store."""
        for file in self.files:
            source = file.removesuffix(".parquet")
            rows = read_entries(self._build, file, [*PLACE, "fate", "stage", "rule"])
            by_filter = pl.col("stage") == Stage.FILTER.value
            rows = rows.with_columns(rule=pl.when(by_filter).then("rule"))
            is_judged = ~pl.col("stage").is_in(_BEFORE) & (pl.col("fate") != Fate.TRIMMED.value)
            for joined, some in self._scores.parts(source, rows.filter(is_judged), used):
                yield source, joined, some.drop("policy", "fate", "stage")

    def ids(self, asked: Asked) -> pl.Series:
        """Samples of the build that rows went into which are in the ranges of scores."""
        question = Asked(spans=asked.scores)
        return self._ids.get(question, lambda: self._read_ids(self.select(question)))

    def _read_ids(self, selected: Selected) -> pl.Series:
        # A row that was merged is in the sample that it matched.
        sample = pl.when(pl.col("fate") == Fate.MERGED.value).then("matched").otherwise("id")
        parts = [pl.Series("id", [], dtype=pl.String)]
        for file, found in zip(self.files, selected.found, strict=True):
            if found.count:
                rows = read_entries(self._build, file, ["fate", "matched", "id"])
                some = rows if found.mask is None else rows.filter(found.mask)
                parts.append(some.select(id=sample).to_series().drop_nulls())
        return pl.concat(parts).unique()

    def read(self, places: Sequence[tuple[int, int]]) -> list[Entry]:
        """Whole entries, in the order of their places."""
        found: dict[tuple[int, int], Entry] = {}
        for unit, rows in _by_unit(places):
            path = join(self._build, "ledger", self.files[unit])
            for first, batch in parquet_batches(path, _BATCH_ROWS, min(rows), max(rows)):
                for row in rows:
                    if first <= row < first + batch.num_rows:
                        (found[unit, row],) = batch.slice(row - first, 1).to_pylist()
        return [found[place] for place in places]

    def find(self, source: str, file: str, row: int, group: int | None) -> list[Entry]:
        """What the ledger says of one upstream row: its fate, and perhaps turns that were trimmed.

        Of all conversations of that row, where no group is said. UsageError where it says nothing.
        """
        name = f"{source}.parquet"
        if name in self.files:
            here = is_row(file, row, group)
            places = read_entries(self._build, name, ["file", "row", "group"])
            found = places.select(here.arg_true()).to_series().to_list()
            if found:
                return self.read([(self.files.index(name), at) for at in found])
        raise UsageError(f"the ledger has no row {source}/{file}#{row}")

    def of_sample(self, id_: str) -> Entry | None:
        """The first entry of a sample: of the row that its conversation begins with."""
        name = f"{id_.partition('/')[0]}.parquet"
        if name not in self.files:
            return None
        is_it = (pl.col("id") == id_) & (pl.col("fate") != Fate.TRIMMED.value)
        found = read_entries(self._build, name, ["id", "fate"]).select(is_it.arg_true()).to_series()
        return self.read([(self.files.index(name), int(found[0]))])[0] if len(found) else None


def is_row(file: str, row: int, group: int | None) -> pl.Expr:
    """Whether an entry is of this row, and of this of its conversations where that is said."""
    here = (pl.col("file") == file) & (pl.col("row") == row)
    return here if group is None else here & (pl.col("group") == group)


def _is(pair: tuple[str, str]) -> pl.Expr:
    return pl.col(pair[0]) == pair[1]


def _by_unit(places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, list[int]]]:
    for unit in dict.fromkeys(unit for unit, _ in places):
        yield unit, [row for other, row in places if other == unit]
