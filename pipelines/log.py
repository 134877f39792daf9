"""The log of one command: what it printed, did and warned of, in a file, a line each, in UTC.

with log_file("build.log", "debug"):
    LOG.info("...")

error    what the command ended with
warning  warnings of Python and of the libraries
info     the command, every line that it printed, also where --quiet kept it silent
debug    every task that ended; the traceback of an error
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from manifests.errors import UsageError, masked
from pipelines.progress import LOG, printable

LEVELS = ("error", "warning", "info", "debug")


@contextmanager
def log_file(path: str | None, level: str) -> Iterator[None]:
    """Add what is logged meanwhile to the end of this file; without a path nothing is logged.

    UsageError where the file cannot be written.
    """
    if path is None:
        yield
        return
    handler = _handler(path, level)
    # Of the libraries what is worth a warning, so that a log of a day's run stays readable.
    kept = [(LOG, logging.DEBUG), (logging.getLogger(), logging.WARNING)]
    before = [logger.level for logger, _ in kept]
    logging.captureWarnings(True)
    for logger, lowest in kept:
        logger.setLevel(lowest)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
        for (logger, _), old in zip(kept, before, strict=True):
            logger.setLevel(old)
        logging.captureWarnings(False)


def log_command(prog: str, argv: Sequence[str]) -> None:
    """The command as it was typed."""
    LOG.info("%s", printable(" ".join([prog, *argv])))


class _Masked(logging.Formatter):
    """No credential of an address reaches the file, of whatever is logged."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def _handler(path: str, level: str) -> logging.Handler:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--log {path} cannot be written ({error.strerror})") from error
    form = _Masked(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    form.converter = time.gmtime
    handler.setFormatter(form)
    handler.setLevel(level.upper())
    return handler
