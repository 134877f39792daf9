"""The build manifest: true to itself, the same for the same build, and the only sign of done."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from manifests import storage
from manifests.build import (
    MANIFEST_NAME,
    BuildManifest,
    load_manifest,
    schema_fingerprint,
    write_manifest,
)
from manifests.errors import IntegrityError, UsageError
from manifests.ledger import Fate


def _file(path: str, rows: int) -> dict[str, Any]:
    return {"path": path, "rows": rows, "bytes": 10, "sha256": "0" * 64}


def _component(name: str, share: str, rows: int) -> dict[str, Any]:
    return {"name": name, "share": share, "asked": rows, "amount": rows, "rows": rows}


def _terms(source: str, subset: str) -> dict[str, Any]:
    texts = {name: name for name in ("title", "homepage", "license", "attribution", "citation")}
    answers = {"commercial_use": "no", "redistribution": "unknown"}
    return {"source": source, "subsets": [subset], **texts, **answers}


def _raw(**changes: Any) -> dict[str, Any]:
    return {
        "plan_digest": "ab" * 16,
        "recipe": "video",
        "unit": "samples",
        "seed": 0,
        "processor": "smolvlm2-500m",
        "schema_fingerprint": schema_fingerprint(),
        "filters": [
            {"name": "roles", "version": 1, "params": {}},
            {"name": "image_bounds", "version": 2, "params": {"max_aspect_ratio": 10.0}},
        ],
        "revisions": {"HuggingFaceM4/the_cauldron": "main"},
        "licenses": "non-commercial",
        "skipped": ["finevideo"],
        "missing": {"video/news": "its clips were never published"},
        "masked_pii": ["web"],
        "benchmarks": {"gsm8k": "main"},
        "not_held_against": ["math"],
        "terms": [_terms("magpie", "pro"), _terms("the_cauldron", "ai2d")],
        "funnel": [
            {"source": "magpie", "subset": "pro", "read": 4, "fates": {"kept": 1, "dropped": 3}},
            {"source": "the_cauldron", "subset": "ai2d", "read": 2, "fates": {"kept": 2}},
        ],
        "components": [
            _component("text", "1/3", 1),
            _component("image", "2/3", 2),
            _component("image/a", "1/3", 1),
            _component("image/b", "1/3", 1),
        ],
        "files": [_file("data/train-0.parquet", 3), _file("ledger/0.parquet", 6), _file("R.md", 0)],
        "num_rows": 3,
        "num_images": 2,
        "num_tokens": 60,
        "num_media_tokens": 30,
        "num_answer_tokens": 20,
        "num_text_tokens": 10,
        "tokens_estimated": True,
    } | changes


def _manifest(**changes: Any) -> BuildManifest:
    return BuildManifest.model_validate(_raw(**changes))


def test_round_trip(folder: str) -> None:
    manifest = _manifest()
    write_manifest(folder, manifest)
    assert load_manifest(folder) == manifest
    assert storage.list_files(folder) == [MANIFEST_NAME]
    data = storage.read_bytes(storage.join(folder, MANIFEST_NAME))
    assert hashlib.sha256(data).hexdigest() == manifest.digest()


def test_order_of_filters_is_kept_and_of_keys_is_not(folder: str) -> None:
    forward = _raw()
    backward = {name: forward[name] for name in reversed(forward)}
    assert _manifest().digest() == BuildManifest.model_validate(backward).digest()
    write_manifest(folder, _manifest(filters=forward["filters"][::-1]))
    assert [used.name for used in load_manifest(folder).filters] == ["image_bounds", "roles"]
    assert load_manifest(folder).digest() != _manifest().digest()


def test_any_difference_is_another_digest() -> None:
    others: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"tokens_estimated": False},
        {"plan_digest": "cd" * 16},
    ]
    digests = {_manifest(**change).digest() for change in others}
    assert len(digests) == 4


def test_only_what_the_plan_decides_is_inside() -> None:
    """Clock, host, workers, command line and rates belong to run.json."""
    absent = {"format_version", "validation", "contents"}
    assert set(BuildManifest.model_fields) == {*absent, *_raw()}
    for field in ("started", "host", "workers", "command"):
        with pytest.raises(ValidationError, match=field):
            _manifest(**{field: "x"})


def test_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        _manifest().seed = 1  # type: ignore[misc]


def test_shares_are_exact() -> None:
    manifest = _manifest()
    assert [str(part.share) for part in manifest.components] == ["1/3", "2/3", "1/3", "1/3"]
    assert manifest.funnel[0].fates[Fate.DROPPED] == 3


_FUNNEL = _raw()["funnel"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_rows": 4}, "rows of data files sum to 3, num_rows says 4"),
        ({"files": [_file("data/0", 3)]}, "rows of ledger files sum to 0, rows read says 6"),
        ({"files": [_file("data/0", 3)] * 2}, "file 'data/0' is listed twice"),
        ({"files": [_file("../data/0", 3)]}, "not a plain path below the build"),
        ({"files": [_file("/data/0", 3)]}, "not a plain path below the build"),
        ({"files": [_file("data//0", 3)]}, "not a plain path below the build"),
        ({"files": [_file("", 3)]}, "not a plain path below the build"),
        ({"files": [_file("data/0", 3) | {"sha256": "x"}]}, "sha256"),
        ({"num_text_tokens": 11}, "tokens sum to 61, num_tokens says 60"),
        (
            {"funnel": [_FUNNEL[0] | {"read": 5}, _FUNNEL[1]]},
            "magpie/pro read 5 turn groups, its fates sum to 4",
        ),
        ({"funnel": [_FUNNEL[0] | {"fates": {"lost": 4}}]}, "lost"),
        ({"funnel": [_FUNNEL[0] | {"fates": {"kept": 5, "dropped": -1}}]}, "dropped"),
        ({"funnel": [_FUNNEL[0]] * 2}, "subset 'magpie/pro' is listed twice"),
        (
            {"funnel": [_FUNNEL[0] | {"fates": {"kept": 4}}, _FUNNEL[1]]},
            "6 turn groups were kept, but there are 3 rows",
        ),
        ({"filters": [{"name": "roles", "version": 1, "params": {}}] * 2}, "filter 'roles' is"),
        ({"components": [_component("a", "1", 3)] * 2}, "component 'a' is listed twice"),
        ({"components": []}, "component rows sum to 0, the mixture says 3"),
        ({"components": [_component("a", "9/10", 3)]}, "shares sum to 9/10, the mixture says 1"),
        (
            {"components": [_component("a", "1", 3), _component("a/b", "1", 2)]},
            "component rows sum to 2, component 'a' says 3",
        ),
        (
            {"components": [_component("a", "1", 3), _component("a/b", "1/2", 3)]},
            "shares sum to 1/2, component 'a' says 1",
        ),
        ({"unit": "rows"}, "unit"),
        ({"format_version": 2}, "format_version"),
        ({"plan_digest": "video"}, "plan_digest"),
    ],
)
def test_what_does_not_add_up_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        _manifest(**changes)


def test_leaves_alone_may_be_listed() -> None:
    parts = [_component("text", "1/3", 1), _component("image/a", "2/3", 2)]
    assert len(_manifest(components=parts).components) == 2


def test_repeated_rows_may_outnumber_kept_ones() -> None:
    files = [_file("data/0", 6), _file("ledger/0", 6)]
    components = [_component("all", "1", 6)]
    assert _manifest(num_rows=6, files=files, components=components).num_rows == 6


def test_amounts_are_of_the_unit_and_rows_are_rows() -> None:
    """In tokens a component's rows have nothing to do with its quota."""
    parts = [_component("text", "1/3", 1), _component("image", "2/3", 2)]
    parts = [part | {"asked": 20 * part["rows"], "amount": 21 * part["rows"]} for part in parts]
    text = _manifest(unit="tokens", components=parts).components[0]
    assert (text.asked, text.amount, text.rows) == (20, 21, 1)


def test_absent_manifest_is_the_users_error(folder: str) -> None:
    with pytest.raises(UsageError, match=r"manifest\.json does not exist, so this is no complete"):
        load_manifest(folder)


def test_a_file_in_place_of_the_build(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="no complete build"):
        load_manifest(str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "valid dictionary"),
        (b"{}", "plan_digest: Field required"),
    ],
)
def test_damaged_manifest_is_told_apart(folder: str, data: bytes, said: str) -> None:
    storage.write_bytes(storage.join(folder, MANIFEST_NAME), data)
    with pytest.raises(IntegrityError, match=said) as caught:
        load_manifest(folder)
    assert MANIFEST_NAME in str(caught.value)
    assert "\n" not in str(caught.value)


def test_fingerprint_sees_types_names_order_and_metadata() -> None:
    schema = pa.schema([("a", pa.int32()), ("b", pa.string())])
    others = [
        schema,
        pa.schema([("a", pa.int64()), ("b", pa.string())]),
        pa.schema([("b", pa.string()), ("a", pa.int32())]),
        schema.with_metadata({"k": "v"}),
    ]
    assert len({schema_fingerprint(other) for other in others}) == len(others)
    assert schema_fingerprint(schema) == schema_fingerprint(pa.schema(list(schema)))
