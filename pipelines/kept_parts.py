"""What resolve found before quotas, kept in the store for the next build or plan of the same rows.

    STORE/resolved/<key>/   part-  media-  lost-  drawn-*.arrow  classes.arrow  done.json

The key is of all that decides it: row and media folders, filters, conditions, style, tokens, seed;
not of shares, amounts, caps or totals, so that another ratio of the same components finds it. The
oldest go when all together pass MAX_BYTES; what is larger by itself is not kept.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from manifests.ids import key_digest
from manifests.storage import exists, is_local, join, local_path, read_json, remove_tree, write_json
from mixtures.policies import BY_CATEGORY, PLAIN
from mixtures.recipe import Recipe
from pipelines import pii
from pipelines.alike.stage import near_versions
from pipelines.buckets import Bucket
from pipelines.curate import CuratedSource
from pipelines.judges import Judges
from pipelines.parts import Part
from pipelines.store import RESOLVED

# Bump it when the same inputs give other files.
_VERSION = 4
MAX_BYTES = 2_000_000_000
# A build reads these files until it ends; what was used a while ago is not being read.
_IN_USE_S = 3600.0
_SIZES = (
    *("share", "take", "repeat", "unavailable"),
    *("max_repeat", "max_samples", "max_tokens", "max_images", "max_duration_s"),
)

Lost = Mapping[int, dict[tuple[str, str], int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was found before quotas, and where its files are.

    `lost` counts rows by the number of their lost-*.arrow; `named` are entries of lists that named
    something; `is_kept`: it was in the store already.
    """

    folder: str
    parts: tuple[Part, ...]
    buckets: tuple[Bucket, ...]
    lost: Lost
    named: tuple[str, ...]
    is_kept: bool = False

    @property
    def num_rows(self) -> int:
        return sum(part.num_rows for part in self.parts)

    @property
    def losses(self) -> Iterator[Mapping[tuple[str, str], int]]:
        """Rows that are lost, by (fate, rule): of each part, then of each bucket."""
        yield from (part.lost for part in self.parts)
        yield from self.lost.values()


def parts_key(curated: Sequence[CuratedSource], judges: Judges) -> str:
    """16 hex digits over everything that fates before quotas follow from."""
    facts = [
        (source.name, source.suffix, sorted(source.subsets or ()), source.media, source.rows)
        for source in curated
    ]
    cards = [
        (name, s.name, card.commercial_use_of(s), card.license_of(s), card.turns_of(s))
        for name, card in sorted(judges.cards.items())
        for s in card.subsets
    ]
    recipe = _without_sizes(judges.recipe)
    return key_digest(
        *(_VERSION, facts, cards, recipe, judges.filters, judges.licenses),
        *(judges.exclusions.entries, judges.counter, judges.benchmarks.digest),
    )


def _without_sizes(recipe: Recipe) -> dict[str, Any]:
    """What decides which samples there are and whose; not how many of them are drawn."""
    # Of a user's own filter its module's text counts (`Judges.filters`), not where that lies.
    left_out = {"name", "description", "unit", "components", "filter_modules"}
    settings = recipe.model_dump(mode="json", exclude=left_out)
    settings["filters"] = list(settings["filters"].items())  # the first reason counts
    settings |= near_versions(recipe)
    if recipe.policies or recipe.mask_pii:
        settings["policies"] = [settings.get("policies", {}), PLAIN, BY_CATEGORY]
    if recipe.mask_pii:
        settings["mask_pii"] = [sorted(recipe.mask_pii), pii.VERSION]
    return settings | {"components": [_conditions(c.model_dump()) for c in recipe.components]}


def _conditions(component: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in component.items() if key not in _SIZES}
    return kept | {"components": [_conditions(part) for part in component["components"]]}


def find_facts(store: str, key: str) -> Facts | None:
    """What the store keeps under this key."""
    folder = join(store, RESOLVED, key)
    if not is_local(store) or not exists(join(folder, "done.json")):
        return None
    with contextlib.suppress(OSError):  # a store that may only be read
        os.utime(local_path(join(folder, "done.json")))
    record = read_json(join(folder, "done.json"))
    return Facts(
        folder=folder,
        parts=tuple(_part(made) for made in record["parts"]),
        buckets=tuple(_bucket(made) for made in record["buckets"]),
        lost={number: _counts(pairs) for number, pairs in record["lost"]},
        named=tuple(record["named"]),
        is_kept=True,
    )


def keep_facts(store: str, key: str, facts: Facts) -> Facts:
    """With its files where they are now: in the store, if that is local and has room."""
    if not is_local(store) or _size(facts.folder) > MAX_BYTES:
        return facts
    record = {
        "parts": [_part_record(part) for part in facts.parts],
        "buckets": [_bucket_record(bucket) for bucket in facts.buckets],
        "lost": [[number, _pairs(counts)] for number, counts in facts.lost.items()],
        "named": facts.named,
    }
    folder = join(store, RESOLVED, key)
    local_path(join(store, RESOLVED)).mkdir(parents=True, exist_ok=True)
    try:
        os.rename(local_path(facts.folder), local_path(folder))
    except OSError:  # another build of the same rows was sooner, or it is another disk
        return facts
    for file in local_path(folder).iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    write_json(join(folder, "done.json"), record)
    _make_room(store)
    return replace(facts, folder=folder)


def _size(folder: str) -> int:
    return sum(file.stat().st_size for file in local_path(folder).iterdir())


def _make_room(store: str) -> None:
    """Remove the longest unused folders until the others fit."""
    folders = [f for f in local_path(join(store, RESOLVED)).iterdir() if f.is_dir()]
    used = {f: (f / "done.json").stat().st_mtime for f in folders if (f / "done.json").exists()}
    total = sum(_size(str(folder)) for folder in used)
    for folder in sorted(used, key=lambda folder: used[folder]):
        if total <= MAX_BYTES or time.time() - used[folder] < _IN_USE_S:
            return
        total -= _size(str(folder))
        remove_tree(str(folder))


def _pairs(counts: Mapping[tuple[str, str], int]) -> list[list[Any]]:
    return [[fate, rule, count] for (fate, rule), count in counts.items()]


def _counts(pairs: Sequence[Sequence[Any]]) -> dict[tuple[str, str], int]:
    return {(fate, rule): count for fate, rule, count in pairs}


def _part_record(part: Part) -> dict[str, Any]:
    return {**asdict(part), "lost": _pairs(part.lost)}


def _part(record: dict[str, Any]) -> Part:
    return Part(
        **{
            **record,
            "row_folders": tuple(record["row_folders"]),
            "media_folders": tuple(record["media_folders"]),
            "ranges": {name: (start, stop) for name, (start, stop) in record["ranges"].items()},
            "lost": _counts(record["lost"]),
            "excluded": tuple(record["excluded"]),
        }
    )


def _bucket_record(bucket: Bucket) -> dict[str, Any]:
    sums = {name: values.tolist() for name, values in bucket.sums.items()}
    counts = bucket.counts.tolist()
    return {"number": bucket.number, "counts": counts, "sums": sums, "lost": _pairs(bucket.lost)}


def _bucket(record: dict[str, Any]) -> Bucket:
    return Bucket(
        number=record["number"],
        counts=np.array(record["counts"], np.int64),
        sums={name: np.array(values, np.int64) for name, values in record["sums"].items()},
        lost=_counts(record["lost"]),
    )
