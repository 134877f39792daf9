"""docs/reference.md, written from the parsers of all commands: `python -m pipelines.reference`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator

from pipelines.card import markdown_table
from pipelines.cli import command_parsers
from pipelines.options import default_store

_HEAD = """# Commands

Written from the commands' own parsers by `python -m pipelines.reference > docs/reference.md`; a
test checks that it is current. `--json`, `--quiet`, `--log` and `--log-level` are of every
`build-mixture` and `mixture` command and stand once, at the end.
"""
_COMMON = ("json", "quiet", "log", "log_level")


def reference_page() -> str:
    """A section for each command and verb, then the options of all."""
    train = importlib.import_module("trainer.cli").parser()
    build, mixture = command_parsers()
    found = [*_sections(build), *_sections(mixture), *_sections(train)]
    common = [action for action in build._actions if action.dest in _COMMON]
    return "\n".join([_HEAD, *found, f"## of every command\n\n{_table(common)}"])


def _sections(parser: argparse.ArgumentParser, said: str = "") -> Iterator[str]:
    subs = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    arguments = [a for a in parser._actions if a.dest not in ("help", *_COMMON) and a not in subs]
    if arguments or not subs:
        text = said or parser.description or ""
        yield f"## {parser.prog}\n\n{text}\n\n{_table(arguments)}".rstrip() + "\n"
    for sub in subs:
        helps = {choice.dest: choice.help or "" for choice in sub._choices_actions}
        for name, verb in sub.choices.items():
            yield from _sections(verb, helps.get(name, ""))


def _table(arguments: list[argparse.Action]) -> str:
    if not arguments:
        return ""
    rows = [(f"`{_form(action)}`", _help(action)) for action in arguments]
    return markdown_table(("argument", "meaning"), rows)


def _form(action: argparse.Action) -> str:
    if not action.option_strings:
        return str(action.metavar or action.dest)
    value = action.metavar or (
        ",".join(map(str, action.choices)) if action.choices else action.dest.upper()
    )
    return action.option_strings[0] + ("" if action.nargs == 0 else f" {value}")


def _help(action: argparse.Action) -> str:
    # As argparse fills it in, but for the home of whoever writes the page.
    text = (action.help or "") % {"default": action.default, "prog": ""}
    return " ".join(text.replace(default_store(), "~/.cache/smolmix/store").split())


if __name__ == "__main__":
    sys.stdout.write(reference_page())
