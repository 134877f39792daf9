"""`mixture push`: a build as a dataset repository of the Hub."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from pipelines.console import print_json
from pipelines.progress import human_bytes

if TYPE_CHECKING:
    from pipelines.push.changes import LocalFile
    from pipelines.push.run import Pushed


def add_push_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("build")
    parser.add_argument("repo", help="org/name")
    parser.add_argument("--private", action="store_true", help="only its owners may read it")
    parser.add_argument(
        "--revision", metavar="BRANCH", help="default main; made if it is not there"
    )
    parser.add_argument(
        "--stage-as-config",
        action="store_true",
        help="as one config among others of the repository, named as the recipe",
    )
    parser.add_argument(
        "--i-have-the-rights",
        action="store_true",
        help="push rows too that by their terms may not be published",
    )


def run_push(args: argparse.Namespace, console: Console) -> int:
    from pipelines.push.run import Asked, push
    from pipelines.push.terms import unknown_terms

    asked = Asked(
        args.build,
        args.repo,
        args.private,
        args.revision,
        args.stage_as_config,
        args.i_have_the_rights,
    )
    done = push(asked, console)
    unknown = unknown_terms(done.manifest)
    if unknown:
        console.print(f"terms do not say whether rows may be published: {unknown}", soft_wrap=True)
    found = done.changes
    words = [f"sent {_amount(found.sent)}", f"there already {_amount(found.kept)}"]
    if found.gone:
        words.append(f"removed {_files(len(found.gone))} of an earlier build")
    console.print("; ".join(words), soft_wrap=True)
    console.print(f"{done.address} is at {done.commit[:12]}, tag {done.tag}", soft_wrap=True)
    if args.json:
        print_json(console, _as_json(done, unknown))
    return 0


def _as_json(done: Pushed, unknown: str) -> dict[str, Any]:
    found = done.changes
    return {
        "address": done.address,
        "commit": done.commit,
        "tag": done.tag,
        "sent": [file.place for file in found.sent],
        "sent_bytes": sum(file.size for file in found.sent),
        "kept": [file.place for file in found.kept],
        "gone": list(found.gone),
        "unknown_terms": unknown or None,
    }


def _amount(files: Sequence[LocalFile]) -> str:
    if not files:
        return "nothing"
    return f"{_files(len(files))}, {human_bytes(sum(file.size for file in files))}"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
