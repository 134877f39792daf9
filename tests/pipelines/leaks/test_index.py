"""An index's folder: what is in it, that nothing plain is, and what is said of one that is not."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from manifests.errors import IntegrityError, UsageError
from pipelines.leaks.index import VERSION, read_index, write_index
from pipelines.leaks.index_set import IndexRef, IndexSet, items_of
from sources.benchmark_item import BenchmarkItem
from tests.pipelines.leaks.rows import index_of, item
from tests.pipelines.trees import tree_digests


def _png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 50, 3), np.uint8)
    held = BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


def _shown(place: int, question: str, *images: bytes) -> BenchmarkItem:
    return BenchmarkItem(
        benchmark="quiz", place=f"test/{place}", question=question, answer="yes", images=images
    )


def test_no_plain_text_is_kept(tmp_path: Path) -> None:
    """Words of question, choices and answer stand in no file, compressed or not."""
    index_of(tmp_path, [item(0, "zyzzyva quux?", "flibbert", "gribbit", answer="flibbert")])
    for file in tmp_path.glob("*.parquet"):
        table = pq.read_table(file)
        said = json.dumps(table.to_pylist(), default=repr) + table.schema.to_string()
        assert not any(word in said for word in ("zyzzyva", "quux", "flibbert", "gribbit"))


def test_the_same_items_give_the_same_bytes(tmp_path: Path) -> None:
    items = [item(0, "How many legs has a crab?", "six", "ten"), _shown(1, "Is it red?", _png(0))]
    for name in ("one", "two"):
        write_index(str(tmp_path / name), "quiz", "0", iter(items), {})
    assert tree_digests(tmp_path / "one") == tree_digests(tmp_path / "two")


def test_pictures_are_kept_once_and_unreadable_ones_named(tmp_path: Path) -> None:
    shown = [_png(0), b"no image", _png(1), _png(0)]
    index = index_of(tmp_path, [_shown(0, "Is it red?", *shown), _shown(1, "How?", shown[2])])
    assert index.items["images"].to_pylist() == [[0, 1, 0], [1]]
    assert index.images.num_rows == index.record["images"] == 2
    assert index.record["unreadable"] == ["image of test/0: image_undecodable"]


def test_what_texts_stand_for(tmp_path: Path) -> None:
    """A generic question stands for no item, nor does one that is asked of a picture."""
    asked = ["Which is true?", "Which is true?", "How many legs has a crab?", "Is it red?", ""]
    items = [
        item(0, asked[0], "a", "b"),
        item(1, asked[1], "c", "d"),
        item(2, asked[2], answer="ten"),
        _shown(3, asked[3], _png(0)),
        item(4, asked[4]),
    ]
    found = items_of([index_of(tmp_path, items)])
    alone = {n: found.alone[found.question[n]] for n in range(4)}
    assert alone == {0: -1, 1: -1, 2: 2, 3: -1}
    assert [found.alone[found.whole[n]] for n in range(4)] == [0, 1, 2, -1]
    assert found.question[4] == found.whole[4] == -1
    assert found.names_of(np.array([2, 0])) == ["quiz/test/2", "quiz/test/0"]


def test_a_set_is_the_same_in_any_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        index_of(tmp_path / name, [item(0, f"Is it {name}?")], name)
    refs = [IndexRef.of_folder(str(tmp_path / name)) for name in ("b", "a")]
    assert IndexSet.of(refs) == IndexSet.of(refs[::-1])
    moved = [IndexRef(ref.name, "elsewhere", ref.fingerprint) for ref in refs]
    assert IndexSet.of(moved).digest == IndexSet.of(refs).digest != IndexSet.of(refs[:1]).digest


def test_what_is_no_index_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no benchmark's index"):
        read_index(str(tmp_path))
    index_of(tmp_path, [item(0, "Is it so?")])
    done = tmp_path / "done.json"
    record = json.loads(done.read_text())
    done.write_text(json.dumps(record | {"version": 0}))
    with pytest.raises(UsageError, match=f"of version 0, this smolmix reads version {VERSION}"):
        read_index(str(tmp_path))
    done.write_text(json.dumps(record | {"items": 7}))
    with pytest.raises(IntegrityError, match="has 1 items, not 7"):
        read_index(str(tmp_path))
