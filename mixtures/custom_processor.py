"""A processor of the user's own, as a recipe gives it in place of a name."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt


class CustomProcessor(BaseModel):
    """How a model sees images, and how much it can take in.

    processor: {tile_px: 384, longest_edge_px: 768, ids_per_tile: 49, context_tokens: 4096}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="custom", pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    tile_px: StrictInt = Field(ge=1, le=65_536, description="side of a square tile")
    longest_edge_px: StrictInt = Field(ge=1, le=65_536, description="images are scaled to it")
    ids_per_tile: StrictInt = Field(ge=1, le=65_536, description="`<image>` ids a tile")
    upscale: StrictBool = Field(default=True, description="whether smaller images grow, too")
    context_tokens: StrictInt = Field(ge=1, description="ids that the model takes in, at most")
