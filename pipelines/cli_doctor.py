"""`mixture doctor`: looks at this machine and says what to do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.console import print_json
from pipelines.doctor.finding import Finding
from pipelines.options import default_store
from pipelines.progress import printable

_STYLES = {"works": "green", "look": "yellow", "broken": "bold red"}


def add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", metavar="URI", help=f"default {default_store()}")
    parser.add_argument("--out", metavar="URI", default="mixtures-out", help="default mixtures-out")


def run_doctor(args: argparse.Namespace, console: Console) -> int:
    """1 where something is broken without which no build runs."""
    console.print("looking at this machine; Ray takes some 10 s")
    found = []
    table = Table("what", "", "found", box=box.SIMPLE_HEAD)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for one in _look(args.store or default_store(), args.out):
        found.append(one)
        text = one.found + (f"; {one.to_do}" if one.to_do else "")
        table.add_row(one.what, Text(one.state, style=_STYLES[one.state]), printable(text))
    console.print(table)
    broken = [one.what for one in found if one.state == "broken"]
    looked = [one.what for one in found if one.state == "look"]
    words = f"builds cannot run here: {', '.join(broken)}" if broken else "builds run here"
    if looked:
        words += f"; to be looked at: {', '.join(looked)}"
    console.print(words, soft_wrap=True)
    if args.json:
        print_json(console, {"findings": [one.as_json() for one in found], "runs": not broken})
    return 1 if broken else 0


def _look(store: str, out: str) -> Iterator[Finding]:
    from pipelines.doctor import decoders, hub, machine

    yield machine.look_at_python()
    yield from machine.look_at_packages()
    yield machine.look_at_memory()
    yield decoders.look_at_pictures()
    yield from decoders.look_at_clips()
    yield machine.look_at_ray()
    yield machine.look_at_store(store)
    yield machine.look_at_disk("out", out)
    yield from hub.look_at_hub()
