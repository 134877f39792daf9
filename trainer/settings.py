"""What a run of the trainer is defined by; the command line and checkpoints both hold it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from trainer.pictures import ImageScale
from trainer.presets import PRESETS, STAGES
from trainer.prompts import Learn

Reduction = Literal["token", "sample", "square"]


class TrainSettings(BaseModel):
    """Everything that decides the loss of every step; workers and how often is logged do not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mixture: str = Field(description="address of the build")
    build_digest: str = Field(description="of its manifest")
    preset: str
    init: str | None = Field(default=None, description="folder or Hub id of a whole model")
    vision: str | None = Field(default=None, description="of an encoder")
    text: str | None = Field(default=None, description="of a language model")
    tokenizer: str | None = None
    stage: str
    learning_rate: NonNegativeFloat | None = Field(default=None, description="for all parts")
    steps: PositiveInt
    batch: PositiveInt = Field(description="sequences a device takes at once")
    accumulate: PositiveInt
    context: PositiveInt = Field(description="ids of a sequence, at most")
    max_tiles: PositiveInt = Field(description="tiles of a sequence, at most")
    learn: Learn
    image_scale: ImageScale
    reduction: Reduction
    neftune: NonNegativeFloat
    checkpoint_layers: bool = Field(description="gradient checkpointing")
    seed: NonNegativeInt
    ranks: PositiveInt

    @model_validator(mode="after")
    def _known(self) -> Self:
        assert self.preset in PRESETS and self.stage in STAGES
        return self
