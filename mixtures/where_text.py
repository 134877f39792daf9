"""The text of a condition: its syntax tree, and where in it something is wrong."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from typing import NoReturn

from manifests.errors import RecipeError

# So that none is nested deeper than Python's stack.
_MAX_CHARACTERS = 1_000


def where_error(text: str, at: int, problem: str) -> RecipeError:
    """`at` is a character of the condition, from 1."""
    return RecipeError(f"in the condition {text!r}, at character {at}: {problem}")


class WhereText:
    """A condition as it was written; line ends count as spaces."""

    def __init__(self, text: str) -> None:
        self.text = text
        line = " ".join(text.splitlines()).rstrip()
        self._line = line.lstrip()
        self._indent = len(line) - len(self._line)

    def tree(self) -> ast.expr:
        """Python's tree of it; never evaluated."""
        if len(self.text) > _MAX_CHARACTERS:
            raise RecipeError(
                f"a condition has at most {_MAX_CHARACTERS} characters, not {len(self.text)}"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                tree = ast.parse(self._line, mode="eval").body
            tokens = list(tokenize.generate_tokens(io.StringIO(self._line).readline))
        except (SyntaxError, ValueError, tokenize.TokenError) as error:
            # No offset: the text ends where something should follow.
            at = (error.offset if isinstance(error, SyntaxError) else 0) or len(self._line) + 1
            self.refuse(at + self._indent, "this is not a condition")
        # Line ends are gone: a comment would hide all that follows it.
        for token in tokens:
            if token.type == tokenize.COMMENT:
                at = token.start[1] + 1 + self._indent
                self.refuse(at, "comments stand outside of the condition")
        return tree

    def at(self, node: ast.expr) -> int:
        """The character, from 1, at which a node begins: ast counts bytes of UTF-8, from 0."""
        before = self._line.encode()[: node.col_offset]
        return len(before.decode()) + 1 + self._indent

    def refuse(self, at: ast.expr | int, problem: str) -> NoReturn:
        raise where_error(self.text, at if isinstance(at, int) else self.at(at), problem)
