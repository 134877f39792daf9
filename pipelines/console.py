"""What both commands print through, and how they end: guard, parser and argument types.

Exit codes: 0 done; 1 the work failed or a check did not hold; 2 wrong usage or bad input. What a
user can cause ends in one sentence, never in a traceback.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from manifests.errors import SmolmixError, UsageError
from manifests.user_modules import users_fault
from pipelines.engine import unwrap
from pipelines.progress import printable

_INTERRUPTED = "stopped; run the same command again to continue from the finished tasks"

_PIPE_COLUMNS = 120
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


class _Console(Console):
    """Prints text as it is, and goes on silently when its reader went away (`| head`)."""

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


def guarded(run: Callable[[Console], int]) -> int:
    """The exit code of `run`; errors on purpose become one line on stderr."""
    console = _Console(highlight=False, markup=False, emoji=False, width=_width())
    errors = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    try:
        return run(console)
    except KeyboardInterrupt:
        errors.print(_INTERRUPTED)
        return 1
    except Exception as raised:
        error = users_fault(raised) or unwrap(raised)
        if not isinstance(error, (SmolmixError, OSError)):
            raise
        errors.print(f"error: {printable(' '.join(str(error).split()))}")
        return error.exit_code if isinstance(error, SmolmixError) else 1
