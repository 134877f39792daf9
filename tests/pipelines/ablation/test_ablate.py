"""`mixture ablate`, whole: arms from a store, trained, scored on the same rows, gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed")

from mixtures.recipe_file import load_recipe  # noqa: E402
from mixtures.vary import shares_of  # noqa: E402
from pipelines.ablation.record import load_ablation  # noqa: E402
from pipelines.cli import mixture  # noqa: E402
from tests.conftest import Built  # noqa: E402
from tests.pipelines.trees import tree_digests  # noqa: E402
from trainer import arms as trained  # noqa: E402

Printed = pytest.CaptureFixture[str]


def _words(built: Built, out: Path, *more: str) -> list[str]:
    words = ["ablate", "--recipe", built.recipe, "--mirror", str(built.mirror)]
    words += ["--store", str(built.store), "--out", str(out), "--engine", "inline"]
    return [*words, "--holdout", "30%", "--workers", "1", *more]


@pytest.mark.slow
def test_arms_are_trained_once_and_compared_on_the_same_rows(
    small_built: Built, tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "found"
    words = _words(small_built, out, "--vary", "text=10%,40%", "--steps", "2", "--seeds", "1")
    real = trained.train_arm
    runs: list[str] = []

    def stopped(arguments: list[str], report: trained.Report) -> object:
        """As if Ctrl-C came in the second run."""
        if runs:
            raise KeyboardInterrupt
        runs.append(arguments[arguments.index("--out") + 1])
        return real(arguments, report)

    with monkeypatch.context() as patch:
        patch.setattr(trained, "train_arm", stopped)
        assert mixture(words) == 1
    assert not (out / "ablation.json").exists()
    assert mixture(words) == 0
    printed = capsys.readouterr().out
    assert "text-10 seed 0: done before" in printed and "text-40 seed 0: done before" not in printed
    found = load_ablation(str(out))
    assert [arm.label for arm in found.arms] == ["text-10", "text-40"]
    assert found.arms[0].rows == found.arms[1].rows
    for arm, share in zip(found.arms, (0.1, 0.4), strict=True):
        assert float(arm.asked["text"]) == share
        assert abs(float(arm.achieved["text"]) - share) <= 1 / arm.rows
        made = load_recipe(str(out / "arms" / arm.label / "recipe.yaml"))
        assert shares_of(made, "")["text"] == arm.asked["text"]
    rows = found.held_out_rows
    assert sum(rows["category"].values()) == rows["all"]["all"] > 0
    assert found.arms[0].runs[0].losses != found.arms[1].runs[0].losses

    before = tree_digests(out)
    monkeypatch.setattr(trained, "train_arm", None)
    assert mixture(words) == 0
    assert tree_digests(out) == before


USAGE = [
    (["--vary", "txet=5%,10%"], "has no component 'txet'; did you mean 'text'?"),
    (["--vary", "text=5%"], "an ablation compares arms"),
    (["--vary", "text=5%,110%"], "it must be above 0 and at most 1"),
    (["--steps", "0"], "0 is not at least 1"),
    (["--steps", "1"], "--steps 1 is too few: at least 2"),
    (["--seeds", "0"], "0 is not at least 1"),
    (["--preset", "tinny"], "there is no preset 'tinny'; did you mean 'tiny'?"),
    (["--preset", "256m"], "preset 256m needs a model to start from: give --init"),
]


@pytest.mark.parametrize(("more", "says"), USAGE, ids=[" ".join(case[0]) for case in USAGE])
def test_what_cannot_be_ablated_is_one_sentence(
    more: list[str], says: str, small_built: Built, tmp_path: Path, capsys: Printed
) -> None:
    given = dict(zip(more[::2], more[1::2], strict=True))
    words = {"--vary": "text=5%,10%", "--steps": "2", **given}
    assert mixture(_words(small_built, tmp_path / "out", *sum(words.items(), ()))) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_store_that_lacks_rows_is_told(
    small_built: Built, tmp_path: Path, capsys: Printed
) -> None:
    words = _words(small_built, tmp_path / "out", "--vary", "text=5%,10%", "--steps", "2")
    words[words.index("--store") + 1] = str(tmp_path / "empty")
    assert mixture(words) == 2
    error = capsys.readouterr().err
    assert "does not have all that the recipe draws on" in error and error.count("\n") == 1


def test_an_out_of_another_recipe_is_refused(
    small_built: Built, tmp_path: Path, capsys: Printed
) -> None:
    file = tmp_path / "out" / "arms" / "text-5" / "recipe.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("name: mine\n")
    words = _words(small_built, tmp_path / "out", "--vary", "text=5%,10%", "--steps", "2")
    assert mixture(words) == 2
    assert "holds an ablation of another recipe" in capsys.readouterr().err
    assert file.read_text() == "name: mine\n"
