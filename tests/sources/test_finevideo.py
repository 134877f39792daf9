"""FineVideo: the chats that are built, and each quirk of the reference, by value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.errors import SchemaDriftError
from sources.base import Draft, Rejected
from sources.finevideo import DESCRIBE, DESCRIBE_ONLY, LIST_SCENES, SOURCE
from sources.root import Root

FILE = "data/train-00000-of-01357.parquet"
REAL = Path(__file__).parents[3] / "shared/realdata/records/finevideo_json_card_example.json"
QA = {"question": "Who?", "answer": "She."}


def put(folder: Path, about: pa.Array, clips: Any = None, kind: Any = None) -> Root:
    mp4 = pa.array(clips or [b"clip"] * len(about), kind or pa.binary())
    (folder / "data").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"mp4": mp4, "json": about}), folder / FILE)
    return Root(str(folder), "HuggingFaceFV/finevideo")


def drafts(root: Root) -> list[Draft | Rejected]:
    return [row for shard in SOURCE.rows(root) for row in SOURCE.read_rows(root, shard)]


def chats(folder: Path, about: Any) -> dict[int, list[str]]:
    """Texts of each group's messages; `about` goes in as a JSON string."""
    found = {}
    for draft in drafts(put(folder, pa.array([json.dumps(about)]))):
        assert isinstance(draft, Draft), draft
        assert draft.messages[0].content[0] == ("video", "")
        assert [(ref.kind, ref.key) for ref in draft.media] == [("video", f"{FILE}#0/0")]
        found[draft.group] = [m.content[-1][1] for m in draft.messages]
    return found


def scenes(folder: Path, *listed: Any, duration: Any = 100) -> str:
    about = {"duration_seconds": duration, "content_metadata": {"scenes": list(listed)}}
    ((prompt, answer),) = chats(folder, about).values()
    assert prompt == LIST_SCENES
    return answer


def span(start: Any, end: Any) -> dict[str, Any]:
    return {"start_timestamp": start, "end_timestamp": end}


def test_three_groups(tmp_path: Path) -> None:
    content = {"title": "T", "description": "D.", "qAndA": [QA, QA], "scenes": [{"title": "S"}]}
    assert chats(tmp_path, {"content_metadata": content, "youtube_title": "Y"}) == {
        0: ["Who?", "She.", "Who?", "She."],
        1: [DESCRIBE, "T\n\nD."],
        2: [LIST_SCENES, "1. S"],
    }


@pytest.mark.parametrize(
    ("content", "groups"),
    [
        ({"qAndA": [QA]}, {0: ["Who?", "She."]}),
        ({"qAndA": [QA, {"question": "Where?"}, {"answer": "x"}, None]}, {0: ["Who?", "She."]}),
        ({"description": "D."}, {1: [DESCRIBE, "Y\n\nD."]}),
        ({"title": "T", "qAndA": [QA]}, {0: ["Who?", "She."]}),
        ({"scenes": [{"title": " S "}], "qAndA": "none"}, {2: [LIST_SCENES, "1. S"]}),
    ],
)
def test_missing_parts_give_fewer_groups(tmp_path: Path, content: Any, groups: Any) -> None:
    assert chats(tmp_path, {"content_metadata": content, "youtube_title": "Y"}) == groups


def test_a_description_without_any_title(tmp_path: Path) -> None:
    about = {"content_metadata": {"description": "D."}}
    assert chats(tmp_path, about) == {1: [DESCRIBE_ONLY, "D."]}


def test_questions_may_stand_beside_content_metadata(tmp_path: Path) -> None:
    assert chats(tmp_path, {"qAndA": [QA]}) == {0: ["Who?", "She."]}


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ({"timestamps": span("00:00:05.250", "00:00:12.999")}, "1. S (00:05 to 00:12)"),
        ({"timestamp": span("00:00:05", "00:00:12")}, "1. S (00:05 to 00:12)"),
        ({"timestamps": None, "timestamp": span("00:05", "0:12")}, "1. S (00:05 to 00:12)"),
        ({"timestamps": "00:01:30.000"}, "1. S (at 01:30)"),
        ({"timestamps": span("00:00:05.1", "00:00:05.9")}, "1. S (at 00:05)"),
        ({"timestamps": span("00:00:12.000", "00:00:05.000")}, "1. S"),
        ({"timestamps": span("00:00:05.000", "bogus")}, "1. S"),
        ({"timestamps": span("00:00:75.000", "00:00:90.000")}, "1. S"),
        ({"timestamps": span(5, 12)}, "1. S"),
        ({"timestamps": span(None, "00:00:12.000")}, "1. S"),
        ({"timestamps": span("00:00:05.000", "00:01:40.900")}, "1. S (00:05 to 01:40)"),
        ({"timestamps": span("00:00:05.000", "00:01:42.000")}, "1. S"),
        ({"timestamps": []}, "1. S"),
        ({}, "1. S"),
    ],
)
def test_spans_that_cannot_be_right_are_left_out(tmp_path: Path, times: Any, text: str) -> None:
    assert scenes(tmp_path, {"title": "S", **times}) == text


def test_without_a_duration_a_span_is_believed(tmp_path: Path) -> None:
    late = {"title": "S", "timestamps": span("01:00:00.000", "01:01:01.000")}
    for duration in (None, 0, "100"):
        assert scenes(tmp_path / str(duration), late, duration=duration) == "1. S (60:00 to 61:01)"


