"""Discovery: a filter is its module, and a module that is not one stops the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import filters
from manifests.errors import UsageError


@pytest.fixture
def extra_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file beside the package's own modules; discovery starts from nothing before and after."""
    monkeypatch.setattr(filters, "__path__", [*filters.__path__, str(tmp_path)])
    filters.names.cache_clear()
    yield tmp_path / "zz_extra.py"
    monkeypatch.undo()
    filters.names.cache_clear()


def test_the_seven_of_the_spine_are_found() -> None:
    spine = {
        "content_items",
        "control_tokens",
        "empty_turns",
        "image_bounds",
        "placeholders",
        "roles",
        "turn_length",
    }
    assert spine <= filters.discover().keys()
    assert list(filters.discover()) == sorted(filters.discover())


def test_unknown_name_says_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no filter 'rolls'; did you mean 'roles'\?"):
        filters.get("rolls")


def test_module_without_filter_stops_the_run(
    extra_module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra_module.write_text("FILTER = None\n")
    with pytest.raises(UsageError, match=r"filters/zz_extra\.py binds no FILTER"):
        filters.discover()


def test_module_under_another_name_stops_the_run(tmp_path: Path, extra_module: Path) -> None:
    other = extra_module.with_name("zz_other.py")
    other.write_text("from filters.roles import FILTER as FILTER\n")
    with pytest.raises(UsageError, match=r"filters/zz_other\.py calls its filter 'roles'"):
        filters.discover()


def test_module_that_does_not_import_stops_the_run(extra_module: Path) -> None:
    extra_module.with_name("zz_broken.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"):
        filters.discover()
