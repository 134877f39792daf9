"""Ways in which a build can stop being what its manifest says, and how `verify` begins to say so.

The later ones write digests anew after the change, so that only the check under test can find it.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from manifests.ledger import LEDGER_SCHEMA
from manifests.schema import SAMPLE_SCHEMA

Row = dict[str, Any]
# Of a build of two windows of 64 rows, one a data file.
FIRST, LAST = "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"
LEDGER = "ledger/the_cauldron.parquet"
# Where several questions about one clip were merged.
CLIPS = "ledger/llava_video_178k.parquet"


def edit_manifest(out: Path, edit: Callable[[Any], None]) -> None:
    manifest = json.loads((out / "manifest.json").read_text())
    edit(manifest)
    (out / "manifest.json").write_text(json.dumps(manifest))


def renew_digests(out: Path) -> None:
    """Make every size and digest of the manifest those of the files as they are now."""

    def edit(manifest: Any) -> None:
        for file in manifest["files"]:
            data = (out / file["path"]).read_bytes()
            file["bytes"], file["sha256"] = len(data), hashlib.sha256(data).hexdigest()

    edit_manifest(out, edit)


def read(out: Path, path: str) -> list[Row]:
    rows: list[Row] = pq.read_table(out / path).to_pylist()
    return rows


def write(out: Path, path: str, rows: list[Row], schema: pa.Schema = SAMPLE_SCHEMA) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), out / path)
    renew_digests(out)


def edit_row(out: Path, wanted: Callable[[Row], bool], edit: Callable[[Row], None]) -> None:
    rows = read(out, LAST)
    edit(next(row for row in rows if wanted(row)))
    write(out, LAST, rows)


def has_image(row: Row) -> bool:
    return bool(row["modality"] == "image")


def png(size: tuple[int, int]) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size).save(data, "PNG")
    return data.getvalue()


# --- changed bytes ----------------------------------------------------------------------------


def flip(path: str) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        data = bytearray((out / path).read_bytes())
        data[len(data) // 2] ^= 1
        (out / path).write_bytes(data)

    return change


def truncate(out: Path) -> None:
    (out / LAST).write_bytes((out / LAST).read_bytes()[:-1])


def append(out: Path) -> None:
    with (out / "README.md").open("a") as file:
        file.write("\n")


def delete(out: Path) -> None:
    (out / FIRST).unlink()


def delete_plan(out: Path) -> None:
    (out / "plan.json").unlink()


def add_data(out: Path) -> None:
    shutil.copy(out / FIRST, out / "data" / "train-00002-of-00002.parquet")


def add_ledger(out: Path) -> None:
    (out / "ledger" / "notes.txt").write_text("mine")


# --- an edited manifest -----------------------------------------------------------------------


def set_value(value: Any, *place: Any) -> Callable[[Path], None]:
    """Put `value` at a place of the manifest such as ("files", 0, "sha256")."""

    def edit(manifest: Any) -> None:
        for step in place[:-1]:
            manifest = manifest[step]
        manifest[place[-1]] = value

    return lambda out: edit_manifest(out, edit)


def unlist_plan(out: Path) -> None:
    def edit(manifest: Any) -> None:
        manifest["files"] = [f for f in manifest["files"] if f["path"] != "plan.json"]

    edit_manifest(out, edit)


def shift_rows(out: Path) -> None:
    """Sums still hold: one row more in the first data file, one less in the second."""

    def edit(manifest: Any) -> None:
        manifest["files"][0]["rows"] += 1
        manifest["files"][1]["rows"] -= 1

    edit_manifest(out, edit)


def shift_tokens(out: Path) -> None:
    def edit(manifest: Any) -> None:
        manifest["num_answer_tokens"] += 1
        manifest["num_text_tokens"] -= 1

    edit_manifest(out, edit)


def shift_component(out: Path) -> None:
    """Sums still hold: one row more in a leaf, one less in the next of the same level."""

    def edit(manifest: Any) -> None:
        parts = {part["name"]: part for part in manifest["components"]}
        parts["image/document"]["rows"] += 1
        parts["image/vqa"]["rows"] -= 1

    edit_manifest(out, edit)


def break_json(out: Path) -> None:
    (out / "manifest.json").write_text("{")


# --- changed content with digests that are right ----------------------------------------------


def no_parquet(path: str) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        (out / path).write_bytes(b"PAR1 no table PAR1")
        renew_digests(out)

    return change


def damaged_pages(out: Path) -> None:
    data = bytearray((out / FIRST).read_bytes())
    data[4:2000] = bytes(1996)
    (out / FIRST).write_bytes(data)
    renew_digests(out)


def no_features(out: Path) -> None:
    write(out, FIRST, read(out, FIRST), SAMPLE_SCHEMA.remove_metadata())


def null_license(out: Path) -> None:
    edit_row(out, has_image, lambda row: row.update(license=None))


def unknown_role(out: Path) -> None:
    edit_row(out, has_image, lambda row: row["messages"][0].update(role="narrator"))


def swap_across_windows(out: Path) -> None:
    """Two text rows of the first window for two image rows of the second: quotas still hold."""
    first, last = read(out, FIRST), read(out, LAST)
    texts = [i for i, row in enumerate(first) if row["modality"] == "text"][:2]
    images = [i for i, row in enumerate(last) if row["modality"] == "image"][:2]
    for i, j in zip(texts, images, strict=True):
        first[i], last[j] = last[j], first[i]
    write(out, FIRST, first)
    write(out, LAST, last)


def another_component(out: Path) -> None:
    edit_row(
        out,
        lambda row: row["component"] == "image/document",
        lambda row: row.update(component="image/vqa"),
    )


def no_component(out: Path) -> None:
    edit_row(out, has_image, lambda row: row.update(component="image/docs"))


def merged(row: Row) -> bool:
    return len(row["origins"]) > 1


def without_an_origin(out: Path) -> None:
    edit_row(out, merged, lambda row: row["origins"].pop())


def another_origin(out: Path) -> None:
    edit_row(out, merged, lambda row: row["origins"][1].update(row=10**6))


def merged_into_another(rows: list[Row]) -> None:
    """Two rows of the ledger that were merged exchange the samples that they went into."""
    kept = {row["id"] for row in rows if row["fate"] == "kept"}
    found = [row for row in rows if row["fate"] == "merged_into" and row["matched"] in kept]
    found = [row for row in found if row["value"] is None]
    one = found[0]
    other = next(row for row in found if row["matched"] != one["matched"])
    one["matched"], other["matched"] = other["matched"], one["matched"]


def same_row_twice(out: Path) -> None:
    rows = read(out, LAST)
    places = [i for i, row in enumerate(rows) if row["modality"] == "text"]
    rows[places[1]] = rows[places[0]]
    write(out, LAST, rows)


def resized_image(out: Path) -> None:
    edit_row(out, has_image, lambda row: row["images"][0].update(bytes=png((7, 9))))


def broken_image(out: Path) -> None:
    edit_row(out, has_image, lambda row: row["images"][0].update(bytes=png((64, 64))[:-30]))


def null_image(out: Path) -> None:
    edit_row(out, has_image, lambda row: row["images"][0].update(bytes=None))


def without_placeholders(out: Path) -> None:
    def edit(row: Row) -> None:
        for message in row["messages"]:
            message["content"] = [i for i in message["content"] if i["type"] != "image"]

    edit_row(out, has_image, edit)


def left_over_video(out: Path) -> None:
    item = {"type": "video", "text": ""}
    edit_row(out, has_image, lambda row: row["messages"][0]["content"].append(item))


def without_media_info(out: Path) -> None:
    edit_row(out, has_image, lambda row: row.update(media=[]))


def other_tokens(out: Path) -> None:
    edit_row(out, has_image, lambda row: row.update(num_tokens=row["num_tokens"] + 1))


def edit_ledger(edit: Callable[[list[Row]], object], path: str = LEDGER) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        rows = read(out, path)
        edit(rows)
        write(out, path, rows, LEDGER_SCHEMA)

    return change


def with_fate(rows: list[Row], fate: str) -> Row:
    return next(row for row in rows if row["fate"] == fate)


def other_plan(out: Path) -> None:
    plan = json.loads((out / "plan.json").read_text())
    plan["pins"]["index"] = "0" * 32
    (out / "plan.json").write_text(json.dumps(plan))
    renew_digests(out)


def no_plan(out: Path) -> None:
    (out / "plan.json").write_text("{}")
    renew_digests(out)


CASES: list[tuple[str, Callable[[Path], None], str]] = [
    ("a byte of a data file", flip(FIRST), f"{FIRST}: the file's sha256 is"),
    ("a byte of a ledger file", flip(LEDGER), f"{LEDGER}: the file's sha256 is"),
    ("a byte of the card", flip("README.md"), "README.md: the file's sha256 is"),
    ("a byte of the plan", flip("plan.json"), "plan.json: the file's sha256 is"),
    ("a truncated file", truncate, f"{LAST}: the file has "),
    ("a longer file", append, "README.md: the file has "),
    ("a deleted file", delete, f"{FIRST}: the file is missing"),
    ("a deleted plan", delete_plan, "plan.json: the file is missing"),
    ("a data file too many", add_data, "data/train-00002-of-00002.parquet: the file is not in"),
    ("a ledger file too many", add_ledger, "ledger/notes.txt: the file is not in the manifest"),
    ("the number of rows", set_value(129, "num_rows"), "manifest.json: rows of data files sum to"),
    ("rows of one file", set_value(63, "files", 0, "rows"), "manifest.json: rows of data files"),
    ("rows of two files", shift_rows, f"{FIRST}: it holds 64 rows, not 65"),
    ("a digest", set_value("0" * 64, "files", 0, "sha256"), f"{FIRST}: the file's sha256 is"),
    ("no digest", set_value("abc", "files", 0, "sha256"), "manifest.json: files.0.sha256"),
    ("a path out of the build", set_value("../x", "files", 0, "path"), "manifest.json: files.0"),
    ("an unknown key", set_value(1, "extra"), "manifest.json: extra"),
    ("the plan's digest", set_value("0" * 64, "plan_digest"), "manifest.json: its plan_digest is"),
    ("the seed", set_value(5, "seed"), "manifest.json: its seed is not that of plan.json"),
    ("a revision", set_value({}, "revisions"), "manifest.json: its revisions is not"),
    ("the images", set_value(3, "num_images"), "manifest.json: its num_images is 3, the data"),
    ("a category", set_value("x", "contents", 0, "category"), "manifest.json: its contents state"),
    ("rows by content", set_value(999, "contents", 0, "rows"), "manifest.json: rows of contents"),
    ("tokens", shift_tokens, "manifest.json: its num_answer_tokens is"),
    ("a component", shift_component, "manifest.json: its components is not"),
    ("the schema", set_value("0" * 32, "schema_fingerprint"), "manifest.json: its schema_finger"),
    ("no plan listed", unlist_plan, "manifest.json: it does not list plan.json"),
    ("a manifest that is no JSON", break_json, "manifest.json is not JSON"),
    ("no Parquet data", no_parquet(FIRST), f"{FIRST}: it cannot be read"),
    ("no Parquet ledger", no_parquet(LEDGER), f"{LEDGER}: it cannot be read"),
    ("pages that do not decode", damaged_pages, f"{FIRST}: it cannot be read"),
    ("no features", no_features, f"{FIRST}: its schema is not the sample schema"),
    ("a null", null_license, f"{LAST} row \\d+: license: "),
    ("an unknown role", unknown_role, f"{LAST} row \\d+: messages.0.role: "),
    ("rows of two windows", swap_across_windows, f"{FIRST} row 63: the rows up to here are 2"),
    (
        "another component",
        another_component,
        "plan.json: image/document has the quota 12, the data files 11",
    ),
    ("no component", no_component, f"{LAST} row \\d+: the plan has no component 'image/docs'"),
    ("an origin less", without_an_origin, "ledger/\\w+.parquet: 1 origins of samples are only"),
    ("another origin", another_origin, "ledger/\\w+.parquet: 2 origins of samples are only"),
    ("a row twice", same_row_twice, f"{LAST} row \\d+: id \\S+ pass 1 occurs twice"),
    ("an image of another size", resized_image, f"{LAST} row \\d+ image 0: it is 7x9, not "),
    ("a truncated image", broken_image, f"{LAST} row \\d+ image 0: it does not open"),
    ("an image without bytes", null_image, f"{LAST} row \\d+ image 0: it has no bytes"),
    ("no placeholders", without_placeholders, f"{LAST} row \\d+: 0 image items for 1 images"),
    ("a video placeholder", left_over_video, f"{LAST} row \\d+: 1 image items for 1 images"),
    ("no media infos", without_media_info, f"{LAST} row \\d+: 0 media infos for 1 images"),
    ("a row's tokens", other_tokens, "manifest.json: its num_tokens is"),
    (
        "a fate",
        edit_ledger(lambda rows: with_fate(rows, "not_drawn").update(fate="dropped")),
        f"{LEDGER}: its fates are not those of the funnel",
    ),
    (
        "two fates of one subset",
        edit_ledger(
            lambda rows: (
                (kept := with_fate(rows, "kept")),
                next(
                    row
                    for row in rows
                    if row["fate"] == "not_drawn" and row["subset"] == kept["subset"]
                ).update(fate="kept"),
                kept.update(fate="not_drawn"),
            )
        ),
        f"{LEDGER}: 2 ids are only here or only in the data files",
    ),
    (
        "rows merged into each other's sample",
        edit_ledger(merged_into_another, CLIPS),
        f"{CLIPS}: 4 origins of samples are only here or only in the data files",
    ),
    ("a ledger row less", edit_ledger(lambda rows: rows.pop()), f"{LEDGER}: it holds "),
    ("another plan", other_plan, "manifest.json: its plan_digest is not that of plan.json"),
    ("no plan", no_plan, "plan.json is no plan"),
]
