"""The Cauldron: each quirk of the reference, by value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.errors import SchemaDriftError, SourceError
from sources.base import Draft, MediaItem, Rejected
from sources.root import Root
from sources.the_cauldron import SOURCE

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
TURN = pa.struct([("user", pa.string()), ("assistant", pa.string()), ("source", pa.string())])
FILE = "ai2d/train-00000-of-00001-2ce340398c113b79.parquet"
QA = [{"user": "Q", "assistant": "A", "source": "ai2d"}]


def put(folder: Path, images: Any, texts: Any, file: str = FILE, **more: Any) -> Root:
    columns = {
        "images": pa.array(images, pa.list_(IMAGE)),
        "texts": pa.array(texts, pa.list_(TURN)),
        **more,
    }
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return Root(str(folder), "HuggingFaceM4/the_cauldron")


def drafts(root: Root) -> list[Draft | Rejected]:
    return [row for shard in SOURCE.rows(root) for row in SOURCE.read_rows(root, shard)]


def media(root: Root) -> list[MediaItem]:
    spool = Path("unused")
    return [i for shard in SOURCE.media(root) for i in SOURCE.read_media(root, shard, spool)]


def test_one_row_is_one_sample_with_all_its_turns(tmp_path: Path) -> None:
    texts = [*QA, {"user": "Q2\n", "assistant": " A2", "source": "ai2d"}]
    (draft,) = drafts(put(tmp_path, [[{"bytes": b"x", "path": None}] * 2], [texts]))
    assert isinstance(draft, Draft)
    assert [(m.role, m.content) for m in draft.messages] == [
        ("user", [("image", ""), ("image", ""), ("text", "Q")]),
        ("assistant", [("text", "A")]),
        ("user", [("text", "Q2")]),
        ("assistant", [("text", "A2")]),
    ]
    assert [(ref.kind, ref.key) for ref in draft.media] == [
        ("image", f"{FILE}#0/0"),
        ("image", f"{FILE}#0/1"),
    ]
    assert draft.extra == {"turn_sources": ["ai2d", "ai2d"]}


def test_null_bytes_are_a_reason_of_the_media_not_of_the_row(tmp_path: Path) -> None:
    path = "/fsx/m4/datasets/CLEVR_train_000000.png"
    root = put(tmp_path, [[{"bytes": None, "path": path}]], [QA], "clevr_math/train-0.parquet")
    (draft,), (item,) = drafts(root), media(root)
    assert isinstance(draft, Draft) and draft.media[0].key == item.key
    assert (item.reason, item.data) == ("image_bytes_null", None)
    assert item.detail == f"path {path!r}"


def test_rows_without_images_are_text(tmp_path: Path) -> None:
    root = put(tmp_path, [[], None], [QA, QA])
    for draft in drafts(root):
        assert isinstance(draft, Draft)
        assert draft.media == [] and draft.messages[0].content == [("text", "Q")]
    assert media(root) == []


def test_rows_without_a_conversation_have_a_reason(tmp_path: Path) -> None:
    broken = [None, [], [None], [{**QA[0], "user": None}], [{**QA[0], "assistant": None}]]
    found = drafts(put(tmp_path, [[]] * 5, broken))
    assert [row.reason for row in found if isinstance(row, Rejected)] == [
        "row_malformed",
        "no_turns",
        "row_malformed",
        "row_malformed",
        "row_malformed",
    ]
    assert [row.row for row in found] == [0, 1, 2, 3, 4]


def test_further_columns_are_kept(tmp_path: Path) -> None:
    more = {"relevance_min": pa.array([4]), "ratings": pa.array([None], pa.list_(pa.int64()))}
    (draft,) = drafts(put(tmp_path, [[]], [[{**QA[0], "source": None}]], **more))
    assert isinstance(draft, Draft) and draft.extra == {"relevance_min": 4}


def test_the_order_of_fields_does_not_matter(tmp_path: Path) -> None:
    """Upstream's configs differ in it; a reader by position would swap question and answer."""
    turn = pa.struct([("assistant", pa.string()), ("source", pa.string()), ("user", pa.string())])
    image = pa.struct([("path", pa.string()), ("bytes", pa.binary())])
    columns = {
        "texts": pa.array([QA], pa.list_(turn)),
        "images": pa.array([[{"bytes": b"x", "path": "p"}]], pa.list_(image)),
    }
    (tmp_path / "ai2d").mkdir()
    pq.write_table(pa.table(columns), tmp_path / FILE)
    root = Root(str(tmp_path), "HuggingFaceM4/the_cauldron")
    (draft,), (item,) = drafts(root), media(root)
    assert isinstance(draft, Draft)
    assert [m.content[-1][1] for m in draft.messages] == ["Q", "A"]
    assert item.data == b"x"


def test_two_uploads_of_one_shard_are_refused(tmp_path: Path) -> None:
    put(tmp_path, [[]], [QA])
    root = put(tmp_path, [[]], [QA], FILE.replace("2ce3", "beef"))
    with pytest.raises(SourceError, match="two uploads of one shard"):
        SOURCE.rows(root)


def test_folders_that_the_card_does_not_name_are_not_read(tmp_path: Path) -> None:
    put(tmp_path, [[]], [QA], "new_config/train-00000-of-00001.parquet")
    put(tmp_path, [[]], [QA], "ai2d/test-00000-of-00001.parquet")
    shards = SOURCE.rows(put(tmp_path, [[]], [QA]))
    assert [(shard.subset, shard.file.path) for shard in shards] == [("ai2d", FILE)]


def test_other_columns_are_schema_drift(tmp_path: Path) -> None:
    (tmp_path / "ai2d").mkdir()
    pq.write_table(pa.table({"image": [b"x"], "texts": [["Q"]]}), tmp_path / FILE)
    with pytest.raises(SchemaDriftError, match=r"columns image, texts\[\]; looked for images\[\]"):
        SOURCE.rows(Root(str(tmp_path), "HuggingFaceM4/the_cauldron"))


def test_damaged_image_bytes_are_lost_media_of_whole_rows(tmp_path: Path) -> None:
    """The row task does not read them, so the rows stand, and their images have a reason."""
    images = [[{"bytes": bytes([i]) * 50, "path": None}] for i in range(4)]
    root = put(tmp_path, images, [QA] * 4)
    column = pq.read_metadata(tmp_path / FILE).row_group(1).column(0)
    assert column.path_in_schema == "images.list.element.bytes"
    at = column.dictionary_page_offset
    data = bytearray((tmp_path / FILE).read_bytes())
    data[at : at + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    (tmp_path / FILE).write_bytes(bytes(data))
    assert all(isinstance(row, Draft) for row in drafts(root))
    found = [(item.key, item.reason, item.data) for item in media(root)]
    assert found == [
        (f"{FILE}#0/0", None, b"\x00" * 50),
        (f"{FILE}#1/0", None, b"\x01" * 50),
        (f"{FILE}#2/0", "archive_damaged", None),
        (f"{FILE}#3/0", "archive_damaged", None),
    ]


def test_the_card_names_all_fifty_configs() -> None:
    subsets = SOURCE.card.subsets
    assert len(subsets) == 50
    assert {s.category for s in subsets} == {
        "captioning",
        "vqa",
        "document",
        "chart",
        "table",
        "reasoning",
    }
    assert SOURCE.card.subset("aokvqa").num_rows == 16539
    assert SOURCE.card.subset("dvqa").num_rows == 200_000
    assert SOURCE.card.subset("spot_the_diff").modality == "multi_image"
