"""Answers in another language than their question.

The worst turn counts: the surest of those whose answer shares no language with its question, close
relatives being one. The question's first and last line speak for it too, for a task in one language
is often set on a text in another. Innocent are answers without a language (code, formulas, names,
less than three words) and all that follows a message which speaks of a language or a translation.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from filters._lid import CODES, FIRST_LANGUAGE, Floats, Pieces, guess, main_of, message_texts, names
from filters._text_class import looks_like_names
from filters.base import Filter, Params, first_reason
from filters.conversation import Bools, Conversations, Ints, equals, flatten, score_batch, truth
from manifests.schema import Kind

SCORES = pa.schema(
    [
        # The lower of both probabilities in the worst turn; 0: no turn has two languages.
        ("mismatch_score", pa.float64()),
        ("question_code", pa.string()),  # of that turn; none without one
        ("answer_code", pa.string()),
        ("num_answers", pa.int32()),
        ("num_nulls", pa.int32()),
    ]
)

# Languages that lid.176 takes for each other or whose speakers write both: one for this filter.
_RELATIVES = (
    "bs hr sh sr",
    "da nn no",
    "id jv min ms su",
    "wuu yue zh",
    "gl pt",
    "an ast es",
    "cs sk",
    "bg mk",
    "hi mai mr ne bh",
    "pnb ur",
    "af nl li vls",
    "als bar de lb nds pfl",
    "ar arz",
    "az azb tr",
    "en sco",
    "fa mzn lrc",
)

# Words that speak of a language or of translating, and languages' names, as far as they are alike
# in the languages that ask; a stem that is too common only makes more turns innocent.
_SPEAKS_OF = (
    # translation, language, in many languages
    "translat|transliter|traduc|traduz|tradui|tradu[sț]|vertaal|vertal|"
    "übersetz|översätt|oversæt|oversett|käännä|kääntä|käännö|fordít|tłumacz|přelož|překlad|prelož|"
    "çevir|tercüme|terjemah|dịch|dich sang|перевед|перевод|перекла|превед|превод|μετάφρα|μεταφρά|"
    "翻译|翻譯|译成|翻訳|訳し|번역|ترجم|अनुवाद|অনুবাদ|תרגם|תרגום|แปล|"
    "languag|bilingu|multiling|lingua|langue|idioma|sprache|språk|sprog|język|jazyk|limb[aă]|"
    "nyelv|kiel[ei]|bahasa|tiếng|язык|мовою|мові|мову|українськ|език|γλώσσ|语言|語言|語で|语|語|언어|어로|لغة|زبان|"
    "भाषा|ভাষা|שפה|ภาษา|"
    # English names
    "english|french|german|spanish|portugu|italian|dutch|polish|czech|russian|ukrain|turkish|"
    "arabic|hebrew|persian|farsi|hindi|bengali|urdu|chinese|mandarin|cantonese|japanese|korean|"
    "vietnam|indonesi|malay|thai|swedish|danish|norwegian|finnish|hungar|romanian|bulgarian|greek|"
    "latin|swahili|tagalog|filipino|catalan|esperanto|sanskrit|gaelic|irish|welsh|"
    # stems elsewhere: English, French, German, Spanish, Italian, Russian, Chinese, Japanese
    "ingl[eéè]|anglais|engl[ie]s|angiel|angličt|anglič|engelsk|englann|angol|englez|ingiliz|"
    "inggris|англ|αγγλ|英文|영어|الإنجليز|انگلیس|अंग्रे|ইংরেজ|אנגלית|อังกฤษ|"
    "franc[eéê]s|français|francuz|französ|francouz|ranska|fransız|prancis|pháp|франц|γαλλ|法文|"
    "alem[aá]n|alemão|allemand|tedesc|niemiec|němč|deutsch|tysk|saks|német|almanc|jerman|немец|"
    "español|espanhol|espagnol|spagnol|hiszpań|španěl|spansk|ispanyol|spanyol|испан|西班牙|스페인|"
    "italien|włosk|итал|意大利|chino|chinois|chines|cines|chińsk|kiina|kina|çince|китай|中文|중국|"
    "japon|giappon|giapan|japán|япон|日本|일본|ruso|russe|russo|russisch|rosyjsk|rusky|русск|"
    "俄|러시아|araab|arab|árabe|араб|korea|corean|coréen|корей|韩文|한국|portugees|portugies|portug"
)


class AnswerLanguageParams(Params):
    """How sure both guesses must be, e.g. `max_mismatch_score: 0.5` to drop more.

    0.7 is ours, set on UDHR in 30 languages: of paragraphs paired within a language none fell, of
    pieces of 3 to 9 words 0.1 %; of paragraphs paired across languages 88 % did.
    """

    max_mismatch_score: float = Field(
        default=0.7, ge=0, le=1, description="greatest lower probability of two languages"
    )


def _groups() -> Ints:
    """The first relative of each code."""
    found = np.arange(len(CODES))
    for line in _RELATIVES:
        members = [CODES.index(code) for code in line.split()]
        found[members] = members[0]
    return found


_GROUP = _groups()


def _open_from(chats: Conversations, texts: pa.Array) -> Bools:
    """Messages at or after one that speaks of a language, in their sample."""
    asks = ~equals(chats.roles_m, "assistant")
    says = truth(pc.match_substring_regex(texts, _SPEAKS_OF, ignore_case=True)) & asks
    first = np.full(chats.num_samples, np.iinfo(np.int64).max)
    np.minimum.at(first, chats.sample_m[says], chats.position_m[says])
    return np.asarray(chats.position_m >= first[chats.sample_m])


def _edges(questions: pa.Array) -> Pieces:
    """Guesses of the questions' first and last lines."""
    lines = [
        pc.struct_field(pc.extract_regex(questions, pattern), "line")
        for pattern in (r"^\s*(?P<line>[^\n]{1,200})", r"(?P<line>[^\n]{1,200})\s*$")
    ]
    edges = guess(pa.concat_arrays(lines))
    of = edges.text_p % max(len(questions), 1)
    return Pieces(of, edges.code_p, edges.score_p, edges.bytes_p)


