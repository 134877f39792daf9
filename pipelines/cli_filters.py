"""`mixture filters`: all filters, one of them, the page of all."""

from __future__ import annotations

import argparse

from rich.console import Console

import filters
from manifests.errors import UsageError
from pipelines.console import add_markdown_argument, print_json, print_page


def add_filters_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a filter, or the path of one of your own"
    )
    add_markdown_argument(parser, "print docs/filters.md")


def run_filters(args: argparse.Namespace, console: Console) -> int:
    from pipelines.filter_tables import describe, print_filter, print_filters

    if args.markdown:
        if args.name:
            raise UsageError("--markdown prints the page of all filters; leave NAME out")
        _print_page(console)
    elif args.name:
        one = filters.get(args.name)
        print_filter(console, one)
        if args.json:
            print_json(console, describe(one))
    else:
        every = filters.discover().values()
        print_filters(console, every)
        if args.json:
            print_json(console, [describe(one) for one in every])
    return 0


def _print_page(console: Console) -> None:
    from pipelines.filter_drops import read_drops
    from pipelines.filter_pages import filters_page

    print_page(console, filters_page(list(filters.discover().values()), read_drops()))
