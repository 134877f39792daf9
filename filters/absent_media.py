"""Chats that speak of an image or video that is shown, while the sample holds no media at all.

Such rows lost their image on the way (or never had one: instructions that a text model made up).
A model that learns them describes what it cannot see. Three forms count: a question that points at
something shown ("Describe this image.", "What is the man doing in the video?"), any text that says
where it is ("the attached photo", "shown in the image"), and an answer that opens by describing
("The image shows", "In this picture,"). Talk about images in general, code that handles them, and
the image of a function are none of these. Forms are English; other languages are passed over.

Figures, charts and diagrams are counted by themselves: sums that point at a lost figure can often
be solved all the same, and figures are also drawn in text ([asy], tables).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from filters.base import Filter, Params, first_reason
from filters.conversation import (
    Bools,
    Conversations,
    Ints,
    children,
    count_per,
    equals,
    flatten,
    parents,
    score_batch,
)
from manifests.schema import Kind

SCORES = pa.schema(
    [
        ("num_media", pa.int32()),  # references and items of images and videos
        ("num_media_mentions", pa.int32()),  # texts that speak of an image or video shown
        ("num_figure_mentions", pa.int32()),  # texts that speak of a figure or chart shown
        ("num_nulls", pa.int32()),  # texts and media that could not be read, among them
    ]
)

_MEDIA = r"(?:image|picture|photo|photograph|video(?: clip)?|screenshot)s?"
_FIGURES = r"(?:figure|diagram|chart|graph)s?"
_THIS = r"(?:the|this|these|that|both)(?: [a-z-]+)?"
_SHOWN = r"(?:shown|seen|depicted|visible|displayed|pictured|illustrated)"
_END = r"(?:[.?!:]|$| in detail| briefly| concisely| below| above| and (?:answer|describe))"
# {0}: the noun. In user messages anywhere; in answers only the second and the last.
_QUESTION = (
    r"(?i:\b(?:describe|caption|look(?:ing)? (?:closely )?at|based on|observe)(?: what is in)? "
    rf"{_THIS} {{0}}{_END}"
    r"|\bwh(?:at|o|ere|ich)\b[^.?!\n]*\bin (?:the|this) {0}\s?\?)"
)
_PLACE = (
    rf"(?i:\b{_SHOWN} in (?:the|this|these) (?:(?:attached|provided|given|above) )?{{0}}\b"
    r"|\b(?:the|this|these) (?:attached|provided|accompanying) {0}\b"
    r"|\b(?:the|this) {0} (?:you(?:'ve| have)? (?:sent|shared|provided|attached|uploaded)"
    r"|provided|attached|shown)\b)"
)
_ANSWER = (
    r"^\s*(?i:(?:in|from|based on|looking at) (?:the|this) (?:[a-z-]+ )?{0},"
    r"|(?:the|this) (?:[a-z-]+ )?{0} (?:shows?|depicts?|features?|displays?|captures?|portrays?|"
    r"showcases?|presents|contains|appears to)\b)"
)


class AbsentMediaParams(Params):
    """Which lost media drop a sample, e.g. `max_figures: 0` where a text source lost its charts.

    Ours. Figures drop nothing by default: see the module.
    """

    max_mentions: int = Field(
        default=0, ge=0, description="most texts that speak of an image or video shown"
    )
    max_figures: int | None = Field(
        default=None, ge=0, description="most texts that speak of a figure shown; null: any number"
    )


def _in_ascii(pattern: str) -> str:
    """With the word bounds of ASCII: for Unicode's the engine goes a way ten times as slow."""
    return pattern.replace(r"\b", r"(?-u:\b)")


def _mentions(texts: pl.Series, is_user: pl.Series, noun: str) -> Bools:
    """Where a text speaks of that noun as shown."""
    # One plain search first: most texts of a text source hold no such noun.
    near = texts.str.contains(_in_ascii(rf"(?i)\b{noun}\b")).fill_null(False)
    left, asks = texts.filter(near), is_user.filter(near)
    forms = (_QUESTION, _PLACE, _ANSWER)
    question, place, answer = (_in_ascii(form.format(noun)) for form in forms)
    shown = left.str.contains(place)
    pointed = asks & left.str.contains(question)
    opened = ~asks & left.str.contains(answer)
    found: Bools = near.to_numpy().copy()
    found[found] = (shown | pointed | opened).to_numpy()
    return found


def _num_media(chats: Conversations, media: pa.Array) -> tuple[Ints, Ints]:
    """(media of each sample, nulls among its references)."""
    refs, num_refs_s = children(media)
    kinds = pc.struct_field(refs, "kind")
    lost_r = pc.is_null(kinds).to_numpy(zero_copy_only=False)
    lost_s = pc.is_null(media).to_numpy(zero_copy_only=False)
    items = equals(chats.types_i, "image") | equals(chats.types_i, "video")
    num_lost = lost_s + count_per(parents(num_refs_s), lost_r, len(media))
    return num_refs_s + chats.items_per_sample(items), num_lost


class AbsentMedia(Filter):
    """Drops chats without media that ask about or describe an image or video as if it were shown:
    they teach to describe what is not there."""

    name: ClassVar[str] = "absent_media"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages", "media")
    reasons: ClassVar[tuple[str, ...]] = ("media_absent", "figure_absent")
    params_type: ClassVar[type[Params]] = AbsentMediaParams
    source: ClassVar[str] = "ours"
    policies: ClassVar[tuple[str, ...]] = ("chat", "math", "code")

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        chats = flatten(batch)
        num_media, num_lost = _num_media(chats, batch.column("media"))
        # Only texts of samples without media are searched.
        wanted = (num_media == 0)[chats.sample_i] & equals(chats.types_i, "text")
        texts = pl.Series(chats.texts_i.filter(pa.array(wanted)), dtype=pl.String)
        is_user = pl.Series(equals(chats.roles_m, "user")[chats.message_i][wanted])
        sample_t = chats.sample_i[wanted]
        return score_batch(
            SCORES,
            num_media=num_media,
            num_media_mentions=count_per(
                sample_t, _mentions(texts, is_user, _MEDIA), chats.num_samples
            ),
            num_figure_mentions=count_per(
                sample_t, _mentions(texts, is_user, _FIGURES), chats.num_samples
            ),
            num_nulls=chats.num_nulls_s + num_lost,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, AbsentMediaParams)
        known = pl.col("num_nulls") == 0
        shows = pl.col("num_media") > 0
        few = pl.col("num_media_mentions") <= params.max_mentions
        figures = pl.lit(True)
        if params.max_figures is not None:
            figures = shows | (pl.col("num_figure_mentions") <= params.max_figures)
        return first_reason(
            scores, {"media_absent": known & (shows | few), "figure_absent": figures}
        )


FILTER = AbsentMedia()
