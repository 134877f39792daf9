"""Presets have the published sizes; a packed item has the loss that it has alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from tests.conftest import Built  # noqa: E402
from tests.trainer.tiny import items_of, loss_model  # noqa: E402
from trainer.losses import weights_of  # noqa: E402
from trainer.model import batch_of, config_of  # noqa: E402
from trainer.packing import Sequence  # noqa: E402
from trainer.presets import PRESETS  # noqa: E402

# Of the published models, with a vocabulary of 49,280.
PUBLISHED = {"256m": 256_484_928, "500m": 507_482_304, "2.2b": 2_246_784_880}


@pytest.mark.parametrize("name", PUBLISHED)
def test_presets_have_the_published_sizes(name: str) -> None:
    from transformers import SmolVLMForConditionalGeneration

    with torch.device("meta"):
        model = SmolVLMForConditionalGeneration(config_of(PRESETS[name], 49_280, 49_190, 2))
    assert sum(parameter.numel() for parameter in model.parameters()) == PUBLISHED[name]
    processor = PRESETS[name].processor
    per_tile = (PRESETS[name].vision["image_size"] // PRESETS[name].vision["patch_size"]) ** 2
    assert per_tile // PRESETS[name].shuffle ** 2 == processor.ids_per_tile


def test_packed_items_have_the_loss_that_they_have_alone(built: Built) -> None:
    encoder, items = items_of(built.out, 24)
    model = loss_model(encoder)
    sequences = [Sequence(items[:9]), Sequence(items[9:14]), Sequence(items[14:])]
    pad = encoder.vocabulary.pad
    with torch.no_grad():
        alone = torch.cat([model(batch_of([Sequence([item])], pad)) for item in items])
        packed = model(batch_of(sequences, pad))
    assert len(alone) == sum(item.num_learned for item in items)
    assert (alone - packed).abs().max() < 1e-4


def test_with_a_cache_or_a_mask_of_ones_items_see_one_another(built: Built) -> None:
    """What the trainer must not do: transformers then takes all of a row for one text."""
    encoder, items = items_of(built.out, 12)
    model = loss_model(encoder)
    batch = batch_of([Sequence(items)], encoder.vocabulary.pad)
    core = model.vlm.model
    with torch.no_grad():
        right = model(batch)
        embedded = model._with_pictures(core.text_model.get_input_embeddings()(batch.ids), batch)
        for wrong in ({"use_cache": True}, {"attention_mask": torch.ones_like(batch.ids)}):
            hidden = core.text_model(
                inputs_embeds=embedded,
                position_ids=batch.positions,
                **{"use_cache": False, **wrong},
            ).last_hidden_state
            logits = model.vlm.lm_head(hidden.flatten(0, 1)[batch.at])
            losses = torch.nn.functional.cross_entropy(logits, batch.labels, reduction="none")
            assert (losses - right).abs().max() > 1e-2


def test_a_batch_without_pictures_still_runs_the_vision_tower(built: Built) -> None:
    encoder, items = items_of(built.out, 24)
    texts = [item for item in items if not len(item.tiles)]
    assert texts
    model = loss_model(encoder)
    model.train()
    batch = batch_of([Sequence(texts)], encoder.vocabulary.pad)
    losses = model(batch)
    losses.mean().backward()
    grads = {name: parameter.grad for name, parameter in model.vlm.named_parameters()}
    assert [name for name, grad in grads.items() if grad is None] == []
    vision = [grad for name, grad in grads.items() if ".vision_model." in name]
    assert len(vision) > 10 and all(not grad.any() for grad in vision)


def test_noise_is_for_training_alone(built: Built) -> None:
    encoder, items = items_of(built.out, 3)
    model = loss_model(encoder)
    batch = batch_of([Sequence(items)], encoder.vocabulary.pad)
    with torch.no_grad():
        plain = model(batch)
        model.neftune = 5.0
        assert torch.equal(model(batch), plain)
        model.train()
        assert not torch.equal(model(batch), plain)


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("token", [1.0, 1.0, 1.0, 1.0, 1.0]),
        ("sample", [1.0, 0.25, 0.25, 0.25, 0.25]),
        ("square", [1.0, 0.5, 0.5, 0.5, 0.5]),
    ],
)
def test_weights_of_labels(reduction: str, expected: list[float], built: Built) -> None:
    encoder, items = items_of(built.out, 1)
    batch = replace(
        batch_of([Sequence(items)], encoder.vocabulary.pad),
        owner=torch.tensor([3, 5, 5, 5, 5]),
    )
    assert weights_of(batch, reduction).tolist() == pytest.approx(expected)  # type: ignore[arg-type]
