"""Source cards: the facts of each upstream dataset, one YAML file each in manifests/sources/.

License and revision are required fields, not prose: in peers, what was optional was forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    ValidationError,
    model_validator,
)

from manifests.errors import CardError, invalid_fields, nearest
from manifests.schema import Modality

# libyaml reads a card of 85 subsets in 30 ms, PyYAML itself in 300.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Text = Annotated[str, Field(min_length=1)]
# SPDX ids, LicenseRef-<name>, and expressions of them; an empty license is none.
License = Annotated[str, Field(pattern=r"^[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*$")]
# YAML reads a bare yes or no as true or false.
Answer = Annotated[
    Literal["yes", "no", "unknown"],
    BeforeValidator(lambda value: {True: "yes", False: "no"}.get(value, value)),
]
# How the turns of a sample hang together: `independent` ones are questions of their own about the
# same media, in any order; a `dialogue` refers back.
Turns = Literal["independent", "dialogue"]
_KIND = r"(string|integer|number|boolean|list|object|bytes)"
# What a field of an upstream row may hold: "string", "integer|string"; "list?" also null or absent.
FieldKind = Annotated[str, Field(pattern=rf"^{_KIND}(\|{_KIND})*\??$")]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Named(Strict):
    name: Text


CardT = TypeVar("CardT", bound=Named)


class Subset(Strict):
    """One upstream config (or folder) of a source."""

    name: Text
    category: Text = Field(description="category of its samples, e.g. captioning, vqa, document")
    modality: Modality = Field(description="what most samples are; each sample's own is counted")
    num_rows: NonNegativeInt | None = Field(
        description="upstream rows as documented; null where unknown"
    )
    license: License | None = Field(default=None, description="where it differs from the card's")
    commercial_use: Answer | None = Field(default=None, description="where it differs")
    redistribution: Answer | None = Field(default=None, description="where it differs")
    row_files: tuple[Text, ...] = Field(default=(), description="where they differ")
    media_files: tuple[Text, ...] | None = Field(default=None, description="where they differ")
    columns: Mapping[str, FieldKind] = Field(default={}, description="where they differ")
    repo: str | None = Field(default=None, description="Hub id where it differs from the card's")
    turns: Turns | None = Field(default=None, description="where they differ")
    note: str | None = Field(default=None, description="what a user must know before drawing on it")


class SourceCard(Named):
    """repo, revision, license, gating, citation, subsets and known quirks of one upstream."""

    title: Text
    repo: Text = Field(description="Hub dataset id, or the address of the archive")
    revision: Text = Field(description="commit, tag, or main: resolved once a build")
    homepage: Text
    license: License = Field(description="SPDX id, or LicenseRef-<name> for a named one")
    commercial_use: Answer = Field(description="may a product be trained on it")
    redistribution: Answer = Field(description="may a mixture that holds its rows be published")
    attribution: Text = Field(description="the line that a published mixture must carry")
    gated: bool
    citation: Text
    num_bytes: NonNegativeInt | None = Field(
        description="download size as documented, media included; null where unknown"
    )
    subsets: tuple[Subset, ...] = Field(min_length=1)
    quirks: tuple[str, ...] = Field(description="what upstream does that a reader must survive")
    media_repos: tuple[str, ...] = Field(
        default=(), description="further Hub ids that hold media of this source's rows"
    )
    files: tuple[str, ...] = Field(
        default=(), description="for layout url: the files under `repo`, which cannot be listed"
    )
    layout: Literal["hub", "url", "folder"] = "hub"
    row_files: tuple[Text, ...] = Field(
        description="patterns of annotation files; {subset} stands for a subset's name"
    )
    media_files: tuple[Text, ...] = Field(
        default=(), description="patterns of media archives, also of those in media_repos"
    )
    other_files: tuple[Text, ...] = Field(
        default=(), description="patterns of data files that are known and not read"
    )
    columns: Mapping[str, FieldKind] = Field(
        description="fields of an upstream row; `?` marks those that may be null or absent"
    )
    marker: Literal["<image>", "<video>", "none"] = Field(
        description="what stands in upstream texts for a media"
    )
    turns: Turns = Field(
        default="dialogue",
        description="independent: each turn is a question of its own about the sample's media",
    )
    contents: Text | None = Field(
        default=None, description="where the texts lie that rows name by id: `<contents>/<blob_id>`"
    )
    local_media: Text | None = Field(
        default=None,
        description="where upstream ships no media: what `--media NAME=DIR` must point at",
    )

    @property
    def repos(self) -> tuple[str, ...]:
        """Every upstream repository that the source reads, in a stable order."""
        return self.repos_of(None)

    def repos_of(self, subsets: Collection[str] | None) -> tuple[str, ...]:
        """The repositories that hold `subsets` (None: all) and their media."""
        wanted = [s for s in self.subsets if subsets is None or s.name in subsets]
        found = [subset.repo or self.repo for subset in wanted]
        return tuple(dict.fromkeys([*found, *self.media_repos]))

    @property
    def subset_names(self) -> list[str]:
        return [subset.name for subset in self.subsets]

    def row_patterns(self, subset: Subset) -> tuple[str, ...]:
        """Patterns of the files that hold a subset's rows, relative to its repository."""
        return _named(subset.row_files or self.row_files, subset)

    def media_patterns(self, subset: Subset) -> tuple[str, ...]:
        """Patterns of the archives that hold a subset's media, in whichever repository."""
        own = subset.media_files
        return _named(self.media_files if own is None else own, subset)

    def license_of(self, subset: Subset) -> str:
        return subset.license or self.license

    def commercial_use_of(self, subset: Subset) -> Answer:
        return subset.commercial_use or self.commercial_use

    def redistribution_of(self, subset: Subset) -> Answer:
        return subset.redistribution or self.redistribution

    def turns_of(self, subset: Subset) -> Turns:
        return subset.turns or self.turns

    def columns_of(self, subset: Subset) -> Mapping[str, str]:
        """Fields of a row of this subset: its own, where it has any."""
        return subset.columns or self.columns

    def subset(self, name: str) -> Subset:
        for subset in self.subsets:
            if subset.name == name:
                return subset
        names = [subset.name for subset in self.subsets]
        hint = f"{nearest(name, names)} (it has {', '.join(names)})"
        raise CardError(f"source {self.name} has no subset {name!r}{hint}")

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [subset.name for subset in self.subsets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"subsets {', '.join(twice)} are listed twice")
        if (self.layout == "url") != bool(self.files):
            raise ValueError("files belong to layout url, which must name at least one")
        return self


