"""Builds written by hand for exports: few rows, every kind of chat, two splits."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from manifests.build import (
    BuildManifest,
    ComponentRows,
    OriginTerms,
    OutputFile,
    ValidationRows,
    load_manifest,
    schema_fingerprint,
    write_manifest,
)
from manifests.schema import SAMPLE_SCHEMA

Row = dict[str, Any]
Item = str | None  # a text, or an image


def picture(number: int, format: str = "PNG") -> bytes:
    """Each number is another picture."""
    out = io.BytesIO()
    Image.new("RGB", (8, 6), (number % 256, number // 256, 7)).save(out, format)
    return out.getvalue()


def said(role: str, *items: Item) -> Row:
    content = [
        {"type": "image", "text": ""} if item is None else {"type": "text", "text": item}
        for item in items
    ]
    return {"role": role, "content": content}


def sample(number: int, *messages: Row, kind: str = "chat", format: str = "PNG") -> Row:
    num_images = sum(i["type"] == "image" for m in messages for i in m["content"])
    images = [picture(10 * number + k, format) for k in range(num_images)]
    return {
        "id": f"made/all/{number:032x}",
        "source": "made",
        "subset": "all",
        "modality": "image" if images else "text",
        "category": "vqa",
        "component": "all",
        "kind": kind,
        "messages": list(messages),
        "images": [{"bytes": data, "path": None} for data in images],
        "videos": [],
        "media": [
            {
                "kind": "image",
                "video": None,
                "timestamp_ms": None,
                "width": 8,
                "height": 6,
                "split": True,
            }
            for _ in images
        ],
        "num_tokens": 0,
        "num_media_tokens": 0,
        "num_answer_tokens": 0,
        "num_text_tokens": 0,
        "license": "MIT",
        "origins": [
            {
                "source": "made",
                "subset": "all",
                "file": "a.jsonl",
                "row": number,
                "turns": [0],
                "license": "MIT",
            }
        ],
        "repeat": 1,
        "extra": '{"b": 1}',
    }


def clip(number: int) -> Row:
    """A sample whose clip was kept whole."""
    row = sample(number, said("user", "What moves?"), said("assistant", "A car."))
    row["messages"][0]["content"].insert(0, {"type": "video", "text": ""})
    return {**row, "videos": [{"bytes": b"clip", "path": None}]}


def mixed() -> list[Row]:
    """One of each kind that a format writes, changes or leaves out."""
    ask, answer = said("user", "What is it?"), said("assistant", "A cat.")
    system = said("system", "Be brief.")
    return [
        sample(0, said("user", None, "What is it?"), answer),
        sample(1, system, said("user", "First:", None, "then:", None, "Which?"), answer),
        sample(2, said("user", None, "What?"), answer, said("user", "And?"), answer, format="JPEG"),
        sample(3, system, ask, answer),
        sample(4, said("user", "Is <image> a tag?"), said("assistant", "Yes, <image> is.")),
        sample(5, said("assistant", "Once upon a time."), kind="document"),
        sample(6, said("assistant", "Unasked.")),
        sample(7, ask, answer, ask),
        sample(8, ask, ask, answer),
        sample(9, ask, said("assistant", None, "That one.")),
        clip(10),
        sample(11, said("user", "Größe?", None), said("assistant", "§ 3"), format="WEBP"),
    ]


def write_build(folder: Path, shards: Mapping[str, Sequence[Row]], group_rows: int = 5) -> str:
    """A complete build of these data files (`train-00000-of-00001`)."""
    (folder / "data").mkdir(parents=True)
    for name, rows in shards.items():
        table = pa.Table.from_pylist(list(rows), schema=SAMPLE_SCHEMA)
        pq.write_table(table, folder / f"data/{name}.parquet", row_group_size=group_rows)
    held = [name for name in shards if name.startswith("validation-")]
    train = [name for name in shards if name not in held]
    num_rows = sum(len(shards[name]) for name in train)
    terms = OriginTerms(
        source="made",
        subsets=("all",),
        title="Made",
        homepage="https://example.org",
        license="MIT",
        commercial_use="yes",
        redistribution="yes",
        attribution="Made by hand",
        citation="Made, 2026",
    )
    manifest = BuildManifest(
        plan_digest="0" * 16,
        recipe="made",
        seed=0,
        processor="smolvlm-256m",
        schema_fingerprint=schema_fingerprint(),
        filters=(),
        revisions={},
        terms=(terms,),
        funnel=(),
        components=(
            ComponentRows(
                name="all", share=Fraction(1), asked=num_rows, amount=num_rows, rows=num_rows
            ),
        ),
        files=tuple(
            _file(folder, f"data/{name}.parquet", len(rows)) for name, rows in shards.items()
        ),
        num_rows=num_rows,
        num_images=_num_images(shards, train),
        num_tokens=0,
        num_media_tokens=0,
        num_answer_tokens=0,
        num_text_tokens=0,
        tokens_estimated=True,
        validation=_validation(shards, held) if held else None,
    )
    write_manifest(str(folder), manifest)
    assert load_manifest(str(folder)) == manifest
    return str(folder)


def _num_images(shards: Mapping[str, Sequence[Row]], names: Sequence[str]) -> int:
    return sum(len(row["images"]) for name in names for row in shards[name])


def _validation(shards: Mapping[str, Sequence[Row]], names: Sequence[str]) -> ValidationRows:
    return ValidationRows(
        share=Fraction(1, 10),
        rows={"all": sum(len(shards[name]) for name in names)},
        shares_media=0,
        num_images=_num_images(shards, names),
        num_tokens=0,
        num_media_tokens=0,
        num_answer_tokens=0,
        num_text_tokens=0,
    )


def _file(folder: Path, path: str, rows: int) -> OutputFile:
    data = (folder / path).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return OutputFile(path=path, rows=rows, bytes=len(data), sha256=digest)
