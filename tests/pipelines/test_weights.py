"""Weights of model filters: found at planning by path or on the Hub, kept by digest, or told."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import filters
from filters.models import ModelFilter, Weights
from manifests.errors import IntegrityError, RecipeError
from mixtures.recipe import Recipe
from mixtures.recipe_file import load_recipe, parse_recipe
from pipelines.judge import Rule, parse_rules
from pipelines.weights import bind_models
from tests.hub import COMMIT, Hub, serve
from tests.models import bind, lid_176

_RECIPE = """
name: good
description: texts that a model likes
unit: samples
filters: {roles: {}, %s}
policies: {%s}
components: [{name: text, share: 1, sources: [magpie]}]
"""
_LID = "fasttext_quality: {weights: ./lid.ftz, label: __label__en}"
LID_SHA = hashlib.sha256(lid_176().read_bytes()).hexdigest()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A recipe's folder with lid.176 in it, as a file and alone in a folder."""
    shutil.copy(lid_176(), tmp_path / "lid.ftz")
    (tmp_path / "model").mkdir()
    shutil.copy(lid_176(), tmp_path / "model" / "good.ftz")
    return tmp_path


def recipe_of(here: Path, said: str, policies: str = "") -> Recipe:
    return parse_recipe(_RECIPE % (said, policies), "r.yaml", here)


def bound_rules(recipe: Recipe, here: Path) -> dict[str, Rule]:
    bound = bind_models(recipe, parse_rules(recipe), str(here / "store"))
    return {rule.filter.name: rule for rule in parse_rules(bound)}


def the_filter(here: Path, said: str = _LID) -> ModelFilter:
    found = bound_rules(recipe_of(here, said), here)["fasttext_quality"].filter
    assert isinstance(found, ModelFilter)
    return found


def test_a_path_is_kept_in_the_store_by_digest(here: Path) -> None:
    found = the_filter(here)
    assert found.weights is not None and found.weights.digest == LID_SHA
    kept = here / "store" / "weights" / LID_SHA / "weights.ftz"
    assert found.weights.uri == str(kept.parent)
    assert kept.read_bytes() == lid_176().read_bytes()
    assert found.told() == {"weights": "lid.ftz", "label": "__label__en"}
    (here / "lid.ftz").unlink()  # the store's is what is loaded
    assert found.model.predict("Good morning to you all")[0] == ("__label__en",)


def test_equal_bytes_in_another_place_are_the_same_weights(here: Path) -> None:
    other = the_filter(here, "fasttext_quality: {weights: ./model, label: __label__en}")
    assert other.fingerprint == the_filter(here).fingerprint
    assert len(list((here / "store" / "weights").iterdir())) == 1


def test_settings_and_weights_are_part_of_the_measure_and_params_are_not(here: Path) -> None:
    plain = the_filter(here).fingerprint
    judged = "fasttext_quality: {weights: ./lid.ftz, label: __label__en, min_score: 0.9}"
    assert the_filter(here, judged).fingerprint == plain
    asked = the_filter(here, "fasttext_quality: {weights: ./lid.ftz, label: __label__fr}")
    with (here / "lid.ftz").open("ab") as handle:
        handle.write(b"more")
    changed = the_filter(here).fingerprint
    assert len({plain, asked.fingerprint, changed}) == 3
    assert {f.partition("-")[0] for f in (plain, changed)} == {"1"}


