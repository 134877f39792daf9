"""Ratings that upstream rows carry in `extra`, as scores to judge by.

    field of extra                              scale           who rated
    {relevance, image_correspondence,           1 to 5 a turn   FineVision: Qwen models (its card)
     visual_dependency, formatting}_ratings,
     or _min where the list is null
    input_quality                               five words      Magpie: Llama 3, of the question
    quality, beside reward_model_score          five words      smol-magpie-ultra, the same
    instruct_reward                             any number      Magpie: FsfairX reward model
    llama_guard_2                               "safe" or not   Magpie: Llama Guard 2

A sample's rating is the lowest of its turns'; a null rating is none. Null, missing and unknown are
told from bad: what has no rating passes every threshold, but a rating that is no number on its
scale, or a list that does not fit the turns, is malformed and falls: nobody knows what it says.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters.base import Filter, Params, first_reason
from filters.conversation import Ints, equals, flatten, score_batch
from manifests.schema import Kind

_TURN_RATINGS = ("relevance", "image_correspondence", "visual_dependency", "formatting")
_BEST = 5
_QUALITIES = {"very poor": 1, "poor": 2, "average": 3, "good": 4, "excellent": 5}
_ABSENT = -1

SCORES = pa.schema(
    [
        *((f"{name}_score", pa.int8()) for name in _TURN_RATINGS),  # 1 to 5; -1: absent
        ("input_quality_score", pa.int8()),  # 1, very poor, to 5, excellent; -1: absent
        # A reward may be -1 itself: a flag says whether there is one, and without one it is 0.
        ("has_instruct_reward", pa.bool_()),
        ("instruct_reward_score", pa.float64()),
        ("guard_code", pa.string()),  # absent, safe or unsafe
        ("num_malformed", pa.int32()),
        ("num_nulls", pa.int32()),  # what a number of turns could not be known for
    ]
)

# A row without any of these is not parsed.
_FIELDS = r'_ratings"|_min"|"input_quality"|"instruct_reward"|"reward_model_score"|"llama_guard_2"'


class UpstreamRatingsParams(Params):
    """Lowest ratings, e.g. `min_image_correspondence: 3`, `min_input_quality: 3`.

    The defaults keep every row: FineVision's authors found that training on all of it was best
    (arXiv 2510.17269), and Magpie's sets are filtered by these columns already where their names
    say so (arXiv 2406.08464).
    """

    min_relevance: int = Field(default=1, ge=1, le=5, description="lowest relevance of a turn")
    min_image_correspondence: int = Field(
        default=1, ge=1, le=5, description="lowest fit of a turn to its image"
    )
    min_visual_dependency: int = Field(
        default=1, ge=1, le=5, description="lowest need of the image to answer a turn"
    )
    min_formatting: int = Field(default=1, ge=1, le=5, description="lowest formatting of a turn")
    min_input_quality: int = Field(
        default=1, ge=1, le=5, description="lowest quality of the question: 1 very poor, 3 average"
    )
    min_instruct_reward: float | None = Field(
        default=None, description="lowest reward of the answer; null: any"
    )
    allow_unsafe: bool = Field(
        default=True, description="whether rows that Llama Guard calls unsafe stay"
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lowest(extra: dict[str, Any], name: str, num_turns: int) -> int | None:
    """The lowest rating of the turns, -1 without one, None if malformed."""
    ratings = extra.get(f"{name}_ratings")
    if ratings is None:
        ratings = [extra.get(f"{name}_min")]
    elif not isinstance(ratings, list) or len(ratings) != num_turns:
        return None
    known = [rating for rating in ratings if rating is not None]
    if not all(_is_number(rating) and rating in range(1, _BEST + 1) for rating in known):
        return None
    return int(min(known, default=_ABSENT))


def _quality(extra: dict[str, Any]) -> int | None:
    """1 to 5, -1 without one, None if it is none of the five words."""
    word = extra.get("input_quality")
    if word is None and "reward_model_score" in extra:
        word = extra.get("quality")
    if word is None:
        return _ABSENT
    return _QUALITIES.get(word.strip().lower()) if isinstance(word, str) else None


def _guard(extra: dict[str, Any]) -> str | None:
    said = extra.get("llama_guard_2")
    if said is None:
        return "absent"
    if not isinstance(said, str) or not said.strip():
        return None
    return "safe" if said.strip().lower() == "safe" else "unsafe"


def _reward(extra: dict[str, Any]) -> tuple[bool, float] | None:
    """(whether there is one, the reward); None if it is no number."""
    reward = extra.get("instruct_reward")
    if reward is None:
        return False, 0.0
    return (True, float(reward)) if _is_number(reward) else None


def _read(text: str, num_turns: int) -> tuple[Any, ...]:
    """Ratings of one row, in the order of `_NOTHING`; None for what is malformed."""
    try:
        extra = orjson.loads(text)
    except orjson.JSONDecodeError:
        extra = None
    if not isinstance(extra, dict):
        return (None,) * len(_NOTHING)
    turns = [_lowest(extra, name, num_turns) for name in _TURN_RATINGS]
    return (*turns, _quality(extra), _reward(extra), _guard(extra))


# What a row without ratings scores.
_NOTHING = (*[_ABSENT] * len(_TURN_RATINGS), _ABSENT, (False, 0.0), "absent")


class UpstreamRatings(Filter):
    """Drops samples that upstream's own raters found poor, by thresholds that keep all until they
    are raised, and those whose ratings make no sense."""

    name: ClassVar[str] = "upstream_ratings"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages", "extra")
    reasons: ClassVar[tuple[str, ...]] = (
        "rating_malformed",
        "rating_too_low",
        "question_quality_too_low",
        "reward_too_low",
        "rated_unsafe",
    )
    params_type: ClassVar[type[Params]] = UpstreamRatingsParams
    source: ClassVar[str] = "FineVision (arXiv 2510.17269), Magpie (arXiv 2406.08464)"
    policies: ClassVar[tuple[str, ...]] = (
        "chat",
        "math",
        "code",
        "document_image",
        "chart",
        "photo",
        "video",
    )

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        chats = flatten(batch)
        num_turns_s = chats.messages_per_sample(equals(chats.roles_m, "assistant"))
        extras = pl.Series(batch.column("extra"), dtype=pl.String)
        rated = np.flatnonzero(extras.str.contains(_FIELDS).fill_null(False).to_numpy())
        read = zip(extras.gather(rated), num_turns_s[rated].tolist(), strict=True)
        found: list[tuple[Any, ...]] = [_NOTHING] * len(extras)
        for row, (text, num_turns) in zip(rated.tolist(), read, strict=True):
            found[row] = _read(text, num_turns)
        return _scored(found, chats.num_nulls_s)

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, UpstreamRatingsParams)
        ratings = pl.all_horizontal(
            _reaches(name, getattr(params, f"min_{name}")) for name in _TURN_RATINGS
        )
        well_formed = (pl.col("num_malformed") == 0) & (pl.col("num_nulls") == 0)
        reward = pl.lit(True)
        if params.min_instruct_reward is not None:
            enough = pl.col("instruct_reward_score") >= params.min_instruct_reward
            reward = ~pl.col("has_instruct_reward") | enough
        return first_reason(
            scores,
            {
                "rating_malformed": well_formed,
                "rating_too_low": ratings,
                "question_quality_too_low": _reaches("input_quality", params.min_input_quality),
                "reward_too_low": reward,
                "rated_unsafe": (pl.col("guard_code") != "unsafe") | params.allow_unsafe,
            },
        )


def _reaches(name: str, lowest: int) -> pl.Expr:
    score = pl.col(f"{name}_score")
    return (score >= lowest) | (score == _ABSENT)


def _scored(found: list[tuple[Any, ...]], num_nulls: Ints) -> pa.RecordBatch:
    """Columns of rows as `_read` leaves them; what is malformed scores as absent."""
    columns: list[tuple[Any, ...]] = list(zip(*found, strict=True)) or [()] * len(_NOTHING)
    whole: list[list[Any]] = [
        [nothing if value is None else value for value in column]
        for column, nothing in zip(columns, _NOTHING, strict=True)
    ]
    ratings, rewards, guards = whole[:-2], whole[-2], whole[-1]
    names = (*_TURN_RATINGS, "input_quality")
    return score_batch(
        SCORES,
        **{
            f"{name}_score": np.array(column, dtype=np.int8)
            for name, column in zip(names, ratings, strict=True)
        },
        has_instruct_reward=np.array([has for has, _ in rewards], dtype=np.bool_),
        instruct_reward_score=np.array([reward for _, reward in rewards], dtype=np.float64),
        guard_code=np.array(guards, dtype=np.object_),
        num_malformed=np.array([row.count(None) for row in found], dtype=np.int32),
        num_nulls=num_nulls,
    )


FILTER = UpstreamRatings()
