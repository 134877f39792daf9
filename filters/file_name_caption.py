"""Answers that are a file's name: what alt texts hold where nobody described the picture.

Three forms count, each as a whole answer: a name with the extension of an image or clip
("sunset-02.jpg"), a camera's own number ("IMG_2034", "DSC00012.JPG"), and the name of one of the
sample's own media as its key has it, with or without the extension. A key of less than eight
characters or without a digit counts with its extension only: the image `cat.jpg` is well
answered by "cat". Samples without media are not judged, nor is an answer to a question that asks
for a file: there, a file's name is the answer.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from filters._answers import Answers, answers
from filters.base import Filter, Params, first_reason
from filters.conversation import Bools, children, count_per, parents, score_batch
from manifests.schema import Kind

SCORES = pa.schema(
    [
        ("num_file_name_answers", pa.int32()),
        ("file_name_share", pa.float64()),  # of the sample's answers; 0 without one
        ("num_nulls", pa.int32()),  # texts and media that could not be read, among them
    ]
)

_EXTENSION = r"\.(?:jpe?g|png|gif|webp|bmp|tiff?|heic|svg|mp4|mov|avi|webm|mkv|mpe?g|m4v)"
# Names that cameras, phones and screen grabbers give (DCF's four letters and four digits among
# them); the plain "P1010023" of some cameras needs seven digits, for "P100" is a word.
_CAMERA = (
    r"(?:(?:IMG|DSC[NF]?|_DSC|PICT|MVI|MOV|VID|PXL|GOPR|DJI|SAM|CIMG|IMGP|DCIM|KIMG|HPIM|SDC)"
    r"[-_ ]?[0-9]{3,}[-_0-9a-z~]*|P[0-9]{7}|(?:IMG|VID)-[0-9]{8}-WA[0-9]{4}"
    r"|Screenshot[-_ ][-_ 0-9.]{6,})"
)
_BARE = (
    rf"(?i)^[\s\"'`(]*(?:[^\s/\\][^\n/\\]{{0,120}}{_EXTENSION}|{_CAMERA}(?:{_EXTENSION})?)"
    r"[\s\"'`).]*$"
)
_ASKS_FOR_FILE = r"(?i)\bfile"
_AFFIXES = "\"'` \t\r\n."
# Between two strings that are joined to be looked up; no key and no answer holds it.
_BREAK = "\x1f"


class FileNameCaptionParams(Params):
    """How many answers may be file names, e.g. `max_share: 0.1`; the default, none, is ours."""

    max_share: float = Field(
        default=0.0, ge=0, le=1, description="largest share of answers that are file names"
    )


def _of_own_media(said: Answers, refs: pa.Array, sample_r: pa.Array) -> Bools:
    """Where an answer is the name of a media of its own sample."""
    keys = pl.Series(pc.struct_field(refs, "key"), dtype=pl.String).fill_null("")
    names = keys.str.extract(r"([^/\\]*)$", 1).fill_null("").str.to_lowercase()
    stems = names.str.replace(r"\.[a-z0-9]{1,5}$", "")
    telling = (stems.str.len_chars() >= 8) & stems.str.contains(r"[0-9]")
    sample = pl.Series(sample_r).cast(pl.String)
    known = pl.concat(
        [
            (sample + _BREAK + names).filter(names.str.contains(r".\.[a-z0-9]{1,5}$")),
            (sample + _BREAK + stems).filter(telling),
        ]
    )
    tidy = said.texts_a.str.strip_chars(_AFFIXES).str.to_lowercase()
    found: Bools = (
        (pl.Series(said.sample_a).cast(pl.String) + _BREAK + tidy).is_in(known.implode()).to_numpy()
    )
    return found


class FileNameCaption(Filter):
    """Drops samples with media whose answer is a bare file name: it says nothing of what is shown,
    and teaches to make such names up."""

    name: ClassVar[str] = "file_name_caption"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages", "media")
    reasons: ClassVar[tuple[str, ...]] = ("answer_is_file_name",)
    params_type: ClassVar[type[Params]] = FileNameCaptionParams
    source: ClassVar[str] = "ours"
    policies: ClassVar[tuple[str, ...]] = ("photo", "document_image", "chart", "video")

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        said = answers(batch)
        media = batch.column("media")
        refs, num_refs_s = children(media)
        sample_r = parents(num_refs_s)
        bare = said.texts_a.str.contains(_BARE).to_numpy()
        named = bare | _of_own_media(said, refs, sample_r)
        asked = said.questions().str.contains(_ASKS_FOR_FILE).to_numpy()
        found = said.count(named & ~asked & (num_refs_s > 0)[said.sample_a])
        lost_r = pc.is_null(pc.struct_field(refs, "key")).to_numpy(zero_copy_only=False)
        lost_s = pc.is_null(media).to_numpy(zero_copy_only=False)
        return score_batch(
            SCORES,
            num_file_name_answers=found,
            file_name_share=found / np.maximum(said.num_answers_s, 1),
            num_nulls=said.num_nulls_s + lost_s + count_per(sample_r, lost_r, len(media)),
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, FileNameCaptionParams)
        few = pl.col("file_name_share") <= params.max_share
        return first_reason(scores, {"answer_is_file_name": (pl.col("num_nulls") == 0) & few})


FILTER = FileNameCaption()
