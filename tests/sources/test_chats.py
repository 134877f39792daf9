"""Text chat sources: what the fixtures do not show. Held-out files, drift, zips of JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manifests.errors import SchemaDriftError
from sources import get
from sources.readers.zipped_json import read_zipped_rows
from sources.root import Root
from tests.sources.packing import zip_file
from tests.sources.row_files import parquet

# Source, its repository, a file to be read, and files beside it that must not be.
FILES = [
    ("smoltalk", "HuggingFaceTB/smoltalk", "data/all/train-0.parquet", ["data/all/test-0.parquet"]),
    (
        "smol_smoltalk",
        "HuggingFaceTB/smol-smoltalk",
        "data/train-0.parquet",
        ["data/test-0.parquet"],
    ),
    (
        "smoltalk2",
        "HuggingFaceTB/smoltalk2",
        "Mid/OpenThoughts3_1.2M-0.parquet",
        ["Mid/OpenThoughts3_1.2M_new-0.parquet", "SFT/OpenThoughts3_1.2M_new_think-0.parquet"],
    ),
    (
        "orca_math",
        "microsoft/orca-math-word-problems-200k",
        "data/train-0.parquet",
        ["data/test.parquet"],
    ),
    (
        "atlas_math",
        "AtlasUnified/atlas-math-sets",
        "data/train.jsonl",
        ["data/test.jsonl", "data/validation.jsonl"],
    ),
    ("lima", "GAIR/lima", "train.jsonl", ["test.jsonl"]),
    ("numina_cot", "AI-MO/NuminaMath-CoT", "data/train-0.parquet", ["data/test-0.parquet"]),
]
CHAT_SOURCES = (
    "atlas_math camel_math dolly goat lima mathinstruct mathqa metamathqa numina_cot openhermes "
    "orca_math smol_smoltalk smoltalk smoltalk2"
).split()


@pytest.mark.parametrize(("name", "repo", "wanted", "held_out"), FILES)
def test_held_out_files_are_not_listed(
    tmp_path: Path, name: str, repo: str, wanted: str, held_out: list[str]
) -> None:
    for path in (wanted, *held_out):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    source = get(name)
    root = Root(str(tmp_path), repo)
    patterns = [p for s in source.card.subsets for p in source.card.row_patterns(s)]
    assert [file.path for file in root.glob(*patterns)] == [wanted]


@pytest.mark.parametrize("name", ["smoltalk", "orca_math", "atlas_math", "numina_cot", "smoltalk2"])
def test_other_columns_are_schema_drift(tmp_path: Path, name: str) -> None:
    source = get(name)
    card = source.card
    pattern = next(p for p in card.row_patterns(card.subsets[0]) if p.endswith(".parquet"))
    parquet(tmp_path / pattern.replace("*", "-0"), {"prompt": ["a"], "completion": ["b"]})
    with pytest.raises(SchemaDriftError, match="has the columns prompt, completion"):
        source.rows(Root(str(tmp_path), card.repo))


@pytest.mark.parametrize("name", CHAT_SOURCES)
def test_cards_are_of_text_and_name_their_columns(name: str) -> None:
    card = get(name).card
    assert card.marker == "none" and card.columns
    assert {subset.modality for subset in card.subsets} == {"text"}
    for subset in card.subsets:
        known = card.license_of(subset).startswith("LicenseRef-")
        assert not known or card.commercial_use_of(subset) != "yes", subset.name


@pytest.mark.parametrize(
    ("source", "subset"),
    [
        ("data/CoT/aqua_rat.json", "CoT-aqua_rat"),
        (" data/PoT/numglue.json\n", "PoT-numglue"),
        ("data/CoT/numglue.json", "other"),
        ("other", "other"),
        ("", "other"),
    ],
)
def test_mathinstruct_subsets(tmp_path: Path, source: str, subset: str) -> None:
    row = {"source": source, "instruction": "a", "output": "b"}
    (tmp_path / "MathInstruct.json").write_text(json.dumps([row]))
    mathinstruct = get("mathinstruct")
    root = Root(str(tmp_path), mathinstruct.card.repo)
    (shard,) = mathinstruct.rows(root)
    assert [found.subset for found in mathinstruct.read_rows(root, shard)] == [subset]


def test_zipped_rows_are_numbered_through_all_members(tmp_path: Path) -> None:
    members = [
        ("b.json", b'[{"n": 0}, {"n": 1}]'),
        ("skip.json", b'{"n": 9}'),
        ("a.json", b'\xef\xbb\xbf {"n": 2, "x": NaN}\n'),
        ("folder/._a.json", b"shadow"),
        ("empty.json", b""),
        ("cut.json", b'[{"n": 3}, {"n'),
        ("two.json", b'{"n": 5} {"n": 6}'),
    ]
    (tmp_path / "rows.zip").write_bytes(zip_file(members))
    root = Root(str(tmp_path), "any")
    (file,) = root.glob("rows.zip")
    rows = list(read_zipped_rows(root, file, lambda name: name != "skip.json"))
    assert [row.row for row in rows] == list(range(len(rows)))
    assert [row.value for row in rows[:3]] == [{"n": 0}, {"n": 1}, {"n": 2, "x": None}]
    assert [row.value for row in rows[3:]] == [None, {"n": 3}, None, None]
    assert [row.reason for row in rows if row.value is None] == ["json_malformed"] * 3
