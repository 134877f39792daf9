"""The samples mirror has upstream's layout: names, columns, members, markers, by value."""

from __future__ import annotations

import io
import json
import re
import struct
import tarfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet as pq
from PIL import Image

from manifests.benchmark_cards import benchmark_cards
from pipelines.samples.archives import split_zip
from pipelines.samples.kit import writers
from sources import get
from tests.pipelines.mirrors import read_media
from tests.pipelines.trees import tree_digests


def test_file_names_are_upstreams(samples: Path) -> None:
    others = ("HuggingFaceM4", *(repo for writer in writers().values() for repo in writer.repos))
    others += tuple(card.repo for card in benchmark_cards().values())
    files = [name for name in tree_digests(samples) if not name.startswith(others)]
    video = "lmms-lab/LLaVA-Video-178K"
    academic = f"{video}/0_30_s_academic_v0_1/0_30_s_academic"
    assert files == sorted(
        [
            "HuggingFaceFV/finevideo/data/train-00000-of-01357.parquet",
            "HuggingFaceFV/finevideo/data/train-00001-of-01357.parquet",
            "Magpie-Align/Llama-3-Magpie-Air-3M-v0.1/data/train-00000-of-00039.parquet",
            "Magpie-Align/Magpie-Llama-3.1-Pro-MT-300K-Filtered/data/train-00000-of-00006.parquet",
            "Magpie-Align/Magpie-Llama-3.1-Pro-MT-300K-Filtered/data/train-00001-of-00006.parquet",
            "Magpie-Align/Magpie-Pro-300K-Filtered/data/train-00000-of-00003.parquet",
            "Magpie-Align/Magpie-Pro-300K-Filtered/data/train-00001-of-00003.parquet",
            "Magpie-Align/Magpie-Pro-300K-Filtered/data/train-00002-of-00003.parquet",
            "ShareGPTVideo/train_video_and_instruction/train_300k/chunk_0.tar.gz",
            "ShareGPTVideo/train_video_and_instruction/train_300k/chunk_1.tar.gz",
            f"{academic}_mc_v0_1_qa_processed.json",
            f"{academic}_oe_v0_1_qa_processed.json",
            f"{academic}_v0_1_cap_processed.json",
            f"{academic}_v0_1_videos_1.tar.gz",
            f"{academic}_v0_1_videos_2.tar.gz",
            f"{video}/0_30_s_nextqa/0_30_s_nextqa_mc_qa_processed.json",
            f"{video}/0_30_s_nextqa/0_30_s_nextqa_oe_qa_processed.json",
            f"{video}/0_30_s_nextqa/0_30_s_nextqa_videos_1.tar.gz",
            f"{video}/1_2_m_academic_v0_1/1_2_m_academic_oe_v0_1_qa_processed.json",
            f"{video}/1_2_m_academic_v0_1/1_2_m_academic_v0_1_cap_processed.json",
            f"{video}/1_2_m_academic_v0_1/1_2_m_academic_v0_1_videos_1.tar.gz",
            f"{video}/1_2_m_activitynetqa/1_2_m_activitynetqa_oe_qa_processed.json",
            f"{video}/1_2_m_activitynetqa/1_2_m_activitynetqa_videos_1.tar.gz",
            f"{video}/2_3_m_academic_v0_1/2_3_m_academic_oe_v0_1_qa_processed.json",
            f"{video}/2_3_m_academic_v0_1/2_3_m_academic_v0_1_cap_processed.json",
            f"{video}/2_3_m_academic_v0_1/2_3_m_academic_v0_1_videos_1.tar.gz",
            f"{video}/llava_hound/sharegptvideo_qa_255k_processed.json",
            "lmms-lab/M4-Instruct-Data/HQ-Edit.zip",
            "lmms-lab/M4-Instruct-Data/RAVEN_train_images.zip",
            "lmms-lab/M4-Instruct-Data/dreamsim_split.z01",
            "lmms-lab/M4-Instruct-Data/dreamsim_split.zip",
            "lmms-lab/M4-Instruct-Data/m4_instruct_annotations.json",
            "lmms-lab/M4-Instruct-Data/m4_instruct_video.json",
            "mathwriting/mathwriting-2024.tgz",
            "truth.json",
        ]
    )
    cauldron = [n for n in tree_digests(samples) if n.startswith("HuggingFaceM4/the_cauldron")]
    pattern = r"HuggingFaceM4/the_cauldron/(\w+)/train-00000-of-00001-[0-9a-f]{16}\.parquet"
    configs = [match[1] for name in cauldron if (match := re.fullmatch(pattern, name))]
    assert sorted(configs) == sorted(subset.name for subset in get("the_cauldron").card.subsets)
    assert len(configs) == len(cauldron)


