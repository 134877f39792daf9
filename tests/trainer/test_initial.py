"""Weights of an encoder or a language model are taken over, those of another form refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from manifests.errors import UsageError  # noqa: E402
from trainer.initial import initial_model  # noqa: E402
from trainer.presets import PRESETS  # noqa: E402
from trainer.saving import save_model  # noqa: E402
from trainer.settings import TrainSettings  # noqa: E402
from trainer.vocabulary import Vocabulary, train_vocabulary  # noqa: E402

PRESET = PRESETS["tiny"]
# A language model knows fewer ids than the SmolVLM that grows from it.
_KNOWN = 290


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return train_vocabulary([], 340)


def _settings(**more: Any) -> TrainSettings:
    return TrainSettings(
        mixture="build",
        build_digest="0",
        preset="tiny",
        stage="scratch",
        steps=1,
        batch=1,
        accumulate=1,
        context=128,
        max_tiles=1,
        learn="answers",
        image_scale="inference",
        reduction="token",
        neftune=0,
        checkpoint_layers=False,
        seed=3,
        ranks=1,
        **more,
    )


def _text(folder: Path, tied: bool, **more: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    settings = {**PRESET.text, "vocab_size": _KNOWN, "tie_word_embeddings": tied, **more}
    settings.pop("model_type")
    model = LlamaForCausalLM(LlamaConfig(**settings))
    model.save_pretrained(folder)
    return model


def _vision(folder: Path, is_whole: bool, **more: Any) -> Any:
    from transformers import SiglipConfig, SiglipModel, SiglipVisionConfig, SiglipVisionModel

    vision = {**PRESET.vision, **more}
    if is_whole:
        text = {"hidden_size": 96, "intermediate_size": 64, "num_hidden_layers": 1}
        both = SiglipConfig(
            vision_config=vision,
            text_config={**text, "num_attention_heads": 2, "vocab_size": 100},
        )
        model = SiglipModel(both)
        model.save_pretrained(folder)
        return model.vision_model
    alone = SiglipVisionModel(SiglipVisionConfig(**vision))
    alone.save_pretrained(folder)
    return getattr(alone, "vision_model", alone)


@pytest.mark.parametrize("is_whole", [True, False], ids=["siglip", "its vision model"])
def test_an_encoder_is_taken_over(is_whole: bool, vocabulary: Vocabulary, tmp_path: Path) -> None:
    source = _vision(tmp_path, is_whole).eval()
    model = initial_model(_settings(vision=str(tmp_path)), PRESET, vocabulary).eval()
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        theirs = source(pixel_values=pixels).last_hidden_state
        mask = torch.ones(1, 8, 8, dtype=torch.bool)
        ours = model.model.vision_model(
            pixel_values=pixels, patch_attention_mask=mask
        ).last_hidden_state
    assert (theirs - ours).abs().max() < 1e-5


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_a_language_model_is_taken_over(tied: bool, vocabulary: Vocabulary, tmp_path: Path) -> None:
    source = _text(tmp_path, tied).eval()
    model = initial_model(_settings(text=str(tmp_path)), PRESET, vocabulary).eval()
    ids = torch.arange(5, 60)[None]
    with torch.no_grad():
        theirs = source(input_ids=ids).logits
        ours = model(input_ids=ids).logits
    assert ours.shape[-1] == len(vocabulary) > _KNOWN
    assert (theirs - ours[..., :_KNOWN]).abs().max() < 1e-4
    # The head is no longer bound to the embeddings.
    assert model.lm_head.weight.data_ptr() != model.get_input_embeddings().weight.data_ptr()
    # Rows that it does not have are those of the seed.
    plain = initial_model(_settings(), PRESET, vocabulary)
    own = plain.get_input_embeddings().weight[_KNOWN:]
    assert torch.equal(model.get_input_embeddings().weight[_KNOWN:], own)


def test_a_whole_model_is_taken_over(vocabulary: Vocabulary, tmp_path: Path) -> None:
    first = initial_model(_settings(), PRESET, vocabulary)
    save_model(tmp_path, first, vocabulary, PRESET.processor)
    second = initial_model(_settings(init=str(tmp_path)), PRESET, vocabulary)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name]), name


def _wide_text(folder: Path) -> dict[str, Any]:
    _text(folder, True, hidden_size=64)
    return {"text": str(folder)}


def _deep_vision(folder: Path) -> dict[str, Any]:
    _vision(folder, False, num_hidden_layers=1)
    return {"vision": str(folder)}


def _large_tiles(folder: Path) -> dict[str, Any]:
    _vision(folder, False, image_size=128)
    return {"vision": str(folder)}


def _no_model(folder: Path) -> dict[str, Any]:
    (folder / "config.json").write_text("{}")
    return {"init": str(folder)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_wide_text, "its embeddings are"),
        (_deep_vision, "it has no encoder.layers.1"),
        (_large_tiles, "embeddings.position_embedding.weight is"),
        (_no_model, "no model that can be loaded"),
    ],
)
def test_other_forms_are_refused(
    make: Callable[[Path], dict[str, Any]],
    message: str,
    vocabulary: Vocabulary,
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match=message):
        initial_model(_settings(**make(tmp_path)), PRESET, vocabulary)


def test_the_same_seed_gives_the_same_weights(vocabulary: Vocabulary) -> None:
    one, two = (initial_model(_settings(), PRESET, vocabulary) for _ in range(2))
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, two.state_dict()[name])
