"""What the Markdown pages name must exist: paths, make targets, verbs, options, recipes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import sources
from manifests.benchmark_cards import benchmark_cards
from mixtures.recipe import check_sources
from mixtures.recipe_file import parse_recipe
from pipelines.benchmark_views import benchmarks_page
from pipelines.judge import parse_rules
from pipelines.reference import reference_page
from pipelines.source_pages import sources_page
from tests.pipelines.test_cli import BUILD_OPTIONS, COMMON, VERBS
from trainer.cli import parser

ROOT = Path(__file__).parents[1]
TRAIN_OPTIONS = {name for action in parser()._actions for name in action.option_strings}
PAGES = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "docs/README.md",
    "docs/browse.md",
    "docs/design.md",
    "docs/push.md",
    "docs/recipes.md",
    "docs/report.md",
    "docs/train/README.md",
    "docs/train/ablation.md",
    "docs/train/eval.md",
    "docs/train/smollm2.md",
)
# Folders of the project; what is named below others (STORE, BUILD, demo, upstream) is made by runs.
_FOLDERS = r"(?:manifests|sources|filters|mixtures|pipelines|trainer|tests|benchmarks|docs|\.ci)/"
_PATH = re.compile(rf"(?<![\w/.<-]){_FOLDERS}[\w./*-]*")
_MODULE = re.compile(r"(?<![\w/.*-])[a-z_]+\*?\.py\b")
_MAKE = re.compile(r"(?<![\w-])make ([a-z][a-z-]*)")
_COMMAND = re.compile(r"(?<![\w-])(build-mixture|mixture|train-reference) ([^`#\n|]*)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# The source that CONTRIBUTING.md adds step by step; tests/sources/test_adding.py does it.
_EXAMPLE = "riddles"
# Of tests/sources/make_fixtures.py, and of `hf download`.
_SCRIPT_OPTIONS = {"--expected", "--repo-type", "--local-dir"}
# Of lmms-eval and VLMEvalKit (docs/train/eval.md); to the first underscore.
_SCRIPT_OPTIONS |= {"--model", "--tasks", "--batch", "--output", "--log", "--config", "--work-dir"}
_LINK = re.compile(r"\]\(([^)#]+)\)")


def code_in(page: str) -> str:
    """Fenced blocks and code spans of a page, without prose, comments and arrows (`-->`)."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    code = "\n".join([*blocks, *re.findall(r"`([^`]+)`", rest)])
    lines = [re.sub(r"\s#.*", "", line) for line in code.splitlines()]
    return "\n".join(line for line in lines if "-->" not in line)


def exists(path: str) -> bool:
    """Whether a named path is there; NAME stands for any, `*` for some."""
    pattern = re.sub(r"\bNAME\b", "*", path.rstrip("./"))
    return any(ROOT.glob(pattern)) or any(ROOT.glob(f"{pattern}*"))


@pytest.mark.parametrize("page", PAGES)
def test_paths(page: str) -> None:
    code = code_in(page)
    text = (ROOT / page).read_text(encoding="utf-8")
    found = [link for link in _LINK.findall(text) if "://" not in link]
    links = [(Path(page).parent / link).as_posix() for link in found]
    named = {*_PATH.findall(text), *links}
    assert [path for path in sorted(named) if not exists(path) and _EXAMPLE not in path] == []
    modules = [name for name in set(_MODULE.findall(code)) if not any(ROOT.glob(f"**/{name}"))]
    assert modules == []


@pytest.mark.parametrize("page", PAGES)
def test_make_targets(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(_MAKE.findall(code_in(page))) - targets == set()


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_verbs_and_options(page: str) -> None:
    code = code_in(page)
    every = {
        *BUILD_OPTIONS,
        *COMMON,
        *TRAIN_OPTIONS,
        "--dry-run",
        *(name for found, _ in VERBS.values() for name in found),
    }
    assert set(_OPTION.findall(code)) - every - _SCRIPT_OPTIONS == set()
    for command, rest in _COMMAND.findall(code):
        options = set(_OPTION.findall(rest))
        if command == "train-reference":
            assert options <= TRAIN_OPTIONS, rest
            continue
        if command == "build-mixture":
            assert options <= BUILD_OPTIONS | COMMON | {"--dry-run"}, rest
            continue
        verbs = re.findall(r"^\w+", rest)
        assert verbs and verbs[0] in VERBS, f"mixture {rest}"
        assert options <= VERBS[verbs[0]][0] | COMMON, rest


def test_the_pages_do_name_what_is_checked() -> None:
    """So that a changed way of writing does not switch the checks off."""
    code = "\n".join(code_in(page) for page in PAGES)
    assert len(_PATH.findall(code)) > 15 and len(_MODULE.findall(code)) > 5
    assert {"demo", "test", "check"} <= set(_MAKE.findall(code))
    verbs = {rest.split()[0] for command, rest in _COMMAND.findall(code) if command == "mixture"}
    assert verbs >= {"show", "verify", "why", "plan", "sources"}


def test_recipes_in_the_readme_are_recipes() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(name: .*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    known = {
        name: [subset.name for subset in source.card.subsets]
        for name, source in sources.discover().items()
    }
    for block in blocks:
        recipe = parse_recipe(block, "README.md")
        own = {name: ["all"] for name in recipe.modules} | {"local": list(recipe.local)}
        check_sources(recipe, known | own)
        parse_rules(recipe)


def test_the_readme_names_every_package_and_the_page_of_sources() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("manifests", "sources", "filters", "mixtures", "pipelines", "benchmarks", "tests"):
        assert f"\n{name}/ " in readme
    assert "docs/sources.md" in readme


def test_the_page_of_the_sources_is_current() -> None:
    """`mixture sources --markdown > docs/sources.md` writes it again."""
    page = sources_page([source.card for source in sources.discover().values()])
    assert (ROOT / "docs" / "sources.md").read_text(encoding="utf-8") == page


def test_the_page_of_the_benchmarks_is_current() -> None:
    """`mixture benchmarks list --markdown > docs/benchmarks.md` writes it again."""
    page = benchmarks_page(list(benchmark_cards().values()))
    assert (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == page


def test_the_page_of_the_commands_is_current() -> None:
    """`python -m pipelines.reference > docs/reference.md` writes it again."""
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == reference_page()


def test_the_architecture_is_one_page() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 120


def test_the_top_of_the_changelog_is_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert found is not None and found[1].strip("[]") == project["version"]
