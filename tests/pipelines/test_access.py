"""Licences, sources out of reach, and lists: what a build leaves out, and how it says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from manifests.build import BuildManifest, load_manifest
from manifests.cards import load_card
from manifests.errors import InfeasibleError, UnavailableError
from pipelines.access import LICENSES, drop_unlicensed, fits, license_cost
from pipelines.build import build
from pipelines.join import join_rows
from pipelines.options import BuildOptions
from pipelines.why import read_ledger
from tests.hub import Hub, serve
from tests.pipelines.hand_made import Chat, curated, reject, write_chats

FIXTURES = Path(__file__).parents[1] / "sources" / "fixtures"
# Commercial use of them: no, yes, and unknown.
SOURCES = ("magpie", "metamathqa", "openhermes")
RECIPE = """
name: texts
description: three licences
unit: samples
components:
  - {name: text, share: 50%, modality: text, sources: [magpie, metamathqa]}
  - {name: more, share: 50%, modality: text, sources: [openhermes]}
"""
ALONE = RECIPE.split("  - {name: more")[0].replace("50%", "100%")


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    for name in SOURCES:
        shutil.copytree(FIXTURES / name / "mirror", folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


class Builder:
    """Builds into a folder of the test; `text` is what was printed."""

    def __init__(self, folder: Path, mirror: Path, store: Path) -> None:
        self.folder, self.mirror, self.store = folder, mirror, store
        self.text = ""

    def __call__(self, recipe: str, **options: object) -> BuildManifest:
        path = self.folder / "recipe.yaml"
        path.write_text(recipe)
        console = Console(record=True, quiet=False, file=(self.folder / "log").open("w"), width=500)
        asked = BuildOptions(
            recipe=f"{path}",
            mirror=str(options.pop("mirror", self.mirror)),
            store=str(self.store),
            out=str(self.folder / "out"),
            engine="inline",
            overwrite=True,
            **options,  # type: ignore[arg-type]
        )
        try:
            build(asked, console)
        finally:
            self.text = console.export_text()
            console.file.close()
        return load_manifest(asked.out)

    def ledger(self) -> pl.DataFrame:
        return read_ledger(str(self.folder / "out"))


@pytest.fixture
def builder(tmp_path: Path, mirror: Path, store: Path) -> Builder:
    return Builder(tmp_path, mirror, store)


# --- licences ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("licenses", "answers"),
    [("permissive", {"yes"}), ("non-commercial", {"yes", "no"}), ("all", {"yes", "no", "unknown"})],
)
def test_which_terms_fit(licenses: str, answers: set[str]) -> None:
    """A subset's own terms count before its card's; what is unknown never passes for yes."""
    assert licenses in LICENSES
    card = load_card("magpie")
    found = {card.commercial_use_of(s) for s in card.subsets if fits(card, s, licenses)}
    assert found == answers - {"yes"}
    for answer in ("yes", "no", "unknown"):
        other = card.subsets[0].model_copy(update={"commercial_use": answer})
        assert fits(card, other, licenses) == (answer in answers)


def test_rows_that_do_not_fit_are_dropped_before_what_the_join_found(tmp_path: Path) -> None:
    """Their media need not have been read; but a row that could not be read stays unreadable."""
    rejected = [reject(9, "no_turns") | {"subset": "Magpie-Pro-300K-Filtered"}]
    chats = [
        Chat(0, subset="Magpie-Pro-300K-Filtered"),
        Chat(1, subset="Magpie-Pro-300K-Filtered", media=("missing",)),
        Chat(2, subset="magpie-ultra-v0.1"),
    ]
    folder = write_chats(tmp_path, *chats, rejected=rejected)
    joined = join_rows([curated([], [(folder, "a")], "magpie")])
    done, lost = drop_unlicensed(joined, [load_card("magpie")], "permissive")
    rows = done.index.sort("row").select("row", "fate", "stage", "rule", "value").rows()
    terms = "LicenseRef-llama3 AND CC-BY-NC-4.0, commercial use no"
    assert rows == [
        (0, "dropped", "access", "license", terms),
        (1, "dropped", "access", "license", terms),
        (2, "dropped", "access", "license", "LicenseRef-unknown, commercial use unknown"),
        (9, "unreadable", "curate", "no_turns", None),
    ]
    assert lost == {"magpie/Magpie-Pro-300K-Filtered": 2, "magpie/magpie-ultra-v0.1": 1}
    assert license_cost(lost, 4, "permissive") == (
        "licenses permissive: 3 of 4 rows are left out: magpie/Magpie-Pro-300K-Filtered 2, "
        "magpie/magpie-ultra-v0.1 1"
    )
    done, lost = drop_unlicensed(joined, [load_card("magpie")], "non-commercial")
    assert lost == {"magpie/magpie-ultra-v0.1": 1}
    assert drop_unlicensed(joined, [load_card("magpie")], "all") == (joined, {})


def test_a_permissive_build_holds_nothing_else_and_says_what_that_cost(builder: Builder) -> None:
    manifest = builder(ALONE, licenses="permissive")
    assert manifest.licenses == "permissive"
    assert {terms.source for terms in manifest.terms} == {"metamathqa"}
    ledger = builder.ledger()
    assert ledger.filter(fate="kept")["source"].unique().to_list() == ["metamathqa"]
    dropped = ledger.filter(source="magpie").group_by("fate").len().rows()
    assert ("dropped", ledger.filter(rule="license").height) in dropped
    assert "licenses permissive: " in builder.text and "rows are left out: magpie/" in builder.text
    readme = (builder.folder / "out" / "README.md").read_text()
    assert "Only rows were let in that a product may be trained on." in readme
    assert f"- {load_card('metamathqa').attribution}" in readme
    assert load_card("magpie").attribution not in readme
    plan = json.loads((builder.folder / "out" / "plan.json").read_text())
    assert plan["restricted"] == [] and plan["pins"]["licenses"] == "permissive"


def test_the_plan_names_every_row_that_is_not_for_products(builder: Builder) -> None:
    manifest = builder(RECIPE)
    plan = json.loads((builder.folder / "out" / "plan.json").read_text())
    kept = builder.ledger().filter(pl.col("fate") == "kept", pl.col("source") != "metamathqa")
    assert sum(entry["rows"] for entry in plan["restricted"]) == kept.height > 0
    uses = {(entry["source"], entry["commercial_use"]) for entry in plan["restricted"]}
    assert {("magpie", "no"), ("openhermes", "unknown")} <= uses
    assert "not for commercial use: " in builder.text
    assert manifest.num_rows > kept.height


def test_a_component_without_a_fitting_source_is_named_before_work(builder: Builder) -> None:
    words = (
        "component more has no source that --licenses permissive lets in "
        r"\(openhermes: LicenseRef-unknown, commercial use unknown\)"
    )
    with pytest.raises(InfeasibleError, match=words):
        builder(RECIPE, licenses="permissive")


def test_media_of_what_does_not_fit_are_not_read(
    builder: Builder, tmp_path: Path, mirror: Path
) -> None:
    """Terabytes that no sample would use; their rows are in the ledger all the same."""
    for name in ("cord_v2", "mathwriting"):
        shutil.copytree(FIXTURES / name / "mirror", mirror, dirs_exist_ok=True)
    builder.store = tmp_path / "fresh"
    recipe = ALONE.replace("text, share", "image, share").replace(
        "modality: text", "modality: image"
    )
    recipe = recipe.replace("[magpie, metamathqa]", "[cord_v2/train, mathwriting]")
    manifest = builder(recipe, licenses="permissive")
    assert {terms.source for terms in manifest.terms} == {"cord_v2"}
    assert [path.name for path in (builder.store / "media").iterdir()] == ["cord_v2"]
    rows = builder.ledger().filter(source="mathwriting")
    assert set(rows["fate"]) <= {"dropped", "unreadable"} and "license" in set(rows["rule"])
    assert "media_missing" not in set(rows["rule"])


# --- sources out of reach -----------------------------------------------------------------------


@pytest.fixture
def partial(mirror: Path, tmp_path: Path) -> Path:
    """The mirror without Magpie."""
    folder = Path(shutil.copytree(mirror, tmp_path / "partial"))
    shutil.rmtree(folder / "Magpie-Align")
    shutil.rmtree(folder / "argilla")
    return folder


def test_a_source_out_of_reach_is_skipped_on_demand_only(builder: Builder, partial: Path) -> None:
    with pytest.raises(UnavailableError, match="source magpie has no annotation files"):
        builder(RECIPE, mirror=partial)
    manifest = builder(RECIPE, mirror=partial, skip_unavailable=True)
    assert manifest.skipped == ("magpie",)
    assert "skipped magpie: source magpie has no annotation files" in builder.text
    readme = (builder.folder / "out" / "README.md").read_text()
    assert "Left out, because they could not be reached: magpie." in readme
    assert str(partial) not in readme


def test_a_component_whose_sources_are_all_out_of_reach(builder: Builder, partial: Path) -> None:
    shutil.rmtree(partial / "teknium")
    with pytest.raises(InfeasibleError, match="component more cannot be filled, because all its"):
        builder(RECIPE, mirror=partial, skip_unavailable=True)


def test_nothing_is_skipped_where_all_is_there(builder: Builder) -> None:
    assert builder(RECIPE, skip_unavailable=True).skipped == ()


# --- lists --------------------------------------------------------------------------------------


def test_what_a_list_names_is_left_out_and_another_list_is_another_plan(builder: Builder) -> None:
    whole = builder(RECIPE)
    ledger = builder.ledger()
    victim = ledger.filter(fate="kept", source="metamathqa").row(0, named=True)
    file = builder.folder / "requests.txt"
    file.write_text(f"{victim['id']}  # by mail\nhttps://nobody.example/x\n")
    without = builder(RECIPE, exclude=(str(file),))
    assert without.plan_digest != whole.plan_digest
    gone = builder.ledger().filter(id=victim["id"]).row(0, named=True)
    assert (gone["fate"], gone["rule"], gone["value"]) == ("dropped", "excluded", victim["id"])
    assert (
        "excluded: 1 rows, by a list of 2, of which 1 name nothing here: https://nobody"
        in builder.text
    )
    file.write_text(f"{victim['id']}\n")
    assert builder(RECIPE, exclude=(str(file),)).plan_digest != without.plan_digest


# --- on the Hub -----------------------------------------------------------------------------------


def on_hub(hub: Hub, folder: Path, command: str, *arguments: str) -> tuple[int, str]:
    """(exit code, all output) of a command that finds this Hub."""
    code = f"import sys; from pipelines.cli import {command}; sys.exit({command}())"
    settings = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "hf")}
    unset = ("HF_HUB_OFFLINE", "HF_TOKEN")
    env = {name: value for name, value in os.environ.items() if name not in unset} | settings
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=env, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_a_gated_source_is_skipped_and_its_check_says_so(mirror: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(ALONE)
    gated = frozenset(load_card("magpie").repos)
    with serve(Hub(mirror, gated=gated, token="secret")) as hub:
        folders = ["--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
        build_it = ["--recipe", str(recipe), "--engine", "inline", *folders]
        code, text = on_hub(hub, tmp_path, "build_mixture", *build_it)
        assert code == 2 and "accept its terms" in text and "HF_TOKEN" in text
        code, text = on_hub(hub, tmp_path, "build_mixture", *build_it, "--skip-unavailable")
        assert code == 0, text
        assert "skipped magpie: " in text and "accept its terms" in text
        code, text = on_hub(hub, tmp_path, "mixture", "sources", "check", "magpie")
        assert code == 1 and text.startswith("magpie: unavailable (hf://datasets/Magpie-Align/")
        code, text = on_hub(hub, tmp_path, "mixture", "sources", "check", "metamathqa")
        assert code == 0 and text.startswith("metamathqa: holds (1 subset read)"), text
    assert load_manifest(str(tmp_path / "out")).skipped == ("magpie",)
