"""A checkpoint is what transformers loads, and gives the same answers there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is not installed")

from tests.conftest import Built  # noqa: E402
from tests.trainer.tiny import PRESET, items_of, loss_model  # noqa: E402
from trainer.model import batch_of  # noqa: E402
from trainer.packing import Sequence  # noqa: E402
from trainer.pictures import picture_of, read_picture  # noqa: E402
from trainer.prompts import encode  # noqa: E402
from trainer.saving import save_model  # noqa: E402

ROOT = Path(__file__).parents[2]
CHAT = [
    {
        "role": "user",
        "content": [{"type": "image"}, {"type": "text", "text": "What is in the picture?"}],
    }
]


def test_transformers_loads_what_was_saved(built: Built, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, GenerationConfig, SmolVLMForConditionalGeneration
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    encoder, items = items_of(built.out, 6)
    model = loss_model(encoder)
    save_model(tmp_path, model.vlm, encoder.vocabulary, PRESET.processor)
    loaded = SmolVLMForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float32)
    batch = batch_of([Sequence(items)], encoder.vocabulary.pad)
    with torch.no_grad():
        expected = model(batch)
        model.vlm = loaded.eval()
        assert torch.equal(model(batch), expected)

    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    vocabulary = encoder.vocabulary
    text = tokenizer.apply_chat_template(CHAT, tokenize=False, add_generation_prompt=True)
    assert text == ("<|im_start|>User:<image>What is in the picture?<end_of_utterance>\nAssistant:")
    assert tokenizer(text, add_special_tokens=False)["input_ids"].count(vocabulary.image) == 1
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (vocabulary.pad, vocabulary.end)
    assert GenerationConfig.from_pretrained(tmp_path).eos_token_id == vocabulary.end

    processor = SmolVLMImageProcessorPil.from_pretrained(tmp_path)
    draw = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    image = Image.fromarray(draw)
    made = processor([[image.resize((128, 96))]], return_tensors="np")["pixel_values"][0]
    mine = picture_of(image.resize((128, 96)), PRESET.processor, True).tiles
    assert np.abs((made.transpose(0, 2, 3, 1) + 1) * 127.5 - mine).max() <= 1 / 255


def test_a_saved_model_generates(built: Built, tmp_path: Path) -> None:
    """With transformers' generate, its cache and no position of ours."""
    encoder, items = items_of(built.out, 3)
    model = loss_model(encoder)
    item = next(item for item in items if len(item.tiles))
    pixels = (item.tiles.float() / 127.5 - 1).permute(0, 3, 1, 2)[None]
    made = model.vlm.generate(
        input_ids=torch.from_numpy(item.ids)[None], pixel_values=pixels, max_new_tokens=4
    )
    assert made.shape[1] > item.num_ids


@pytest.mark.skipif(
    "SMOLMIX_TORCHVISION" not in os.environ,
    reason="SMOLMIX_TORCHVISION names no folder with torchvision (.ci/run makes one)",
)
def test_auto_processor_loads_it(built: Built, tmp_path: Path) -> None:
    """Ids are ours; torchvision's own resizing is within two levels of Pillow's."""
    encoder, _ = items_of(built.out, 3)
    folder, image = tmp_path / "model", tmp_path / "image.png"
    folder.mkdir()
    save_model(folder, loss_model(encoder).vlm, encoder.vocabulary, PRESET.processor)
    draw = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    Image.fromarray(draw).resize((300, 180), Image.Resampling.BICUBIC).save(image)
    script = [sys.executable, "-m", "tests.trainer.auto_processor"]
    words = [os.environ["SMOLMIX_TORCHVISION"], str(folder), str(image), "What is it?"]
    done = subprocess.run([*script, *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    assert made["kind"] == "SmolVLMProcessor"
    picture = read_picture(image.read_bytes(), PRESET.processor, True)
    layout = encoder.vocabulary.picture(
        picture.rows, picture.columns, PRESET.processor.ids_per_tile
    )
    content = [{"type": "image", "text": ""}, {"type": "text", "text": "What is it?"}]
    messages = [{"role": "user", "content": content}]
    asked = encode(encoder.vocabulary, messages, [layout], is_asked=True)
    assert made["ids"] == asked.ids.tolist()
    theirs = (np.load(f"{image}.npy").transpose(0, 2, 3, 1) + 1) * 127.5
    assert np.abs(theirs - picture.tiles).max() <= 2
