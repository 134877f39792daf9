"""`mixture store`: what the store holds (ls), and removing what is of no use (gc)."""

from __future__ import annotations

import argparse
import time
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from manifests.errors import UsageError
from pipelines.console import positive, print_json
from pipelines.options import default_store
from pipelines.progress import human_bytes


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("ls", "gc"), help="list it, or remove what may go")
    parser.add_argument("--store", metavar="URI", help=f"default {default_store()}")
    parser.add_argument(
        "--older-than", type=positive, metavar="DAYS", help="gc: facts that no build read since"
    )
    parser.add_argument("--source", metavar="NAME", help="gc: facts of this source, and no others")
    parser.add_argument("--dry-run", action="store_true", help="gc: say what would go, do nothing")


def run_store(args: argparse.Namespace, console: Console) -> int:
    if args.action == "ls" and (args.older_than or args.source or args.dry_run):
        raise UsageError("--older-than, --source and --dry-run belong to `mixture store gc`")
    store = args.store or default_store()
    if args.action == "ls":
        _list(store, args.json, console)
    else:
        _collect(store, args, console)
    return 0


def _list(store: str, as_json: bool, console: Console) -> None:
    from pipelines.store_files import scan, summary

    lines = summary(scan(store))
    if as_json:
        print_json(console, {"store": store, "sources": lines})
        return
    names = ("source", "folders", "rows", "media", "bytes", "last used (UTC)", "incomplete")
    table = Table(*names, box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for line in lines:
        table.add_row(*_cells(line))
    console.print(table)
    total = sum(line["bytes"] for line in lines)
    console.print(f"{store}: {human_bytes(total)}", soft_wrap=True)


def _cells(line: dict[str, Any]) -> tuple[str, ...]:
    counts = [f"{line[name]:,}" for name in ("folders", "rows", "media")]
    used = time.strftime("%Y-%m-%d %H:%M", time.gmtime(line["used"])) if line["used"] else "unknown"
    return line["source"], *counts, human_bytes(line["bytes"]), used, str(line["incomplete"] or "")


def _collect(store: str, args: argparse.Namespace, console: Console) -> None:
    from pipelines.store_files import garbage, remove, scan

    found = list(garbage(scan(store), args.older_than, args.source))
    for entry in found:
        if not args.dry_run:
            remove(store, entry)
        if not args.json:
            console.print(f"{entry.path}  {human_bytes(entry.num_bytes)}", soft_wrap=True)
    total = sum(entry.num_bytes for entry in found)
    if args.json:
        paths = [entry.path for entry in found]
        facts = {"store": store, "removed": paths, "bytes": total, "dry_run": args.dry_run}
        print_json(console, facts)
        return
    done = "would be removed" if args.dry_run else "removed"
    console.print(f"{store}: {len(found)} entries, {human_bytes(total)} {done}", soft_wrap=True)
