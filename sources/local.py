"""The user's own data: chat Parquet or JSON Lines, LLaVA and ShareGPT JSON, WebDataset tars.

A recipe names them (manifests/local_sets.py); without one, the mirror's folder `local/` holds one
folder for each subset of the card, which are the forms themselves:

    messages [{role, content}]          content is text, or a list of {type, text} parts
    conversations [{from, value}]       with <image> and <video> markers, or none
    text                                a document, or with media what is said of them

`image` or `images`, `video` or `videos` are paths below the set's `media` folder or, in Parquet,
the images themselves; in a tar, the members beside the JSON or text. Other columns go to `extra`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

import orjson

from manifests.cards import SourceCard, Subset, load_card
from manifests.local_sets import LocalSet
from sources.base import Draft, MediaItem, MediaRef, MediaShard, Rejected, RowShard
from sources.conversations import RowError, draft_or_rejected
from sources.local_rows import IMAGES, TEXT, VIDEOS, make_draft
from sources.readers.folders import folder_shards, read_folder
from sources.readers.json_array import JsonRow
from sources.readers.members import MediaKind, clean_name
from sources.readers.rows import media_paths, row_object
from sources.readers.webdataset import TarSample, read_sample_media, read_samples
from sources.root import FileRef, Root
from sources.tables import ImageTableSource

REF = "local:"
_FILES = ("*.parquet", "*.json", "*.jsonl", "*.jsonl.gz", "*.jsonl.zst", "*.tar", "*.tar.gz")
_TARS = (".tar", ".tar.gz")
# In a mirror, the files that a form's rows name lie in this folder of it.
_MEDIA = "media"
_FIELDS: tuple[tuple[MediaKind, tuple[str, ...]], ...] = (("image", IMAGES), ("video", VIDEOS))


class Local(ImageTableSource):
    """`sets` are those of a recipe, with absolute paths; without any, the forms in a mirror."""

    name: ClassVar[str] = "local"
    version: ClassVar[int] = 1
    media_in_rows: ClassVar[bool] = False
    image_columns: ClassVar[tuple[str, ...]] = IMAGES
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("messages[].role",),
        ("conversations[].from", "conversations[].value"),
        ("conversations[].role",),
        (TEXT,),
    )

    def __init__(self, sets: Mapping[str, LocalSet] | None = None) -> None:
        self._sets = dict(sets or {})

    @property
    def ref(self) -> str:
        plain = {name: entry.model_dump() for name, entry in sorted(self._sets.items())}
        return REF + json.dumps(plain) if plain else self.name

    @property
    def card(self) -> SourceCard:
        card = load_card(self.name)
        if not self._sets:
            return card
        media = [entry.media for entry in self._sets.values() if entry.media is not None]
        subsets = tuple(_subset(name, entry) for name, entry in self._sets.items())
        new = {"subsets": subsets, "media_repos": tuple(dict.fromkeys(media))}
        return card.model_copy(update=new)

    def media(self, root: Root) -> list[MediaShard]:
        """Rows that hold their images, tars, and the files of media folders."""
        shards = [
            MediaShard(self.name, s.subset, (s.file,), s.start, s.stop)
            for s in self.rows(root)
            if s.file.path.endswith((".parquet", *_TARS))
        ]
        for subset, below in self._media_folders(root).items():
            shards += folder_shards(self.name, subset, root, ("image", "video"), below)
        return shards

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        if not shard.file.path.endswith(_TARS):
            yield from super().read_rows(root, shard)
            return
        for sample in read_samples(root, shard.file, shard.start, shard.stop):
            yield draft_or_rejected(sample.row, shard.subset, self._tar_draft, shard, sample)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        path = shard.files[0].path
        if path.endswith(".parquet"):
            yield from super().read_media(root, shard, spool)
        elif path.endswith(_TARS):
            for item in read_sample_media(root, shard, spool):
                yield replace(item, key=f"{shard.subset}/{item.key}")
        else:
            yield from read_folder(root, shard, shard.subset if self._sets else "", spool)

    def place(self, subset: str, file: FileRef) -> str:
        """Sets may lie in different folders under equal names."""
        return f"{subset}/{file.path}"

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        if shard.file.path.endswith(".parquet") and _holds_images(values):
            refs = self.image_refs(shard, row, values)
        else:
            refs = self._named(shard.subset, values)
        return make_draft(shard.subset, row, values, refs)

    def _tar_draft(self, shard: RowShard, sample: TarSample) -> Draft:
        if sample.reason is not None:
            raise RowError(sample.reason, sample.detail)
        refs = [MediaRef(ref.kind, f"{shard.subset}/{ref.key}") for ref in sample.media]
        return make_draft(shard.subset, sample.row, _tar_values(sample), refs)

    def _named(self, subset: str, values: dict[str, Any]) -> list[MediaRef]:
        """Media that the row names by path."""
        return [
            MediaRef(kind, self._key(subset, path))
            for kind, fields in _FIELDS
            for field in fields
            for path in media_paths(values, field)
        ]

    def _key(self, subset: str, path: str) -> str:
        """The key of the file in the subset's media folder; rows may name that folder as well."""
        path = clean_name(path)
        if subset not in self._sets:
            return f"{subset}/{_MEDIA}/{path}"
        folder = clean_name(self._sets[subset].media or "")
        return f"{subset}/{path.removeprefix(folder + '/')}"

    def _media_folders(self, root: Root) -> dict[str, str]:
        """Subsets whose media files lie in this root, and below which folder of it."""
        if self._sets:
            return {name: "" for name, entry in self._sets.items() if entry.media == root.uri}
        return {subset.name: f"{subset.name}/{_MEDIA}" for subset in self.card.subsets}