def test_a_ref_finds_the_filter_in_any_process(here: Path) -> None:
    found = the_filter(here)
    program = "import sys, filters; print(filters.get(sys.argv[1]).fingerprint)"
    ran = subprocess.run(
        [sys.executable, "-c", program, found.ref],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert ran.stdout.strip() == found.fingerprint, ran.stderr
    assert filters.get(found.ref) is filters.get(found.ref)


def test_a_bound_recipe_is_the_same_recipe(here: Path) -> None:
    recipe = recipe_of(here, _LID)
    bound = bind_models(recipe, parse_rules(recipe), str(here / "store"))
    assert bound == recipe and bound.model_dump() == recipe.model_dump()
    assert recipe.filter_ref("fasttext_quality") == "fasttext_quality"
    plain = recipe_of(here, "turn_length: {}")
    assert bind_models(plain, parse_rules(plain), str(here / "store")) is plain


def test_policies_share_what_is_measured(here: Path) -> None:
    code = "code: {fasttext_quality: {min_score: 0.1}}, chart: {fasttext_quality: off}"
    rule = bound_rules(recipe_of(here, _LID, code), here)["fasttext_quality"]
    assert [p.model_dump()["min_score"] for p in rule.settings()] == [0.5, 0.1]
    alone = recipe_of(here, "turn_length: {}", f"web: {{{_LID}}}")
    assert bound_rules(alone, here)["fasttext_quality"].params is None
    other = "code: {fasttext_quality: {label: __label__fr}}"
    with pytest.raises(RecipeError, match="label is '__label__en' and '__label__fr'; all policies"):
        bound_rules(recipe_of(here, _LID, other), here)


def test_a_path_starts_at_the_folder_of_the_recipe_that_says_it(here: Path) -> None:
    (here / "parent.yaml").write_text(_RECIPE % (_LID, "code: {fasttext_quality: {weights: ./x}}"))
    below = here / "below"
    below.mkdir()
    (below / "child.yaml").write_text("name: child\nextends: ../parent.yaml\n")
    child = load_recipe(str(below / "child.yaml"))
    assert child.filters["fasttext_quality"]["weights"] == "./../lid.ftz"
    assert child.policies["code"]["fasttext_quality"]["weights"] == "./../x"  # type: ignore[index]


# --- what is wrong is told at planning ------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{label: __label__en}", "weights: Field required .*a model filter needs weights"),
        ("{weights: ./none.bin}", r"there is no .*none\.bin; fasttext_quality takes a file"),
        ("{weights: ./empty}", r"it holds no \*\.bin or \*\.ftz"),
        ("{weights: ./two}", r"it holds a\.bin, b\.bin; name one of them: \./two/a\.bin"),
        ("{weights: lid.ftz}", r"it is no Hub id .*; a path begins with \./"),
        ("{weights: ./text.bin}", "is no supervised fastText model"),
        ("{weights: ./short.bin}", "is no supervised fastText model"),
        ("{weights: ./cut.bin}", "is no supervised fastText model"),
        ("{weights: ./lid.ftz}", "has no label '__label__hq'"),
        ("{weights: ./lid.ftz, label: __label__eng}", "did you mean '__label__en'"),
        (
            "{weights: ./lid.ftz, labl: x}",
            "labl: .*did you mean 'label'.*takes weights, label, min",
        ),
    ],
)
def test_what_cannot_score_is_told_with_its_place(here: Path, said: str, message: str) -> None:
    for name, data in {
        "two/a.bin": b"",
        "two/b.bin": b"",
        "empty/readme.md": b"",
        "text.bin": b"not a model" * 20,
        "short.bin": b"",
        "cut.bin": lid_176().read_bytes()[:200],
    }.items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_bytes(data)
    with pytest.raises(RecipeError, match=rf"r\.yaml, line 5: recipe: filter \w+: .*{message}"):
        bound_rules(recipe_of(here, f"fasttext_quality: {said}"), here)
    assert not (here / "store").exists()


def test_a_package_that_is_not_installed_is_named(here: Path) -> None:
    source = (Path(__file__).parent / "word_list.py").read_text()
    source = source.replace("packages: ClassVar[tuple[str, ...]] = ()", 'packages = ("no_such",)')
    (here / "word_list.py").write_text(source)
    (here / "words.txt").write_text("cat")
    recipe = recipe_of(here, "./word_list.py: {weights: ./words.txt}")
    with pytest.raises(RecipeError, match=r"needs no_such, .*pip install 'smolmix\[models\]'"):
        bound_rules(recipe, here)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    found = filters.get("text_classifier")
    assert isinstance(found, ModelFilter)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02")
    params = [found.params_type()]
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"no \*\.safetensors; pickled weights"):
        found.check(tmp_path, found.settings_type(weights="x"), params)


@pytest.mark.parametrize(
    ("config", "settings", "message"),
    [
        ({"architectures": ["BertModel"]}, {}, "is of BertModel, which is no sequence classifier"),
        ({"auto_map": {"AutoModel": "x.Y"}}, {}, "code of a repository's own never runs"),
        ({"id2label": {"0": "a", "1": "b"}}, {}, r"several labels; say which .*'a', 'b'"),
        ({}, {}, "several labels"),
        ({"id2label": {"0": "a", "1": "b"}}, {"label": "c"}, "no label 'c'"),
        ({"id2label": {"0": "a"}}, {"label": "a"}, "grades by one output; leave `label` out"),
        ({"id2label": {"0": "a", "1": "b"}}, {"label": "b"}, r"min_score 2\.5 is above 1"),
    ],
)
def test_a_classifier_is_read_before_it_is_loaded(
    tmp_path: Path, config: dict[str, Any], settings: dict[str, str], message: str
) -> None:
    found = filters.get("text_classifier")
    assert isinstance(found, ModelFilter)
    (tmp_path / "model.safetensors").write_bytes(b"")
    made = {"architectures": ["BertForSequenceClassification"], **config}
    (tmp_path / "config.json").write_text(json.dumps(made))
    said = found.settings_type.model_validate({"weights": "x", **settings})
    with pytest.raises(ValueError, match=message):
        found.check(tmp_path, said, [found.params_type()])


