"""The house: whose the top-level names are, how long modules are, that they say what they are for.

The packages have plain names, so that another distribution could claim one of them.
"""

from __future__ import annotations

import ast
import importlib.util
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("manifests", "sources", "filters", "mixtures", "pipelines", "trainer")
MODULES = [
    path for name in (*PACKAGES, "benchmarks") for path in sorted((ROOT / name).rglob("*.py"))
]
MAX_LINES = 400


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_top_level_name_is_ours_alone(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    assert Path(spec.origin) == ROOT / package / "__init__.py"
    owners = packages_distributions().get(package, [])
    assert set(owners) <= {"smolmix"}, f"{package} is also claimed by {owners}"


def test_no_module_is_too_long() -> None:
    lengths = {_name(path): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [_name(path) for path in MODULES if not ast.get_docstring(_parse(path))]
    assert silent == []


def test_every_package_is_typed() -> None:
    assert [name for name in PACKAGES if not (ROOT / name / "py.typed").is_file()] == []


def test_nothing_prints_but_through_the_console() -> None:
    printing = [
        f"{_name(path)}:{node.lineno}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert printing == []
