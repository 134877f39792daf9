"""What both commands print through, and how they end: guard, parser and argument types.

Exit codes: 0 done; 1 the work failed or a check did not hold; 2 wrong usage or bad input. What a
user can cause ends in one sentence, never in a traceback. With `--json` standard output holds one
JSON value and nothing else: what the command found, or `{"error": ..., "exit_code": ...}`.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from rich.console import Console
from rich.table import Table
from rich.text import Text

from manifests.errors import SmolmixError, UsageError, masked
from manifests.storage import canonical_json
from manifests.user_modules import users_fault
from pipelines.engine import unwrap
from pipelines.log import LEVELS, log_command, log_file
from pipelines.progress import LOG, printable

_INTERRUPTED = "stopped; run the same command again to continue from the finished tasks"

_PIPE_COLUMNS = 120
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


class _Console(Console):
    """Prints text as it is, and goes on silently when its reader went away (`| head`).

    What it prints is logged, also what it is to be quiet about.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        if LOG.isEnabledFor(logging.INFO):
            for line in filter(None, map(_line, objects)):
                LOG.info("%s", line)
        super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """Ends wrong usage in a UsageError instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")


def positive(text: str) -> int:
    value = whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _width() -> int | None:
    """None for a terminal's own; a pipe has none, and tables must not depend on who reads it."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_COLUMNS


def size_in_bytes(text: str) -> int:
    """`50GB` as a number of bytes."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 50GB, 800MB or 0")
    return int(float(found[1]) * 1000 ** _POWERS[found[2].upper()])


def print_below(console: Console, text: str, indent: int) -> None:
    """Text below a line: on a terminal broken to its width, so that it stays below; else whole."""
    if console.is_terminal:
        lines = Text(text).wrap(console, max(console.width - indent, 1))
        for line in lines:
            console.print(" " * indent + line.plain.rstrip(), soft_wrap=True)
    else:
        console.print(" " * indent + text, soft_wrap=True)


def _line(shown: object) -> str:
    """What a log keeps of something printed: text; a table by its rows; nothing of live bars."""
    if isinstance(shown, Table):
        cells = zip(*(column.cells for column in shown.columns), strict=True)
        return " / ".join(" | ".join(map(str, row)) for row in cells)
    return printable(str(shown)).strip("\n") if isinstance(shown, (str, Text)) else ""


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command takes."""
    group = parser.add_argument_group("for every command")
    group.add_argument("--json", action="store_true", help="print JSON, for machines")
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")
    group.add_argument("--log", metavar="FILE", help="add what is printed and done to this file")
    group.add_argument(
        "--log-level", choices=LEVELS, default="info", help="what the log holds (default info)"
    )


def add_markdown_argument(parser: argparse.ArgumentParser, text: str) -> None:
    """`--markdown`, beside which there is no `--json`."""
    parser.add_argument("--markdown", action="store_true", help=text)


def print_page(console: Console, page: str) -> None:
    """A page of the docs, as `--markdown` asks for it; UsageError where `--json` does too."""
    if console.quiet:
        raise UsageError("--markdown prints a page; leave --json and --quiet out")
    console.print(page, soft_wrap=True, end="")


def print_json(console: Console, value: object) -> None:
    # Not by `print`, which is silent now, and looks for words to colour in all of it.
    console.file.write(canonical_json(value).decode())


def guarded(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    run: Callable[[argparse.Namespace, Console], int],
) -> int:
    """The exit code of `run`; errors on purpose become one line on stderr."""
    words = sys.argv[1:] if argv is None else list(argv)
    console = _Console(highlight=False, markup=False, emoji=False, width=_width())
    errors = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    # Wrong usage ends before the words are parsed.
    as_json = "--json" in words
    try:
        args = parser.parse_args(words)
        as_json = args.json
        console.quiet = args.quiet or args.json
        with log_file(args.log, args.log_level):
            log_command(parser.prog, words)
            return _logged(run, args, console)
    except KeyboardInterrupt:
        errors.print(_INTERRUPTED)
        return _failed(console, as_json, _INTERRUPTED, 1)
    except Exception as raised:
        error = _on_purpose(raised)
        if error is None:
            raise
        message = masked(printable(" ".join(str(error).split())))
        errors.print(f"error: {message}")
        code = error.exit_code if isinstance(error, SmolmixError) else 1
        return _failed(console, as_json, message, code)


def _logged(
    run: Callable[[argparse.Namespace, Console], int], args: argparse.Namespace, console: Console
) -> int:
    """`run`, with how it ended in the log."""
    started = time.monotonic()
    try:
        code = run(args, console)
    except BaseException as raised:
        error = _on_purpose(raised)
        if error is None and isinstance(raised, Exception):
            LOG.exception("it ended in a fault of smolmix")
        else:
            LOG.error("%s", printable(" ".join(str(error or _INTERRUPTED).split())))
            LOG.debug("where it came from", exc_info=True)
        raise
    LOG.info("exit code %d after %.1f s", code, time.monotonic() - started)
    return code


def _on_purpose(raised: BaseException) -> SmolmixError | OSError | None:
    """The error that a user can have caused; None for a fault of ours, which has a traceback."""
    if not isinstance(raised, Exception):
        return None
    error = users_fault(raised) or unwrap(raised)
    return error if isinstance(error, (SmolmixError, OSError)) else None


def _failed(console: Console, as_json: bool, message: str, code: int) -> int:
    if as_json:
        print_json(console, {"error": message, "exit_code": code})
    return code
