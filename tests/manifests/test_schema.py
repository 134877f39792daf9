"""The sample's two forms, pydantic and Arrow, derived from each other; and what `datasets` sees."""

from __future__ import annotations

import io
import json
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import BaseModel, ValidationError

from manifests.build import schema_fingerprint
from manifests.ledger import LEDGER_SCHEMA, Fate, Stage
from manifests.schema import (
    MODALITIES,
    SAMPLE_SCHEMA,
    STORE_SCHEMA,
    ContentItem,
    MediaFile,
    MediaInfo,
    Message,
    Modality,
    Origin,
    Sample,
    features,
)

# Integers of Arrow have widths, Python's have none: both derivations use int64 for all of them.
_ARROW = {str: pa.string(), bytes: pa.binary(), int: pa.int64(), bool: pa.bool_()}


def _plain(annotation: Any) -> Any:
    """An annotation without Literal and Optional, which Arrow has no word for; models as dicts."""
    if get_origin(annotation) is Literal:
        return str
    if get_origin(annotation) in (Union, types.UnionType):
        (inner,) = [part for part in get_args(annotation) if part is not type(None)]
        return _plain(inner)
    if get_origin(annotation) is list:
        return [_plain(get_args(annotation)[0])]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return {name: _plain(field.annotation) for name, field in fields}
    return annotation


def _to_arrow(shape: Any) -> pa.DataType:
    if isinstance(shape, dict):
        return pa.struct([(name, _to_arrow(inner)) for name, inner in shape.items()])
    return pa.list_(_to_arrow(shape[0])) if isinstance(shape, list) else _ARROW[shape]


def _to_shape(data_type: pa.DataType) -> Any:
    if pa.types.is_struct(data_type):
        return {field.name: _to_shape(field.type) for field in data_type}
    if pa.types.is_list(data_type):
        return [_to_shape(data_type.value_type)]
    wide = pa.int64() if pa.types.is_integer(data_type) else data_type
    (found,) = [python for python, arrow in _ARROW.items() if arrow == wide]
    return found


def _widened(data_type: pa.DataType) -> pa.DataType:
    return _to_arrow(_to_shape(data_type))


def test_arrow_from_pydantic() -> None:
    derived = _to_arrow(_plain(Sample))
    assert list(derived) == list(_widened(pa.struct(list(SAMPLE_SCHEMA))))


def test_pydantic_from_arrow() -> None:
    assert _to_shape(pa.struct(list(SAMPLE_SCHEMA))) == _plain(Sample)
    assert list(_plain(Sample)) == SAMPLE_SCHEMA.names


def test_messages_of_store_and_sample_are_one_type() -> None:
    assert STORE_SCHEMA.field("messages") == SAMPLE_SCHEMA.field("messages")


def test_modalities_are_those_of_the_type() -> None:
    assert get_args(Modality) == MODALITIES


def _int(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


_STR = st.text(st.characters(codec="utf-8"), max_size=3)
_OPTIONAL = st.one_of(st.none(), _STR)
_ITEM = st.builds(ContentItem, type=st.sampled_from(["text", "image", "video"]), text=_STR)
_MESSAGE = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant"]),
    content=st.lists(_ITEM, max_size=2),
)
_FILE = st.builds(MediaFile, bytes=st.one_of(st.none(), st.binary(max_size=3)), path=_OPTIONAL)
_INFO = st.builds(
    MediaInfo,
    kind=st.sampled_from(["image", "frame"]),
    video=_OPTIONAL,
    timestamp_ms=st.one_of(st.none(), _int(64)),
    width=_int(32),
    height=_int(32),
    split=st.booleans(),
)
_ORIGIN = st.builds(
    Origin,
    source=_STR,
    subset=_STR,
    file=_STR,
    row=_int(64),
    turns=st.lists(_int(32), max_size=2),
    license=_STR,
)
_SAMPLE = st.builds(
    Sample,
    id=_STR,
    source=_STR,
    subset=_STR,
    modality=st.sampled_from(MODALITIES),
    category=_STR,
    component=_STR,
    kind=st.sampled_from(["chat", "document"]),
    messages=st.lists(_MESSAGE, max_size=2),
    images=st.lists(_FILE, max_size=2),
    videos=st.lists(_FILE, max_size=1),
    media=st.lists(_INFO, max_size=2),
    num_tokens=_int(32),
    num_media_tokens=_int(32),
    num_answer_tokens=_int(32),
    num_text_tokens=_int(32),
    license=_STR,
    origins=st.lists(_ORIGIN, max_size=2),
    repeat=_int(16),
    extra=_OPTIONAL,
)


@given(st.lists(_SAMPLE, max_size=3))
@settings(max_examples=50, deadline=None)
def test_samples_survive_arrow(samples: list[Sample]) -> None:
    rows = [sample.model_dump() for sample in samples]
    table = pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)
    assert [Sample.model_validate(row) for row in table.to_pylist()] == samples


def test_sample_is_frozen_and_strict() -> None:
    item = ContentItem(type="text", text="x")
    with pytest.raises(ValidationError, match="frozen"):
        item.text = "y"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="url"):
        ContentItem.model_validate({"type": "text", "text": "x", "url": "y"})
    with pytest.raises(ValidationError, match="type"):
        ContentItem.model_validate({"type": "audio", "text": ""})


def test_features_are_what_datasets_builds() -> None:
    built = datasets.Features.from_dict(features())
    assert built.to_dict() == features()
    assert built.arrow_schema.remove_metadata() == SAMPLE_SCHEMA.remove_metadata()
    assert built.arrow_schema.metadata.keys() == SAMPLE_SCHEMA.metadata.keys()
    for schema in (built.arrow_schema, SAMPLE_SCHEMA):
        info = json.loads(schema.metadata[b"huggingface"])["info"]
        assert datasets.Features.from_dict(info["features"]) == built


def test_datasets_decodes_images_of_a_build_file(tmp_path: Path) -> None:
    row: dict[str, Any] = dict.fromkeys(SAMPLE_SCHEMA.names)
    stream = io.BytesIO()
    Image.new("RGB", (3, 2), (255, 0, 0)).save(stream, "PNG")
    row |= {
        "id": "demo/one/" + "0" * 32,
        "messages": [{"role": "user", "content": [{"type": "image", "text": ""}]}],
        "images": [{"bytes": stream.getvalue(), "path": None}],
        "videos": [],
    }
    pq.write_table(pa.Table.from_pylist([row], schema=SAMPLE_SCHEMA), tmp_path / "t.parquet")
    found = datasets.load_dataset(
        "parquet",
        data_files=str(tmp_path / "t.parquet"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert found.features == datasets.Features.from_dict(features())
    assert found[0]["images"][0].getpixel((2, 1)) == (255, 0, 0)
    assert found[0]["messages"] == row["messages"]
    assert found[0]["id"] == row["id"]


def test_schemas_on_disk_change_only_on_purpose() -> None:
    """A new fingerprint is a change of what users read: bump, and say so in the CHANGELOG."""
    assert schema_fingerprint() == "dcc4ef2db6fea87fff58c9350e2562ae"
    assert schema_fingerprint(LEDGER_SCHEMA) == "6810bddaab41967eb04c771e941ffb49"


def test_ledger_words_change_only_on_purpose() -> None:
    assert " ".join(Fate) == (
        "kept dropped merged_into duplicate_of leaked_from trimmed held_out not_drawn unreadable"
    )
    assert " ".join(Stage) == (
        "curate join access filter decontaminate deduplicate merge trim gate holdout quota emit"
    )
