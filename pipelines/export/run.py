"""An export from end to end: a shard for each data file of the build, then what stands beside them.

Every row of the build is counted, as written or as left out with its reason, and so is each change
that a format makes; `export.json` has the counts, and the first ids of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from manifests.build import BuildManifest, load_manifest
from manifests.errors import UsageError
from pipelines.engine import Task
from pipelines.export.folder import Asked, Folder
from pipelines.export.format import Format, Written
from pipelines.export.formats import format_of
from pipelines.export.rows import LeftOut, Row, Shard, read_rows, shards_of
from pipelines.progress import StageProgress

_NUM_EXAMPLES = 5


@dataclass
class Tally:
    """Counts of rows; `changed` and `left_out` by reason, with the first ids of each."""

    rows: int = 0
    written: int = 0
    images: int = 0
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    left_out: dict[str, dict[str, Any]] = field(default_factory=dict)

    def wrote(self, row: Row, changes: Iterable[str]) -> None:
        self.rows += 1
        self.written += 1
        self.images += len(row.values["images"])
        for change in changes:
            _count(self.changed, change, 1, [row.values["id"]])

    def left(self, row: Row, reason: str) -> None:
        self.rows += 1
        _count(self.left_out, reason, 1, [row.values["id"]])

    def add(self, record: dict[str, Any]) -> None:
        """That of another shard, as `as_json` gave it."""
        self.rows += record["rows"]
        self.written += record["written"]
        self.images += record["images"]
        for mine, its in ((self.changed, "changed"), (self.left_out, "left_out")):
            for reason, found in record[its].items():
                _count(mine, reason, found["rows"], found["ids"])

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "written": self.written,
            "images": self.images,
            "changed": self.changed,
            "left_out": self.left_out,
        }


def _count(counts: dict[str, dict[str, Any]], reason: str, rows: int, ids: Sequence[str]) -> None:
    entry = counts.setdefault(reason, {"rows": 0, "ids": []})
    entry["rows"] += rows
    entry["ids"] = [*entry["ids"], *ids][:_NUM_EXAMPLES]


def export(
    build: str, format_name: str, out: str, overwrite: bool, console: Console
) -> dict[str, Any]:
    """The record that `export.json` holds; what is complete already is not done again."""
    made = format_of(format_name)
    manifest = load_manifest(build)
    shards = shards_of(build, manifest)
    splits = list(dict.fromkeys(shard.split for shard in shards))
    asked = Asked(made.name, manifest.digest(), manifest.recipe)
    folder = Folder(out, asked, made.holds(splits))
    complete = folder.open(overwrite)
    if complete is not None:
        return complete
    records = _shards(build, made, folder, shards, console)
    tallies = {split: Tally() for split in splits}
    for shard, record in zip(shards, records, strict=True):
        tallies[shard.split].add(record)
    _refuse_nothing(tallies, made, folder)
    rows = [record["written"] for record in records]
    made.finish(out, [Written(shard, count) for shard, count in zip(shards, rows, strict=True)])
    record = _record(manifest, tallies)
    folder.complete(record)
    return record


def _shards(
    build: str, made: Format, folder: Folder, shards: Sequence[Shard], console: Console
) -> list[dict[str, Any]]:
    tasks = [
        Task(shard.name, "rows", _shard, (build, made, folder, shard), 0, shard.num_rows)
        for shard in shards
    ]
    records = []
    with StageProgress(console, "export", tasks, unit="rows", is_step=True) as progress:
        for task in tasks:
            records.append(folder.finished(task.name) or task.function(*task.args))
            progress.advance(task, records[-1])
    return records


def _shard(build: str, made: Format, folder: Folder, shard: Shard) -> dict[str, Any]:
    """One data file of the build; its record is written once all of it is there."""
    tally = Tally()
    with made.shard(folder.out, shard) as take:
        for row in read_rows(build, shard):
            try:
                tally.wrote(row, take(row))
            except LeftOut as reason:
                tally.left(row, str(reason))
    record = tally.as_json()
    folder.write_record(shard.name, record)
    return record


def _refuse_nothing(tallies: dict[str, Tally], made: Format, folder: Folder) -> None:
    """A folder without a row would look like an export and train nothing."""
    if any(tally.written for tally in tallies.values()):
        return
    folder.remove()
    reasons = sorted({reason for tally in tallies.values() for reason in tally.left_out})
    raise UsageError(
        f"the format {made.name} holds no row of this build ({', '.join(reasons)}); "
        "docs/export.md says what each format holds"
    )


def _record(manifest: BuildManifest, tallies: dict[str, Tally]) -> dict[str, Any]:
    """Licences and attributions go along: the files of most formats have no place for them."""
    return {
        "splits": {split: tally.as_json() for split, tally in tallies.items()},
        "terms": [terms.model_dump(mode="json") for terms in manifest.terms],
    }