def _share_one(asked: Pieces, said: Pieces, num_turns: int) -> Bools:
    """Turns of which a window of the answer is in a language of the question."""
    keys = _keys(said)
    shared = np.zeros(num_turns, bool)
    shared[keys[np.isin(keys, _keys(asked))] // len(CODES)] = True
    return shared


def _keys(pieces: Pieces) -> Ints:
    keys = pieces.text_p * len(CODES) + _GROUP[pieces.code_p]
    return np.asarray(keys[pieces.is_language])


class AnswerLanguage(Filter):
    """Drops chats that answer in a language nobody asked for: the model would learn to switch."""

    name: ClassVar[str] = "answer_language"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("answer_language_unmeasured", "answer_in_other_language")
    params_type: ClassVar[type[Params]] = AnswerLanguageParams
    source: ClassVar[str] = "ours; lid.176 (arXiv 1607.01759)"
    policies: ClassVar[tuple[str, ...]] = ("chat", "math")

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        chats = flatten(batch)
        texts = message_texts(chats)
        answers = equals(chats.roles_m, "assistant")
        turns_m = _turns(chats, answers) & ~_open_from(chats, texts)
        at = np.flatnonzero(turns_m)
        score_t, question_t, answer_t = _mismatches(texts.take(at - 1), texts.take(at))
        worst, sample = _worst(chats.sample_m[at], score_t)
        scores, asked, said = np.zeros(chats.num_samples), *np.zeros((2, chats.num_samples), int)
        scores[sample], asked[sample], said[sample] = (
            score_t[worst],
            question_t[worst],
            answer_t[worst],
        )
        return score_batch(
            SCORES,
            mismatch_score=scores,
            question_code=names(asked),
            answer_code=names(said),
            num_answers=chats.messages_per_sample(answers),
            num_nulls=chats.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, AnswerLanguageParams)
        known = (pl.col("num_nulls") == 0) & (pl.col("num_answers") > 0)
        same = pl.col("mismatch_score") <= params.max_mismatch_score
        return first_reason(
            scores, {"answer_language_unmeasured": known, "answer_in_other_language": same}
        )


def _turns(chats: Conversations, answers: Bools) -> Bools:
    """Answers right after a user's message of the same conversation."""
    users = equals(chats.roles_m, "user")
    after_user = np.append(False, users)[:-1]
    return np.asarray(answers & (chats.position_m > 0) & after_user)


def _mismatches(questions: pa.Array, answers: pa.Array) -> tuple[Floats, Ints, Ints]:
    """(score, question's code, answer's code) of each turn; a score of 0 where nothing is wrong.

    Guesses cost most, so that each look is at the turns that the one before it left.
    """
    num_turns = len(questions)
    said = guess(answers)
    answer = main_of(said, said.text_p, num_turns)
    left = np.flatnonzero(answer.code_g >= FIRST_LANGUAGE)
    asked = guess(questions.take(left))
    question = main_of(asked, asked.text_p, len(left))
    score, code = np.zeros(num_turns), np.zeros(num_turns, np.int64)
    code[left] = question.code_g
    spoken = (question.code_g >= FIRST_LANGUAGE) & ~_share_one(asked, said.of(left), len(left))
    left, sure = left[spoken], question.score_g[spoken]
    edges = _edges(questions.take(left))
    wrong = ~_share_one(edges, said.of(left), len(left)) & ~looks_like_names(answers.take(left))
    score[left[wrong]] = np.minimum(sure, answer.score_g[left])[wrong]
    return score, code, answer.code_g


def _worst(sample_t: Ints, score_t: Floats) -> tuple[Ints, Ints]:
    """(the first turn of the highest score, its sample) for each sample that has one above 0."""
    wrong = np.flatnonzero(score_t > 0)
    order = wrong[np.lexsort((wrong, -score_t[wrong], sample_t[wrong]))]
    samples, first = np.unique(sample_t[order], return_index=True)
    return order[first], samples


FILTER = AnswerLanguage()