def _named(patterns: tuple[str, ...], subset: Subset) -> tuple[str, ...]:
    return tuple(pattern.replace("{subset}", subset.name) for pattern in patterns)


def parse_card(text: str, name: str, where: str) -> SourceCard:
    """The card in YAML `text`, that of source `name`; errors say `where` the text stands."""
    return parse_named(SourceCard, text, name, where)


def parse_named(model: type[CardT], text: str, name: str, where: str) -> CardT:
    """The card of `model` in YAML `text`; CardError where it does not hold, or is not `name`'s."""
    try:
        card = model.model_validate(yaml.load(text, _LOADER))
    except yaml.YAMLError as error:
        raise CardError(f"{where} is not YAML: {error}") from error
    except ValidationError as error:
        raise CardError(f"{where}: {invalid_fields(error)}") from error
    if card.name != name:
        raise CardError(f"{where} calls itself {card.name!r}")
    return card


def card_names() -> set[str]:
    """The sources that a card comes with smolmix for."""
    folder = resources.files("manifests") / "sources"
    names = {file.name for file in folder.iterdir()}
    return {name.removesuffix(".yaml") for name in names if name.endswith(".yaml")}


@cache
def load_card(name: str, path: Path | None = None) -> SourceCard:
    """The card manifests/sources/<name>.yaml, or the one at `path`; its `name` must be `name`."""
    file = path or resources.files("manifests") / "sources" / f"{name}.yaml"
    where = str(path or f"manifests/sources/{name}.yaml")
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CardError(f"there is no card {where}") from error
    except UnicodeDecodeError as error:
        raise CardError(f"{where} is not UTF-8: {error}") from error
    return parse_card(text, name, where)
