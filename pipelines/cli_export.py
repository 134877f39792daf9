"""`mixture export`: a build in the shape that another trainer reads."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console

from pipelines.console import print_json

_FORMATS = "llava, sharegpt, nanovlm, text, webdataset or energon"


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("build")
    parser.add_argument("--format", required=True, help=_FORMATS)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder or address; new")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace another export that stands there"
    )


def run_export(args: argparse.Namespace, console: Console) -> int:
    from pipelines.export.run import export

    record = export(args.build, args.format, args.out, args.overwrite, console)
    for split, counts in record["splits"].items():
        console.print(_line(args.out, split, counts), soft_wrap=True)
        for word, what in (("changed", "changed"), ("left out", "left_out")):
            for reason, found in sorted(counts[what].items()):
                console.print(f"  {word}: {reason} {_rows(found['rows'])}", soft_wrap=True)
    console.print(f"all counts: {args.out.rstrip('/')}/export.json", soft_wrap=True)
    if args.json:
        print_json(console, {"out": args.out, **record})
    return 0


def _line(out: str, split: str, counts: dict[str, Any]) -> str:
    images = "1 image" if counts["images"] == 1 else f"{counts['images']:,} images"
    return f"{out} {split}: {counts['written']:,} of {_rows(counts['rows'])}, {images}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
