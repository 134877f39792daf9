"""Which benchmarks a build is held against: found, or named as missing, before a byte is pulled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from manifests.benchmark_cards import BenchmarkCard, benchmark_card, benchmark_cards
from manifests.cards import SourceCard
from manifests.errors import UnavailableError
from manifests.schema import Modality
from manifests.storage import join
from mixtures.recipe import Recipe
from pipelines.benchmark_index import (
    Index,
    Work,
    check_folder,
    find_indexes,
    index_task,
    made_index,
)
from pipelines.downloads import downloads_folder
from pipelines.leaks.index_set import IndexRef, IndexSet
from pipelines.options import BuildOptions
from pipelines.runner import SMALL_BYTES, Runner
from pipelines.store import BENCHMARKS
from sources.cache import DownloadCache

# Of a text mixture a question about a picture that it does not have is no leak.
_CAN_HOLD: Mapping[Modality, frozenset[Modality]] = {
    "text": frozenset({"text", "image", "multi_image", "video"}),
    "image": frozenset({"image", "multi_image", "video"}),
    "multi_image": frozenset({"image", "multi_image", "video"}),
    "video": frozenset({"video"}),
}
# What the names of pins begin with.
HELD, NOT_HELD = "benchmark:", "not_held_against:"
# How many reasons a message gives before it only counts.
_TOLD = 3


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """`held` are the indexes that rows are held against, by name; `work` those of them to be made.

    `left_out` names benchmarks of the recipe that the user switched off.
    """

    held: tuple[Index, ...] = ()
    left_out: tuple[str, ...] = ()
    work: tuple[Work, ...] = ()

    @property
    def folders(self) -> dict[str, str]:
        return {index.name: index.folder for index in self.held}

    @property
    def index_set(self) -> IndexSet:
        return IndexSet.of([IndexRef(index.name, index.folder, index.key) for index in self.held])

    @property
    def pins(self) -> dict[str, str]:
        """What a plan keeps of it: `benchmark:<name>` is `<key>@<revision>`."""
        held = {f"{HELD}{index.name}": f"{index.key}@{index.revision}" for index in self.held}
        return held | {f"{NOT_HELD}{name}": "switched off" for name in self.left_out}


def wanted_benchmarks(recipe: Recipe, cards: Mapping[str, SourceCard]) -> list[BenchmarkCard]:
    """Those that the recipe names; `all` is every one that its rows could be a leak of."""
    if recipe.decontaminate is None:
        return []
    named = recipe.decontaminate.benchmarks
    if named != "all":
        where = f"recipe {recipe.name}, decontaminate"
        return [benchmark_card(name, where) for name in sorted(set(named))]
    drawn = _modalities(recipe, cards)
    return [card for card in benchmark_cards().values() if _CAN_HOLD[card.modality] & drawn]


def _modalities(recipe: Recipe, cards: Mapping[str, SourceCard]) -> set[Modality]:
    return {
        subset.modality
        for name, subsets in recipe.sources().items()
        for subset in cards[name].subsets
        if not subsets or subset.name in subsets
    }


def check_benchmarks(recipe: Recipe, options: BuildOptions, console: Console) -> None:
    """UsageError for a benchmark that there is not, named by the recipe or on the command line.

    Options that change nothing are told.
    """
    if _is_named(recipe):
        wanted_benchmarks(recipe, {})
    for name in options.no_decontaminate or ():
        benchmark_card(name, "--no-decontaminate")
    if options.benchmarks is not None:
        check_folder(options.benchmarks)
    is_asked = options.benchmarks is not None or options.no_decontaminate is not None
    if recipe.decontaminate is None and is_asked:
        console.print(
            f"recipe {recipe.name} is held against no benchmark: --benchmarks and "
            "--no-decontaminate change nothing",
            soft_wrap=True,
        )


def _is_named(recipe: Recipe) -> bool:
    return recipe.decontaminate is not None and recipe.decontaminate.benchmarks != "all"


def open_benchmarks(
    recipe: Recipe, cards: Mapping[str, SourceCard], options: BuildOptions
) -> Benchmarks:
    """The indexes in --benchmarks or the store, and what is to be made; only lists.

    UnavailableError, one for all, where benchmarks cannot be had.
    """
    wanted = wanted_benchmarks(recipe, cards)
    off = _switched_off(wanted, options.no_decontaminate)
    asked = [card for card in wanted if card.name not in off]
    shared = _shared(asked, options.benchmarks)
    others = [card for card in asked if card.name not in shared]
    folder = join(options.store, BENCHMARKS)
    works, missing = find_indexes(folder, others, options.mirror, _cache(options))
    if missing:
        raise UnavailableError(_all_missing(missing, options))
    held = shared | {work.index.name: work.index for work in works}
    todo = tuple(work for work in works if not work.index.is_made)
    return Benchmarks(tuple(held[card.name] for card in asked), tuple(sorted(off)), todo)


def _shared(cards: Iterable[BenchmarkCard], folder: str | None) -> dict[str, Index]:
    """By name, those whose index lies in the folder that was named."""
    if folder is None:
        return {}
    found = {card.name: made_index(folder, card) for card in cards}
    return {name: index for name, index in found.items() if index is not None}


def make_indexes(works: Sequence[Work], runner: Runner) -> None:
    """Those that are not made yet, a task each."""
    small = sum(work.num_bytes for work in works) < SMALL_BYTES
    runner.run("benchmarks", [index_task(work) for work in works], is_small=small)


def _switched_off(wanted: Iterable[BenchmarkCard], asked: Collection[str] | None) -> set[str]:
    if asked is None:
        return set()
    return {card.name for card in wanted if not asked or card.name in asked}


def _cache(options: BuildOptions) -> DownloadCache | None:
    if options.cache_bytes == 0:
        return None
    return DownloadCache(downloads_folder(options.store), options.cache_bytes)


def _all_missing(missing: Mapping[str, str], options: BuildOptions) -> str:
    """One message that names all, says why of the first, and what can be done."""
    names = ",".join(missing)
    reasons = "; ".join(list(missing.values())[:_TOLD])
    more = f"; and {len(missing) - _TOLD} more" if len(missing) > _TOLD else ""
    put = f"put them below the mirror {options.mirror}, " if options.mirror else ""
    return (
        f"the mixture cannot be held against these benchmarks: {names} ({reasons}{more}); "
        f"{put}name a shared index with --benchmarks DIR (`mixture benchmarks build DIR` makes "
        f"one), or build without them: --no-decontaminate {names}"
    )
