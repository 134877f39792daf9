"""Mixtures by several mixers, of the same sources at the same shares: what was asked, what came.

    python -m benchmarks.mixing

Two cases with lognormal token counts: three sources of 40,000, 25,000 and 10,000 rows asked 50, 30
and 20 %, and the 31 leaves of scale.yaml. mosaicml-streaming and litdata have an environment
of their own (`make peers`); without it these two are not run. Every side runs twice, each time
in a process of its own with the same seed.

    off         most rows that any source is off the whole numbers nearest to its share (largest
                remainder, level by level) of the rows that came
    samples     most that any source is off its share of the rows, in percentage points
    tokens      the same of the tokens
    prefix      most points of the side's unit that any source is off its share after any multiple
                of 64 rows from 1,024 on
    wasted      part of the largest mixture at these shares without a repeat that never came
    repeats     rows that came again
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from benchmarks.measure import print_table, work_folder
from benchmarks.mixing_sides import SIDES, Ints
from benchmarks.peers import absent, peer_env, peer_python, versions
from mixtures.recipe_file import load_recipe

SCALE_RECIPE = Path(__file__).with_name("scale.yaml")
_ROOT = Path(__file__).resolve().parent.parent
_THREE = {"first": (40_000, "50%"), "second": (25_000, "30%"), "third": (10_000, "20%")}
_NESTED_ROWS = 60_000
_FIRST_PREFIX = 1024
_TIMEOUT_S = 900
_PEERS = ("streaming", "litData")


@dataclass(frozen=True)
class Made:
    """A case on disk: `tree` are its components as in the recipe."""

    folder: Path
    tree: Sequence[Mapping[str, Any]]
    shares: tuple[Fraction, ...]
    sizes: Ints
    tokens: Ints

    def leaf(self, rows: Ints) -> Ints:
        return np.searchsorted(np.cumsum(self.sizes), rows, side="right")


def three(folder: Path) -> Made:
    tree = [
        {"name": name, "share": share, "sources": [f"local/{name}"]}
        for name, (_, share) in _THREE.items()
    ]
    return _make(folder, tree, [size for size, _ in _THREE.values()])


def nested(folder: Path) -> Made:
    """The tree of scale.yaml without its repeats; leaves hold 1 to 3 times what is asked."""
    recipe = load_recipe(str(SCALE_RECIPE))
    tree = [_plain(part) for part in recipe.model_dump(mode="json")["components"]]
    draw = np.random.default_rng(5)
    sizes = [int(leaf.share * _NESTED_ROWS * draw.uniform(1, 3)) for leaf in recipe.leaves()]
    return _make(folder, tree, sizes)


def _plain(part: Mapping[str, Any]) -> dict[str, Any]:
    inner = [_plain(child) for child in part["components"]]
    mine = {"name": part["name"], "share": part["share"]}
    return (
        {**mine, "components": inner} if inner else {**mine, "sources": [f"local/{part['name']}"]}
    )


def _make(folder: Path, tree: Sequence[Mapping[str, Any]], sizes: Sequence[int]) -> Made:
    folder.mkdir()
    about = {"name": folder.name, "description": "a case of the benchmark mixing", "seed": 1}
    for unit in ("samples", "tokens"):
        text = yaml.safe_dump({**about, "unit": unit, "components": tree})
        (folder / f"{unit}.yaml").write_text(text)
    shares = tuple(leaf.share for leaf in load_recipe(str(folder / "samples.yaml")).leaves())
    asked = {"sizes": list(sizes), "shares": [float(share) for share in shares]}
    (folder / "case.json").write_text(json.dumps(asked))
    draw = np.random.default_rng(3)
    medians = np.repeat(draw.lognormal(np.log(400), 0.7, len(sizes)), sizes)
    tokens = np.maximum(medians * draw.lognormal(0, 1.0, sum(sizes)), 8).astype(np.int64)
    np.save(folder / "tokens.npy", tokens)
    return Made(folder, tree, shares, np.array(sizes), tokens)


def parts_of(tree: Sequence[Mapping[str, Any]], total: int) -> Iterator[int]:
    """Whole numbers of rows by leaf: largest remainder at each level, ties to the earlier."""
    exact = [_share(part) * total for part in tree]
    whole = [int(amount) for amount in exact]
    order = sorted(range(len(tree)), key=lambda i: whole[i] - exact[i])
    for place in order[: total - sum(whole)]:
        whole[place] += 1
    for part, rows in zip(tree, whole, strict=True):
        yield from parts_of(part["components"], rows) if "components" in part else (rows,)


def _share(part: Mapping[str, Any]) -> Fraction:
    text = part["share"]
    return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)


def python_of(side: str) -> str | None:
    """The interpreter that a side runs with; None where its environment is not there."""
    if side.partition(",")[0] not in _PEERS:
        return sys.executable
    python = peer_python("mixing")
    return str(python) if python else None


def run_side(side: str, made: Made, python: str) -> Ints:
    """Rows in the order of one epoch; RuntimeError with the last line of what went wrong."""
    out = made.folder / "rows.npy"
    script = str(Path(__file__).with_name("mixing_sides.py"))
    env = {**os.environ, **peer_env(made.folder / "cache")}
    env["PYTHONPATH"] = os.pathsep.join([str(_ROOT), env["PYTHONPATH"]])
    found = subprocess.run(
        [python, script, side, str(made.folder), str(out)],
        env=env,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    if found.returncode:
        raise RuntimeError(found.stderr.strip().splitlines()[-1])
    rows: Ints = np.load(out).astype(np.int64)
    out.unlink()
    return rows


def figures(rows: Ints, made: Made, unit: str) -> list[str]:
    leaf = made.leaf(rows)
    share = np.array([float(part) for part in made.shares])
    got = np.bincount(leaf, minlength=len(share))
    tokens = np.bincount(leaf, weights=made.tokens[rows], minlength=len(share))
    quota = np.array(list(parts_of(made.tree, len(rows))))
    came, times = np.unique(rows, return_counts=True)
    weights = made.tokens if unit == "tokens" else np.ones(len(made.tokens), np.int64)
    return [
        f"{len(rows):,}",
        f"{np.abs(got - quota).max():,}" if unit == "samples" else "",
        f"{100 * np.abs(got / len(rows) - share).max():.4f}",
        f"{100 * np.abs(tokens / tokens.sum() - share).max():.4f}",
        f"{_worst_prefix(leaf, weights[rows], share):.2f}",
        f"{100 * _wasted(came, made, weights):.1f} %",
        f"{(times - 1).sum():,}",
    ]


def _worst_prefix(leaf: Ints, weights: Ints, share: npt.NDArray[np.float64]) -> float:
    ends = np.append(np.arange(_FIRST_PREFIX, len(leaf), 64), len(leaf)) - 1
    whole = np.cumsum(weights)[ends]
    worst = 0.0
    for number, part in enumerate(share):
        before = np.cumsum(np.where(leaf == number, weights, 0))[ends]
        worst = max(worst, float(np.abs(before / whole - part).max()))
    return 100 * worst


def _wasted(came: Ints, made: Made, weights: Ints) -> float:
    held = np.bincount(made.leaf(np.arange(len(weights))), weights=weights)
    most = min(int(has / share) for has, share in zip(held.tolist(), made.shares, strict=True))
    return max(0.0, 1 - float(weights[came].sum()) / most)


def report(made: Made, title: str) -> None:
    rows = []
    for side in SIDES:
        print(f"   {side}", flush=True)
        python = python_of(side)
        if python is None:
            rows.append([side, absent("mixing"), *[""] * 7])
            continue
        try:
            first, second = (run_side(side, made, python) for _ in range(2))
        except RuntimeError as error:
            rows.append([side, str(error), *[""] * 7])
            continue
        unit = "tokens" if side.endswith("tokens") else "samples"
        same = "yes" if np.array_equal(first, second) else "no"
        rows.append([side, *figures(first, made, unit), same])
    columns = ["rows", "off", "samples", "tokens", "prefix", "wasted", "repeats", "same twice"]
    print_table(title, ["side", *columns], rows)


def main() -> None:
    print(versions("mixing"))
    with work_folder() as work:
        made = three(work / "three")
        sizes = ", ".join(f"{size:,}" for size in made.sizes)
        report(made, f"mixing: rows of {sizes}, asked 50, 30 and 20 %")
        made = nested(work / "nested")
        title = f"mixing: {len(made.sizes)} leaves on three levels, {made.sizes.sum():,} rows"
        report(made, title)


if __name__ == "__main__":
    main()
