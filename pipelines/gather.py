"""Which upstreams a build reads: those of its recipe that can be had, and whose terms fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from manifests.cards import SourceCard
from manifests.errors import UnavailableError
from mixtures.recipe import Recipe
from pipelines.access import check_licenses, check_reached, without_media
from pipelines.local_media import check_names, local_roots
from pipelines.options import BuildOptions
from pipelines.upstream import Upstream, check_mirror, find_upstream
from sources.base import LOCAL_MEDIA, Source


@dataclass(frozen=True, slots=True)
class Gathered:
    """`cards` are of all sources of the recipe; `skipped` says why of those that are left out."""

    upstreams: tuple[Upstream, ...]
    cards: dict[str, SourceCard]
    skipped: dict[str, str]

    @property
    def revisions(self) -> dict[str, str]:
        """What was read of each repository; a user's own folder has no revision."""
        shipped = [u for u in self.upstreams if u.source.card.layout != "folder"]
        roots = [root for upstream in shipped for root, _ in (*upstream.rows, *upstream.media)]
        return {root.repo: root.revision for root in roots if root.repo != LOCAL_MEDIA}


def gather(
    recipe: Recipe, catalog: Mapping[str, Source], options: BuildOptions, console: Console
) -> Gathered:
    """The shards of every source of the recipe; InfeasibleError where a component is left empty."""
    if options.mirror is not None:
        check_mirror(options.mirror)
    drawn = {name: catalog[name] for name in sorted(recipe.sources())}
    check_names(options.media, [source.name for source in drawn.values()], catalog)
    cards = {name: source.card for name, source in drawn.items()}
    check_licenses(recipe, cards, options.licenses)
    upstreams: list[Upstream] = []
    skipped: dict[str, str] = {}
    for name, source in drawn.items():
        try:
            upstreams.append(_find(source, recipe.sources()[name], options, console))
        except UnavailableError as error:
            if not options.skip_unavailable:
                raise
            skipped[name] = str(error)
            console.print(f"skipped {name}: {error}", soft_wrap=True)
    check_reached(recipe, cards, skipped)
    return Gathered(tuple(upstreams), cards, skipped)


def _find(
    source: Source, subsets: Sequence[str], options: BuildOptions, console: Console
) -> Upstream:
    """One source, without media that no licence lets in; a limited build goes by its media."""
    wanted = set(subsets) or None
    local = local_roots(source, options.media)
    upstream = find_upstream(source, wanted, options.mirror, options.limit, local)
    absent = upstream.absent(wanted)
    if absent:
        total = len(wanted or source.card.subsets)
        console.print(f"  {source.name}: {total - len(absent)} of {total} subsets have files here")
    return upstream if options.limit is not None else without_media(upstream, options.licenses)
