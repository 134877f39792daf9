"""AdamW with a rate a part, and the schedule of a stage."""

from __future__ import annotations

import torch
from torch.optim.lr_scheduler import LRScheduler
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from trainer.model import LossModel
from trainer.presets import Stage
from trainer.settings import TrainSettings


def optimizer_of(model: LossModel, stage: Stage, settings: TrainSettings) -> torch.optim.AdamW:
    """Groups named vision, connector and language; the head belongs to the language."""
    rates = {
        "vision": stage.lr_vision,
        "connector": stage.lr_connector,
        "language": stage.lr_language,
    }
    parts: dict[str, list[torch.nn.Parameter]] = {name: [] for name in rates}
    for name, parameter in model.vlm.named_parameters():
        parts[_part(name)].append(parameter)
    groups = [
        {"params": parts[name], "lr": settings.learning_rate or rate, "name": name}
        for name, rate in rates.items()
    ]
    return torch.optim.AdamW(groups, weight_decay=stage.weight_decay)


def _part(name: str) -> str:
    if name.startswith("model.vision_model."):
        return "vision"
    return "connector" if name.startswith("model.connector.") else "language"


def schedule_of(optimizer: torch.optim.Optimizer, stage: Stage, num_steps: int) -> LRScheduler:
    """To zero at the last step."""
    warm_up = stage.warm_up if stage.warm_up >= 1 else stage.warm_up * num_steps
    make = {
        "cosine": get_cosine_schedule_with_warmup,
        "linear": get_linear_schedule_with_warmup,
    }[stage.schedule]
    schedule: LRScheduler = make(optimizer, min(round(warm_up), num_steps - 1), num_steps)
    return schedule
