"""What `verify` finds, and the file that it names; the ways of tampering are in tampering.py."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from manifests.errors import IntegrityError
from pipelines.build import build
from pipelines.cli import mixture
from pipelines.options import BuildOptions
from pipelines.verify import verify
from tests.conftest import Built
from tests.pipelines.tampering import CASES, FIRST, LAST, LEDGER, flip, read

NESTED = """
name: nested
description: repeats and components in components
unit: samples
filters: {roles: {}}
components:
  - {name: text, share: 30%, modality: text, sources: [magpie], max_samples: 60}
  - name: visual
    share: 70%
    sources: [the_cauldron, mathwriting]
    components:
      - {name: charts, share: 1/3, sources: [the_cauldron/docvqa], modality: image, max_repeat: 3}
      - name: rest
        share: 2/3
        components:
          - {name: inks, share: 0.15, sources: [mathwriting]}
          - {name: pairs, share: 0.85, modality: multi_image, max_repeat: 3}
"""


@pytest.fixture(scope="module")
def small(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two windows of 64 rows, one a data file."""
    out = tmp_path_factory.mktemp("verify") / "small"
    options = BuildOptions(
        recipe="video",
        mirror=str(built.mirror),
        store=str(built.store),
        out=str(out),
        engine="inline",
        num_samples=128,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.shards.SHARD_BYTES", 1)
        build(options, Console(quiet=True))
    assert {f"data/{path.name}" for path in (out / "data").iterdir()} == {FIRST, LAST}
    return out


@pytest.fixture
def out(small: Path, tmp_path: Path) -> Path:
    """A copy of the small build, to be tampered with."""
    return Path(shutil.copytree(small, tmp_path / "build"))


def test_the_small_build_holds(small: Path) -> None:
    seen: list[str] = []
    assert verify(str(small), seen.append).num_rows == 128
    assert {FIRST, LAST, LEDGER, "plan.json", "README.md"} <= set(seen)


@pytest.mark.parametrize(("name", "change", "words"), CASES, ids=[case[0] for case in CASES])
def test_tampering_is_found(
    out: Path, name: str, change: Callable[[Path], None], words: str
) -> None:
    change(out)
    with pytest.raises(IntegrityError) as caught:
        verify(str(out), lambda path: None)
    message = str(caught.value).removeprefix(f"{out}/")
    assert re.match(words, message), message


def test_the_command_says_it_in_one_sentence(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mixture(["verify", str(out)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{out} holds: ") and printed.err == ""
    flip(FIRST)(out)
    assert mixture(["verify", str(out)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {FIRST}: ") and printed.err.count("\n") == 1


@pytest.mark.parametrize("num_samples", [None, 1])
def test_a_nested_recipe_with_repeats_holds(
    built: Built, tmp_path: Path, num_samples: int | None
) -> None:
    """One row leaves most components without any."""
    (tmp_path / "nested.yaml").write_text(NESTED)
    options = BuildOptions(
        recipe=str(tmp_path / "nested.yaml"),
        mirror=str(built.mirror),
        store=str(built.store),
        out=str(tmp_path / "out"),
        engine="inline",
        num_samples=num_samples,
    )
    build(options, Console(quiet=True))
    manifest = verify(str(tmp_path / "out"), lambda path: None)
    names = ["text", "visual", "visual/charts", "visual/rest", "visual/rest/inks"]
    assert [part.name for part in manifest.components][:5] == names
    repeats = [
        row["repeat"] for path in (tmp_path / "out/data").iterdir() for row in read(path, "")
    ]
    assert max(repeats) == (1 if num_samples else 2)


def test_a_build_that_was_moved_still_holds(out: Path, tmp_path: Path) -> None:
    moved = out.rename(tmp_path / "else where")
    assert verify(str(moved), lambda path: None).num_rows == 128
