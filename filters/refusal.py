"""Answers that refuse to answer: a model trained on them learns to refuse.

Only the beginning of an answer is read, and a refusal is an apology or "I can't" together with a
verb of serving ("help", "provide", "comply"), or an excuse by nature ("as an AI ... I can't").
"I'm sorry to hear that", "I'm sorry, but I can't come" in a translated letter, "I can't believe it"
and "I couldn't help laughing" are innocent, and so is an answer that ends, not begins, with what a
model cannot know.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._answers import answers
from filters.base import Filter, Params, first_reason
from filters.conversation import score_batch
from manifests.schema import Kind

# Characters of an answer that are read: the longest opening below needs about 150.
_OPENING_CHARS = 240

_SERVE = (
    # "I can't help it", "I couldn't help laughing": no help is asked for there.
    r"(?:help(?: (?:you|with|to|in)\b|[.,;!]|$)|assist|fulfil"
    r"|compl(?:y|ete) (?:with )?(?:this|that|your)|provide|generate|create"
    r"|write|produce|answer|respond|discuss|engage|participate|support|accommodate|satisfy"
    r"|process|perform|access|browse|view|see (?:the|any|an) (?:image|picture|photo|video)"
    r"|identify (?:the )?(?:real )?(?:people|person|individuals?)|give (?:you )?(?:advice|legal)"
    r"|offer (?:advice|medical|legal)|share (?:that|this)|do (?:that|this)\b)"
)
_UNABLE = (
    r"(?:can't|can ?not|could not|couldn't|won't|will not|am not able to|'m not able to"
    r"|am unable to|'m unable to|am not programmed to|am not going to)"
)
_ADVERB = r"(?: (?:just|simply|really|also|directly|actually|currently))?"
_APOLOGY = (
    r"(?:(?:i'm|i am|we're|we are) (?:(?:so|very|really|truly|deeply) )?(?:sorry|afraid)|sorry"
    r"|my apologies|(?:i|we) (?:sincerely )?apologi[sz]e|unfortunately)"
    r"(?: for (?:any|the) (?:confusion|inconvenience))?"
)
_REFUSALS = (
    # "I'm sorry, but I can't help with that." and the same without the apology
    rf"(?:{_APOLOGY}[,.;:!]*(?: (?:but|that))?,? )?(?:i|we) ?{_UNABLE}{_ADVERB} {_SERVE}",
    # "I'm sorry, but as an AI language model ..., I don't have access ..."
    rf"(?:{_APOLOGY}[,.;:!]*(?: but)?,? )?(?:i'm|i am|as) (?:just |only )?an? (?:text-based )?"
    r"(?:ai|artificial intelligence|(?:large )?language model)\b[^.\n]{0,100}?\bi"
    rf"(?: ?{_UNABLE}| (?:do not|don't|lack|have no)\b|'m not\b| am not\b)",
    # The same in the languages that public chat sets hold most of after English
    r"(?:lo siento|disculpa|perd[óo]n),? (?:pero )?(?:no puedo|como (?:un )?modelo de lenguaje)"
    r" ?(?:ayudar|asistir|proporcionar|cumplir|generar|crear|escribir|,)",
    r"(?:je suis )?d[ée]sol[ée]e?,? (?:mais )?(?:je ne (?:peux|suis) pas"
    r" (?:en mesure de |capable de )?(?:vous |t')?"
    r"(?:aider|assister|fournir|g[ée]n[ée]rer|cr[ée]er|[ée]crire|r[ée]pondre)"
    r"|en tant qu'(?:ia|intelligence|assistant|mod[èe]le))",
    r"(?:es )?tut mir (?:sehr )?leid,? (?:aber )?(?:als (?:ki|sprachmodell|k[üu]nstliche)"
    r"|(?:ich kann|dabei kann ich) (?:ihnen |dir |diese |dieser )?[^.\n]{0,60}nicht"
    r" (?:helfen|weiterhelfen|bereitstellen|erstellen|beantworten|erf[üu]llen))",
    r"(?:很)?(?:抱歉|对不起)[,\x{FF0C}\x{3002}]? ?(?:但)?"
    r"(?:作为(?:一个|一名)?(?:ai|人工智能|语言模型)"
    r"|我(?:无法|不能)(?:协助|帮助|提供|满足|生成|回答|完成))",
)
_PATTERN = rf"(?i)^[\s*_>\"#]*(?:{'|'.join(_REFUSALS)})"

SCORES = pa.schema(
    [
        ("num_answers", pa.int32()),
        ("num_refusals", pa.int32()),
        ("refusal_share", pa.float64()),  # of the answers; 0 without one
        ("num_nulls", pa.int32()),  # texts that could not be read, among them
    ]
)


class RefusalParams(Params):
    """How much refusing may stand, e.g. `max_refusal_share: 1` to keep all and only count.

    Zero is ours: one refused turn is enough to teach it, and such rows are few.
    """

    max_refusal_share: float = Field(
        default=0.0, ge=0.0, le=1.0, description="largest share of answers that refuse"
    )


class Refusal(Filter):
    """Drops chats in which an answer refuses to answer; a small model copies that habit fast."""

    name: ClassVar[str] = "refusal"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("answer_refuses",)
    params_type: ClassVar[type[Params]] = RefusalParams
    source: ClassVar[str] = (
        "ours, narrower than the prefixes that the code of GCG tests for (Zou et al., 2307.15043)"
    )
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
        found = answers(batch)
        # Typographic apostrophes are as common as plain ones.
        opening = found.texts_a.str.slice(0, _OPENING_CHARS).str.replace_all("\u2019", "'")
        num_refusals = found.count(opening.str.contains(_PATTERN))
        return score_batch(
            SCORES,
            num_answers=found.num_answers_s,
            num_refusals=num_refusals,
            refusal_share=num_refusals / np.maximum(found.num_answers_s, 1),
            num_nulls=found.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, RefusalParams)
        willing = pl.col("refusal_share") <= params.max_refusal_share
        return first_reason(scores, {"answer_refuses": willing & (pl.col("num_nulls") == 0)})


FILTER = Refusal()