_TURNS = "list<element: struct<from: string, value: string>>"


def columns(path: Path) -> dict[str, str]:
    schema = pq.read_schema(path)
    return {field.name: str(field.type) for field in schema}


def test_columns_of_the_cauldron(samples: Path) -> None:
    for path in (samples / "HuggingFaceM4").rglob("*.parquet"):
        assert columns(path) == {
            "images": "list<element: struct<bytes: binary, path: string>>",
            "texts": "list<element: struct<user: string, assistant: string, source: string>>",
        }
        info = json.loads(pq.read_schema(path).metadata[b"huggingface"])["info"]
        assert info["features"]["images"] == {"feature": {"_type": "Image"}, "_type": "Sequence"}


def test_columns_of_finevideo(samples: Path) -> None:
    first, second = sorted((samples / "HuggingFaceFV").rglob("*.parquet"))
    assert columns(second) == {"mp4": "binary", "json": "string"}
    about = pq.read_schema(first).field("json").type
    assert columns(first)["mp4"] == "binary"
    text = pq.read_table(second, columns=["json"])["json"][0].as_py()
    assert set(json.loads(text)) == {field.name for field in about}
    scene = about.field("content_metadata").type.field("scenes").type.value_type
    # Upstream calls spans by two names.
    assert str(scene.field("timestamps").type) == (
        "struct<start_timestamp: string, end_timestamp: string>"
    )
    assert str(scene.field("activities").type.value_type) == (
        "struct<description: string, timestamp: "
        "struct<start_timestamp: string, end_timestamp: string>>"
    )


def test_columns_of_magpies_generations(samples: Path) -> None:
    first = {
        repo.name: columns(next(iter(sorted(repo.rglob("*.parquet")))))
        for repo in (samples / "Magpie-Align").iterdir()
    }
    assert first["Magpie-Pro-300K-Filtered"] == {"conversations": _TURNS, "uuid": "string"}
    air = first["Llama-3-Magpie-Air-3M-v0.1"]
    assert air["gen_input_config"] == "struct<temperature: double, top_p: double>"
    assert {"input", "output", "base_output", "base_reward", "reward_difference"} <= set(air)
    assert len(air) == 23
    multi = first["Magpie-Llama-3.1-Pro-MT-300K-Filtered"]
    assert "seed: null" in multi["gen_input_configs"]
    assert {"instruction", "response", "instruction_2", "response_2"} <= set(multi)
    assert (multi["instruct_reward"], multi["response_length"]) == ("double", "int64")
    assert multi["other_task_category"] == "list<element: string>"


def test_some_magpie_tags_are_null(samples: Path) -> None:
    path = next((samples / "Magpie-Align/Llama-3-Magpie-Air-3M-v0.1").rglob("*.parquet"))
    table = pq.read_table(path)
    for name in ("input_quality", "difficulty", "task_category"):
        assert 0 < table[name].null_count < table.num_rows
    assert "Others" in table["task_category"].to_pylist()


def load(samples: Path, path: str) -> Any:
    return json.loads((samples / path).read_text())


def test_rows_of_llava_video(samples: Path) -> None:
    folder = "lmms-lab/LLaVA-Video-178K/0_30_s_academic_v0_1/"
    rows = load(samples, folder + "0_30_s_academic_v0_1_cap_processed.json")
    assert list(rows[0]) == ["id", "conversations", "data_source", "video"]
    assert sum("id" not in row for row in rows) >= 2
    for row in rows:
        first, *rest = row["conversations"]
        assert first["from"] == "human" and first["value"].startswith("<image>\n")
        assert not any("<image>" in turn["value"] for turn in rest)
        assert row["video"].startswith("academic_source/")
    with_turns = load(samples, folder + "0_30_s_academic_oe_v0_1_qa_processed.json")
    assert max(len(row.get("conversations", ())) for row in with_turns if row) >= 4


