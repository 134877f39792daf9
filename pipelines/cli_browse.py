"""`mixture browse`: a build or a store in a browser, served on loopback until Ctrl-C."""

from __future__ import annotations

import argparse

from rich.console import Console

from pipelines.console import print_json, whole
from pipelines.options import default_store


def add_browse_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("where", help="a finished build, or a store")
    parser.add_argument(
        "--store",
        metavar="URI",
        help="of a build: where rows and their scores lie (default: the build's, else "
        f"{default_store()})",
    )
    parser.add_argument("--port", type=whole, default=0, metavar="N", help="default: a free one")


def run_browse(args: argparse.Namespace, console: Console) -> int:
    from pipelines.browse.context import open_context
    from pipelines.browse.server import BrowseServer
    from pipelines.browse.site import Site

    site = Site(open_context(args.where, args.store))
    with BrowseServer(site, args.port) as server:
        try:
            # No browser is started: its command line would show the token to others here.
            console.print(f"{args.where}: {server.address} (Ctrl-C stops it)", soft_wrap=True)
            if args.json:
                print_json(console, {"where": args.where, "address": server.address})
            console.file.flush()
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("stopped")
    return 0
