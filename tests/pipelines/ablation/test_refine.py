"""`mixture refine` on ablations whose losses are known: what it writes, and when it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from manifests.storage import write_json
from mixtures.recipe_file import load_recipe
from mixtures.vary import shares_of
from pipelines.ablation.plot import write_plot
from pipelines.ablation.record import (
    Ablation,
    ArmRecord,
    GroupRecord,
    RunRecord,
    recipe_digest,
    write_ablation,
)
from pipelines.ablation.report import write_table
from pipelines.cli import mixture

Printed = pytest.CaptureFixture[str]
Losses = Callable[[float, int], dict[str, float]]


def _ablation(
    losses: Losses, shares: tuple[str, ...] = ("5", "14", "30"), seeds: int = 3
) -> Ablation:
    """Of the share of text in recipe `video`; `losses` are by category, of a share and a seed."""
    exact = [Fraction(share) / 100 for share in shares]
    rows = dict.fromkeys(losses(0.1, 0), 10)
    return Ablation(
        recipe="video",
        recipe_digest=recipe_digest(load_recipe("video")),
        groups=(GroupRecord(name="text", level="", members=("text",), own=Fraction(14, 100)),),
        preset="tiny",
        init=None,
        steps=10,
        seeds=seeds,
        settings={},
        tokenizer_digest=None,
        holdout=Fraction(1, 10),
        held_out_digest="0" * 64,
        held_out_rows={"category": rows, "modality": {"text": 10}, "all": {"all": 20}},
        unit="samples",
        arms=tuple(
            ArmRecord(
                label=f"text-{share}",
                varied="text",
                asked={"text": x},
                achieved={"text": x},
                build_digest="1" * 64,
                rows=100,
                runs=tuple(_run(losses(float(x), seed), seed) for seed in range(seeds)),
            )
            for share, x in zip(shares, exact, strict=True)
        ),
    )


def _run(losses: dict[str, float], seed: int) -> RunRecord:
    sums = {"modality": {"text": 1.0}, "all": {"all": 1.0}}
    return RunRecord(seed=seed, losses={"category": losses, **sums}, seconds=1)


def _valley(x: float, seed: int) -> dict[str, float]:
    """Seeds differ by much, and each says the same of shares; charts want less text."""
    noise = 0.001 * seed * x
    return {"chat": 3 + seed + 9 * (x - 0.2) ** 2 + noise, "chart": 2 + seed + 2 * x + noise}


def _refine(folder: Path, *more: str, code: int = 0) -> None:
    words = ["refine", "video", "--from", str(folder), "--out", str(folder / "new.yaml"), *more]
    assert mixture(words) == code


def test_it_writes_a_recipe_with_the_evidence(tmp_path: Path, capsys: Printed) -> None:
    write_ablation(str(tmp_path), _ablation(_valley))
    _refine(tmp_path, "--target", "chat=1")
    assert "build-mixture --recipe" in capsys.readouterr().out
    text = (tmp_path / "new.yaml").read_text()
    assert text.startswith("# mixture refine video --from")
    for fact in ("# Fitted gain", "text 14%: 4.0325 +- 1.0001", "chat", "10 steps"):
        assert fact in text
    made, before = load_recipe(str(tmp_path / "new.yaml")), load_recipe("video")
    after = shares_of(made, "")
    assert after["text"] == Fraction(199, 1000) or after["text"] == Fraction(1, 5)
    assert sum(after.values()) == 1
    old = shares_of(before, "")
    assert after["video"] / after["image"] == old["video"] / old["image"]
    assert made.filters == before.filters and made.name == "new"


def test_in_json(tmp_path: Path, capsys: Printed) -> None:
    write_ablation(str(tmp_path), _ablation(_valley))
    _refine(tmp_path, "--target", "chart=3,chat=0", "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["shares"][""]["text"] == "7/100" and said["gain"]["least"] > 0
    assert said["recipe"] == str(tmp_path / "new.yaml") and said["evidence"]


def test_the_target_decides_what_is_lowered(tmp_path: Path) -> None:
    write_ablation(str(tmp_path), _ablation(_valley))
    _refine(tmp_path, "--target", "chart=3,chat=0")
    assert shares_of(load_recipe(str(tmp_path / "new.yaml")), "")["text"] == Fraction(7, 100)


def test_within_noise_nothing_is_proposed(tmp_path: Path, capsys: Printed) -> None:
    def noise(x: float, seed: int) -> dict[str, float]:
        return {"chat": 3 + (x if seed % 2 else -x)}

    write_ablation(str(tmp_path), _ablation(noise))
    _refine(tmp_path)
    assert "no change is proposed: what the ablation found lies within its noise" in (
        capsys.readouterr().out
    )
    assert not (tmp_path / "new.yaml").exists()


def test_what_stands_there_is_not_overwritten(tmp_path: Path, capsys: Printed) -> None:
    write_ablation(str(tmp_path), _ablation(_valley))
    (tmp_path / "new.yaml").write_text("name: mine\n")
    _refine(tmp_path, code=2)
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "new.yaml").read_text() == "name: mine\n"


WRONG: list[tuple[Ablation, tuple[str, ...], str]] = [
    (_ablation(_valley, ("14",)), (), "1 arms for 1 free components"),
    (_ablation(_valley, seeds=1), (), "one seed says nothing of its noise"),
    (_ablation(_valley, ("20", "30")), (), "is not within the arms'"),
    (_ablation(_valley), ("--target", "chat"), "write it as chat=2"),
    (_ablation(_valley), ("--target", "chta=1"), "did you mean 'chat'?"),
    (_ablation(_valley), ("--target", "chat=1,chat=2"), "names chat twice"),
    (_ablation(_valley), ("--target", "chat=0"), "all weights are 0"),
    (
        _ablation(_valley).model_copy(update={"recipe_digest": "2" * 64}),
        (),
        "and not of video as it stands",
    ),
]


@pytest.mark.parametrize(("found", "more", "says"), WRONG, ids=[case[2][:24] for case in WRONG])
def test_what_cannot_be_refined_is_one_sentence(
    found: Ablation, more: tuple[str, ...], says: str, tmp_path: Path, capsys: Printed
) -> None:
    write_ablation(str(tmp_path), found)
    _refine(tmp_path, *more, code=2)
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not (tmp_path / "new.yaml").exists()


def test_without_an_ablation_it_says_so(tmp_path: Path, capsys: Printed) -> None:
    _refine(tmp_path, code=2)
    assert "ablation.json does not exist" in capsys.readouterr().err
    write_json(str(tmp_path / "ablation.json"), {"recipe": "video"})
    _refine(tmp_path, code=1)
    assert "Field required" in capsys.readouterr().err


def test_a_record_that_lacks_a_run_is_told(tmp_path: Path, capsys: Printed) -> None:
    found = _ablation(_valley)
    short = found.arms[1].model_copy(update={"runs": found.arms[1].runs[:2]})
    arms = (found.arms[0], short, found.arms[2])
    write_ablation(str(tmp_path), found.model_copy(update={"arms": arms}))
    _refine(tmp_path, code=1)
    error = capsys.readouterr().err
    assert "arm text-14 has not one run for each of 3 seeds" in error and error.count("\n") == 1


def test_a_record_is_a_table_and_a_plot_that_do_not_change(tmp_path: Path) -> None:
    found = _ablation(_valley)
    for name in ("a", "b"):
        write_table(str(tmp_path / name), found)
        write_plot(str(tmp_path / name), found)
    table = (tmp_path / "a" / "table.md").read_text()
    assert "| chat | 10 | 4.203 ± 1.000 | 4.033 ± 1.000 | 4.090 ± 1.000 |" in table
    plot = (tmp_path / "a" / "plot.svg").read_bytes()
    assert plot == (tmp_path / "b" / "plot.svg").read_bytes()
    assert b"chart (10 rows)" in plot and len(plot) < 100_000
