"""YAML is read whatever its depth, and by both of PyYAML's parsers alike."""

from __future__ import annotations

import pytest

from manifests.errors import RecipeError
from mixtures.marked import parse_yaml

_DEEP = 30_000


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: " + "[" * _DEEP, id="brackets"),
        pytest.param("a: " + "{b: " * _DEEP, id="braces"),
        pytest.param("- " * _DEEP, id="dashes"),
        pytest.param("? " * _DEEP, id="questions"),
        pytest.param("\n".join(" " * level + "a:" for level in range(3_000)), id="indentation"),
    ],
)
def test_a_text_of_too_many_levels_is_no_crash(text: str) -> None:
    with pytest.raises(RecipeError, match=r"f\.yaml: this is not YAML: maximum recursion depth"):
        parse_yaml(text, "f.yaml", "a mapping")


def test_a_text_of_many_brackets_is_read_as_one_of_few() -> None:
    rows = "\n".join(f"  - {{n: {n}, share: 0.1, at: [yes, ~, 1e3]}}" for n in range(3_000))
    many = parse_yaml(f"rows:\n{rows}", "f.yaml", "a mapping")
    few = parse_yaml(f"rows:\n{rows[: rows.index('  - {n: 9,')]}", "f.yaml", "a mapping")
    assert len(many["rows"]) == 3_000
    assert many["rows"][:9] == few["rows"]
    assert many["rows"].marks[:9] == few["rows"].marks
    assert many["rows"][8].marks == few["rows"][8].marks
