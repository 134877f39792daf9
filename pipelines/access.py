"""What a build may use: licences that fit, and sources that can be reached.

`--licenses` judges every origin of a sample by its subset's `commercial_use`, which its card says:

    permissive      yes: a product may be trained on it; what is unknown does not fit
    non-commercial  yes or no: the terms are known
    all             everything
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import polars as pl
from rich.console import Console

from manifests.cards import SourceCard, Subset
from manifests.errors import InfeasibleError
from manifests.ledger import Fate, Stage
from mixtures.plan import RestrictedRows
from mixtures.recipe import Leaf, Recipe
from pipelines.exclude import Exclusions
from pipelines.join import Joined
from pipelines.progress import printable
from pipelines.upstream import Upstream
from sources.base import ALL_SUBSETS

if TYPE_CHECKING:
    from pipelines.kept_parts import Facts

Licenses = Literal["permissive", "non-commercial", "all"]
LICENSES: tuple[Licenses, ...] = get_args(Licenses)
LICENSE_RULE = "license"

_FITTING = {"permissive": {"yes"}, "non-commercial": {"yes", "no"}}
_NUM_SHOWN = 5


def fits(card: SourceCard, subset: Subset, licenses: Licenses) -> bool:
    return licenses == "all" or card.commercial_use_of(subset) in _FITTING[licenses]


def check_licenses(recipe: Recipe, cards: Mapping[str, SourceCard], licenses: Licenses) -> None:
    """InfeasibleError, before anything is read, for a component that nothing fitting can fill."""

    def usable(source: str, subset: Subset) -> bool:
        return fits(cards[source], subset, licenses)

    for leaf in starved(recipe, cards, usable):
        terms = sorted({_terms(cards[s], sub) for s, sub in claimed(leaf, cards)})
        more = f", and {len(terms) - _NUM_SHOWN} more" if len(terms) > _NUM_SHOWN else ""
        named = ", ".join(terms[:_NUM_SHOWN]) + more
        raise InfeasibleError(
            f"recipe {recipe.name}: component {leaf.path} has no source that --licenses {licenses} "
            f"lets in ({named}); choose other --licenses, or leave it out of the recipe"
        )


def check_reached(
    recipe: Recipe, cards: Mapping[str, SourceCard], skipped: Mapping[str, str]
) -> None:
    """InfeasibleError for a component all of whose sources had to be skipped, and why."""
    for leaf in starved(recipe, cards, lambda source, _: source not in skipped):
        names = sorted({source for source, _ in claimed(leaf, cards)})
        raise InfeasibleError(
            f"recipe {recipe.name}: component {leaf.path} cannot be filled, because all its "
            f"sources are unavailable; {skipped[names[0]]}"
        )


def starved(
    recipe: Recipe, cards: Mapping[str, SourceCard], usable: Callable[[str, Subset], bool]
) -> list[Leaf]:
    """Leaves that none of the usable subsets can fill."""
    return [
        leaf
        for leaf in recipe.leaves()
        if not any(usable(source, subset) for source, subset in claimed(leaf, cards))
    ]


def claimed(leaf: Leaf, cards: Mapping[str, SourceCard]) -> Iterator[tuple[str, Subset]]:
    """(source, subset) that the leaf draws on; the modality of samples is not known before."""
    modality = next((part.modality for part in leaf.chain if part.modality), "text")
    for source in dict.fromkeys(entry.partition("/")[0] for entry in leaf.sources):
        for subset in cards[source].subsets:
            if leaf.claims(source, subset.name, modality, subset.category):
                yield source, subset


def without_media(upstream: Upstream, licenses: Licenses) -> Upstream:
    """The source without media that serve only subsets which do not fit: nobody will see them."""
    card = upstream.source.card
    named = {shard.subset for _, shard in upstream.rows}
    fitting = {
        subset.name
        for subset in card.subsets
        if fits(card, subset, licenses) and {subset.name, ALL_SUBSETS} & named
    }
    if not fitting:
        return replace(upstream, media=())
    wanted = {*fitting, ALL_SUBSETS}
    kept = [(root, s) for root, s in upstream.media if {s.subset, *s.others} & wanted]
    return replace(upstream, media=tuple(kept))


def print_costs(
    console: Console,
    licenses: Licenses,
    exclusions: Exclusions,
    facts: Facts,
    num_excluded: int,
) -> None:
    """What `--licenses` and `--exclude` took away."""
    if licenses != "all":
        lost: Counter[str] = Counter()
        for part in facts.parts:
            lost.update(part.unlicensed)
        console.print(license_cost(lost, facts.num_rows, licenses), soft_wrap=True)
    if exclusions.entries:
        unmatched = [entry for entry in exclusions.entries if entry not in facts.named]
        console.print(exclusion_cost(exclusions, num_excluded, unmatched), soft_wrap=True)


def exclusion_cost(exclusions: Exclusions, num_rows: int, unmatched: Sequence[str]) -> str:
    """What `--exclude` took away, as a sentence."""
    text = f"excluded: {num_rows:,} rows, by a list of {len(exclusions.entries):,}"
    if not unmatched:
        return text
    more = ", ..." if len(unmatched) > _NUM_SHOWN else ""
    shown = printable(", ".join(unmatched[:_NUM_SHOWN]))
    return f"{text}, of which {len(unmatched):,} name nothing here: {shown}{more}"


def _facts(cards: Collection[SourceCard]) -> pl.DataFrame:
    """Terms of every subset, as the columns source, subset, commercial_use, terms."""
    rows = [
        (card.name, subset.name, card.commercial_use_of(subset), card.license_of(subset))
        for card in cards
        for subset in card.subsets
    ]
    names = ["source", "subset", "commercial_use", "terms"]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def drop_unlicensed(
    joined: Joined, cards: Collection[SourceCard], licenses: Licenses
) -> tuple[Joined, dict[str, int]]:
    """(joined with rows of other licences as dropped, how many of each subset).

    Before what the join found: media of rows that do not fit need not have been read.
    """
    if licenses == "all":
        return joined, {}
    unfit = ~pl.col("commercial_use").is_in(sorted(_FITTING[licenses]))
    both = joined.index.join(
        _facts(cards), on=["source", "subset"], how="left", maintain_order="left"
    )
    open_rows = pl.col("fate").is_null() | (pl.col("stage") == Stage.JOIN.value)
    hit = open_rows & unfit.fill_null(False)
    value = pl.format("{}, commercial use {}", "terms", "commercial_use")
    marked = both.with_columns(
        fate=pl.when(hit).then(pl.lit(Fate.DROPPED.value)).otherwise("fate"),
        stage=pl.when(hit).then(pl.lit(Stage.ACCESS.value)).otherwise("stage"),
        rule=pl.when(hit).then(pl.lit(LICENSE_RULE)).otherwise("rule"),
        value=pl.when(hit).then(value).otherwise("value"),
    ).drop("commercial_use", "terms")
    lost = marked.filter(pl.col("rule") == LICENSE_RULE, pl.col("stage") == Stage.ACCESS.value)
    counts = lost.group_by("source", "subset").len().sort("source", "subset")
    return replace(joined, index=marked), {
        f"{source}/{subset}": count for source, subset, count in counts.iter_rows()
    }


def license_cost(lost: Mapping[str, int], num_rows: int, licenses: Licenses) -> str:
    """What `--licenses` took away, as a sentence; the subsets that lost most come first."""
    most = sorted(lost.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} {count:,}" for name, count in most[:_NUM_SHOWN])
    more = f", and {len(most) - _NUM_SHOWN} more subsets" if len(most) > _NUM_SHOWN else ""
    parts = f": {shown}{more}" if most else ""
    total = sum(lost.values())
    return f"licenses {licenses}: {total:,} of {num_rows:,} rows are left out{parts}"


def restricted_rows(
    rows: Mapping[str, int], cards: Mapping[str, SourceCard]
) -> tuple[RestrictedRows, ...]:
    """Drawn rows (by `source/subset`) that no product may be trained on, or unknown to be."""
    found = []
    for name, count in sorted(rows.items()):
        source, _, subset_name = name.partition("/")
        card = cards[source]
        subset = card.subset(subset_name)
        use = card.commercial_use_of(subset)
        if use != "yes":
            found.append(
                RestrictedRows(
                    source=source,
                    subset=subset_name,
                    commercial_use=use,
                    license=card.license_of(subset),
                    rows=count,
                )
            )
    return tuple(found)


def restriction(restricted: Sequence[RestrictedRows]) -> str:
    """Rows of the mixture that are not for products, as a sentence."""
    sums = {answer: 0 for answer in ("no", "unknown")}
    for entry in restricted:
        sums[entry.commercial_use] += entry.rows
    return (
        f"not for commercial use: {sums['no']:,} rows; unknown: {sums['unknown']:,} rows "
        f"(by subset in plan.json)"
    )


def _terms(card: SourceCard, subset: Subset) -> str:
    use = card.commercial_use_of(subset)
    return f"{card.name}: {card.license_of(subset)}, commercial use {use}"
