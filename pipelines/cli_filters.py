"""`mixture filters`: all filters, one of them, the page of all."""

from __future__ import annotations

import argparse

from rich.console import Console

import filters
from manifests.errors import UsageError


def add_filters_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a filter, or the path of one of your own"
    )
    parser.add_argument("--markdown", action="store_true", help="print docs/filters.md")


def run_filters(args: argparse.Namespace, console: Console) -> int:
    from pipelines.filter_tables import print_filter, print_filters

    if args.markdown:
        if args.name:
            raise UsageError("--markdown prints the page of all filters; leave NAME out")
        _print_page(console)
    elif args.name:
        print_filter(console, filters.get(args.name))
    else:
        print_filters(console, filters.discover().values())
    return 0


def _print_page(console: Console) -> None:
    from pipelines.filter_drops import read_drops
    from pipelines.filter_pages import filters_page

    page = filters_page(list(filters.discover().values()), read_drops())
    console.print(page, soft_wrap=True, end="")
