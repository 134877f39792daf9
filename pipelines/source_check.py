"""`mixture sources check`: first rows of upstream, where it really lives, against the cards.

Cheap: listings, a footer and a few rows of the first files of each subset; no media are read.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
from rich.console import Console

from manifests.cards import SourceCard, Subset
from manifests.errors import SmolmixError, UnavailableError
from pipelines.progress import printable
from pipelines.source_drift import (
    NUM_ROWS,
    Difference,
    column_differences,
    first_rows,
    marker_differences,
    new_columns,
    row_differences,
)
from pipelines.upstream import make_root, unavailable
from sources.base import Draft, Rejected, Source
from sources.root import FileRef, Root

# Tasks of one subset lie in a file each; further shards of Parquet are more of the same.
_MAX_FILES = 3
_DATA = re.compile(
    r"\.(parquet|arrow|jsonl?|csv|tsv|tar|tgz|zip|z\d\d|7z|rar|mp4|bin)(\.(gz|zst|bz2|xz))?$", re.I
)
_METADATA = re.compile(r"(^|/)(dataset_infos?|config|index|state)\.json$")
_HELD_OUT = re.compile(r"(^|[/_.-])(test|valid|validation|val|dev|eval)([/_.-]|\d|$)", re.I)


@dataclass(slots=True)
class Report:
    """What was found of one source; `drifts` are (subset, difference), `-` for all subsets."""

    source: str
    detail: str = ""  # why upstream could not be read; empty where it could
    num_checked: int = 0
    absent: list[str] = field(default_factory=list)
    drifts: list[tuple[str, Difference]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_expected: bool = True  # False where a mirror may well be without this source

    @property
    def holds(self) -> bool:
        return not self.drifts and not (self.detail and self.is_expected)

    @property
    def status(self) -> str:
        if self.detail:
            return "unavailable" if self.is_expected else "not here"
        return "drift" if self.drifts else "holds"

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "status": self.status,
            "detail": self.detail,
            "subsets_checked": self.num_checked,
            "subsets_absent": self.absent,
            "drift": [{"subset": subset, **d._asdict()} for subset, d in self.drifts],
            "notes": self.notes,
        }

    def lines(self) -> Iterator[str]:
        absent = f", {len(self.absent)} not in this mirror" if self.absent else ""
        plural = "" if self.num_checked == 1 else "s"
        text = self.detail or f"{self.num_checked} subset{plural} read{absent}"
        yield f"{self.source}: {self.status} ({text})"
        for subset, (about, said, found) in self.drifts:
            name = self.source if subset == "-" else f"{self.source}/{subset}"
            yield f"  {name}: {about}: the card says {said}, found {found}"
        yield from (f"  note: {note}" for note in self.notes)


def check_sources(
    asked: Sequence[Source], mirror: str | None, is_named: bool, console: Console, quiet: bool
) -> list[Report]:
    """A report of each source, printed as it comes unless `quiet`; none stops the others."""
    reports = []
    for source in asked:
        if source.card.layout == "folder" and not is_named:
            continue
        report = check_source(source, mirror)
        report.is_expected = is_named or mirror is None or report.detail != _nothing(mirror)
        reports.append(report)
        for line in () if quiet else report.lines():
            console.print(printable(line), soft_wrap=True)
    return reports


def check_source(source: Source, mirror: str | None) -> Report:
    report = Report(source.name)
    try:
        _check(source, mirror, report)
    except Exception as error:
        # Network libraries raise of everything; one source must not stop the others.
        report.detail = str(unavailable(source.name, source.card.repo, error))
    return report


def _nothing(mirror: str) -> str:
    return f"no file of it below the mirror {mirror}"


def _check(source: Source, mirror: str | None, report: Report) -> None:
    card = source.card
    roots = {repo: make_root(card, repo, mirror) for repo in card.repos}
    listings = {repo: root.glob("*") for repo, root in roots.items()}
    if not any(listings.values()):
        where = _nothing(mirror) if mirror else f"{card.repo} holds no file"
        raise UnavailableError(where)
    matched: dict[str, list[FileRef]] = {}
    for subset in card.subsets:
        root = roots[subset.repo or card.repo]
        matched[subset.name] = root.glob(*card.row_patterns(subset))
    _check_files(card, roots, listings, matched, mirror, report)
    for repo, root in roots.items():
        _check_repo(source, repo, root, matched, report)


def _check_files(
    card: SourceCard,
    roots: dict[str, Root],
    listings: dict[str, list[FileRef]],
    matched: dict[str, list[FileRef]],
    mirror: str | None,
    report: Report,
) -> None:
    """Patterns that match nothing, and data files that no pattern explains."""
    explained = {file.path for files in matched.values() for file in files}
    media: dict[str, bool] = {}
    for subset in card.subsets:
        patterns = card.media_patterns(subset)
        found = [file for root in roots.values() for file in root.glob(*patterns)]
        explained |= {file.path for file in found}
        rows = matched[subset.name]
        if not rows and (found and "{subset}" in "".join(card.media_files) or mirror is None):
            said = " or ".join(card.row_patterns(subset))
            report.drifts.append((subset.name, Difference("row files", said, "no such file")))
        elif not rows:
            report.absent.append(subset.name)
        elif patterns and not found and card.local_media is None:
            key = " or ".join(patterns)
            if not media.setdefault(key, False):
                report.drifts.append((subset.name, Difference("media files", key, "no such file")))
                media[key] = True
    others = {f.path for root in roots.values() for f in root.glob(*card.other_files)}
    for repo, files in listings.items():
        for folder, names in _unexplained(files, explained | others).items():
            where = f"{repo}/{folder}" if len(listings) > 1 else folder or "."
            found_text = f"{len(names)} files in {where}, such as {names[0]}"
            report.drifts.append(("-", Difference("files", "not in the card", found_text)))


def _unexplained(files: Sequence[FileRef], explained: set[str]) -> dict[str, list[str]]:
    """Data files by folder that no pattern of the card matches; held-out splits are no news."""
    found: dict[str, list[str]] = {}
    for file in files:
        path = PurePosixPath(file.path)
        is_data = _DATA.search(file.path) and not _METADATA.search(file.path)
        if is_data and file.path not in explained and not _HELD_OUT.search(file.path):
            found.setdefault(str(path.parent), []).append(path.name)
    return found


def _check_repo(
    source: Source, repo: str, root: Root, matched: dict[str, list[FileRef]], report: Report
) -> None:
    card = source.card
    sharing: dict[str, list[Subset]] = {}
    for subset in card.subsets:
        if (subset.repo or card.repo) == repo:
            report.num_checked += bool(matched[subset.name])
            for file in _first_files(matched[subset.name]):
                sharing.setdefault(file.path, []).append(subset)
    for path, subsets in sorted(sharing.items()):
        # A view of this file alone: a source lists all it may read, and opens every footer of it.
        part = replace(root, files=(path,))
        name = subsets[0].name if len(subsets) == 1 else "-"
        columns = card.columns_of(subsets[0])
        items, differences = _first_items(source, part)
        with contextlib.suppress(pa.ArrowException):  # told by the source's own reading above
            found = first_rows(part, part.glob("*")[0])
            differences += column_differences(columns, found)
            differences += marker_differences(card, found, items)
            if columns and (new := new_columns(columns, found)):
                report.notes.append(f"{name}: columns beside the card's: {', '.join(new)} ({path})")
        report.drifts += [(name, d._replace(found=f"{d.found} ({path})")) for d in differences]


def _first_items(source: Source, part: Root) -> tuple[list[Draft | Rejected], list[Difference]]:
    """What the source makes of the first rows, or why it makes nothing."""
    items: list[Draft | Rejected] = []
    try:
        for shard in source.rows(part):
            if len(items) < NUM_ROWS:
                rows = source.read_rows(part, replace(shard, stop=shard.start + NUM_ROWS))
                items += itertools.islice(rows, NUM_ROWS)
    except UnavailableError:
        raise
    except SmolmixError as error:
        return [], [Difference("rows", "readable", str(error))]
    return items, list(row_differences(items))


def _first_files(files: Sequence[FileRef]) -> Sequence[FileRef]:
    is_parquet = any(file.path.endswith(".parquet") for file in files)
    return files[: 1 if is_parquet else _MAX_FILES]