SOURCE = Local()


def from_ref(ref: str) -> Local:
    """The source whose `ref` this is."""
    plain = json.loads(ref.removeprefix(REF))
    return Local({name: LocalSet.model_validate(entry) for name, entry in plain.items()})


def _holds_images(values: dict[str, Any]) -> bool:
    """Whether a Parquet row's image cells are images, not paths of them."""
    cells = [values[name] for name in IMAGES if values.get(name)]
    firsts = [cell[0] if isinstance(cell, list) else cell for cell in cells]
    return any(not isinstance(first, str) for first in firsts)


def _tar_values(sample: TarSample) -> dict[str, Any]:
    """The row that a sample's JSON and text members are; its media are those beside them."""
    values: dict[str, Any] = {}
    if "json" in sample.texts:
        try:
            values = row_object(JsonRow(sample.row, orjson.loads(sample.texts["json"])))
        except orjson.JSONDecodeError as error:
            raise RowError("row_malformed", str(error)) from error
    if "txt" in sample.texts and TEXT not in values:
        values[TEXT] = sample.texts["txt"].decode("utf-8", "replace")
    return {name: value for name, value in values.items() if name not in {*IMAGES, *VIDEOS}}


def _subset(name: str, entry: LocalSet) -> Subset:
    folder, pattern = split_path(entry.path)
    return Subset(
        name=name,
        category=entry.category,
        modality=entry.modality,
        num_rows=None,
        license=entry.license,
        commercial_use=entry.commercial_use,
        redistribution=entry.redistribution,
        repo=folder,
        row_files=(pattern,) if pattern else _FILES,
    )


def split_path(path: str) -> tuple[str, str]:
    """(folder, pattern) of a file or a pattern; of a folder, itself and nothing."""
    path = path.rstrip("/")
    head, star, tail = path.partition("*")
    folder, _, name = head.rpartition("/")
    if star:
        return folder, f"{name}*{tail}"
    if any(fnmatchcase(name, pattern) for pattern in _FILES):
        return folder, name
    return path, ""
