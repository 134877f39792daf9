"""What `build-mixture`, `mixture plan` and `mixture rejudge` are told alike: recipe, upstream."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from manifests.errors import UsageError, nearest
from mixtures.recipe_file import builtin_names
from pipelines.console import positive


def add_recipe_arguments(
    parser: argparse.ArgumentParser,
) -> argparse._MutuallyExclusiveGroup:
    """`--stage` and `--recipe`, of which one is required; the group may take another."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--stage", metavar="NAME", help="a built-in recipe, e.g. video")
    which.add_argument("--recipe", metavar="FILE", help="a recipe of your own (YAML)")
    return which


def add_upstream_arguments(parser: argparse.ArgumentParser) -> None:
    """All that decides, beside the recipe, which upstream rows are read and which are let in."""
    parser.add_argument("--mirror", metavar="URI", help="read upstream below here, not on the Hub")
    parser.add_argument(
        "--media",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="a source's media that upstream does not ship, see its card",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="upstream rows per subset")
    parser.add_argument(
        "--licenses",
        choices=("permissive", "non-commercial", "all"),
        default="all",
        help="permissive: a product may be trained on every row; non-commercial: the terms of "
        "every row are known (commercial use yes or no); all: everything (default)",
    )
    parser.add_argument(
        "--skip-unavailable",
        action="store_true",
        help="do without sources that are gated, unreachable or missing, if every component "
        "still has one",
    )
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="FILE",
        help="leave out the sample ids, file#row places, media digests or keys, and URLs or ids "
        "of upstream that this text file lists, one a line",
    )


def chosen_recipe(stage: str | None, file: str | None) -> str:
    """What `load_recipe` takes: a built-in name, or a path that cannot be taken for one."""
    if stage is not None:
        names = builtin_names()
        if stage not in names:
            raise UsageError(
                f"there is no stage {stage!r}{nearest(stage, names)} (built in: "
                f"{', '.join(names)}; for a file of your own say --recipe FILE)"
            )
        return stage
    assert file is not None, "the parser requires one of both"
    if not Path(file).is_file():
        raise UsageError(
            f"there is no recipe file {file!r}; --recipe takes the path of a YAML file"
        )
    return os.path.join(os.curdir, file)


def said_again(args: argparse.Namespace) -> Iterator[str]:
    """The words for recipe and upstream, for a command that is to be told the same."""
    for option in ("stage", "recipe", "mirror", "limit"):
        if getattr(args, option) is not None:
            yield from (f"--{option}", str(getattr(args, option)))
    for option in ("media", "exclude"):
        for value in getattr(args, option):
            yield from (f"--{option}", value)
    if args.licenses != "all":
        yield from ("--licenses", args.licenses)
    if args.skip_unavailable:
        yield "--skip-unavailable"
