"""Rows as `datasets` gives them make the batch that the trainer trains on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from datasets import load_dataset  # noqa: E402

from manifests.errors import UsageError  # noqa: E402
from mixtures.processors import PROCESSORS  # noqa: E402
from tests.chat_ids import image_processor  # noqa: E402
from tests.conftest import Built  # noqa: E402
from tests.trainer.tiny import PRESET, items_of, loss_model  # noqa: E402
from trainer.build_rows import BuildRows  # noqa: E402
from trainer.collate import Collator  # noqa: E402
from trainer.model import batch_of  # noqa: E402
from trainer.packing import Sequence  # noqa: E402
from trainer.saving import save_model  # noqa: E402
from trainer.vocabulary import load_vocabulary  # noqa: E402

NUMBER = 6


@pytest.fixture(scope="module")
def checkpoint(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    encoder, _ = items_of(built.out, 1)
    save_model(folder, loss_model(encoder).vlm, encoder.vocabulary, PRESET.processor)
    return folder


def _rows(built: Built) -> list[dict[str, Any]]:
    files = str(built.out / "data/train-*.parquet")
    rows = load_dataset("parquet", data_files=files, split=f"train[:{NUMBER}]")
    return list(rows)


def test_the_models_own_loss_is_the_trainers(built: Built, checkpoint: Path) -> None:
    """Labels, padding and pixels of transformers' forward against packed items of the build."""
    encoder, items = items_of(built.out, NUMBER)
    model = loss_model(encoder)
    batch = Collator(str(checkpoint), "tiny")(_rows(built))
    with torch.no_grad():
        packed = model(batch_of([Sequence(items)], encoder.vocabulary.pad)).mean()
        own = model.vlm(**batch).loss
    assert float(own) == pytest.approx(float(packed), abs=1e-4)
    assert batch["pixel_values"].shape[1] == max(len(item.tiles) for item in items)


def test_rows_without_pictures_need_no_pixels(built: Built, checkpoint: Path) -> None:
    rows = BuildRows.open(str(built.out))
    first = (row for unit in rows.units[:8] for row in rows.read(unit))
    texts = [row for row in first if not row["images"]]
    assert texts and "pixel_values" not in Collator(str(checkpoint), "tiny")(texts)


def test_a_frame_is_one_tile_and_not_a_picture_of_many(built: Built, checkpoint: Path) -> None:
    """What other trainers make of frames: an image each, cut into tiles."""
    row = next(
        row
        for unit in BuildRows.open(str(built.out)).units
        for row in BuildRows.open(str(built.out)).read(unit)
        if row["modality"] == "video" and 3 < len(row["images"]) < 9
    )
    processor = PROCESSORS["smolvlm-256m"]
    ids = Collator(str(checkpoint), processor)([row])["input_ids"].shape[1]
    vocabulary = load_vocabulary(str(checkpoint))
    patches = image_processor(processor.tile_px, processor.longest_edge_px)
    as_images = 0
    for medium in row["media"]:
        _, high, wide = patches.get_number_of_image_patches(medium["height"], medium["width"], {})
        as_images += len(vocabulary.picture(high, wide, processor.ids_per_tile))
    number = len(row["images"])
    assert ids > 67 * number and as_images > 5 * 67 * number


def test_a_build_that_keeps_its_clips_is_refused(built: Built, checkpoint: Path) -> None:
    row = {**_rows(built)[0], "videos": [{"bytes": b"", "path": None}]}
    with pytest.raises(UsageError, match="keeps its clips as files"):
        Collator(str(checkpoint), "tiny")([row])


def test_rows_that_are_too_long_are_told(built: Built, checkpoint: Path) -> None:
    with pytest.raises(UsageError, match="more than 8; build the mixture for this context"):
        Collator(str(checkpoint), "tiny", max_ids=8)(_rows(built))


def test_media_ids_are_those_that_the_build_counted(built: Built, checkpoint: Path) -> None:
    """For the processor that the build is for; its texts are estimated there."""
    collate = Collator(str(checkpoint), "smolvlm-256m")
    image = load_vocabulary(str(checkpoint)).image
    rows = BuildRows.open(str(built.out))
    shown = [row for row in rows.read(rows.units[0]) if row["images"]]
    for row in shown:
        ids = collate([row])["input_ids"]
        assert int((ids == image).sum()) == row["num_media_tokens"]
