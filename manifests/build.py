"""The build manifest: what a finished build is, written last, so that its presence means complete.

    manifest = load_manifest("mixtures-out/video")
    manifest.num_rows, manifest.files[0].sha256, manifest.digest()

It holds nothing that differs between two builds of the same plan: no clock, host, worker count,
command line or rate. Those are in `run.json`. Its validators refuse numbers that do not add up, so
that a manifest that was read is at least true to itself; `mixture verify` holds it against bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

import orjson
import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from manifests.cards import Answer
from manifests.errors import IntegrityError, UsageError, invalid_fields
from manifests.ledger import Fate
from manifests.schema import SAMPLE_SCHEMA, Modality
from manifests.storage import canonical_json, join, read_bytes, write_bytes

MANIFEST_NAME = "manifest.json"
DATA_FOLDER = "data/"
LEDGER_FOLDER = "ledger/"
# Data files of the splits begin so.
TRAIN = f"{DATA_FOLDER}train-"
VALIDATION = f"{DATA_FOLDER}validation-"
# Columns of the data files that `ContentRows` counts rows by.
CONTENT_COLUMNS = ("component", "modality", "category", "source")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or str(PurePosixPath(path)) != path:
        raise ValueError(f"{path!r} is not a plain path below the build")
    return path


class FilterUse(_Frozen):
    """A filter as it judged; the order of `BuildManifest.filters` is the order of judging."""

    name: str
    version: PositiveInt
    params: dict[str, Any] | None = Field(
        description="every threshold, defaults included; null: it judged rows of `policies` alone"
    )
    policies: dict[str, dict[str, Any] | None] = Field(
        default={}, description="the same by policy, where it differs; null: it judged none of them"
    )

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `policies` it is written as it was before they were there."""
        raw: dict[str, Any] = handler(self)
        return raw if self.policies else {k: v for k, v in raw.items() if k != "policies"}


class SubsetFunnel(_Frozen):
    """What became of a subset's turn groups: `read` counts entries of the ledger, each with a fate.

    Trimmed turns have one beside that of the row which was kept without them.
    """

    source: str
    subset: str
    read: NonNegativeInt
    fates: dict[Fate, NonNegativeInt]

    @model_validator(mode="after")
    def _check_sum(self) -> Self:
        total = sum(self.fates.values())
        if total != self.read:
            name = f"{self.source}/{self.subset}"
            raise ValueError(f"{name} read {self.read} turn groups, its fates sum to {total}")
        return self


class OriginTerms(_Frozen):
    """Under which terms rows of these subsets of a source are in the build; from its card."""

    source: str
    subsets: tuple[str, ...]
    title: str
    homepage: str
    license: str
    commercial_use: Answer
    redistribution: Answer
    attribution: str
    citation: str


class ComponentRows(_Frozen):
    """A component of the plan, asked and achieved; `name` is its path: `video/finevideo`."""

    name: str
    share: Fraction = Field(description="of the whole mixture, exact, such as 33/100")
    asked: NonNegativeInt = Field(description="its quota, in the recipe's unit")
    amount: NonNegativeInt = Field(description="what its rows hold, in the unit")
    rows: NonNegativeInt


class ContentRows(_Frozen):
    """What rows of one component are, counted in the data files of the train split."""

    component: str
    modality: Modality
    category: str
    source: str
    rows: PositiveInt
    tokens: NonNegativeInt


class ValidationRows(_Frozen):
    """The validation split: rows held out of training, each once."""

    share: Fraction = Field(description="of media, and of texts without any, that is held out")
    rows: dict[str, PositiveInt] = Field(description="by component")
    shares_media: NonNegativeInt = Field(description="rows in neither split, see the ledger")
    num_images: NonNegativeInt
    num_tokens: NonNegativeInt
    num_media_tokens: NonNegativeInt
    num_answer_tokens: NonNegativeInt
    num_text_tokens: NonNegativeInt

    @property
    def num_rows(self) -> int:
        return sum(self.rows.values())


