"""A user's own data as a recipe names them, under `local:`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from manifests.cards import Answer, License
from manifests.schema import Modality


class LocalSet(BaseModel):
    """Rows at `path` (a file, a folder, or a pattern), and the folder their media paths start in.

    local:
      my_chat: {path: data/chat.jsonl}
      my_vqa: {path: data/vqa.json, media: data/images, modality: image, license: CC-BY-4.0}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(min_length=1)]
    media: Annotated[str, Field(min_length=1)] | None = None
    category: Annotated[str, Field(min_length=1)] = "instruction"
    modality: Modality = "text"
    license: License = "LicenseRef-unknown"
    commercial_use: Answer = "unknown"
    redistribution: Answer = "unknown"