def test_activities_are_lines_of_their_scene(tmp_path: Path) -> None:
    activities = [
        {"description": "Runs.", "timestamp": span("00:00:01.000", "00:00:02.000")},
        {"description": " "},
        {"description": "Falls.", "timestamps": "x"},
    ]
    listed = [{"title": "", "activities": activities}, {"title": None}, 3, {"title": "End"}]
    assert scenes(tmp_path, *listed) == (
        "1. Untitled scene\n   - Runs. (00:01 to 00:02)\n   - Falls.\n2. End"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "no_turns"),
        ('{"content_metadata": {"title": "T", "qAndA": [], "scenes": []}}', "no_turns"),
        ('{"content_metadata": [1]}', "no_turns"),
        ('{"youtube_title": "cut', "row_malformed"),
        ("", "row_malformed"),
        ("[]", "row_malformed"),
        ("[" * 100_000, "row_malformed"),
        (r'{"content_metadata": {"description": "\ud800"}}', "row_malformed"),
        (None, "row_malformed"),
    ],
)
def test_rows_without_a_conversation_have_a_reason(
    tmp_path: Path, text: str | None, reason: str
) -> None:
    (row,) = drafts(put(tmp_path, pa.array([text], pa.string())))
    assert isinstance(row, Rejected) and row.reason == reason


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_struct_and_string_give_the_same(tmp_path: Path, kind: pa.DataType) -> None:
    about = {
        "content_metadata": {
            "title": "T",
            "description": "D.",
            "scenes": [
                {
                    "title": "S",
                    "timestamps": span("00:00:01", "00:00:02"),
                    "activities": [{"description": "x", "timestamp": span("0:01", "0:02")}],
                }
            ],
            "qAndA": [QA],
        },
        "duration_seconds": 9,
        "youtube_channel": "C",
        "text_to_speech": "left out",
    }
    as_struct = drafts(put(tmp_path / "struct", pa.array([about])))
    as_string = drafts(put(tmp_path / "string", pa.array([json.dumps(about)], kind)))
    assert as_struct == as_string
    assert [draft.group for draft in as_struct] == [0, 1, 2]
    assert isinstance(as_struct[0], Draft)
    assert as_struct[0].extra == {"duration_seconds": 9, "youtube_channel": "C"}


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_clips_are_spooled_one_at_a_time(tmp_path: Path, kind: pa.DataType) -> None:
    root = put(tmp_path, pa.array(["{}"] * 3), [b"one", None, b""], kind)
    spool = tmp_path / "spool"
    spool.mkdir()
    found = []
    (shard,) = SOURCE.media(root)
    for item in SOURCE.read_media(root, shard, spool):
        data = None
        if item.file is not None:
            assert list(spool.iterdir()) == [item.file]
            data = item.file.read_bytes()
            item.file.unlink()
        found.append((item.key, item.kind, item.reason, data))
    assert found == [
        (f"{FILE}#0/0", "video", None, b"one"),
        (f"{FILE}#1/0", "video", "video_bytes_null", None),
        (f"{FILE}#2/0", "video", None, b""),
    ]


def test_damaged_clips_are_lost_media_of_whole_rows(tmp_path: Path) -> None:
    root = put(tmp_path, pa.array([json.dumps({"qAndA": [QA]})] * 2))
    column = pq.read_metadata(tmp_path / FILE).row_group(0).column(0)
    at = column.dictionary_page_offset
    data = bytearray((tmp_path / FILE).read_bytes())
    data[at : at + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    (tmp_path / FILE).write_bytes(bytes(data))
    assert [type(row) for row in drafts(root)] == [Draft, Draft]
    (shard,) = SOURCE.media(root)
    items = list(SOURCE.read_media(root, shard, tmp_path))
    assert [(item.key, item.reason) for item in items] == [
        (f"{FILE}#0/0", "archive_damaged"),
        (f"{FILE}#1/0", "archive_damaged"),
    ]


def test_other_columns_are_schema_drift(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"video": [b"x"], "json": ["{}"]}), tmp_path / FILE)
    with pytest.raises(SchemaDriftError, match="columns video, json; looked for mp4 with json"):
        SOURCE.rows(Root(str(tmp_path), "HuggingFaceFV/finevideo"))


@pytest.mark.skipif(not REAL.exists(), reason="the real record is not on this machine")
@pytest.mark.parametrize("form", ["struct", "string"])
def test_the_card_example(tmp_path: Path, form: str) -> None:
    """The record of upstream's card, whose questions are cut out of it: checked by hand."""
    text = REAL.read_text(encoding="utf-8")
    about = pa.array([json.loads(text)] if form == "struct" else [text])
    describe, listed = drafts(put(tmp_path, about))
    assert isinstance(describe, Draft) and isinstance(listed, Draft)
    assert (describe.group, listed.group) == (1, 2)
    assert describe.messages[1].content == [
        (
            "text",
            "Heavy Equipment Operators Course Promo\n\nA video highlighting the Heavy Equipment "
            "Operators course, focusing on its benefits, collaboration between institutions, and "
            "testimonials from clients and coordinators.",
        )
    ]
    assert listed.messages[1].content == [
        (
            "text",
            "1. Introductory Scenes (00:00 to 00:28)\n   - Sara stands in front of a 'Heavy "
            "Equipment Operator Training Centre' sign and talks about the course. "
            "(00:00 to 00:09)",
        )
    ]
    assert describe.extra == {
        "youtube_title": "Training Heavy Equipment Operators",
        "youtube_upload_date": "20160511",
        "content_parent_category": "Education",
        "content_fine_category": "Engineering Projects",
        "duration_seconds": 208,
        "resolution": "640x360",
    }
