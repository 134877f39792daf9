"""How much each leaf gives: integers that sum exactly, in exact arithmetic.

Quotas are of the recipe's unit, by largest remainder at each level (`mixtures.apportion`). In
samples a quota is the leaf's rows. In tokens its rows are those, in draw order, whose tokens are
nearest to the quota: what is realised is less than one sample's tokens off what was asked.

Largest remainder is not monotone: with one more in all, a component may get one less. "The largest
total" is therefore the true maximum of all totals that fit under the caps, not the first at which
one stops fitting: every total above it is infeasible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from manifests.errors import InfeasibleError
from mixtures.amounts import ALLOW_MISSING_HINT, nothing_held, settle
from mixtures.caps import MILLISECONDS, Caps
from mixtures.recipe import Recipe, Unit
from mixtures.supply import Measure, Supply

# Totals that are tried at once: few at first, since the bound is close as a rule.
_FIRST_BLOCK, _BLOCK = 64, 4096


@dataclass(frozen=True)
class Shortage:
    """A component that cannot give what a total asks of it.

    `has` and `needs` are of `measure`: the recipe's unit, or what a cap on the sum over several
    leaves is of.
    """

    path: str
    has: int
    needs: int
    total: int
    unit: Unit
    measure: Measure

    def __str__(self) -> str:
        total = f"for a total of {self.total}"
        if self.measure == self.unit == "samples":
            part = f"can give {self.has} rows and would need {self.needs}"
        elif self.measure == self.unit:
            part = f"can give {self.has} {_words(self.unit)} and would need {self.needs}"
        else:
            part = f"may hold {_held(self.measure, self.has)} and would hold"
            part = f"{part} {_held(self.measure, self.needs)}"
            total = f"{total} {_words(self.unit)}"
        return f"component {self.path} {part} {total}"


@dataclass(frozen=True)
class Solution:
    """What is drawn: `quotas` are rows, `total`, `amounts` (asked) and `realised` of the unit.

    `shares` are exact shares of the whole, by path of every component; the rest is by leaf index.
    `binding` is what stops one more of the unit; None where that would fit.
    """

    total: int
    unit: Unit
    quotas: tuple[int, ...]
    amounts: tuple[int, ...]
    realised: tuple[int, ...]
    shares: Mapping[str, Fraction]
    binding: Shortage | None


def solve(recipe: Recipe, supply: Supply, total: int | None = None) -> Solution:
    """Quotas for `total` of the recipe's unit; else for the sum of its amounts, or for the most.

    The most is meant where the top level has shares and no total is asked. Raises InfeasibleError
    for a total that cannot be drawn and, where none is asked, for a leaf that holds nothing: with
    nothing to draw from, no ratio holds beyond a few rows.
    """
    return _Problem(recipe, supply).solve(total)


def solve_for(
    recipe: Recipe, supply: Supply, num_samples: int | None, num_tokens: int | None
) -> Solution:
    """`solve` for the sizes of the command line, of which one may be in another unit.

    A size in the recipe's unit is the total. One in another is a bound: the largest mixture whose
    rows, or whose tokens, are at most so many; both given, at most both.
    """
    asked: dict[Measure, int | None] = {"samples": num_samples, "tokens": num_tokens}
    sizes = {measure: size for measure, size in asked.items() if size is not None}
    if set(sizes) <= {recipe.unit}:
        return solve(recipe, supply, sizes.get(recipe.unit))
    problem = _Problem(recipe, supply)
    problem.refuse_empty()
    total = _Problem(recipe, supply, sizes).largest_total()
    if not total:
        named = " and ".join(f"{_OPTIONS[measure]} {size}" for measure, size in sizes.items())
        raise InfeasibleError(
            f"recipe {recipe.name}: {named} is less than one sample of the mixture holds"
        )
    return problem.solve(total)


def largest_total(recipe: Recipe, supply: Supply, at_most: int | None = None) -> int:
    """The largest total, in the recipe's unit, that fits under all caps; 0 if none does.

    Totals are tried downwards from a bound that follows from the shares and caps (`Caps.bound`): at
    most about 2 x depth / (share of the leaf that binds) of them.
    """
    return _Problem(recipe, supply).largest_total(at_most)


_OPTIONS: dict[Measure, str] = {"samples": "--num-samples", "tokens": "--num-tokens"}


class _Problem:
    def __init__(
        self, recipe: Recipe, supply: Supply, extra: Mapping[Measure, int] | None = None
    ) -> None:
        self._recipe = recipe
        self._supply = supply
        self._shares = settle(recipe, supply)
        self._caps = Caps(recipe, supply, self._shares, extra or {})

    def solve(self, total: int | None) -> Solution:
        if total is None:
            self.refuse_empty()
            total = self._shares.total or self._most()
        elif total < 1:
            what = "rows" if self._recipe.unit == "samples" else _words(self._recipe.unit)
            raise InfeasibleError(
                f"a mixture of {total} {what} cannot be drawn; ask for at least 1"
            )
        if shortage := self._shortage(total):
            raise InfeasibleError(self._infeasible(shortage))
        return self._solution(total)

    def refuse_empty(self) -> None:
        for leaf in self._recipe.leaves():
            rows = self._supply.samples(leaf.index)
            if not self._caps.realised(leaf.index, rows):
                raise InfeasibleError(nothing_held(self._recipe, leaf.path))

    def largest_total(self, at_most: int | None = None) -> int:
        high = self._caps.bound()
        high = high if at_most is None else min(high, at_most)
        size = _FIRST_BLOCK
        while high > 0:
            totals = range(high, max(high - size, 0), -1)
            fits = self._caps.fits(totals)
            if fits.any():
                return totals[int(fits.argmax())]
            high, size = high - size, _BLOCK
        return 0

    def _most(self) -> int:
        total = self.largest_total()
        if not total:
            raise InfeasibleError(f"recipe {self._recipe.name}: {self._shortage(1)}; {_NOTHING}")
        return total

    def _shortage(self, total: int) -> Shortage | None:
        found = self._caps.excess(total)
        if found is None:
            return None
        return Shortage(found.path, found.has, found.needs, total, self._recipe.unit, found.measure)

    def _infeasible(self, shortage: Shortage) -> str:
        best = self.largest_total(at_most=shortage.total)
        hint = f"the largest total that works is {best}" if best else _NOTHING
        if not shortage.has:
            hint = f"{hint}; {ALLOW_MISSING_HINT}"
        return f"recipe {self._recipe.name}: {shortage}; {hint}"

    def _solution(self, total: int) -> Solution:
        found = self._caps.quotas([total])
        amounts = tuple(int(found[leaf.path][0]) for leaf in self._recipe.leaves())
        rows = tuple(self._caps.rows(leaf, amount) for leaf, amount in enumerate(amounts))
        if not any(rows):
            raise InfeasibleError(
                f"recipe {self._recipe.name}: {total} {_words(self._recipe.unit)} are less than"
                f" one sample of the mixture holds; ask for more"
            )
        return Solution(
            total=total,
            unit=self._recipe.unit,
            quotas=rows,
            amounts=amounts,
            realised=tuple(self._caps.realised(leaf, count) for leaf, count in enumerate(rows)),
            shares=self._shares.of_whole,
            binding=self._shortage(total + 1),
        )


_NOTHING = "no smaller total works"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _held(measure: Measure, amount: int) -> str:
    if measure == "duration_ms":
        return f"{amount / MILLISECONDS:g} s"
    return f"{amount} {_words(measure)}"
