"""A synthetic store for resolve: as many rows as asked of a recipe's sources, with no media bytes.

    python -m benchmarks.synthetic DIR --rows 5000000

Row and media folders are as curate leaves them, under names of the catalog, for `benchmarks/
scale.yaml` or any recipe whose leaves name subsets and have a modality. Each leaf has 1.1 to 2
times the rows that its share asks for, so that no leaf alone is ever short. Ten per cent of the
rows repeat another's turns and media, in any folder of the same modality; a fifth share their media
with three others that ask something else; some are on an exclusion list, which stands for leaks
until they are found. Equal parameters, equal files; a store that is there already is taken.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import numpy as np

import sources
from benchmarks.measure import NUM_WORKERS
from benchmarks.synthetic_folders import Folder, write_folder
from manifests.ids import key_digest
from mixtures.recipe import Leaf, Recipe
from mixtures.recipe_file import load_recipe
from pipelines.curate import CuratedSource
from pipelines.store import media_folder, row_folder

SCALE_RECIPE = Path(__file__).with_name("scale.yaml")
_ABOUT = "synthetic.json"
_VERSION = 2
# Of a sample, roughly: shares of the recipe are of tokens, and rows are made to suit.
_MEAN_TOKENS = {"text": 650, "document": 1200, "image": 1100, "multi_image": 3000, "video": 1700}
_DOCUMENTS = ("web_text", "math_text", "code", "book", "synthetic_text")
_LEAST_SLACK, _MOST_SLACK = 1.1, 2.0


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of what: `rows` upstream rows; the rest are parts of them."""

    rows: int
    folder_rows: int = 250_000
    duplicates: float = 0.1
    same_media: float = 0.2
    excluded: float = 0.004
    seed: int = 0


@dataclass(frozen=True, slots=True)
class SyntheticStore:
    """What resolve is given; `exclusions` is a file for `--exclude`."""

    curated: tuple[CuratedSource, ...]
    exclusions: Path
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Place:
    """Where some rows of a subset go; `media_folder` is null for text."""

    file: str
    rows_folder: str
    media_folder: str | None


# Of a source, subset and number of rows.
Places = Callable[[str, str, int], Sequence[Place]]


def make_store(folder: Path, amounts: Amounts, recipe: Path = SCALE_RECIPE) -> SyntheticStore:
    """The store below `folder`, made now unless it is there; another one's files are removed."""
    wanted = load_recipe(str(recipe))
    plan = list(_folders(wanted, amounts, partial(_places, folder, amounts.folder_rows)))
    about = {**asdict(amounts), "recipe": wanted.model_dump_json(), "version": _VERSION}
    done = folder / _ABOUT
    store = SyntheticStore(_curated(plan), folder / "exclude.txt", wanted)
    if not done.exists() or json.loads(done.read_text()) != about:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _write(plan, store.exclusions)
        done.write_text(json.dumps(about))
    return store


def fill_store(recipe: Recipe, amounts: Amounts, places: Places, exclusions: Path) -> None:
    """Writes rows into folders that a build will look for."""
    _write(list(_folders(recipe, amounts, places)), exclusions)


def _write(plan: list[Folder], exclusions: Path) -> None:
    with (
        ProcessPoolExecutor(NUM_WORKERS, mp_context=get_context("spawn")) as pool,
        exclusions.open("w") as lines,
    ):
        for entries in pool.map(write_folder, plan):
            lines.writelines(f"{entry}\n" for entry in entries)


def _places(folder: Path, most: int, source: str, subset: str, rows: int) -> list[Place]:
    """As many as are needed for `most` rows each."""
    places = []
    for number in range(-(-rows // most)):
        file = f"{subset}/train-{number:05d}.parquet"
        key = key_digest(source, file)
        media = media_folder(str(folder), source, key)
        places.append(Place(file, row_folder(str(folder), source, subset, key), media))
    return places


def _folders(recipe: Recipe, amounts: Amounts, places: Places) -> Iterator[Folder]:
    """Every folder of the store; rows of a stream are numbered through, leaf by leaf."""
    parts = list(_parts(recipe, amounts))
    totals: dict[str, int] = {}
    for stream, _, rows in parts:
        totals[stream] = totals.get(stream, 0) + rows
    at = dict.fromkeys(totals, 0)
    for stream, entry, rows in parts:
        source, _, subset = entry.partition("/")
        found = places(source, subset, rows)
        for number, place in enumerate(found):
            size = rows * (number + 1) // len(found) - rows * number // len(found)
            has_media = stream not in ("text", "document")
            yield Folder(
                source=source,
                subset=subset,
                file=place.file,
                rows_folder=place.rows_folder,
                media_folder=place.media_folder if has_media else None,
                stream=stream,
                first=at[stream],
                num_rows=size,
                stream_rows=totals[stream],
                seed=amounts.seed,
                duplicates=amounts.duplicates,
                same_media=amounts.same_media,
                excluded=amounts.excluded,
                filters=tuple(recipe.filters),
            )
            at[stream] += size


def _parts(recipe: Recipe, amounts: Amounts) -> Iterator[tuple[str, str, int]]:
    """(stream, source/subset, rows) of all that the recipe's leaves name."""
    leaves = recipe.leaves()
    slacks = np.random.default_rng(amounts.seed).uniform(_LEAST_SLACK, _MOST_SLACK, len(leaves))
    weights = [
        float(leaf.share) * slack / _MEAN_TOKENS[_stream(leaf)]
        for leaf, slack in zip(leaves, slacks, strict=True)
    ]
    for leaf, weight in zip(leaves, weights, strict=True):
        rows = amounts.rows * weight / sum(weights) / len(leaf.sources)
        for entry in leaf.sources:
            yield _stream(leaf), entry, max(int(rows), 1)


def _stream(leaf: Leaf) -> str:
    modality = next(part.modality for part in leaf.chain if part.modality)
    source, _, subset = leaf.sources[0].partition("/")
    category = sources.get(source).card.subset(subset).category
    return "document" if modality == "text" and category in _DOCUMENTS else modality


def _curated(plan: list[Folder]) -> tuple[CuratedSource, ...]:
    found = []
    for name in dict.fromkeys(folder.source for folder in plan):
        mine = [folder for folder in plan if folder.source == name]
        found.append(
            CuratedSource(
                name=name,
                suffix=sources.get(name).media_lookup == "suffix",
                subsets=frozenset(folder.subset for folder in mine),
                media=tuple(f.media_folder for f in mine if f.media_folder is not None),
                rows=tuple((folder.rows_folder, folder.file) for folder in mine),
            )
        )
    return tuple(found)


def main() -> None:
    asked = argparse.ArgumentParser(description="make a synthetic store for resolve")
    asked.add_argument("folder", type=Path)
    asked.add_argument("--rows", type=int, required=True)
    asked.add_argument("--folder-rows", type=int, default=250_000)
    asked.add_argument("--recipe", type=Path, default=SCALE_RECIPE)
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    amounts = Amounts(given.rows, folder_rows=given.folder_rows, seed=given.seed)
    started = perf_counter()
    make_store(given.folder, amounts, given.recipe)
    seconds = perf_counter() - started
    files = [path for path in given.folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(
        f"{given.rows:,} rows in {seconds:.0f} s, {given.rows / seconds / 1e6:.2f} M rows/s; "
        f"{len(files)} files of {size / 1e9:.2f} GB"
    )


if __name__ == "__main__":
    main()
