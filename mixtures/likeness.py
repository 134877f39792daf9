"""What a recipe says of rows that are nearly the same, and of rows that are in benchmarks.

    near_duplicates: {text: {threshold: 0.8}, image: {}, video: {}, prefer: [the_cauldron]}
    decontaminate: {benchmarks: all, vqa: image}

As with filters, what a recipe does not name it does not do: a built-in recipe names both. An empty
mapping is the defaults.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, get_args

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StrictInt,
    field_validator,
    model_serializer,
)

from mixtures.component import Frozen

Kind = Literal["text", "image", "video"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class NearText(Frozen):
    """Texts that share most of their word 5-grams; those of fewer words only if all are the same.

    14 bands of 8 rows are FineWeb's (arXiv 2406.17557). The threshold is ours: at 0.8 they find
    0.92 of the pairs, at FineWeb's 0.72, which it does not verify, 0.65.
    """

    threshold: float = Field(
        default=0.8, gt=0, le=1, description="least Jaccard similarity of word 5-grams"
    )
    bands: StrictInt = Field(default=14, ge=1, le=64, description="keys a text, one a band")
    rows: StrictInt = Field(default=8, ge=1, le=32, description="hashes that a band joins")
    chat: Literal["both", "user", "answers"] = Field(
        default="both",
        description="what of a chat is to be alike: user turns and answers each, or one of them",
    )


class NearModel(Frozen):
    """Photos that a model of copies takes for one, as SSCD does (arXiv 2202.10261): cut further,
    turned, written over, in other colours. They are alike, and never the same.

    0.75 is where SSCD's readme sees a precision of 0.9 on DISC 2021.
    """

    weights: str = Field(
        description="ONNX file: path from the recipe's folder, or owner/name/file[@revision] on "
        "the Hub"
    )
    likeness: float = Field(default=0.75, gt=0, le=1, description="least cosine of two photos")


class NearImage(Frozen):
    """Images of the same picture: encoded anew, scaled, cut by a few per cent, mirrored."""

    radius: StrictInt = Field(
        default=8, ge=0, le=8, description="bits of 64 in which hashes of candidates may differ"
    )
    model: NearModel | None = Field(default=None, description="null: no model is asked")

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without a model it is written as it was before there was one."""
        raw: dict[str, Any] = handler(self)
        return raw if self.model else {"radius": self.radius}


class NearVideo(Frozen):
    """Clips with the same frames: encoded anew, scaled, trimmed, contained in a longer one."""


class NearDuplicates(Frozen):
    """Which near duplicates are looked for, and whose copy stays."""

    text: NearText | None = Field(default=None, description="null: not looked for")
    image: NearImage | None = Field(default=None, description="null: not looked for")
    video: NearVideo | None = Field(default=None, description="null: not looked for")
    prefer: tuple[str, ...] = Field(
        default=(), description="sources whose copies stay, the first first; then others by name"
    )

    def without(self, kinds: Collection[Kind]) -> NearDuplicates | None:
        """The same but for these; None where nothing is left."""
        left = self.model_copy(update=dict.fromkeys(kinds))
        return left if left.text or left.image or left.video else None


class Decontaminate(Frozen):
    """Which benchmarks rows are held against, and by which rules (docs/decontamination.md).

    13-gram and longest common subsequence of 0.6: Qwen2.5-Math (arXiv 2409.12122) and SmolLM2's
    FineMath. 8-gram and half of the question's words: Tulu 3 (arXiv 2411.15124).
    """

    benchmarks: Literal["all"] | tuple[str, ...] = Field(
        default="all", description="names of cards in manifests/benchmarks"
    )
    vqa: Literal["image", "image_and_question"] = Field(
        default="image", description="what of a visual question is to match"
    )
    least_subsequence: float = Field(
        default=0.6, ge=0.25, le=1, description="of documents: of the benchmark's words"
    )
    least_coverage: float = Field(
        default=0.5, ge=0.25, le=1, description="of chats: share of a question's words"
    )

    @field_validator("benchmarks", mode="before")
    @classmethod
    def _one(cls, named: object) -> object:
        return tuple(named) if isinstance(named, list) else named