def test_weights_that_changed_in_the_store_are_not_loaded(here: Path) -> None:
    found = the_filter(here)
    assert found.weights is not None
    with Path(found.weights.uri, "weights.ftz").open("ab") as handle:
        handle.write(b"more")
    with pytest.raises(IntegrityError, match="is not what it was when the build was planned"):
        _ = found.model


def test_a_store_that_is_no_local_folder_is_read_once_a_machine(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(here / "temporary"))
    recipe = recipe_of(here, _LID)
    (here / "temporary").mkdir()
    bound, again = (
        bind_models(recipe, parse_rules(recipe), "memory://store-of-weights") for _ in range(2)
    )
    found = filters.get(bound.filter_ref("fasttext_quality"))
    assert isinstance(found, ModelFilter) and found.weights is not None
    assert found.ref == again.filter_ref("fasttext_quality")
    assert found.weights.uri == f"memory://store-of-weights/weights/{LID_SHA}"
    assert found.model.predict("Good morning to you all")[0] == ("__label__en",)
    (copy,) = (here / "temporary").glob("smolmix-weights-*/*")
    assert copy.read_bytes() == lid_176().read_bytes()
    local = bind(filters.get("fasttext_quality"), copy, label="__label__en")
    assert local.fingerprint == found.fingerprint


def test_the_digest_of_a_folder_is_over_names_and_bytes() -> None:
    def digest(**files: str) -> str:
        return Weights(name="x", uri="", files=files, num_bytes=0).digest

    assert digest(a="1", b="2") == digest(b="2", a="1") != digest(a="2", b="1")
    assert digest(a="1") == "1"


# --- the Hub --------------------------------------------------------------------------------------

_BIND = """
import sys
from pathlib import Path
from mixtures.recipe_file import load_recipe
from pipelines.judge import parse_rules
from pipelines.weights import bind_models
import filters
recipe = load_recipe(sys.argv[1])
bound = bind_models(recipe, parse_rules(recipe), sys.argv[2])
found = filters.get(bound.filter_ref("fasttext_quality"))
print(found.weights.name, found.weights.digest, found.model.predict("Good morning")[0][0])
"""


def _bound_in_a_process(hub: Hub, here: Path, spec: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: huggingface_hub reads its settings when it is imported."""
    said = f"fasttext_quality: {{weights: {spec}, label: __label__en}}"
    (here / "r.yaml").write_text(_RECIPE % (said, ""))
    env = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    env |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(here / "hf")}
    command = [sys.executable, "-c", _BIND, str(here / "r.yaml"), str(here / "store")]
    root = Path(__file__).parents[2]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False, cwd=root
    )


@pytest.mark.parametrize("spec", ["org/model", "org/model@main", "org/model/good.ftz@main"])
def test_weights_are_looked_up_on_the_hub(here: Path, spec: str) -> None:
    """And called by the commit that they were found at."""
    folder = here / "mirror/org/model"
    folder.mkdir(parents=True)
    shutil.copy(lid_176(), folder / "good.ftz")
    (folder / "README.md").write_text("A model.")
    with serve(Hub(here / "mirror")) as hub:
        found = _bound_in_a_process(hub, here, spec)
    assert found.stdout.split() == [f"org/model@{COMMIT}", LID_SHA, "__label__en"], found.stderr


def test_a_repository_with_several_models_is_asked_which(here: Path) -> None:
    folder = here / "mirror/org/model"
    folder.mkdir(parents=True)
    for name in ("small.ftz", "large.bin"):
        shutil.copy(lid_176(), folder / name)
    with serve(Hub(here / "mirror")) as hub:
        found = _bound_in_a_process(hub, here, "org/model")
        none = _bound_in_a_process(hub, here, "org/none")
    assert "RecipeError" in found.stderr
    assert "large.bin, small.ftz; name one of them: org/model/large.bin" in found.stderr
    assert "RecipeError" in none.stderr and "org/none" in none.stderr
