"""Completion for shells, made by shtab of the parsers: verbs, options, names, files and folders.

    eval "$(mixture completion bash)"     # in ~/.bashrc
    eval "$(mixture completion zsh)"      # in ~/.zshrc, after compinit

The scripts hold all names: they start no Python when a key is pressed. They are to be made again
after an update.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator

import shtab

import filters
import sources
from manifests.benchmark_cards import benchmark_cards
from mixtures.curriculum import curriculum_names
from mixtures.recipe_file import builtin_names

_FOLDERS = {"build", "checkpoint", "dir", "mirror", "out", "store", "mixture"}
_FILES = {"recipe", "log", "image", "exclude", "tokenizer", "ids", "a", "b"}


def completion(shell: str, parsers: Iterable[argparse.ArgumentParser]) -> str:
    """A script for `shell`; the parsers are for this alone, for they are changed."""
    scripts = []
    for parser in parsers:
        for owner, action in _actions(parser, ""):
            _complete(owner, action)
        scripts.append(shtab.complete(parser, shell=shell))
    return "\n".join(scripts)


def _actions(parser: argparse.ArgumentParser, verb: str) -> Iterator[tuple[str, argparse.Action]]:
    """(verb, argument) of all that can be typed."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield from _actions(sub, name)
        else:
            yield verb, action


def _complete(verb: str, action: argparse.Action) -> None:
    names = _names(verb, action.dest)
    if names:
        action.choices = names
    elif action.dest in _FOLDERS:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif action.dest in _FILES:
        action.complete = shtab.FILE  # type: ignore[attr-defined]


def _names(verb: str, argument: str) -> list[str]:
    if argument == "stage":
        return builtin_names()
    if argument == "curriculum":
        return curriculum_names()
    if (verb, argument) == ("sources", "name"):
        return ["check", *sources.discover()]
    if (verb, argument) == ("filters", "name"):
        return list(filters.names())
    if (verb, argument) == ("benchmarks", "names"):
        return list(benchmark_cards())
    return []
