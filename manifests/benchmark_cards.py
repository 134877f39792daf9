"""Benchmark cards: what of each evaluation set is held out, one YAML file each.

They lie in manifests/benchmarks/. Only held-out splits are named, so that the train split of a
benchmark, which mixtures use on purpose, passes. License and revision are required, as of sources.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from manifests.cards import License, Named, Strict, Text, parse_named
from manifests.errors import UsageError, nearest
from manifests.schema import Modality

# What an answer column holds: the text (of a list the first), or which of the choices it is:
# counted from 0, counted from 1, by its letter, or by its entry in `labels`.
AnswerKind = Literal["text", "index", "number", "letter", "label"]


class HeldOut(Strict):
    """A split that models are tested on: the files of its rows, and the archives of its clips."""

    split: Text
    files: tuple[Text, ...] = Field(min_length=1, description="patterns, relative to the repo")
    archives: tuple[Text, ...] = Field(default=(), description="patterns; where rows name clips")
    num_rows: NonNegativeInt | None = Field(description="as documented; null where unknown")


class Fields(Strict):
    """Where a row keeps what; `a.b` is field b of column a."""

    question: tuple[Text, ...] = Field(min_length=1, description="texts, joined line by line")
    choices: tuple[Text, ...] = Field(default=(), description="texts, or lists of texts")
    labels: Text | None = Field(default=None, description="the list that names the choices")
    answer: Text | None = None
    answer_is: AnswerKind = "text"
    images: tuple[Text, ...] = Field(default=(), description="encoded images, base64, or lists")
    video: Text | None = Field(default=None, description="the path or stem of a clip's file")

    @property
    def columns(self) -> tuple[str, ...]:
        """Top-level columns that are read, in order."""
        paths = (*self.question, *self.choices, self.labels, self.answer, *self.images, self.video)
        return tuple(dict.fromkeys(path.partition(".")[0] for path in paths if path))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.answer_is != "text" and not self.choices:
            raise ValueError(f"answer_is {self.answer_is} needs choices")
        if (self.answer_is == "label") != (self.labels is not None):
            raise ValueError("labels and answer_is label belong together")
        return self


class BenchmarkCard(Named):
    """Repo, held-out splits, columns, terms and quirks of one evaluation set."""

    title: Text
    modality: Modality
    repo: Text = Field(description="Hub dataset id")
    revision: Text = Field(description="commit, tag, or main: resolved once a build")
    license: License
    gated: bool
    citation: Text
    num_bytes: NonNegativeInt | None = Field(
        description="about what reading it downloads, clips included; null where unknown"
    )
    held_out: tuple[HeldOut, ...] = Field(min_length=1)
    fields: Fields
    train: Text = Field(description="which rows are not held out, and who trains on them")
    quirks: tuple[Text, ...] = ()
    unverified: tuple[Text, ...] = Field(
        default=(), description="what was not seen upstream when the card was written"
    )

    @property
    def homepage(self) -> str:
        return f"https://huggingface.co/datasets/{self.repo}"

    @property
    def num_rows(self) -> int | None:
        """Of all held-out splits; None where one is unknown."""
        counts = [split.num_rows for split in self.held_out]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    @model_validator(mode="after")
    def _check(self) -> Self:
        has_archives = [bool(split.archives) for split in self.held_out]
        if any(has_archives) and self.fields.video is None:
            raise ValueError("archives hold clips, but fields.video names no column")
        if self.fields.video is not None and not all(has_archives):
            raise ValueError("fields.video names clips, but a split names no archives")
        return self


def parse_benchmark_card(text: str, name: str) -> BenchmarkCard:
    """The card in YAML `text`, that of benchmark `name`; CardError where it does not hold."""
    return parse_named(BenchmarkCard, text, name, f"manifests/benchmarks/{name}.yaml")


@cache
def benchmark_cards() -> dict[str, BenchmarkCard]:
    """Every card, by name, sorted."""
    folder = resources.files("manifests") / "benchmarks"
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    texts = {file.removesuffix(".yaml"): folder / file for file in files}
    return {
        name: parse_benchmark_card(file.read_text(encoding="utf-8"), name)
        for name, file in texts.items()
    }


def benchmark_card(name: str, where: str) -> BenchmarkCard:
    """The card of that name; UsageError, which says `where` it was named, where there is none."""
    cards = benchmark_cards()
    if name not in cards:
        raise UsageError(
            f"{where}: there is no benchmark {name!r}{nearest(name, cards)} "
            "(`mixture benchmarks list` has all)"
        )
    return cards[name]
