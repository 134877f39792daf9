"""`mixture benchmarks`: the cards of all (list), and indexes of them that can be shared (build)."""

from __future__ import annotations

import argparse

from rich.console import Console

from manifests.benchmark_cards import benchmark_card, benchmark_cards
from manifests.errors import UnavailableError, UsageError
from pipelines.benchmark_index import Index, find_indexes
from pipelines.console import add_markdown_argument, print_json, print_page
from pipelines.progress import human_bytes


def add_benchmarks_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "build"), help="list cards, or make indexes")
    parser.add_argument("dir", nargs="?", metavar="DIR", help="build: where the indexes go")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="build: only these (default: all to be had)"
    )
    parser.add_argument(
        "--mirror", metavar="URI", help="build: upstream's files below here, not the Hub's"
    )
    add_markdown_argument(parser, "list: print docs/benchmarks.md")


def run_benchmarks(args: argparse.Namespace, console: Console) -> int:
    if args.action == "list":
        return _list(args, console)
    if args.markdown:
        raise UsageError("--markdown belongs to `mixture benchmarks list`")
    if args.dir is None:
        raise UsageError("say where the indexes go: `mixture benchmarks build DIR [NAME ...]`")
    return _build(args, console)


def _list(args: argparse.Namespace, console: Console) -> int:
    from pipelines.benchmark_views import benchmarks_page, describe, print_benchmarks

    if args.dir is not None or args.mirror is not None:
        raise UsageError("DIR, NAME and --mirror belong to `mixture benchmarks build`")
    cards = list(benchmark_cards().values())
    if args.markdown:
        print_page(console, benchmarks_page(cards))
    elif args.json:
        print_json(console, [describe(card) for card in cards])
    else:
        print_benchmarks(console, cards)
    return 0


def _build(args: argparse.Namespace, console: Console) -> int:
    """What is asked for by name must be had; of all, what cannot be had is said."""
    from pipelines.benchmarks import make_indexes
    from pipelines.options import BuildOptions
    from pipelines.runner import Runner
    from pipelines.store import check_writable
    from pipelines.upstream import check_mirror

    check_writable(args.dir, "DIR")
    if args.mirror is not None:
        check_mirror(args.mirror)
    cards = [benchmark_card(name, "mixture benchmarks build") for name in dict.fromkeys(args.names)]
    works, missing = find_indexes(args.dir, cards or benchmark_cards().values(), args.mirror)
    if missing and (cards or not works):
        raise UnavailableError("; ".join(missing.values()))
    options = BuildOptions(recipe="", out=args.dir, store=args.dir, mirror=args.mirror)
    runner = Runner(options, console)
    try:
        make_indexes([work for work in works if not work.index.is_made], runner)
    finally:
        runner.close()
    indexes = [work.index for work in works]
    _report(console, indexes)
    for why in missing.values():
        console.print(f"not indexed: {why}", soft_wrap=True)
    if args.json:
        made = {index.name: index.record() | {"bytes": index.num_bytes} for index in indexes}
        print_json(console, {"dir": args.dir, "indexes": made, "not_indexed": missing})
    return 0


def _report(console: Console, indexes: list[Index]) -> None:
    from pipelines.benchmark_views import index_table

    console.print(index_table(indexes))
    total = sum(index.num_bytes for index in indexes)
    console.print(f"{len(indexes)} indexes, {human_bytes(total)}; use them with --benchmarks DIR")
