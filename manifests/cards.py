"""Source cards: the facts of each upstream dataset, one YAML file each in manifests/sources/.

License and revision are required fields, not prose: in peers, what was optional was forgotten.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from manifests.errors import CardError, nearest
from manifests.schema import Modality


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Subset(_Strict):
    """One upstream config (or folder) of a source."""

    name: str
    category: str = Field(description="category of its samples, e.g. captioning, vqa, document")
    modality: Modality = Field(description="what most samples are; each sample's own is counted")
    num_rows: int | None = Field(description="upstream rows as documented; null where unknown")
    license: str | None = Field(default=None, description="SPDX id where it differs from the card")
    repo: str | None = Field(default=None, description="Hub id where it differs from the card's")
    note: str | None = Field(default=None, description="what a user must know before drawing on it")


class SourceCard(_Strict):
    """repo, revision, license, gating, citation, subsets and known quirks of one upstream."""

    name: str
    title: str
    repo: str = Field(description="Hub dataset id, or the address of the archive")
    revision: str = Field(description="commit, tag, or main: resolved once a build")
    homepage: str
    license: str = Field(description="SPDX id, or LicenseRef-<name> for a named one")
    gated: bool
    citation: str
    subsets: tuple[Subset, ...] = Field(min_length=1)
    quirks: tuple[str, ...] = Field(description="what upstream does that a reader must survive")
    media_repos: tuple[str, ...] = Field(
        default=(), description="further Hub ids that hold media of this source's rows"
    )
    files: tuple[str, ...] = Field(
        default=(), description="for layout url: the files under `repo`, which cannot be listed"
    )
    layout: Literal["hub", "url"] = "hub"

    @property
    def repos(self) -> tuple[str, ...]:
        """Every upstream repository that the source reads, in a stable order."""
        found = [subset.repo or self.repo for subset in self.subsets]
        return tuple(dict.fromkeys([*found, *self.media_repos]))

    def subset(self, name: str) -> Subset:
        for subset in self.subsets:
            if subset.name == name:
                return subset
        names = [subset.name for subset in self.subsets]
        raise CardError(
            f"source {self.name} has no subset {name!r}{nearest(name, names)} (it has {', '.join(names)})"
        )


@cache
def load_card(name: str) -> SourceCard:
    """The card manifests/sources/<name>.yaml; its `name` must equal the file's."""
    file = resources.files("manifests") / "sources" / f"{name}.yaml"
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        card = SourceCard.model_validate(raw)
    except FileNotFoundError as error:
        raise CardError(f"there is no card manifests/sources/{name}.yaml") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise CardError(f"manifests/sources/{name}.yaml: {error}") from error
    if card.name != name:
        raise CardError(f"manifests/sources/{name}.yaml calls itself {card.name!r}")
    return card
