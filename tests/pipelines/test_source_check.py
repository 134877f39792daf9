"""The check of cards against upstream: what is as the card says holds, and each drift is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import mixture
from pipelines.upstream import make_root
from sources.root import Root

Printed = pytest.CaptureFixture[str]
Change = Callable[[Path], None]

CAULDRON = "HuggingFaceM4/the_cauldron"
VIDEO = "lmms-lab/LLaVA-Video-178K"
NEXTQA = f"{VIDEO}/0_30_s_nextqa"


def check(mirror: Path, printed: Printed, *names: str) -> tuple[int, str]:
    code = mixture(["sources", "check", *names, "--mirror", str(mirror)])
    return code, printed.readouterr().out


def test_the_samples_are_as_the_cards_say(samples: Path, capsys: Printed) -> None:
    """A mirror need hold neither every source nor all of one."""
    code, text = check(samples, capsys)
    assert code == 0, text
    assert "llava_video_178k: holds (6 subsets read, 13 not in this mirror)" in text
    assert "drift" not in text and "dolly: not here (no file of it below the mirror" in text


def table(change: Callable[[pa.Table], pa.Table]) -> Change:
    """A change of one Parquet file of The Cauldron."""

    def apply(mirror: Path) -> None:
        (file,) = (mirror / CAULDRON / "docvqa").glob("*.parquet")
        pq.write_table(change(pq.read_table(file)), file)

    return apply


def as_text(found: pa.Table) -> pa.Table:
    texts = pa.array([json.dumps(value) for value in found["texts"].to_pylist()])
    return found.set_column(found.schema.get_field_index("texts"), "texts", texts)


def words(old: str, new: str) -> Change:
    """Other words in the annotations of NExT-QA."""

    def apply(mirror: Path) -> None:
        for file in (mirror / NEXTQA).glob("*.json"):
            text = file.read_text()
            assert old in text
            file.write_text(text.replace(old, new))

    return apply


def remove(pattern: str) -> Change:
    def apply(mirror: Path) -> None:
        for file in mirror.glob(pattern):
            file.unlink()

    return apply


def add(path: str, text: str = "[]") -> Change:
    def apply(mirror: Path) -> None:
        (mirror / path).parent.mkdir(parents=True, exist_ok=True)
        (mirror / path).write_text(text)

    return apply


def first_bytes(mirror: Path) -> None:
    (file,) = (mirror / CAULDRON / "docvqa").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:100])


DRIFTS: list[tuple[str, str, Change, list[str]]] = [
    (
        "a renamed column",
        "the_cauldron",
        table(lambda found: found.rename_columns(["images", "dialogs"])),
        [
            "the_cauldron/docvqa: column texts: the card says list, found no such column, or null",
            "columns beside the card's: dialogs",
            "looked for images[].bytes with images[].path with texts[].user",
        ],
    ),
    (
        "another type",
        "the_cauldron",
        table(as_text),
        ["the_cauldron/docvqa: column texts: the card says list, found string (docvqa/train-"],
    ),
    (
        "a Parquet file that is none",
        "the_cauldron",
        first_bytes,
        ["is not a whole Parquet file"],
    ),
    (
        "a renamed field",
        "llava_video_178k",
        words('"conversations"', '"dialogs"'),
        [
            "0_30_s_nextqa: column conversations: the card says list, found no such column, or",
            "0_30_s_nextqa: rows: the card says conversations, found all of ",
            " row_malformed",
        ],
    ),
    (
        "another marker",
        "llava_video_178k",
        words("<image>", "<video>"),
        ["0_30_s_nextqa: marker: the card says <image>, found <video> (0_30_s_nextqa/"],
    ),
    (
        "no marker",
        "llava_video_178k",
        words("<image>", ""),
        ["0_30_s_nextqa: marker: the card says <image>, found none (0_30_s_nextqa/"],
    ),
    (
        "two markers",
        "llava_video_178k",
        words("<image>", "<image><image>"),
        ["0_30_s_nextqa: marker: the card says as many as media, found "],
    ),
    (
        "missing annotations",
        "llava_video_178k",
        remove(f"{NEXTQA}/*.json"),
        ["0_30_s_nextqa: row files: the card says 0_30_s_nextqa/*.json, found no such file"],
    ),
    (
        "missing archives",
        "llava_video_178k",
        remove(f"{NEXTQA}/*.tar.gz"),
        ["0_30_s_nextqa: media files: the card says 0_30_s_nextqa/*_videos_*.tar.gz, found no"],
    ),
    (
        "a new folder",
        "llava_video_178k",
        add(f"{VIDEO}/3_5_m_youtube/3_5_m_youtube_mc.json"),
        [f"files: the card says not in the card, found 1 files in {VIDEO}/3_5_m_youtube, such as"],
    ),
    (
        "a file of no rows",
        "llava_video_178k",
        add(f"{NEXTQA}/0_30_s_nextqa_oe_qa_processed.json"),
        ["0_30_s_nextqa: rows: the card says at least one, found none"],
    ),
]


@pytest.mark.parametrize(("name", "source", "change", "said"), DRIFTS, ids=[d[0] for d in DRIFTS])
def test_a_drift_is_told(
    name: str, source: str, change: Change, said: list[str],
    samples: Path, tmp_path: Path, capsys: Printed,
) -> None:  # fmt: skip
    for repo in (CAULDRON, VIDEO, "ShareGPTVideo"):
        shutil.copytree(samples / repo, tmp_path / repo)
    change(tmp_path)
    code, text = check(tmp_path, capsys, source)
    assert code == 1 and text.startswith(f"{source}: drift"), text
    for words_ in said:
        assert words_ in text


@pytest.mark.parametrize(
    "path",
    ["README.md", "docvqa/test-00000-of-00001.parquet", "assets/x.png", "dataset_infos.json"],
)
def test_what_is_no_data_of_the_source_is_no_drift(
    path: str, samples: Path, tmp_path: Path, capsys: Printed
) -> None:
    shutil.copytree(samples / CAULDRON, tmp_path / CAULDRON)
    add(f"{CAULDRON}/{path}", "")(tmp_path)
    assert check(tmp_path, capsys, "the_cauldron")[0] == 0


def test_a_source_that_was_asked_for_by_name_must_be_there(tmp_path: Path, capsys: Printed) -> None:
    code, text = check(tmp_path, capsys, "dolly")
    assert (code, text) == (1, f"dolly: unavailable (no file of it below the mirror {tmp_path})\n")
    assert check(tmp_path, capsys)[0] == 0


def test_a_source_out_of_reach_does_not_stop_the_others(
    samples: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reach(card: Any, repo: str, mirror: str | None) -> Root:
        if card.name == "finevideo":
            raise ConnectionError("the line is cut")
        return make_root(card, repo, mirror)

    monkeypatch.setattr("pipelines.source_check.make_root", reach)
    code, text = check(samples, capsys)
    assert code == 1
    assert "finevideo: unavailable (source finevideo: hf://datasets/HuggingFaceFV" in text
    assert "the_cauldron: holds (" in text


def test_as_json(samples: Path, tmp_path: Path, capsys: Printed) -> None:
    for subset in ("docvqa", "ai2d"):
        shutil.copytree(samples / CAULDRON / subset, tmp_path / CAULDRON / subset)
    table(as_text)(tmp_path)
    assert mixture(["sources", "check", "the_cauldron", "--json", "--mirror", str(tmp_path)]) == 1
    (report,) = json.loads(capsys.readouterr().out)
    assert (report["source"], report["status"]) == ("the_cauldron", "drift")
    rows, column = report["drift"]
    assert (rows["subset"], rows["about"], rows["said"]) == ("docvqa", "rows", "readable")
    assert (column["subset"], column["about"], column["said"]) == ("docvqa", "column texts", "list")
    assert column["found"].startswith("string (docvqa/")
    assert report["subsets_checked"] == 2 and len(report["subsets_absent"]) == 48