class OutputFile(_Frozen):
    """One file of the build; `rows` is 0 where the file is no table."""

    path: Annotated[str, AfterValidator(_inside)]
    rows: NonNegativeInt
    bytes: NonNegativeInt
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class BuildManifest(_Frozen):
    """Everything that defines a build and what came of it; equal plans and inputs, equal digest."""

    format_version: Literal[1] = 1
    plan_digest: str = Field(pattern=r"^[0-9a-f]{16,64}$")
    recipe: str
    unit: Literal["samples", "tokens", "answer_tokens"] = "samples"
    seed: int
    processor: str = Field(description="target processor that tokens are counted for")
    schema_fingerprint: str = Field(pattern=r"^[0-9a-f]{32}$")
    filters: tuple[FilterUse, ...]
    revisions: dict[str, str] = Field(description="upstream repo: the revision that was read")
    licenses: Literal["permissive", "non-commercial", "all"] = Field(
        default="all", description="which terms were let in"
    )
    skipped: tuple[str, ...] = Field(
        default=(), description="sources of the recipe that could not be reached"
    )
    missing: dict[str, str] = Field(
        default={}, description="components that it was built without, and why"
    )
    masked_pii: tuple[str, ...] = Field(
        default=(), description="kinds of source in whose texts addresses were replaced"
    )
    benchmarks: dict[str, str] = Field(
        default={}, description="that rows were held against: the revision that was read"
    )
    not_held_against: tuple[str, ...] = Field(
        default=(), description="benchmarks of the recipe that were switched off"
    )
    terms: tuple[OriginTerms, ...] = Field(
        default=(), description="licences and attributions of what the build holds"
    )
    funnel: tuple[SubsetFunnel, ...]
    components: tuple[ComponentRows, ...]
    contents: tuple[ContentRows, ...] = Field(
        default=(), description="the rows by what they are; empty in builds of before it was there"
    )
    files: tuple[OutputFile, ...]
    num_rows: NonNegativeInt
    num_images: NonNegativeInt = Field(description="frames included")
    num_tokens: NonNegativeInt
    num_media_tokens: NonNegativeInt
    num_answer_tokens: NonNegativeInt
    num_text_tokens: NonNegativeInt
    tokens_estimated: bool = Field(description="true where no tokenizer of the processor was used")
    validation: ValidationRows | None = Field(
        default=None, description="beside the train split, which all other counts are of"
    )

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `validation` or `contents` it is written as it was before they were there."""
        raw: dict[str, Any] = handler(self)
        return {k: v for k, v in raw.items() if v or k not in ("validation", "contents")}

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        _check_unique("filter", (used.name for used in self.filters))
        _check_unique("subset", (f"{entry.source}/{entry.subset}" for entry in self.funnel))
        _check_unique("component", (part.name for part in self.components))
        _check_unique("file", (file.path for file in self.files))
        return self

    @model_validator(mode="after")
    def _check_sums(self) -> Self:
        read = sum(entry.read for entry in self.funnel)
        train = self._rows_below(DATA_FOLDER) - self._rows_below(VALIDATION)
        _check_equal("rows of data files", train, "num_rows", self.num_rows)
        if self.contents:
            rows = sum(part.rows for part in self.contents)
            _check_equal("rows of contents", rows, "num_rows", self.num_rows)
            tokens = sum(part.tokens for part in self.contents)
            _check_equal("tokens of contents", tokens, "num_tokens", self.num_tokens)
        held = self.validation.num_rows if self.validation else 0
        _check_equal("rows of validation files", self._rows_below(VALIDATION), "validation", held)
        _check_equal("rows of ledger files", self._rows_below(LEDGER_FOLDER), "rows read", read)
        parts = self.num_media_tokens + self.num_answer_tokens + self.num_text_tokens
        _check_equal("media, answer and text tokens", parts, "num_tokens", self.num_tokens)
        kept = sum(entry.fates.get(Fate.KEPT, 0) for entry in self.funnel)
        if kept > self.num_rows:
            raise ValueError(f"{kept} turn groups were kept, but there are {self.num_rows} rows")
        return self

    @model_validator(mode="after")
    def _check_components(self) -> Self:
        """A component with others below it is their sum; all that have none are the whole."""
        inner = {_parent(part.name) for part in self.components}
        for parent in self.components:
            if parent.name in inner:
                below = [part for part in self.components if _parent(part.name) == parent.name]
                _check_parts(below, f"component {parent.name!r}", parent.rows, parent.share)
        leaves = [part for part in self.components if part.name not in inner]
        _check_parts(leaves, "the mixture", self.num_rows, Fraction(1))
        return self

    def _rows_below(self, folder: str) -> int:
        return sum(file.rows for file in self.files if file.path.startswith(folder))

    def digest(self) -> str:
        """SHA-256 (hex) of the manifest file's bytes, hence of every file it lists."""
        return hashlib.sha256(_encode(self)).hexdigest()


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _check_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r} is listed twice")
        seen.add(name)


def _check_equal(left: str, value: int | Fraction, right: str, stated: int | Fraction) -> None:
    if value != stated:
        raise ValueError(f"{left} sum to {value}, {right} says {stated}")


def _check_parts(parts: list[ComponentRows], name: str, rows: int, share: Fraction) -> None:
    _check_equal("component rows", sum(part.rows for part in parts), name, rows)
    _check_equal("shares", sum(part.share for part in parts), name, share)


def schema_fingerprint(schema: pa.Schema = SAMPLE_SCHEMA) -> str:
    """32 hex digits over names, types and metadata, whatever pyarrow's own encoding of them is."""
    fields = [f"{field.name}: {field.type}" for field in schema]
    pairs = (schema.metadata or {}).items()
    metadata = sorted((key.decode(), value.decode()) for key, value in pairs)
    data = repr((fields, metadata)).encode()
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _encode(manifest: BuildManifest) -> bytes:
    return canonical_json(manifest.model_dump(mode="json"))


def write_manifest(build: str, manifest: BuildManifest) -> None:
    """Write BUILD/manifest.json atomically; to be the last file of a build."""
    write_bytes(join(build, MANIFEST_NAME), _encode(manifest))


def load_manifest(build: str) -> BuildManifest:
    """The manifest of the build at this URI.

    UsageError where there is none (the build is not complete), IntegrityError where it does not
    hold together.
    """
    where = join(build, MANIFEST_NAME)
    try:
        return BuildManifest.model_validate(orjson.loads(read_bytes(where)))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            f"{where} does not exist, so this is no complete build: run its build-mixture command"
            " again, or name another folder"
        ) from error
    except orjson.JSONDecodeError as error:
        raise IntegrityError(f"{where} is not JSON ({error}); rebuild it") from error
    except ValidationError as error:
        raise IntegrityError(f"{where}: {invalid_fields(error)}; rebuild it") from error
