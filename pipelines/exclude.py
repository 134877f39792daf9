"""`--exclude FILE`: takes named samples, rows and media out of a build, such as removal requests.

A file holds one entry a line; what follows a `#` at its beginning or after white space is a
comment. An entry is one of these, told apart by trying all:

    finevideo/default/<32 hex>              a sample's id
    finevideo/data/train-00000.parquet#12   an upstream row; the subset may stand before the file
    <64 hex>                                a media's digest
    mathwriting-2024/train/0a1b.inkml       a media's upstream key, as its archive or its row has it
    https://... or any other word           equal to a text anywhere in an upstream row's `extra`,
                                            or to a file's name there without its suffix

The address of a YouTube video also stands for its id: FineVideo names videos by file names.
What has the same content as a row that is taken out is taken out with it, whatever its source.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from manifests.errors import UsageError
from manifests.ledger import Fate, Stage
from manifests.storage import join, open_ipc
from pipelines.ids import halves
from pipelines.join import Joined

EXCLUDED_RULE = "excluded"

_COMMENT = re.compile(r"(?:^|\s)#.*")
_FILE_NAME = re.compile(r"(?P<stem>[\w-][\w.-]*)\.[A-Za-z0-9]{2,4}")
_VIDEO_ID = re.compile(r"(?:youtube\.com/.*[?&/]|youtu\.be/)(?:v=)?(?P<id>[\w-]{11})(?:[?&#].*)?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PLACE = re.compile(r"(.+)#(0|[1-9][0-9]{0,17})")
_SAMPLE = re.compile(r".+/(?P<content>[0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Entries of all lists, each once, sorted."""

    entries: tuple[str, ...]

    @property
    def digest(self) -> str:
        """32 hex digits over the entries, whatever their order and comments."""
        return hashlib.sha256("\n".join(self.entries).encode()).hexdigest()[:32]


def read_exclusions(files: Sequence[str]) -> Exclusions:
    """The entries of these files; UsageError for one that is absent or no text."""
    entries: set[str] = set()
    for file in files:
        try:
            lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
        except OSError as error:
            raise UsageError(f"--exclude {file}: {error.strerror}; name a text file") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"--exclude {file} is not UTF-8 text ({error.reason})") from error
        entries |= {_COMMENT.sub("", line).strip() for line in lines}
    return Exclusions(tuple(sorted(entries - {""})))


def exclude(joined: Joined, exclusions: Exclusions) -> tuple[Joined, list[str]]:
    """(joined with what is named as dropped, entries that name something). Reads stored rows."""
    if not exclusions.entries:
        return joined, []
    index, parsed = joined.index.with_row_index("at"), _parsed(exclusions)
    hits = pl.concat(
        [
            _by_id(index, parsed),
            _by_place(index, parsed),
            _by_media(joined, index, parsed),
            _by_row(joined, index, parsed),
        ]
    ).sort("at", "entry")
    named = set(hits["entry"].to_list())
    first = _with_copies(index, hits.unique("at", keep="first", maintain_order=True))
    both = index.join(first, on="at", how="left", maintain_order="left")
    hit = pl.col("fate").is_null() & pl.col("entry").is_not_null()
    marked = both.with_columns(
        fate=pl.when(hit).then(pl.lit(Fate.DROPPED.value)).otherwise("fate"),
        stage=pl.when(hit).then(pl.lit(Stage.ACCESS.value)).otherwise("stage"),
        rule=pl.when(hit).then(pl.lit(EXCLUDED_RULE)).otherwise("rule"),
        value=pl.when(hit).then("entry").otherwise("value"),
    ).drop("at", "entry")
    return replace(joined, index=marked), [e for e in exclusions.entries if e in named]


def _entries(entries: Iterable[str]) -> pl.DataFrame:
    return pl.DataFrame({"entry": list(entries)}, schema={"entry": pl.String})


@lru_cache(maxsize=1)
def excluded_ids(exclusions: Exclusions) -> list[tuple[str, str]]:
    """(32 hex digits, entry) of the entries that are ids of samples."""
    return [(m["content"], e) for e in exclusions.entries if (m := _SAMPLE.fullmatch(e))]


@dataclass(frozen=True, slots=True)
class _Parsed:
    """The entries as each kind is looked for."""

    all: pl.DataFrame
    ids: pl.DataFrame  # hi, lo, entry
    places: pl.DataFrame  # name, row, entry
    words: dict[str, list[str]]  # entries by what a text of a row may be


@lru_cache(maxsize=1)
def _parsed(exclusions: Exclusions) -> _Parsed:
    """A process that judges several parts does this once."""
    found = excluded_ids(exclusions)
    hi, lo = halves("".join(digits for digits, _ in found), len(found))
    words: dict[str, list[str]] = {}
    for entry in exclusions.entries:
        for word in _words(entry):
            words.setdefault(word, []).append(entry)
    places = [(*m.groups(), m[0]) for e in exclusions.entries if (m := _PLACE.fullmatch(e))]
    schema = {"name": pl.String, "row": pl.String, "entry": pl.String}
    return _Parsed(
        all=_entries(exclusions.entries),
        ids=_entries(e for _, e in found).with_columns(pl.Series("hi", hi), pl.Series("lo", lo)),
        places=pl.DataFrame(places, schema, orient="row").with_columns(
            pl.col("row").cast(pl.Int64)
        ),
        words=words,
    )