def test_clips_serve_several_rows(samples: Path) -> None:
    names = [path for path in (samples / "lmms-lab/LLaVA-Video-178K").rglob("*academic*.json")]
    rows = [row for path in names for row in json.loads(path.read_text()) if row]
    uses = Counter(row["video"] for row in rows if "video" in row)
    assert max(uses.values()) >= 5


def test_hound_clips_are_folders_of_frames(samples: Path) -> None:
    folder = samples / "ShareGPTVideo/train_video_and_instruction/train_300k"
    members = [name for path in sorted(folder.iterdir()) for name in tarfile.open(path).getnames()]
    frames = [name for name in members if name.endswith(".jpeg")]
    assert all(re.fullmatch(r"[\w-]+/c01_\d{4}\.jpeg", name) for name in frames)
    rows = load(
        samples, "lmms-lab/LLaVA-Video-178K/llava_hound/sharegptvideo_qa_255k_processed.json"
    )
    clips = {row["video"].removeprefix("shareVideoGPTV/frames/all_frames/") for row in rows}
    assert len(clips - {name.split("/")[0] for name in frames}) == 1  # the missing one
    with tarfile.open(folder / "chunk_0.tar.gz") as tar:
        data = tar.extractfile(next(name for name in tar.getnames() if name.endswith(".jpeg")))
        assert data is not None and Image.open(io.BytesIO(data.read())).width == 336


def test_rows_of_m4(samples: Path) -> None:
    rows = load(samples, "lmms-lab/M4-Instruct-Data/m4_instruct_annotations.json")
    keys = ["sample_id", "conversations", "image", "choice_list", "metadata"]
    assert all(list(row) == keys for row in rows)
    assert list(rows[0]["metadata"]) == [
        "dataset",
        "split",
        "num_sample",
        "task_instruction",
        "question_type",
    ]
    first = [row["metadata"]["dataset"] for row in rows if row["sample_id"] == 0]
    assert first == ["HQ-Edit-Diff", "dreamsim", "RAVEN"]  # sample_id restarts
    raven = next(row for row in rows if row["metadata"]["dataset"] == "RAVEN")
    assert len(raven["image"]) == raven["conversations"][0]["value"].count("<image>") == 12


def test_member_paths_of_m4_need_resolving(samples: Path) -> None:
    folder = samples / "lmms-lab/M4-Instruct-Data"
    rows = load(samples, "lmms-lab/M4-Instruct-Data/m4_instruct_annotations.json")
    named = {path for row in rows for path in row["image"]}
    edit = set(zipfile.ZipFile(folder / "HQ-Edit.zip").namelist())
    assert {"HQ-Edit/images/83425.jpg", "part_1/HQ-Edit/images/90003.jpg"} <= edit
    raven = zipfile.ZipFile(folder / "RAVEN_train_images.zip").namelist()
    assert all(name.removeprefix("RAVEN_train_images/") in named for name in raven)
    dream = set(re.findall(rb"images/\w+\.jpg", (folder / "dreamsim_split.zip").read_bytes()))
    assert all(f"dreamsim/{name.decode()}" in named for name in dream)


def test_the_split_zip_is_one_of_two_parts(samples: Path, tmp_path: Path) -> None:
    folder = samples / "lmms-lab/M4-Instruct-Data"
    first = (folder / "dreamsim_split.z01").read_bytes()
    last = (folder / "dreamsim_split.zip").read_bytes()
    assert first[:8] == b"PK\x07\x08PK\x03\x04"
    end = struct.unpack("<4s4H2LH", last[-22:])
    signature, disk, start_disk, here, total, size, offset, comment = end
    assert (signature, disk, start_disk, comment) == (b"PK\x05\x06", 1, 1, 0)
    assert here == total and last[offset : offset + 4] == b"PK\x01\x02"
    assert offset + size == len(last) - 22
    spool = [item for item in read_media(samples, "m4_instruct", tmp_path)]
    found = [item for item in spool if item.key.startswith("dreamsim_split/")]
    assert len(found) == total and all(item.data for item in found)


