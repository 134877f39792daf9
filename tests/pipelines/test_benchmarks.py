"""Which benchmarks a mixture is held against, and what is said where they cannot be had."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from manifests.benchmark_cards import benchmark_cards
from manifests.build import load_manifest
from manifests.cards import load_card
from manifests.errors import SourceError, UnavailableError, UsageError
from mixtures.recipe import Recipe
from mixtures.recipe_file import load_recipe, parse_recipe
from pipelines.benchmark_index import find_index, index_task, make_index
from pipelines.benchmarks import Benchmarks, check_benchmarks, open_benchmarks, wanted_benchmarks
from pipelines.build import build
from pipelines.cli import build_mixture, mixture
from pipelines.leaks.index import read_index
from pipelines.options import BuildOptions
from pipelines.preview import preview
from pipelines.samples import benchmarks as samples_of
from pipelines.samples import magpie
from pipelines.samples.truth import Truth
from sources.benchmarks import read_items
from sources.root import Root
from tests.hub import COMMIT, Hub, serve
from tests.pipelines.trees import tree_digests

NAMED = ("chartqa", "gsm8k", "math")
RECIPE = """
name: talks
description: chats
unit: samples
{decontaminate}
components: [{{name: talks, take: 3, sources: [magpie]}}]
"""
CHECKED = "decontaminate: {benchmarks: [chartqa, gsm8k, math]}"


def _write(folder: Path, *names: str) -> Path:
    for name in names:
        samples_of.write(folder, benchmark_cards()[name])
    return folder


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("benchmarks"), *NAMED)


def _recipe(decontaminate: str = CHECKED) -> Recipe:
    return parse_recipe(RECIPE.format(decontaminate=decontaminate), "talks.yaml")


def _options(tmp_path: Path, mirror: Path) -> BuildOptions:
    out, store = str(tmp_path / "out"), str(tmp_path / "store")
    return BuildOptions(
        recipe=str(tmp_path / "talks.yaml"), out=out, store=store, mirror=str(mirror)
    )


def _open(options: BuildOptions, recipe: Recipe | None = None) -> Benchmarks:
    return open_benchmarks(recipe or _recipe(), {"magpie": load_card("magpie")}, options)


def _names(found: Benchmarks) -> tuple[list[str], list[str], list[str]]:
    held = [index.name for index in found.held]
    return held, [work.index.name for work in found.work], list(found.left_out)


# --- which ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", benchmark_cards())
def test_every_benchmark_can_be_read_from_its_samples(name: str, tmp_path: Path) -> None:
    card = benchmark_cards()[name]
    _write(tmp_path, name)
    skipped: Counter[str] = Counter()
    items = list(read_items(card, Root(str(tmp_path / card.repo), card.repo), tmp_path, skipped))
    files = sum(len(split.files) for split in card.held_out)
    assert len(items) == files * 3 == len({item.place for item in items})
    assert all(" hide behind a " in item.question for item in items)
    if card.fields.answer is not None and not card.fields.video and name != "mmstar":
        assert all(item.answer for item in items)
    if card.fields.images:
        assert sum(bool(item.images) for item in items) >= len(items) - 2
    # Nobody may hand on the clips of NTU RGB+D, which one of its tasks asks about.
    without = 3 if name == "mvbench" else 0
    assert skipped == ({"video_missing": without} if without else {})
    if card.fields.video is not None:
        assert sum(bool(item.videos) for item in items) == len(items) - without


def test_samples_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        _write(tmp_path / name, "chartqa", "gpqa", "video_mme", "mmmu")
    assert tree_digests(tmp_path / "one") == tree_digests(tmp_path / "two")


def test_all_is_what_rows_could_be_a_leak_of() -> None:
    texts = _recipe("decontaminate: {}")
    names = {card.name for card in wanted_benchmarks(texts, {"magpie": load_card("magpie")})}
    assert {"gsm8k", "mt_bench"} <= names and not {"chartqa", "mlvu"} & names
    video = load_recipe("video").model_copy(update={"decontaminate": texts.decontaminate})
    cards = {name: load_card(name) for name in video.sources()}
    assert [card.name for card in wanted_benchmarks(video, cards)] == list(benchmark_cards())
    assert wanted_benchmarks(_recipe(""), {}) == []


def test_wrong_names_and_folders(tmp_path: Path, mirror: Path) -> None:
    options, said = _options(tmp_path, mirror), StringIO()
    quiet = Console(file=said, width=200)
    wrong = _recipe("decontaminate: {benchmarks: [gsm8]}")
    with pytest.raises(UsageError, match="talks, decontaminate: there is no benchmark 'gsm8'"):
        check_benchmarks(wrong, options, quiet)
    with pytest.raises(UsageError, match="--no-decontaminate: there is no benchmark 'x'"):
        check_benchmarks(_recipe(), replace(options, no_decontaminate=("x",)), quiet)
    with pytest.raises(UsageError, match="--benchmarks /none: there is no such folder"):
        check_benchmarks(_recipe(), replace(options, benchmarks="/none"), quiet)
    assert said.getvalue() == ""
    check_benchmarks(_recipe(""), replace(options, no_decontaminate=()), quiet)
    assert "recipe talks is held against no benchmark" in said.getvalue()


# --- indexes ----------------------------------------------------------------------------------


def test_an_index_is_made_once_and_named_by_what_it_is_of(tmp_path: Path, mirror: Path) -> None:
    options = _options(tmp_path, mirror)
    first = _open(options)
    assert _names(first) == (list(NAMED), list(NAMED), [])
    for work in first.work:
        task = pickle.loads(pickle.dumps(index_task(work)))  # as Ray sends it
        task.function(*task.args)
    again = _open(options)
    assert again.held == first.held and again.work == ()
    assert again.pins == {f"benchmark:{i.name}": f"{i.key}@main" for i in again.held}
    found = read_index(again.folders["gsm8k"])
    assert found.items.num_rows == 3 and found.record["card"]["skipped"] == {}
    other = tmp_path / "other"
    shutil.copytree(mirror, other)
    file = other / "openai/gsm8k/main/test-00000-of-00001.parquet"
    shutil.copy(other / "openai/gsm8k/main/train-00000-of-00001.parquet", file)
    changed = {work.index.name for work in _open(replace(options, mirror=str(other))).work}
    assert changed == {"gsm8k"}


def test_no_text_is_in_an_index(tmp_path: Path, mirror: Path) -> None:
    (work,) = _open(_options(tmp_path, mirror), _recipe("decontaminate: {benchmarks: [math]}")).work
    make_index(work)
    said = samples_of.asked("math", 0)
    data = b"".join(path.read_bytes() for path in Path(work.index.folder).rglob("*.parquet"))
    words = {word.encode() for word in f"{said.question} {said.answer}".split() if len(word) > 6}
    assert words and not any(word in data for word in words)


def test_a_shared_index_serves_where_upstream_is_not(tmp_path: Path, mirror: Path) -> None:
    shared = tmp_path / "shared"
    make_index(find_index(str(shared), benchmark_cards()["gsm8k"], str(mirror)))
    options = _options(tmp_path, tmp_path)
    options = replace(options, benchmarks=str(shared), no_decontaminate=("math", "chartqa"))
    found = _open(options)
    assert _names(found) == (["gsm8k"], [], ["chartqa", "math"])
    assert found.pins["not_held_against:math"] == "switched off"
    assert _open(_options(tmp_path, mirror)).held[1].key == found.held[0].key
    (folder,) = shared.iterdir()
    shutil.copytree(folder, folder.with_name("gsm8k-0123456789abcdef"))
    with pytest.raises(UsageError, match="2 indexes of benchmark gsm8k .*; remove all but one"):
        _open(options)
    shutil.rmtree(folder.with_name("gsm8k-0123456789abcdef"))
    record = json.loads((folder / "done.json").read_text())
    record["card"]["format"] = "of another version"
    (folder / "done.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match="made by another version of smolmix; make it again with"):
        _open(options)


def test_all_that_cannot_be_had_are_named_at_once(tmp_path: Path, mirror: Path) -> None:
    part = tmp_path / "part"
    shutil.copytree(mirror / "openai", part / "openai")
    with pytest.raises(UnavailableError) as caught:
        _open(_options(tmp_path, part))
    said = str(caught.value)
    assert said.startswith("the mixture cannot be held against these benchmarks: chartqa,math (")
    assert "benchmark math has no file like */test-*.parquet at" in said
    assert "--benchmarks DIR" in said and said.endswith("--no-decontaminate chartqa,math")
    options = replace(_options(tmp_path, part), no_decontaminate=("chartqa", "math"))
    assert _names(_open(options)) == (["gsm8k"], ["gsm8k"], ["chartqa", "math"])
    nothing = replace(options, no_decontaminate=())
    assert _names(_open(nothing)) == ([], [], list(NAMED))


# --- builds -----------------------------------------------------------------------------------


@pytest.fixture
def talks(mirror: Path, tmp_path: Path) -> BuildOptions:
    both = tmp_path / "mirror"
    shutil.copytree(mirror, both)
    truth = Truth(1, ["magpie"])
    magpie.write(both, truth, 1)
    (tmp_path / "truth.json").write_text(json.dumps(truth.as_json()))
    (tmp_path / "talks.yaml").write_text(RECIPE.format(decontaminate=CHECKED))
    return _options(tmp_path, both)


def test_plan_and_card_say_what_it_was_held_against(talks: BuildOptions) -> None:
    options = replace(talks, engine="inline", no_decontaminate=("math",))
    quiet = Console(file=StringIO(), width=200)
    before = preview(options, quiet)
    assert before.benchmarks == NAMED and list(before.to_index) == ["chartqa", "gsm8k"]
    manifest = build(options, quiet)
    assert manifest.benchmarks == {"chartqa": "main", "gsm8k": "main"}
    assert manifest.not_held_against == ("math",)
    assert load_manifest(options.out) == manifest
    after = preview(options, quiet)
    assert after.to_index == {} and after.plan is not None
    assert after.plan.digest == manifest.plan_digest
    card = (Path(options.out) / "README.md").read_text()
    assert "## Benchmarks" in card and "Rows were not held against math" in card


def test_what_is_held_out_is_dropped_and_what_is_for_training_stays(
    talks: BuildOptions, tmp_path: Path
) -> None:
    options = replace(talks, engine="inline")
    build(options, Console(file=StringIO(), width=200))
    found = pq.read_table(Path(options.out) / "ledger/magpie.parquet").to_pylist()
    leaked = {(e["file"], e["row"]): e for e in found if e["fate"] == "leaked_from"}
    planted = json.loads((tmp_path / "truth.json").read_text())["planted"]
    wanted = {(e["file"], e["row"]): e for e in planted if e["fate"] == "leaked_from"}
    assert leaked.keys() == wanted.keys() and len(wanted) == 1
    for place, entry in wanted.items():
        assert leaked[place]["rule"] == entry["rule"]
        learned = next(e for e in found if (e["file"], e["row"]) == (place[0], place[1] + 1))
        assert learned["fate"] in ("kept", "not_drawn")
    off = replace(options, no_decontaminate=("gsm8k",), out=str(tmp_path / "off"))
    build(off, Console(file=StringIO(), width=200))
    told = pq.read_table(Path(off.out) / "ledger/magpie.parquet")["fate"].to_pylist()
    assert "leaked_from" not in told


def test_leaked_rows_are_shown_beside_their_items(
    talks: BuildOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    build(replace(talks, engine="inline"), Console(file=StringIO(), width=200))
    words = ["ledger", talks.out, "--fate", "leaked", "--by", "benchmark", "--examples"]
    assert mixture([*words, "--json"]) == 0
    (group,) = json.loads(capsys.readouterr().out)["groups"]
    (example,) = group["examples"]
    item = samples_of.asked("gsm8k", int(example["matched"].rpartition("/")[2]))
    assert group["benchmark"] == "gsm8k" and item.question in example["text"]
    assert example["matched_text"].startswith(f"question: {item.question} | answer: ")
    assert talks.mirror is not None
    shutil.rmtree(Path(talks.mirror) / "openai")
    assert mixture(words) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "items of gsm8k are not shown: " in said
    assert f"from {example['matched']} (its text is not to be had)" in said


def test_nothing_is_pulled_where_a_benchmark_is_missing(
    talks: BuildOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    assert talks.mirror is not None
    shutil.rmtree(Path(talks.mirror) / "EleutherAI")
    words = f"--recipe {talks.recipe} --mirror {talks.mirror} --store {talks.store} --engine inline"
    assert build_mixture([*words.split(), "--out", talks.out]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "cannot be held against these benchmarks: math (" in said
    assert not Path(talks.store).exists() or not list(Path(talks.store).rglob("done.json"))
    plan = preview(talks, Console(file=StringIO()))
    assert plan.refusal.endswith("--no-decontaminate math") and plan.plan is None


# --- the command ------------------------------------------------------------------------------


def test_building_what_is_shared(
    tmp_path: Path, mirror: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["benchmarks", "build", str(tmp_path / "i"), "gsm8k", "math", "--mirror", str(mirror)]
    assert mixture(words) == 0
    first = capsys.readouterr().out
    made = sorted((tmp_path / "i").rglob("*"))
    assert "gsm8k" in first and "2 indexes," in first
    assert mixture(words) == 0
    assert "benchmarks done" in first and "benchmarks done" not in capsys.readouterr().out
    assert sorted((tmp_path / "i").rglob("*")) == made
    assert mixture(["benchmarks", "build", str(tmp_path / "i"), "--mirror", str(mirror)]) == 0
    said = capsys.readouterr().out
    assert "3 indexes," in said and "not indexed: benchmark arc has no file like" in said
    assert mixture([*words[:3], "arc", *words[3:]]) == 2
    assert "benchmark arc has no file like" in capsys.readouterr().err


@pytest.mark.slow
def test_the_hub_gives_the_index_that_its_mirror_gives(tmp_path: Path) -> None:
    names = ("chartqa", "tempcompass")
    mirror = _write(tmp_path / "m", *names, "gpqa")
    code = "import sys; from pipelines.cli import mixture; sys.exit(mixture())"
    command = [sys.executable, "-c", code, "benchmarks", "build"]
    with serve(Hub(mirror, gated=frozenset({"Idavidrein/gpqa"}))) as hub:
        settings = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path)}
        env = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"} | settings
        subprocess.run([*command, str(tmp_path / "hub"), *names], env=env, check=True)
        refused = subprocess.run(
            [*command, str(tmp_path / "hub"), "gpqa"], env=env, capture_output=True, text=True
        )
    assert refused.returncode == 2
    assert "hf://datasets/Idavidrein/gpqa may not be read" in refused.stderr
    made = {path.name.rpartition("-")[0]: path for path in (tmp_path / "hub").iterdir()}
    assert set(made) == set(names)
    for name in names:
        work = find_index(str(tmp_path / "mirrored"), benchmark_cards()[name], str(mirror))
        make_index(work)
        for file in Path(work.index.folder).glob("*.parquet"):
            assert file.read_bytes() == (made[name] / file.name).read_bytes()
        assert json.loads((made[name] / "done.json").read_text())["card"]["revision"] == COMMIT


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert mixture(["benchmarks", "list"]) == 0
    assert "video_mme" in capsys.readouterr().out
    assert mixture(["benchmarks", "list", "--json"]) == 0
    said = {card["name"]: card for card in json.loads(capsys.readouterr().out)}
    assert list(said) == list(benchmark_cards())
    assert said["gpqa"]["gated"] is True and said["gsm8k"]["num_rows"] == 1319


def test_a_damaged_file_is_named(tmp_path: Path, mirror: Path) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(mirror, bad)
    file = bad / "openai/gsm8k/main/test-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:100])
    work = find_index(str(tmp_path / "i"), benchmark_cards()["gsm8k"], str(bad))
    with pytest.raises(SourceError, match="gsm8k/main/test-00000-of-00001.parquet .* is not a who"):
        make_index(work)
    assert not work.index.is_made
