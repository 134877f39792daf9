"""`mixture report`: the page that every build ends with, made again."""

from __future__ import annotations

import argparse

from rich.console import Console

from pipelines.console import print_json
from pipelines.options import default_store


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("build")
    parser.add_argument("--out", metavar="FILE", help="default: report.html in the build")
    parser.add_argument(
        "--store",
        metavar="URI",
        help=f"where pictures of dropped rows lie (default: the build's, else {default_store()})",
    )


def run_report(args: argparse.Namespace, console: Console) -> int:
    from pipelines.report.run import write_report

    where = write_report(args.build, args.out, args.store)
    console.print(f"report: {where}", soft_wrap=True)
    if args.json:
        print_json(console, {"report": where})
    return 0
