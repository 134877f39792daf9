"""Filters that ask a model: settings name its weights, which are bound when a build is planned.

In a recipe settings and parameters stand side by side:

    fasttext_quality: {weights: ./model.bin, label: __label__hq, min_score: 0.5}

Settings decide what is measured, so they and the digest of the weights are part of the measure's
name; parameters are judged by, as those of any filter. Weights are data alone (fastText, ONNX,
safetensors), never pickles, and no code of a model's repository runs. Unbound, a filter judges what
was measured before and measures nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from filters.base import Filter, Measure, Params
from filters.conversation import Ints, equals, flatten
from manifests.errors import IntegrityError, UsageError
from manifests.storage import filesystem, is_local, join, local_path

# What `pip install` is told to bring the packages that filters of models need.
EXTRA = "smolmix[models]"
_CHUNK_BYTES = 1 << 20


class Settings(Params):
    """What is measured with; those of a filter add to it."""

    weights: str = Field(
        description="path from the recipe's folder, or owner/name[/file][@revision] on the Hub"
    )


class Weights(BaseModel):
    """Files of a model as the store keeps them: `files` are names below `uri` with SHA-256 (hex).

    `name` is the last part of the path that they came from, or `owner/name@commit` of the Hub.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    uri: str
    files: dict[str, str]
    num_bytes: int

    @property
    def digest(self) -> str:
        """64 hex digits: of one file its own SHA-256."""
        if len(self.files) == 1:
            return next(iter(self.files.values()))
        lines = [f"{digest} {name}\n" for name, digest in sorted(self.files.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


class ModelMeasure(Measure):
    """A measure that loads weights, once a process, when it first has something to score."""

    settings_type: ClassVar[type[Settings]]
    # Names (shell patterns) of what it loads, and whether that is one file or all that fit.
    files: ClassVar[tuple[str, ...]]
    takes_file: ClassVar[bool] = True
    # Modules beyond those that smolmix always has.
    packages: ClassVar[tuple[str, ...]] = ()
    settings: Settings | None = None
    weights: Weights | None = None
    _bound_ref: str = ""

    @property
    def ref(self) -> str:
        return self._bound_ref or super().ref

    @property
    def is_bound(self) -> bool:
        """Whether it has weights, or is as a finished build knows it."""
        return bool(self._bound_ref)

    @property
    def fingerprint(self) -> str:
        return super().fingerprint if self.is_bound else f"{self.version}-unbound"

    @abstractmethod
    def check(self, path: Path, settings: Any, params: Sequence[Any]) -> None:
        """UsageError unless the weights at `path` can be scored with, and judged by all `params`.

        Called at planning: reads headers, not whole models.
        """

    @abstractmethod
    def load(self, path: Path) -> Any:
        """The model at `path` (a file, or the folder of its files), ready to score on one core.

        On the GPU where the process is given one.
        """

    @cached_property
    def model(self) -> Any:
        assert self.weights is not None, f"{self.name} has no weights: it is bound by `bind`"
        folder = _fetched(self.weights)
        return self.load(folder / next(iter(self.weights.files)) if self.takes_file else folder)

    def bind(self, settings: Settings, weights: Weights) -> Self:
        """The same filter with weights; `ref` says all of it."""
        told = settings.model_dump(mode="json", exclude={"weights"})
        facts = orjson.dumps([weights.digest, told], option=orjson.OPT_SORT_KEYS)
        digest = "-".join(filter(None, [self.digest, hashlib.sha256(facts).hexdigest()[:16]]))
        said = {"settings": settings.model_dump(mode="json"), "weights": weights.model_dump()}
        return self._with(digest, said, settings, weights)

    def has_made(self, fingerprint: str) -> bool:
        """Whether this version measured what has that fingerprint, whatever the weights were."""
        return fingerprint.rpartition("-")[0] == super().fingerprint

    def pinned(self, fingerprint: str) -> Self:
        """The same filter as a finished build knows it: it finds its measures, and makes none."""
        digest = fingerprint.partition("-")[2]
        return self._with(digest, {"digest": digest}, None, None)

    def _with(
        self, digest: str, said: dict[str, Any], settings: Settings | None, weights: Weights | None
    ) -> Self:
        bound = copy(self)
        bound.__dict__.pop("model", None)
        bound._bound_ref = orjson.dumps({"filter": super().ref, **said}).decode()
        bound.digest, bound.settings, bound.weights = digest, settings, weights
        return bound

    def told(self) -> dict[str, Any]:
        """Settings as a build's manifest has them: weights by their name, not by their place."""
        if self.settings is None or self.weights is None:
            return {}
        return self.settings.model_dump(mode="json") | {"weights": self.weights.name}


class ModelFilter(ModelMeasure, Filter):
    """A filter that asks a model."""


def is_bound_ref(ref: str) -> bool:
    return ref.startswith("{")


Asking = TypeVar("Asking", bound=ModelMeasure)


def restore(said: Mapping[str, Any], base: Asking) -> Asking:
    """What a `ref` of `bind` or `pinned`, read from JSON, says; `base` is unbound."""
    if "digest" in said:
        return base.pinned(f"-{said['digest']}")
    settings = base.settings_type.model_validate(said["settings"])
    return base.bind(settings, Weights.model_validate(said["weights"]))


def params_of(filter_: Filter, said: Mapping[str, Any]) -> dict[str, Any]:
    """What a recipe says of a filter, without its settings."""
    known = filter_.settings_type.model_fields if isinstance(filter_, ModelFilter) else {}
    return {name: value for name, value in said.items() if name not in known}


def check_packages(names: Sequence[str]) -> None:
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"it needs {' and '.join(missing)}, which is not installed: pip install '{EXTRA}'"
        )


def sha256_of(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _fetched(weights: Weights) -> Path:
    """A local folder with the files: the store's own, or a copy of it; IntegrityError if changed.

    Copies lie in the system's temporary folder, and are made once a machine.
    """
    if is_local(weights.uri):
        folder = local_path(weights.uri)
    else:
        folder = Path(tempfile.gettempdir()) / f"smolmix-weights-{weights.digest[:32]}"
        for name in weights.files:
            if not (folder / name).is_file():
                _download(join(weights.uri, name), folder / name)
    for name, digest in weights.files.items():
        if not (folder / name).is_file() or sha256_of(folder / name) != digest:
            raise IntegrityError(
                f"{folder / name} is not what it was when the build was planned; remove the folder "
                "and run the command again"
            )
    return folder


def _download(uri: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fs, remote = filesystem(uri)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as target:
        with fs.open(remote, "rb") as source:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
    Path(target.name).replace(path)


class SampleTexts:
    """The text of each sample of a batch: all its text items, a line each; no media."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        chats = flatten(batch)
        speaks = equals(chats.types_i, "text")
        pieces = pc.fill_null(chats.texts_i.filter(pa.array(speaks)), "")
        counts = chats.items_per_sample(speaks)
        offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
        joined = pc.binary_join(pa.ListArray.from_arrays(offsets, pieces), "\n")
        self.texts_s: list[str] = pc.utf8_trim_whitespace(joined).to_pylist()
        self.num_chars_s: Ints = np.array([len(text) for text in self.texts_s], np.int64)
        self.num_nulls_s: Ints = chats.num_nulls_s

    def scores(self, score: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        """`score` of the texts that are not empty, 0 for the others; it never sees no texts."""
        found = np.zeros(len(self.texts_s))
        filled = np.flatnonzero(self.num_chars_s)
        if len(filled):
            found[filled] = score([self.texts_s[place] for place in filled])
        return found
