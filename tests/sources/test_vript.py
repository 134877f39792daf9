"""What the contract cannot say of Vript: rows outlive another packing, zips are taken by number."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from sources.vript import DESCRIBE, PROMPTS, SOURCE
from tests.sources import reading
from tests.sources.packing import zip_file

MIRROR = reading.mirror_of(SOURCE) / SOURCE.card.repo
CAPTIONS = "vript_captions/vript_long_videos_captions.zip"


def test_rows_are_numbered_by_the_names_of_members(tmp_path: Path) -> None:
    packed = zipfile.ZipFile(io.BytesIO((MIRROR / CAPTIONS).read_bytes()))
    members = [(name, packed.read(name)) for name in packed.namelist()]
    assert [name for name, _ in members] != sorted(name for name, _ in members)
    target = tmp_path / SOURCE.card.repo / CAPTIONS
    target.parent.mkdir(parents=True)
    target.write_bytes(zip_file([(f"outer/{name}", data) for name, data in reversed(members)]))
    (root,) = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    (other,) = reading.roots(SOURCE, tmp_path)
    first = [shard for shard in SOURCE.rows(root) if shard.subset == "long"]
    assert reading.read_rows(SOURCE, other, SOURCE.rows(other)) == reading.read_rows(
        SOURCE, root, first
    )


def test_zips_are_read_by_number_and_loose_clips_last() -> None:
    (root,) = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    names = [Path(shard.files[0].path).name for shard in SOURCE.media(root)]
    assert names[:3] == ["clips_2_of_1095.zip", "clips_10_of_1095.zip", "clips_1001_of_1095.zip"]
    assert names[-1] == "def-Scene-001.mp4"


def test_every_prompt_asks_for_what_the_answer_holds() -> None:
    assert all("title" in prompt for prompt in PROMPTS)
    assert not any("title" in prompt for prompt in DESCRIBE)
