"""`mixture diff`: two recipes, plans or builds. Exit codes: 0 equal, 1 different, 2 an error."""

from __future__ import annotations

import argparse

from rich.console import Console

from pipelines.console import print_json

_SIDE = "a built-in recipe's name, a recipe file, a plan.json or a build's folder"


def add_diff_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", help=_SIDE)
    parser.add_argument("b", help="the same, of any kind")
    parser.add_argument(
        "--ids", metavar="FILE", help="of two builds: write every id that came or went"
    )


def run_diff(args: argparse.Namespace, console: Console) -> int:
    from pipelines.diff import diff
    from pipelines.diff_tables import print_diff

    found = diff(args.a, args.b, args.ids)
    if args.json:
        print_json(console, found.as_json())
    else:
        print_diff(console, found)
    return 0 if found.is_equal else 1