def _by_id(index: pl.DataFrame, parsed: _Parsed) -> pl.DataFrame:
    """By the digest in it: equal digest, equal content."""
    return index.join(parsed.ids, on=["hi", "lo"], how="inner").select("at", "entry")


def _by_place(index: pl.DataFrame, parsed: _Parsed) -> pl.DataFrame:
    # Names are few: of each file one with its subset, and one without.
    files = index.select("source", "subset", "file").unique()
    names = [
        pl.format("{}/{}/{}", "source", "subset", "file"),
        pl.format("{}/{}", "source", "file"),
    ]
    places = pl.concat([files.with_columns(name=name) for name in names])
    places = places.join(parsed.places, on="name")
    on = ["file", "row", "subset", "source"]
    return index.select("at", *on).join(places, on=on).select("at", "entry").unique()


def _by_media(joined: Joined, index: pl.DataFrame, parsed: _Parsed) -> pl.DataFrame:
    media = pl.DataFrame(pl.from_arrow(joined.media.select(["key", "digest"])))
    media = media.with_row_index("media").with_columns(pl.col("media").cast(pl.Int64))
    names = [
        media.select("media", entry=name).join(parsed.all, on="entry") for name in media.columns[1:]
    ]
    exploded = index.select("at", "media").explode("media", empty_as_null=True)
    return exploded.join(pl.concat(names), on="media", how="inner").select("at", "entry")


def _by_row(joined: Joined, index: pl.DataFrame, parsed: _Parsed) -> pl.DataFrame:
    """By the texts of `extra` and the rows' own media keys, which the index does not hold."""
    wanted = parsed.words
    schema = {"folder": pl.Int32, "pos": pl.Int64, "entry": pl.String}
    found = [pl.DataFrame(schema=schema)]
    if wanted:
        for number, folder in enumerate(joined.row_folders):
            named = [(number, pos, entry) for pos, entry in _named_rows(folder, wanted)]
            found.append(pl.DataFrame(named, schema=schema, orient="row"))
    places = index.select("folder", "pos", "at")
    return places.join(pl.concat(found), on=["folder", "pos"], how="inner").select("at", "entry")


def _words(entry: str) -> Iterator[str]:
    """What a text may be to be named by an entry; ids and digests of ours name no text."""
    if _SAMPLE.fullmatch(entry) or _DIGEST.fullmatch(entry):
        return
    yield entry
    if video := _VIDEO_ID.search(entry):
        yield video["id"]


def _named_rows(folder: str, wanted: Mapping[str, list[str]]) -> Iterator[tuple[int, str]]:
    reader = open_ipc(join(folder, "samples.arrow"))
    names = ["extra", "media"]
    batches = [reader.get_batch(n).select(names) for n in range(reader.num_record_batches)]
    table = pa.Table.from_batches(batches, pa.schema([reader.schema.field(n) for n in names]))
    for pos, text in {*_named_by_key(table, wanted), *_named_by_extra(table, wanted)}:
        yield from ((pos, entry) for entry in wanted[text])


def _named_by_key(table: pa.Table, wanted: Mapping[str, list[str]]) -> Iterator[tuple[int, str]]:
    """(row, text) of media keys, and of names of files in them, that are wanted."""
    media = table["media"].combine_chunks()
    keys = pl.Series("key", pl.from_arrow(media.flatten().field("key")), dtype=pl.String)
    rows = pl.Series("row", pl.from_arrow(pc.list_parent_indices(media)), dtype=pl.Int64)
    texts = pl.DataFrame([rows, keys]).with_columns(
        stem=pl.col("key").str.extract(f"^{_FILE_NAME.pattern}$")
    )
    named = _entries(wanted)
    for name in ("key", "stem"):
        hits = texts.join(named, left_on=name, right_on="entry", how="semi")
        yield from hits.select("row", name).iter_rows()


def _named_by_extra(table: pa.Table, wanted: Mapping[str, list[str]]) -> Iterator[tuple[int, str]]:
    extra = table["extra"]
    for row in pc.indices_nonzero(extra.is_valid()).to_pylist():
        texts = set(_texts(orjson.loads(extra[row].as_py())))
        texts |= {name["stem"] for text in texts if (name := _FILE_NAME.fullmatch(text))}
        yield from ((row, text) for text in texts & wanted.keys())


def _texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _with_copies(index: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
    """The rows hit, and every other row of the same content as one of them."""
    contents = index.select("at", "hi", "lo").drop_nulls()
    copied = hits.join(contents, on="at").unique(["hi", "lo"], keep="first", maintain_order=True)
    copies = contents.join(copied.select("hi", "lo", "entry"), on=["hi", "lo"])
    both = pl.concat([hits.select("at", "entry"), copies.select("at", "entry")])
    return both.unique("at", keep="first", maintain_order=True)
