"""Output shards from hand-made stores: rows as resolve shapes them, read back from the Parquet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from manifests.errors import IntegrityError, UsageError
from manifests.packs import PackWriter
from manifests.schema import MEDIA_SCHEMA, SAMPLE_SCHEMA, STORE_SCHEMA, Sample
from manifests.storage import write_ipc
from mixtures.styles import STYLES
from pipelines import emit_rows, stored_rows
from pipelines.emit import EmitTask, run_emit_task
from pipelines.origins import OTHER_TYPE, all_of

Row = dict[str, Any]
# Rows in a batch of samples.arrow here, so that a handful spans several.
BATCH_ROWS = 2


def picture(number: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (number, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


@dataclass(frozen=True)
class Media:
    """An image, or a clip of so many frames, one a second."""

    name: str
    num_frames: int = 0
    duration_ms: int | None = None


# Media of the store by number; the red of image k, counted over all of them, is k.
MEDIA = [Media("a"), Media("b"), Media("clip", 5, 5000), Media("c"), Media("talk", 2, 2000)]
FIRST_IMAGE = {"a": 0, "b": 1, "clip": 2, "c": 7, "talk": 8}


def says(role: str, *items: str) -> Row:
    """A message; `<image>` and `<video>` are items of those types."""
    content = [
        {"type": item[1:-1], "text": ""} if item.startswith("<") else {"type": "text", "text": item}
        for item in items
    ]
    return {"role": role, "content": content}


CHATS = [
    [says("user", "<image>", "What?"), says("assistant", "A."), says("user", "Why?")],
    [says("user", "Hello"), says("assistant", "Hi.")],
    [says("user", "<video>", "When?"), says("assistant", "Now.")],
    [says("user", "<image>", "<image>", "Same?"), says("assistant", "No.")],
    [says("user", "<image>", "Where?"), says("assistant", "Here.")],
    [says("assistant", "A page.")],
    [says("user", "One?"), says("assistant", "1"), says("user", "<video>", "Two?")],
]
MEDIA_OF = [[0], [], [2], [1, 3], [0], [], [4]]


def _store(tmp_path: Path) -> tuple[str, pa.Table]:
    """(a row folder of CHATS, the media of MEDIA with their pack)."""
    stored = [
        {"row": n, "group": 0, "subset": "s", "messages": chat, "extra": f"extra {n}"}
        for n, chat in enumerate(CHATS)
    ]

    def write(ipc: pa.ipc.RecordBatchFileWriter) -> None:
        for start in range(0, len(stored), BATCH_ROWS):
            part = stored[start : start + BATCH_ROWS]
            ipc.write_batch(pa.RecordBatch.from_pylist(part, schema=STORE_SCHEMA))

    write_ipc(str(tmp_path / "rows" / "samples.arrow"), write, STORE_SCHEMA)
    return str(tmp_path / "rows"), _media(str(tmp_path / "media"))


def _media(folder: str) -> pa.Table:
    rows = []
    with PackWriter(folder) as packs:
        for media in MEDIA:
            count = max(media.num_frames, 1)
            first = FIRST_IMAGE[media.name]
            images = [(f"{media.name}{n}.png", picture(first + n)) for n in range(count)]
            slices = packs.add(images)
            rows.append(
                {
                    "key": media.name,
                    "kind": "video" if media.num_frames else "image",
                    "digest": f"digest of {media.name}",
                    "pack": 0,
                    "offsets": [here.offset for here in slices],
                    "lengths": [here.length for here in slices],
                    "timestamps_ms": [1000 * n for n in range(media.num_frames)],
                    "frame_sizes": [8, 6] * count,
                    "duration_ms": media.duration_ms,
                }
            )
    table = pa.Table.from_pylist(rows, schema=MEDIA_SCHEMA)
    return table.append_column("folder", pa.array([0] * len(rows), pa.int32()))


def drawn(chat: int, **more: Any) -> Row:
    """A row of EmitTask.rows that writes a chat as it is stored."""
    row: Row = {
        "folder": 0,
        "pos": chat,
        "id": f"demo/s/{chat:032x}",
        "source": "demo",
        "subset": "s",
        "modality": "image",
        "category": "vqa",
        "component": "all/vqa",
        "kind": "document" if chat == 5 else "chat",
        "license": "MIT",
        "file": "f.parquet",
        "row": 100 + chat,
        "repeat": 1,
        "text_bytes": 10,
        "num_tokens": 9,
        "num_media_tokens": 4,
        "num_answer_tokens": 3,
        "num_text_tokens": 2,
        "media": MEDIA_OF[chat],
        "turns": None,
        "max_frames": None,
        "split": True,
        "others": None,
    }
    return row | more


def other(chat: int, **more: Any) -> Row:
    row = {"folder": 0, "pos": chat, "source": "demo", "subset": "t", "file": "g.parquet"}
    return row | {"row": 200 + chat, "license": "CC-BY-4.0", "num_turns": 2} | more


ROWS_SCHEMA = {
    "turns": pa.list_(pa.int16()),
    "max_frames": pa.int32(),
    "others": pa.list_(OTHER_TYPE),
    "media": pa.list_(pa.int64()),
}


def _table(rows: Sequence[Row]) -> pa.Table:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return pa.table(
        {name: pa.array(values, ROWS_SCHEMA.get(name)) for name, values in columns.items()}
    )


def emit(tmp_path: Path, rows: Sequence[Row], style: str = "plain") -> tuple[list[Sample], Row]:
    """(what the shard holds, its record)."""
    folder, media = _store(tmp_path)
    out = str(tmp_path / "out")
    task = EmitTask(
        out, "t.parquet", _table(rows), media, (folder,), (str(tmp_path / "media"),), style
    )
    record = run_emit_task(task)
    table = pq.read_table(tmp_path / "out" / "data" / "t.parquet")
    assert table.schema == SAMPLE_SCHEMA
    return [Sample.model_validate(row) for row in table.to_pylist()], record


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_rows, "BATCH_ROWS", BATCH_ROWS)


def texts(sample: Sample) -> list[list[str]]:
    return [[item.text or item.type for item in m.content] for m in sample.messages]


def reds(sample: Sample) -> list[int]:
    """Which images the sample holds, by their red."""
    found = []
    for file in sample.images:
        assert file.bytes is not None
        pixel = Image.open(io.BytesIO(file.bytes)).getpixel((0, 0))
        assert isinstance(pixel, tuple)
        found.append(int(pixel[0]))
    return found


def test_rows_as_they_are_stored_in_any_order(tmp_path: Path) -> None:
    order = [6, 0, 3, 1, 5, 0]
    samples, record = emit(tmp_path, [drawn(chat) for chat in order])
    assert [sample.extra for sample in samples] == [f"extra {chat}" for chat in order]
    assert [reds(sample) for sample in samples] == [[8, 9], [0], [1, 7], [], [], [0]]
    assert record["images"] == 6 and record["rows"] == 6
    assert texts(samples[2]) == [["image", "image", "Same?"], ["No."]]
    first = samples[0]
    assert texts(first)[2] == ["Frame from 00:00:", "image", "Frame from 00:01:", "image", "Two?"]
    assert [info.split for info in first.media] == [False, False]
    assert first.component == "all/vqa" and first.num_tokens == 9
    (origin,) = samples[1].origins
    assert (origin.row, origin.turns, origin.license) == (100, [0, 1], "MIT")


def test_only_media_of_written_turns_are_written(tmp_path: Path) -> None:
    samples, record = emit(tmp_path, [drawn(6, turns=[0]), drawn(6, turns=[1, 0])])
    assert record["images"] == 2
    assert reds(samples[0]) == [] and samples[0].media == []
    assert texts(samples[0]) == [["One?"], ["1"]]
    assert samples[0].origins[0].turns == [0]
    assert reds(samples[1]) == [8, 9] and samples[1].origins[0].turns == [1, 0]
    assert [message.role for message in samples[1].messages] == ["user", "user", "assistant"]


def test_a_clip_keeps_frames_evenly(tmp_path: Path) -> None:
    (three, one), record = emit(
        tmp_path, [drawn(2, max_frames=3), drawn(2, max_frames=1)], "smolvlm2"
    )
    assert reds(three) == [2, 4, 6] and reds(one) == [4] and record["images"] == 4
    assert [info.timestamp_ms for info in three.media] == [0, 2000, 4000]
    assert {info.video for info in three.media} == {"digest of clip"}
    assert [item.text for item in three.messages[1].content if item.type == "text"] == [
        STYLES["smolvlm2"].clip_intro(3, 5000),
        "Frame from 00:00:",
        "Frame from 00:02:",
        "Frame from 00:04:",
        "Now answer the following question: ",
        "When?",
    ]


def test_images_that_go_unsplit_say_so(tmp_path: Path) -> None:
    samples, _ = emit(tmp_path, [drawn(3, split=False), drawn(3)])
    assert [[info.split for info in sample.media] for sample in samples] == [
        [False, False],
        [True, True],
    ]


def test_merged_rows(tmp_path: Path) -> None:
    others = [other(4), other(1, license="CC-BY-4.0 AND MIT")]
    samples, record = emit(
        tmp_path,
        [
            drawn(1),
            drawn(0, others=others, turns=[0, 2, 1, 3]),
            drawn(0, others=others, turns=[2, 0]),
            drawn(0, others=[other(4, license="MIT")]),
        ],
    )
    assert record["images"] == 3
    _, whole, part, same = samples
    assert texts(whole) == [
        ["image", "What?"],
        ["A."],
        ["Where?"],
        ["Here."],
        ["Why?"],
        ["Hello"],
        ["Hi."],
    ]
    assert [(o.row, o.turns) for o in whole.origins] == [(100, [0, 1]), (204, [0]), (201, [0])]
    assert whole.license == "CC-BY-4.0 AND MIT"
    assert [o.license for o in whole.origins] == ["MIT", "CC-BY-4.0", "CC-BY-4.0 AND MIT"]
    # A merged row of which no turn is written is no origin.
    assert [(o.row, o.turns) for o in part.origins] == [(100, [0]), (204, [0])]
    assert texts(part)[0] == ["image", "Where?"] and reds(part) == [0]
    assert same.license == "MIT" and len(same.origins) == 2


@pytest.mark.parametrize(
    ("licenses", "joint"),
    [
        (["MIT"], "MIT"),
        (["MIT", "CC-BY-4.0", "MIT"], "CC-BY-4.0 AND MIT"),
        (["LicenseRef-b AND CC-BY-4.0", "CC-BY-4.0"], "CC-BY-4.0 AND LicenseRef-b"),
        (["MIT OR Apache-2.0", "CC0-1.0"], "(MIT OR Apache-2.0) AND CC0-1.0"),
    ],
)
def test_joint_licenses(licenses: list[str], joint: str) -> None:
    assert all_of(licenses) == all_of(licenses[::-1]) == joint


def test_rows_of_a_build_that_merges_nothing_have_no_others(tmp_path: Path) -> None:
    rows = [drawn(chat) for chat in (0, 2)]
    with_column, _ = emit(tmp_path / "one", rows)
    for row in rows:
        del row["others"]
    assert emit(tmp_path / "two", rows)[0] == with_column


def test_a_document_has_no_system_message(tmp_path: Path) -> None:
    (page, chat), _ = emit(tmp_path, [drawn(5), drawn(1)], "smolvlm2")
    assert [message.role for message in page.messages] == ["assistant"]
    assert [message.role for message in chat.messages] == ["system", "user", "assistant"]


def test_row_groups_count_the_frames_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = len(picture(FIRST_IMAGE["clip"] + 2))
    monkeypatch.setattr(emit_rows, "ROW_GROUP_BYTES", 2 * (frame + 10) + 10)
    emit(tmp_path, [drawn(2, max_frames=1)] * 4)
    file = pq.ParquetFile(tmp_path / "out" / "data" / "t.parquet")
    groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert groups == [2, 2]


def test_datasets_reads_a_shard(tmp_path: Path) -> None:
    rows = [drawn(2, max_frames=2), drawn(1), drawn(3, split=False, others=[other(4)])]
    samples, _ = emit(tmp_path, rows, "smolvlm-inference")
    found = datasets.load_dataset(
        "parquet",
        data_files=str(tmp_path / "out" / "data" / "t.parquet"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert [image.getpixel((0, 0))[0] for image in found[0]["images"]] == [2, 6]
    for row, sample in zip(found, samples, strict=True):
        dumped = sample.model_dump()
        for name in ("messages", "media", "origins", "license", "component"):
            assert row[name] == dumped[name]


@pytest.mark.parametrize("column", ["turns", "media"])
def test_rows_that_do_not_fit_their_store_are_errors(tmp_path: Path, column: str) -> None:
    wrong = {"turns": [5], "media": [0, 1]}[column]
    with pytest.raises(IntegrityError, match=r"demo/s/0{31}1 "):
        emit(tmp_path, [drawn(0), drawn(1, **{column: wrong})])


def test_a_style_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no style 'smolvlm'"):
        emit(tmp_path, [drawn(0)], "smolvlm")
