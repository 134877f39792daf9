"""Whole answers that are phrases without content: announced, greeted or filled in by a form.

    kind          the whole answer, but for case, space and closing marks
    announcement  one line that says what is to come and ends in a colon: "Sure, here is the code:"
    greeting      "Hello! How can I help you today?", "I'd be happy to help."
    placeholder   "N/A", "None", "TODO", or not one letter, digit or symbol: "...", "-"
    hollow        every sentence fits any question or picture: "This is an interesting topic. There
                  are many aspects to consider.", "The image shows a scene with various elements."

"yes", "2", "A" and "cat" are answers. So is a placeholder word that the question holds itself (an
option, or "write N/A if it is empty"), and under a picture "none" (of what is counted there) and
marks alone (they may be what is written there). A greeting, placeholder or hollow answer is
innocent among real ones, for everyday talk and tables hold them; an announcement never is.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._answers import Answers, answers
from filters.base import Filter, Params, first_reason
from filters.conversation import equals, score_batch
from manifests.schema import Kind

# A longer answer is read as one with content; the phrases below are far shorter.
_LONGEST_CHARS = 200

_YES = r"(?:sure(?: thing)?|certainly|of course|absolutely|ok(?:ay)?|great|yes|no problem)"
_ANNOUNCEMENT = (
    rf"(?i)^\s*(?:{_YES}[,.!]*\s+)?"
    r"(?:here(?:'s| is| are)|below (?:is|are)|the following (?:is|are))\b[^\n.?!]*[:\x{FF1A}]\s*$"
)
_HELP = (
    r"(?:how (?:can|may) i (?:help|assist)(?: you)?(?: today| with that)?"
    r"|what can i (?:do for|help) you(?: with)?(?: today)?"
    r"|i(?:'d| would|'ll| will) be (?:happy|glad) to (?:help|assist)(?: you)?(?: with that| today)?"
    r"|i(?:'m| am) here to (?:help|assist)(?: you)?|i can (?:help|assist)(?: you)? with that"
    r"|is there anything else (?:that )?i can (?:help|assist)(?: you)? with(?: today)?)"
)
_GREETING = (
    rf"(?i)^\s*(?:(?:hello|hi|hey|{_YES})(?: there)?(?:[,.!]+\s*|\s+|$))?(?:{_HELP}[.!?\s]*)+$"
    r"|^\s*(?:hello|hi|hey|sure(?: thing)?|certainly|of course)(?: there)?[.!]+\s*$"
)
_PLACEHOLDER = (
    r"(?i)^[\s\"'*\[(<{]*(?:n/a|n\.a\.?|none|null|nil|nan|undefined|todo|tbd|tba|fixme|placeholder"
    r"|lorem ipsum|not available|not applicable|no answer|\[?(?:insert|your) (?:text|answer)"
    r"(?: here)?)[\s\"'*\])>}.!]*$"
)
_MANY = r"(?:many|several|various|different|numerous|multiple|a (?:lot|variety|number) of)"
_FINE = (
    r"(?:(?:very|really|truly|quite|such a) )*(?:interesting|good|great|excellent|important|complex"
    r"|fascinating|intriguing|beautiful|nice|unique|broad)"
)
_THINGS = (
    r"(?:aspects|factors|things|elements|objects|details|features|perspectives|possibilities|points"
    r"|ways|answers|opinions|views|interpretations)"
)
_HOLLOW_SENTENCE = (
    rf"(?:(?:what an?|th(?:is|at)(?:'s| is)(?: an?)?) {_FINE} (?:question|topic|subject|issue|point"
    r"|image|picture|photo|scene|video)"
    rf"|there are {_MANY} (?:different )?{_THINGS}(?: (?:to|that|which) [^.!?]{{0,40}})?"
    r"|(?:the|this) (?:image|picture|photo|video|scene) (?:shows|depicts|contains|features|presents"
    rf"|is) (?:an? )?(?:{_FINE} )?(?:scene|image|picture|{_MANY} {_THINGS})"
    rf"(?: (?:with|of|containing) {_MANY} (?:different )?{_THINGS})?"
    rf"(?: (?:that|which) can be (?:described|seen|interpreted|viewed) in {_MANY} ways)?"
    r"|(?:i )?hope (?:this|that) helps|thank you for (?:your|the|this) question)"
)
_HOLLOW = rf"(?i)^\s*(?:{_HOLLOW_SENTENCE}(?: here)?[.!\s]*)+$"
# Sums and currency are answers ("+", "$"), as are pictures: emoji are \p{So}.
_NO_WORD = r"^[\p{P}\p{Z}\p{C}\s]*$"

SCORES = pa.schema(
    [
        ("num_answers", pa.int32()),
        ("num_announcements", pa.int32()),
        ("num_greetings", pa.int32()),
        ("num_placeholders", pa.int32()),
        ("num_hollow", pa.int32()),
        ("num_nulls", pa.int32()),  # texts that could not be read, among them
    ]
)


class BoilerplateAnswerParams(Params):
    """What may stand, e.g. `max_placeholder_share: 1` where a form's "N/A" is what is asked for.

    All are ours. Half, because everyday talk opens with a greeting and goes on; no announcement,
    because what it announces is lost.
    """

    max_announcements: int = Field(
        default=0, ge=0, description="most answers that only announce one"
    )
    max_greeting_share: float = Field(
        default=0.5, ge=0.0, le=1.0, description="largest share of answers that are a greeting"
    )
    max_placeholder_share: float = Field(
        default=0.5, ge=0.0, le=1.0, description="largest share of answers like N/A or a lone dash"
    )
    max_hollow_share: float = Field(
        default=0.5, ge=0.0, le=1.0, description="largest share of answers that fit any question"
    )


def _is_placeholder(found: Answers, texts: pl.Series) -> pl.Series:
    """Where an answer is a placeholder that nothing it answers to could hold."""
    marks, words = texts.str.contains(_NO_WORD), texts.str.contains(_PLACEHOLDER)
    if not (marks | words).any():
        return marks
    chats = found.chats
    shows_s = chats.items_per_sample(~equals(chats.types_i, "text")) > 0
    rows = pl.DataFrame(
        {"asks": found.questions(), "says": texts, "shows": shows_s[found.sample_a]}
    )
    says = pl.col("says").str.strip_chars().str.to_lowercase()
    asked = pl.col("asks").str.to_lowercase().str.contains(says, literal=True)
    shown = pl.col("shows") & ((says == "none") | (says.str.contains(_NO_WORD) & (says != "")))
    excused = rows.select(shown | (~says.str.contains(_NO_WORD) & asked)).to_series()
    return (marks | words) & ~excused


class BoilerplateAnswer(Filter):
    """Drops chats whose answer only announces an answer, and those that are mostly greetings,
    placeholders or phrases that fit any question: they teach form without content."""

    name: ClassVar[str] = "boilerplate_answer"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = (
        "answer_only_announced",
        "answer_only_greets",
        "answer_is_placeholder",
        "answer_is_hollow",
    )
    params_type: ClassVar[type[Params]] = BoilerplateAnswerParams
    source: ClassVar[str] = "ours"
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
        # A text that is too long becomes an answer with content without being searched.
        short = found.texts_a.str.len_bytes() <= 4 * _LONGEST_CHARS
        texts = found.texts_a.zip_with(short, pl.Series(["content"], dtype=pl.String))
        texts = texts.str.replace_all("\u2019", "'")
        return score_batch(
            SCORES,
            num_answers=found.num_answers_s,
            num_announcements=found.count(texts.str.contains(_ANNOUNCEMENT)),
            num_greetings=found.count(texts.str.contains(_GREETING)),
            num_placeholders=found.count(_is_placeholder(found, texts)),
            num_hollow=found.count(texts.str.contains(_HOLLOW)),
            num_nulls=found.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, BoilerplateAnswerParams)
        answered = pl.col("num_announcements") <= params.max_announcements
        greets = pl.col("num_greetings") <= params.max_greeting_share * pl.col("num_answers")
        filled = pl.col("num_placeholders") <= params.max_placeholder_share * pl.col("num_answers")
        hollow = pl.col("num_hollow") <= params.max_hollow_share * pl.col("num_answers")
        return first_reason(
            scores,
            {
                "answer_only_announced": answered & (pl.col("num_nulls") == 0),
                "answer_only_greets": greets,
                "answer_is_placeholder": filled,
                "answer_is_hollow": hollow,
            },
        )


FILTER = BoilerplateAnswer()
