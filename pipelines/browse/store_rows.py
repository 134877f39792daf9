"""Rows of a store as a list: what curate made of upstream, whichever builds read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from manifests.errors import UsageError
from manifests.ledger import Fate
from manifests.storage import join
from pipelines.browse.asked import Asked
from pipelines.browse.entries import Choice, is_row
from pipelines.browse.scores import Scores
from pipelines.browse.selected import Found, Recent, Selected
from pipelines.build_store import BuildStore
from pipelines.join import Joined
from pipelines.ledger_entries import Entry
from pipelines.measured import PLACE

WORDS = ("source", "subset", "modality", "category", "readable", "rule")
# Whether a sample could be made of a row.
READABLE = ("yes", "no")
_QUESTIONS = 8


@dataclass(frozen=True, slots=True)
class RowFolder:
    """A range of one upstream file's rows."""

    source: str
    subset: str
    folder: str
    file: str
    rows: int


class StoreRows:
    """The finished row folders of a store, by source; one is joined to its media at a time."""

    def __init__(self, store: BuildStore, scores: Scores) -> None:
        self._store = store
        self._scores = scores
        self.folders = [
            RowFolder(
                entry.source,
                str(entry.record.get("subset") or ""),
                join(store.store, entry.path),
                str(entry.record["file"]),
                entry.num_rows,
            )
            for entry in sorted(store.rows, key=lambda entry: entry.path)
        ]
        self._selected: Recent[Selected] = Recent(_QUESTIONS)

    def choices(self) -> dict[str, list[Choice]]:
        """Sources with their rows, the most first."""
        counts: dict[str, int] = {}
        for folder in self.folders:
            counts[folder.source] = counts.get(folder.source, 0) + folder.rows
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return {"source": [Choice(name, rows) for name, rows in ordered]}

    def select(self, asked: Asked) -> Selected:
        return self._selected.get(asked.question, lambda: self._select(asked))

    def _select(self, asked: Asked) -> Selected:
        found = [self._found(folder, asked) for folder in self.folders]
        return Selected([one for one, _ in found], sum(unknown for _, unknown in found))

    def _found(self, folder: RowFolder, asked: Asked) -> tuple[Found, int]:
        if asked.word("source") not in ("", folder.source):
            return Found(0), 0
        words = [pair for pair in asked.words if pair[0] != "source"]
        if not (words or asked.scores):
            return Found(folder.rows), 0
        joined = self._joined(folder)
        rows = joined.index.with_row_index("at")
        fits = rows.filter(pl.all_horizontal(pl.lit(True), *map(_is, words)))
        unknown = 0
        if asked.scores:
            fits = fits.filter(pl.col("hi").is_not_null())
            used = [span.name.partition(".")[0] for span in asked.scores]
            if any(self._scores.lacks(joined.row_folders, joined.media_folders, n) for n in used):
                fits, unknown = fits.clear(), fits.height
            fits = self._scores.fitting(joined, fits, asked.scores)
        mask = pl.repeat(False, rows.height, eager=True).scatter(fits["at"], True)
        return Found(fits.height, mask), unknown

    @property
    def num_rows(self) -> int:
        return sum(folder.rows for folder in self.folders)

    def judged(self, used: Sequence[str]) -> Iterator[tuple[str, Joined, pl.DataFrame]]:
        """All rows that these filters measured, by source and part."""
        for source in dict.fromkeys(folder.source for folder in self.folders):
            for joined, rows in self._scores.all_parts(source, used):
                yield source, joined, rows

    def _joined(self, folder: RowFolder) -> Joined:
        return self._scores.folder(folder.source, folder.folder, folder.file)

    def read(self, places: Sequence[tuple[int, int]]) -> list[Entry]:
        """Rows as the ledger of a build would name them."""
        return [
            _entry(self._joined(self.folders[unit]).index.row(row, named=True))
            for unit, row in places
        ]

    def find(self, source: str, file: str, row: int, group: int | None) -> list[Entry]:
        """One row, from the folder of its file that was read last; UsageError where it is not."""
        folders = {folder.folder: folder for folder in self.folders}
        for name, _ in self._store.folders(source, file):
            index = self._joined(folders[name]).index
            found = index.filter(is_row(file, row, group))
            if found.height:
                return [_entry(entry) for entry in found.to_dicts()]
        raise UsageError(f"the store has no row {source}/{file}#{row}")


def _is(pair: tuple[str, str]) -> pl.Expr:
    name, word = pair
    if name == "readable":
        return pl.col("fate").is_null() if word == READABLE[0] else pl.col("fate").is_not_null()
    return (pl.col(name) == word).fill_null(False)


def _entry(row: Entry) -> Entry:
    """A row of a joined index with the ledger's columns; it has no fate before a build reads it."""
    fate = Fate.UNREADABLE.value if row["fate"] else "stored"
    names = ("source", *PLACE, "stage", "rule", "value", "modality", "category")
    return {name: row[name] for name in names} | {"fate": fate, "id": None, "matched": None}
