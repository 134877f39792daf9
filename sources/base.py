"""What a source is: lists of shards, and pure readers from a shard to conversations and media.

A source module says only what is particular to its upstream. It binds one instance to the module
constant `SOURCE`; `sources.discover()` finds it. It judges nothing: what cannot be made into a
conversation is `Rejected` with a reason, and everything else is passed on for the filters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from manifests.cards import SourceCard, load_card
from manifests.schema import ContentType, Kind, Role
from sources.root import FileRef, Root

ALL_SUBSETS = "*"
# `Root.repo` of a user's own folder that holds media which upstream does not ship.
LOCAL_MEDIA = "local media"


@dataclass(frozen=True, slots=True)
class RowShard:
    """A range of annotation rows: rows [start, stop) of `file`; stop None reads to the end.

    `subset` is ALL_SUBSETS where one file holds several; `stop` then counts within each subset.
    """

    source: str
    subset: str
    file: FileRef
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True, slots=True)
class MediaShard:
    """An archive (several files where it is split), or a range of rows with media inside.

    For a Parquet file `start` and `stop` are rows; for an archive `stop` is how many media members
    to take from its head, None for all. `others` are further subsets whose rows need it.
    """

    source: str
    subset: str
    files: tuple[FileRef, ...]
    start: int = 0
    stop: int | None = None
    others: tuple[str, ...] = ()


@dataclass(slots=True)
class Message:
    """One message: role and (type, text) content items in order; media items have no text."""

    role: Role
    content: list[tuple[ContentType, str]]


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A media named by upstream key: equal to, or resolvable to, some `MediaItem.key`."""

    kind: Literal["image", "video"]
    key: str


@dataclass(slots=True)
class Draft:
    """A conversation read from an upstream row, its media still named by key.

    `row` counts from 0 in the upstream file; `group` tells apart several conversations of one row.
    `kind` is `document` for pretraining text: a single assistant message, all of it to be learned.
    `extra` keeps upstream columns that have no place in the schema.
    """

    row: int
    subset: str
    messages: list[Message]
    media: list[MediaRef] = field(default_factory=list)
    group: int = 0
    extra: dict[str, Any] | None = None
    kind: Kind = "chat"


@dataclass(slots=True)
class Rejected:
    """An upstream row that no conversation can be made of; `reason` is a stable snake_case word."""

    row: int
    subset: str
    reason: str
    detail: str = ""
    group: int = 0


@dataclass(slots=True)
class MediaItem:
    """One media of a shard, as bytes, as a spooled file, or as the frames of a clip.

    Exactly one of `data`, `file`, `frames` is set, or `reason` says why there is none. `frames` are
    (member name, encoded image) in order, `fps` frames a second.
    """

    key: str
    kind: Literal["image", "video"]
    data: bytes | None = None
    file: Path | None = None
    frames: list[tuple[str, bytes]] | None = None
    fps: float | None = None
    reason: str | None = None
    detail: str = ""


class Source(ABC):
    """One upstream dataset. Instances are stateless and picklable."""

    name: ClassVar[str]
    # Part of every store key: bump it when the output for the same input changes.
    version: ClassVar[int]
    # True where media lie in the same file ranges as the rows (Parquet with bytes inside).
    media_in_rows: ClassVar[bool] = False
    # How a MediaRef key finds its MediaItem key: "exact", or "suffix": as it stands, below the
    # archive's stem, without its first folder, or as the unique key that ends on it.
    media_lookup: ClassVar[Literal["exact", "suffix"]] = "exact"

    # Of a user's own source: the path of its module and of its card, and a digest over both.
    origin: str = ""
    card_file: Path | None = None
    digest: str = ""

    @property
    def card(self) -> SourceCard:
        return load_card(self.name, self.card_file)

    @property
    def ref(self) -> str:
        """What `sources.get` finds this source by in any process."""
        return self.origin or self.name

    @property
    def fingerprint(self) -> str:
        """Names the code that reads this source, in store keys."""
        return f"{self.version}-{self.digest}" if self.digest else str(self.version)

    @abstractmethod
    def rows(self, root: Root) -> list[RowShard]:
        """Annotation shards in a stable order; reads listings and footers only."""

    def media(self, root: Root) -> list[MediaShard]:
        """Media shards in a stable order; reads listings and footers only. Default: no media."""
        return []

    @abstractmethod
    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        """The shard's rows in order, each as one or more drafts or one rejection; streams."""

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        """The shard's media in order. Large members are written to files under `spool`.

        A spooled file is the caller's: it is removed once the item has been used.
        """
        return iter(())
