"""docs/filters.md, written from the filters: `mixture filters --markdown`."""

from __future__ import annotations

from collections.abc import Sequence

from filters.base import Filter
from pipelines.card import markdown_table
from pipelines.filter_drops import Drops
from pipelines.filter_tables import filter_facts, meaning, parameters, policies_text, scores
from pipelines.source_pages import escaped

_HEAD = """# Filters

Written from the filters in `filters/` by `mixture filters --markdown`; a test checks that it is
current. A recipe names a filter with its parameters, as docs/recipes.md says; "meant for" has the
policies for which its defaults are chosen ("any" where it asks what holds for all rows, or what
only the recipe can know), "recipes" the built-in ones that use it.

What each drops is counted on the rows that `mixture samples` writes for three recipes, by each
filter alone with its default parameters: most of it was planted there to be found, and the texts
were made up. What filters drop of real text with which nothing is wrong is in benchmarks/README.md
(`false_drops`).
"""
# It needs a model of one's own, or is newer than the count.
_NOT_COUNTED = "not counted"


def filters_page(every: Sequence[Filter], drops: Drops) -> str:
    """A table of the rows, one of all filters, then a section for each."""
    parts = [_HEAD, _rows(drops), "", _table(every, drops)]
    return "\n".join([*parts, *(_section(one, drops) for one in every), ""])


def _rows(drops: Drops) -> str:
    rows = [
        (f"{recipe} samples", ", ".join(f"{policy} {number:,}" for policy, number in found.items()))
        for recipe, found in drops.rows.items()
    ]
    return markdown_table(("samples", "rows of each policy"), rows)


def _table(every: Sequence[Filter], drops: Drops) -> str:
    rows = [
        (
            f"[{one.name}](#{one.name})",
            one.level,
            ", ".join(one.kinds),
            policies_text(one),
            _NOT_COUNTED if drops.dropped(one.name) is None else drops.dropped(one.name),
            one.source,
        )
        for one in every
    ]
    header = ("filter", "level", "kinds", "meant for", "dropped of the samples", "source")
    return markdown_table(header, rows)


def _section(one: Filter, drops: Drops) -> str:
    facts = [f"- {name}: {escaped(value)}" for name, value in filter_facts(one)]
    facts.append(f"- reasons: {', '.join(f'`{reason}`' for reason in one.reasons)}")
    measured = (f"`{name}` ({kind})" for name, kind in scores(one))
    facts.append(f"- scores: {', '.join(measured)}")
    parts = [f"\n## {one.name}\n", f"{escaped(meaning(one))}\n", *facts]
    given = [(f"`{name}`", f"`{default}`", said) for name, default, said in parameters(one)]
    if given:
        parts += ["", markdown_table(("parameter", "default", "meaning"), given)]
    found = [
        (f"{drop.recipe} samples", drop.policy, f"`{drop.reason}`", drop.num_rows)
        for drop in drops.of(one.name)
    ]
    if found:
        parts += ["", markdown_table(("rows of", "policy", "reason", "dropped"), found)]
    return "\n".join(parts)
