"""`mixture sources`: all sources, one card, the page of all cards, the check of them."""

from __future__ import annotations

import argparse

from rich.console import Console

import sources
from manifests.errors import UsageError
from pipelines.console import add_markdown_argument, print_json, print_page

_CHECK = "check"


def add_sources_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a source: print its card; or the word `check`"
    )
    parser.add_argument(
        "checked", nargs="?", metavar="NAME", help="after `check`: only this source (default: all)"
    )
    parser.add_argument(
        "--mirror", metavar="URI", help="with `check`: upstream's files below here, not the Hub's"
    )
    add_markdown_argument(parser, "print docs/sources.md")


def run_sources(args: argparse.Namespace, console: Console) -> int:
    if args.name == _CHECK:
        return _check(args, console)
    if args.checked is not None or args.mirror is not None:
        raise UsageError("--mirror and a second NAME belong to `mixture sources check`")
    if args.markdown and args.name:
        raise UsageError("--markdown prints the page of all sources; leave NAME out")
    if args.name:
        _print_one(args, console)
    else:
        _print_all(args, console)
    return 0


def _print_one(args: argparse.Namespace, console: Console) -> None:
    from pipelines.source_tables import describe, print_card

    card = sources.get(args.name).card
    if args.json:
        print_json(console, describe(card))
    else:
        print_card(console, card)


def _print_all(args: argparse.Namespace, console: Console) -> None:
    from pipelines.source_pages import sources_page
    from pipelines.source_tables import describe, print_sources

    cards = [source.card for source in sources.discover().values()]
    if args.markdown:
        print_page(console, sources_page(cards))
    elif args.json:
        print_json(console, [describe(card) for card in cards])
    else:
        print_sources(console, cards)


def _check(args: argparse.Namespace, console: Console) -> int:
    from pipelines.source_check import check_sources
    from pipelines.upstream import check_mirror

    if args.markdown:
        raise UsageError("--markdown does not go with `check`; --json does")
    if args.mirror is not None:
        check_mirror(args.mirror)
    asked = [sources.get(args.checked)] if args.checked else list(sources.discover().values())
    reports = check_sources(asked, args.mirror, bool(args.checked), console, args.json)
    if args.json:
        print_json(console, [report.as_json() for report in reports])
    return 0 if all(report.holds for report in reports) else 1
