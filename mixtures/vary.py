"""Arms of an ablation: the share of one component is set, those beside it scaled in proportion.

    text=5%,14%,30%             a component's share of its parent, by its path
    image/captioning=20%,40%
    video=20%,33%               where no component is called so, all of that modality at the top

An arm is a recipe that extends the one that is varied and says the shares of one level anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import get_args

from manifests.errors import UsageError, nearest
from manifests.schema import Modality
from mixtures.component import Component
from mixtures.recipe import Recipe
from mixtures.shares import parse_share

Shares = Mapping[str, Fraction]


@dataclass(frozen=True)
class Group:
    """Components of one level that are varied as one; `level` is the path of their parent."""

    name: str
    level: str
    members: tuple[str, ...]

    def share(self, shares: Shares) -> Fraction:
        return sum((shares[member] for member in self.members), Fraction(0))


@dataclass(frozen=True)
class Varied:
    """A group and the shares that it is to have, one an arm."""

    group: Group
    shares: tuple[Fraction, ...]


@dataclass(frozen=True)
class Arm:
    """One arm: where `group` is not the only one that is varied, the others follow in proportion.

    `shares` are those of all components of the group's level, of their parent.
    """

    label: str
    group: Group
    asked: Fraction
    shares: Shares


def parse_vary(text: str, recipe: Recipe) -> Varied:
    """UsageError for a component that there is not, and for shares that cannot be had."""
    name, equals, values = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"--vary {text!r}: write it as text=5%,14%,30%")
    group = find_group(recipe, name.strip())
    try:
        shares = tuple(parse_share(value) for value in values.split(","))
    except ValueError as error:
        raise UsageError(f"--vary {group.name}: {error}") from None
    twice = [share for share in shares if shares.count(share) > 1]
    if twice:
        raise UsageError(f"--vary {group.name}: {share_text(twice[0])} is named twice")
    if Fraction(1) in shares:
        raise UsageError(f"--vary {group.name}: 100% leaves nothing for the components beside it")
    return Varied(group, shares)


def find_group(recipe: Recipe, name: str) -> Group:
    """The component at that path, else all of that modality at the top."""
    by_modality = [part.name for part in recipe.components if part.modality == name]
    if name in recipe.paths():
        level = name.rpartition("/")[0]
        group = Group(name, level, (name.rpartition("/")[2],))
    elif name in get_args(Modality) and by_modality:
        group = Group(name, "", tuple(by_modality))
    else:
        known = recipe.paths()
        hint = nearest(name, known) or f" (it has {', '.join(known)})"
        raise UsageError(f"recipe {recipe.name} has no component {name!r}{hint}")
    parts = siblings(recipe, group.level)
    if any(part.share is None for part in parts):
        raise UsageError(
            f"recipe {recipe.name}: {name} is asked for by amount, and a share can be varied only "
            "where a level has shares: write them in a recipe that extends it"
        )
    if len(group.members) == len(parts):
        raise UsageError(
            f"recipe {recipe.name}: there is nothing beside {name} to take its share from"
        )
    return group


def siblings(recipe: Recipe, level: str) -> tuple[Component, ...]:
    """The components of a level, by the path of their parent; empty: the top."""
    parts = recipe.components
    for name in level.split("/") if level else ():
        parts = next(part for part in parts if part.name == name).components
    return parts


def shares_of(recipe: Recipe, level: str) -> dict[str, Fraction]:
    """By name, of their parent."""
    return {part.name: part.share for part in siblings(recipe, level) if part.share is not None}


def check_apart(varied: Sequence[Varied]) -> None:
    """UsageError where a component is varied twice."""
    seen: dict[tuple[str, str], str] = {}
    for one in varied:
        for member in one.group.members:
            before = seen.setdefault((one.group.level, member), one.group.name)
            if before != one.group.name or varied.count(one) > 1:
                raise UsageError(f"--vary names {member} twice: put its shares into one --vary")
    names = [one.group.name for one in varied]
    if len(set(names)) < len(names):
        raise UsageError("--vary names a component twice: put its shares into one --vary")


def scaled(shares: Shares, asked: Mapping[Group, Fraction]) -> dict[str, Fraction]:
    """Groups of one level as asked, the others in the proportion they had; exact, sums to 1."""
    taken = {member: group for group in asked for member in group.members}
    rest = sum((share for name, share in shares.items() if name not in taken), Fraction(0))
    left = 1 - sum(asked.values(), Fraction(0))
    if rest == 0 or left <= 0:
        raise UsageError("the shares that are asked for leave nothing for the components beside")

    def share_of(name: str) -> Fraction:
        if name not in taken:
            return shares[name] * left / rest
        group = taken[name]
        return shares[name] * asked[group] / group.share(shares)

    return {name: share_of(name) for name in shares}


def arms_of(recipe: Recipe, varied: Sequence[Varied]) -> list[Arm]:
    """In the order in which they are asked for; of two that are the same mixture the first.

    UsageError where two would have one label, and so one folder.
    """
    check_apart(varied)
    found: dict[tuple[tuple[str, Fraction], ...], Arm] = {}
    for one in varied:
        before = shares_of(recipe, one.group.level)
        for asked in one.shares:
            after = scaled(before, {one.group: asked})
            is_base = after == before
            key = () if is_base else tuple(_placed(one.group.level, after))
            found.setdefault(key, Arm(_label(one.group, asked), one.group, asked, after))
    labels = [arm.label for arm in found.values()]
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise UsageError(f"--vary: two arms would be called {twice[0]}; take other shares")
    return list(found.values())


def _placed(level: str, shares: Shares) -> Iterator[tuple[str, Fraction]]:
    yield from ((f"{level}/{name}", share) for name, share in shares.items())


def _label(group: Group, share: Fraction) -> str:
    number = f"{float(100 * share):.4f}".rstrip("0").rstrip(".")
    return f"{group.name.replace('/', '-')}-{number}"


def share_text(share: Fraction) -> str:
    """As a recipe writes it: `14%` where that is exact in three digits, else `301/860`."""
    thousandths = share * 100_000
    if thousandths.denominator != 1:
        return f"{share.numerator}/{share.denominator}"
    return f"{float(100 * share):.3f}".rstrip("0").rstrip(".") + "%"


def recipe_text(
    name: str, parent: str, description: str, levels: Mapping[str, Shares], header: Sequence[str]
) -> str:
    """A recipe that extends `parent` with these shares by level, below a comment."""
    lines = [f"# {line}".rstrip() for line in header]
    lines += [
        f"name: {name}",
        f"extends: {_quoted(parent)}",
        f"description: {_quoted(description)}",
    ]
    lines.append("components:")
    for level, shares in levels.items():
        indent = "  "
        for above in level.split("/") if level else ():
            lines += [f"{indent}- name: {above}", f"{indent}  components:"]
            indent += "    "
        lines += [
            f"{indent}- {{name: {part}, share: {share_text(s)}}}" for part, s in shares.items()
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
