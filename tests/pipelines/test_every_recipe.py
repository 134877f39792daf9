"""Every built-in recipe is built on the samples, from one store: what was asked is what is there.

A recipe that is added later is tested as it is: nothing here names one but the two quick ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from mixtures.component import Component
from mixtures.missing import unavailable_components, without_missing
from mixtures.plan import Plan
from mixtures.recipe import Recipe
from mixtures.recipe_file import builtin_names, load_recipe
from pipelines.build import build
from pipelines.options import BuildOptions
from pipelines.samples import write_samples
from pipelines.verify import verify

# One in samples and one in tokens, both of a few small sources.
_QUICK = ("smoltalk", "smollm2-stage1")
_COLUMNS = {"tokens": "num_tokens", "answer_tokens": "num_answer_tokens"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all recipes: what a recipe curates, the next ones find."""
    return tmp_path_factory.mktemp("every-recipe") / "store"


@pytest.fixture
def mirror(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """All samples are the work of a minute: what is quick has those of its recipe alone."""
    if name not in _QUICK:
        found: Path = request.getfixturevalue("all_samples")
        return found
    write_samples(tmp_path / "mirror", name)
    return tmp_path / "mirror"


def _marked(name: str) -> object:
    return pytest.param(name, marks=() if name in _QUICK else pytest.mark.slow)


@pytest.mark.parametrize("name", [_marked(name) for name in builtin_names()])
def test_a_recipe_is_built_as_it_asks(name: str, mirror: Path, store: Path, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    out = tmp_path / name
    options = BuildOptions(
        recipe=name,
        mirror=str(mirror),
        store=str(store),
        out=str(out),
        engine="inline",
        # Nothing may be missing but what the recipe says is.
        allow_missing=bool(unavailable_components(recipe)),
    )
    build(options, Console(quiet=True))
    verify(str(out), lambda path: None)
    plan = Plan.from_json((out / "plan.json").read_bytes(), "plan.json")
    asked = without_missing(recipe)
    assert [leaf.path for leaf in plan.leaves] == [leaf.path for leaf in asked.leaves()]
    assert plan.missing == dict(unavailable_components(recipe))
    rows = pl.read_parquet(out / "data/*.parquet", columns=_read_columns(recipe))
    _check_shares(asked, plan)
    _check_repeats(asked, rows)
    if recipe.unit == "samples":
        _check_samples(plan, rows)
    else:
        _check_tokens(plan, rows, _COLUMNS[recipe.unit])


def _read_columns(recipe: Recipe) -> list[str]:
    measured = _COLUMNS.get(recipe.unit)
    return ["id", "component", *([measured] if measured else [])]


def _check_shares(asked: Recipe, plan: Plan) -> None:
    """The plan's shares sum to 1, and are the recipe's where that has shares."""
    assert sum(leaf.share for leaf in plan.leaves) == 1
    shares = {leaf.path: leaf.share for leaf in plan.leaves}

    def descend(components: Sequence[Component], above: str, whole: Fraction) -> None:
        for part in components:
            path = f"{above}{part.name}"
            below = [shares[leaf] for leaf in shares if f"{leaf}/".startswith(f"{path}/")]
            own = sum(below, Fraction(0))
            assert part.share is None or own == part.share * whole, path
            descend(part.components, f"{path}/", own)

    descend(asked.components, "", Fraction(1))


def _check_repeats(asked: Recipe, rows: pl.DataFrame) -> None:
    """No sample is in more passes than its component allows."""
    found = rows.group_by("component", "id").len().group_by("component").agg(pl.col("len").max())
    most = dict(found.iter_rows())
    allowed = {leaf.path: leaf.component.max_passes for leaf in asked.leaves()}
    assert {path for path, passes in most.items() if passes > allowed[path]} == set()


def _check_samples(plan: Plan, rows: pl.DataFrame) -> None:
    """Rows are what was asked, and that is each share to within less than a row a level."""
    counts = dict(rows["component"].value_counts().iter_rows())
    assert counts == {leaf.path: leaf.asked for leaf in plan.leaves if leaf.asked}
    assert rows.height == plan.total == plan.amount
    for leaf in plan.leaves:
        depth = leaf.path.count("/") + 1
        assert abs(counts.get(leaf.path, 0) - leaf.share * rows.height) < depth, leaf.path


def _check_tokens(plan: Plan, rows: pl.DataFrame, column: str) -> None:
    """Tokens are off what was asked by at most one sample's of the component."""
    assert sum(leaf.asked for leaf in plan.leaves) == plan.amount
    per_leaf = rows.group_by("component").agg(
        pl.col(column).sum().alias("sum"), pl.col(column).max().alias("largest")
    )
    held = {path: (total, largest) for path, total, largest in per_leaf.iter_rows()}
    for leaf in plan.leaves:
        depth = leaf.path.count("/") + 1
        assert abs(leaf.asked - leaf.share * plan.amount) < depth, leaf.path
        if leaf.path in held:
            total, largest = held[leaf.path]
            assert total == leaf.amount
            assert abs(total - leaf.asked) <= largest, leaf.path
        else:
            # None is nearer than one: at most half of the first sample is asked for.
            assert 2 * leaf.asked <= leaf.available_amount, leaf.path