def test_a_split_zip_gives_back_its_members() -> None:
    """Joined without the marker, with one disk in its records, it is a plain zip."""
    members = [
        (f"folder/{n}.txt", bytes([65 + n]) * 500 + bytes(range(n, n + 40))) for n in range(5)
    ]
    first, last = split_zip(members)
    body = bytearray(first + last)
    place = body.index(b"PK\x01\x02")
    for name, _ in members:
        disk, start = struct.unpack_from("<H", body, place + 34)[0], place + 42
        offset = struct.unpack_from("<L", body, start)[0]
        struct.pack_into("<H", body, place + 34, 0)
        struct.pack_into("<L", body, start, offset + disk * len(first))
        place += 46 + len(name)
    directory = body.index(b"PK\x01\x02")
    struct.pack_into("<2H", body, place + 4, 0, 0)
    struct.pack_into("<L", body, place + 16, directory)
    joined = zipfile.ZipFile(io.BytesIO(bytes(body)))
    assert joined.testzip() is None
    assert [(name, joined.read(name)) for name in joined.namelist()] == members


def test_inks_are_spelled_as_upstreams(samples: Path) -> None:
    with tarfile.open(samples / "mathwriting/mathwriting-2024.tgz") as tar:
        files = {
            member.name: handle.read()
            for member in tar.getmembers()
            if (handle := tar.extractfile(member)) is not None
        }
    counts = Counter(name.split("/")[1] for name in files if name.endswith(".inkml"))
    assert min(counts[name] for name in ("train", "synthetic", "symbols")) >= 40
    assert all(re.fullmatch(r"[0-9a-f]{16}\.inkml", Path(n).name) for n in files if "inkml" in n)
    symbol = next(data for name, data in files.items() if "/symbols/" in name).decode()
    assert "normalizedLabel" not in symbol
    head = '<ink xmlns="http://www.w3.org/2003/InkML">\n  <annotation type="label">'
    assert symbol.startswith(head)
    assert re.search(r'<trace id="0">-?\d+\.\d\d -?\d+\.\d\d \d+\.\d,', symbol)
    assert any("&lt;" in data.decode() for name, data in files.items() if "/train/" in name)
    glyph = json.loads(files["mathwriting-2024/symbols.jsonl"].splitlines()[0])
    assert list(glyph) == ["sourceSampleId", "strokeIndices", "label"]
    assert f"mathwriting-2024/train/{glyph['sourceSampleId']}.inkml" in files
    boxes = json.loads(files["mathwriting-2024/synthetic-bboxes.jsonl"].splitlines()[0])
    assert list(boxes) == ["label", "normalizedLabel", "bboxes"]
    assert list(boxes["bboxes"][0]) == ["token", "xMin", "yMin", "xMax", "yMax"]


def test_inks_hold_strokes_of_a_single_point(samples: Path, tmp_path: Path) -> None:
    with tarfile.open(samples / "mathwriting/mathwriting-2024.tgz") as tar:
        members = [m for m in tar.getmembers() if m.name.endswith(".inkml")]
        texts = [tar.extractfile(member).read() for member in members]  # type: ignore[union-attr]
    assert any(re.search(rb'<trace id="\d+">[^,<]+</trace>', text) for text in texts)


def test_long_clips_exercise_the_cap_of_frames(samples: Path) -> None:
    folder = samples / "lmms-lab/LLaVA-Video-178K/1_2_m_activitynetqa"
    seconds = []
    with tarfile.open(folder / "1_2_m_activitynetqa_videos_1.tar.gz") as tar:
        for member in tar.getmembers():
            handle = tar.extractfile(member)
            if handle is not None:
                with av.open(io.BytesIO(handle.read())) as clip:
                    stream = clip.streams.video[0]
                    assert stream.duration is not None and stream.time_base is not None
                    seconds.append(float(stream.duration * stream.time_base))
                    assert max(stream.width, stream.height) <= 320
    assert sorted(seconds) == [66.0, 70.0, 74.0]
