"""What the contract cannot say of Geo170K: two copies of its rows, and Parquet of another shape."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.errors import SchemaDriftError
from sources.geo170k import SOURCE
from sources.root import Root
from tests.sources import reading


def test_json_is_read_only_where_there_is_no_parquet() -> None:
    (root,) = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    paths = {subset: [f.path for f in files] for subset, files in SOURCE.files(root).items()}
    assert paths == {
        "alignment": ["alignment.json"],
        "qa_tuning": ["data/qa_tuning-00000-of-00001-32a379a503a63173.parquet"],
    }


def test_parquet_of_another_shape_names_its_columns(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table = pa.table({"image": ["a.png"], "problem": ["Find x."]})
    pq.write_table(table, tmp_path / "data" / "alignment-00000-of-00001.parquet")
    with pytest.raises(SchemaDriftError, match="has the columns image, problem; looked for image"):
        SOURCE.rows(Root(str(tmp_path), SOURCE.card.repo))
