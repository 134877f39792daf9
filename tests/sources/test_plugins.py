"""A user's own source, named by the path of its module."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import sources
from manifests.errors import CardError

_MODULE = """
from sources.base import Draft
from sources.conversations import build_chat
from sources.tables import TableSource


class Mine(TableSource):
    name = "{name}"
    version = 1

    def draft(self, shard, row, values):
        return Draft(row, shard.subset, build_chat([(values["q"], values["a"])]))


{bound} = Mine()
"""
CARD = """
name: {name}
title: Mine
repo: me/mine
revision: main
homepage: none
license: MIT
commercial_use: yes
redistribution: yes
attribution: me
gated: false
citation: none
num_bytes: null
row_files: ["*.jsonl"]
columns: {{q: string, a: string}}
marker: none
quirks: []
subsets:
  - {{name: train, category: instruction, modality: text, num_rows: null}}
"""


def write_plugin(folder: Path, name: str = "mine", bound: str = "SOURCE", called: str = "") -> Path:
    module = folder / f"{name}.py"
    module.write_text(_MODULE.format(name=called or name, bound=bound))
    module.with_suffix(".yaml").write_text(CARD.format(name=called or name))
    return module


def test_it_is_found_by_its_ref_and_named_by_its_file(tmp_path: Path) -> None:
    module = write_plugin(tmp_path)
    source = sources.get(str(module))
    assert (source.name, source.ref, source.card.title) == ("mine", str(module), "Mine")
    assert sources.get(pickle.loads(pickle.dumps(source.ref))) is source


def test_its_text_is_part_of_its_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = write_plugin(tmp_path / "a"), write_plugin(tmp_path / "b")
    two.write_text(two.read_text() + "# another\n")
    assert sources.get(str(one)).fingerprint != sources.get(str(two)).fingerprint


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda m: m.unlink(), "mine.py is not there"),
        (lambda m: m.with_suffix(".yaml").unlink(), "mine.yaml is not there"),
        (lambda m: m.write_text("1 / 0\n"), "line 1: ZeroDivisionError"),
        (lambda m: m.write_text("x = (\n"), "line 1: SyntaxError"),
        (lambda m: m.write_text("SOURCE = 1\n"), "binds no SOURCE"),
        (lambda m: m.with_suffix(".yaml").write_text("name: mine\n"), "Field required"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, damage: object, said: str) -> None:
    module = write_plugin(tmp_path)
    assert callable(damage)
    damage(module)
    with pytest.raises(CardError, match=said):
        sources.get(str(module))


def test_another_name_than_the_files_is_refused(tmp_path: Path) -> None:
    module = write_plugin(tmp_path, called="yours")
    with pytest.raises(CardError, match="calls its source 'yours'"):
        sources.get(str(module))
