"""The store: facts about upstream files, shared by all builds. Paths, completion, and loading.

    STORE/media/<source>/<key>/         pack-000.tar ...  media.parquet  measures/  done.json
    STORE/rows/<source>/<subset>/<key>/ samples.arrow  turns.parquet  rejected.parquet  measures/
                                        tokens/  done.json

`done.json` is written last of what a task leaves: its presence alone means that a folder is
complete. Measures of filters and tokenizers (token_measures.py) may be added later.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filters.base import Measure
from manifests.errors import UsageError
from manifests.storage import exists, is_left_behind, is_local, join, local_path, write_json
from sources.base import ALL_SUBSETS
from sources.retries import final_error

# Downloads that tasks read from (sources/cache.py).
DOWNLOADS = "downloads"
# What resolve found before quotas (kept_parts.py).
RESOLVED = "resolved"
# Indexes of benchmarks (benchmark_index.py).
BENCHMARKS = "benchmarks"
# Pairs of media that are nearly the same (near_facts.py).
NEAR = "near"
_SPOOL_PREFIX = ".tmp-spool-"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def media_folder(store: str, source: str, key: str) -> str:
    return join(store, "media", source, key)


def row_folder(store: str, source: str, subset: str, key: str) -> str:
    """Subset names hold parentheses, commas and slashes upstream; here they are folder names."""
    name = "all" if subset == ALL_SUBSETS else _UNSAFE.sub("_", subset)
    return join(store, "rows", source, name, key)


def measure_path(folder: str, measure: Measure) -> str:
    return join(folder, "measures", f"{measure.name}-{measure.fingerprint}.parquet")


def check_writable(folder: str, option: str) -> None:
    """UsageError for a folder that could not be made or reached; `option` named it."""
    if not is_local(folder):
        try:
            exists(folder)
        except Exception as error:  # network libraries raise of everything
            raise UsageError(f"{option} {final_error(error, folder)}") from error
        return
    place = local_path(folder).absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise UsageError(f"{option} {folder}: {place} is a file; name a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"{option} {folder}: {place} cannot be written to; name another folder")


def is_done(folder: str) -> bool:
    return exists(join(folder, "done.json"))


def mark_done(folder: str, record: dict[str, Any]) -> None:
    write_json(join(folder, "done.json"), record)


def mark_used(folders: Iterable[str]) -> None:
    """Note that a build reads these folders now: `mixture store gc --older-than` goes by that.

    Object stores cannot change a time alone: there it is the time of writing that counts.
    """
    mark_files_used(join(folder, "done.json") for folder in folders)


def mark_files_used(uris: Iterable[str]) -> None:
    """The same of single files."""
    for uri in uris:
        if is_local(uri):
            with contextlib.suppress(OSError):  # a store that may only be read
                os.utime(local_path(uri))


def _spools(store: str) -> Path:
    return local_path(store) if is_local(store) else Path(tempfile.gettempdir())


def make_spool(store: str) -> Path:
    """A fresh local folder for large members on their way, named by this process."""
    spool = _spools(store) / f"{_SPOOL_PREFIX}{os.getpid()}"
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir(parents=True)
    return spool


def sweep_spools(store: str) -> None:
    """Remove the spools of processes that were killed."""
    for folder in _spools(store).glob(f"{_SPOOL_PREFIX}*"):
        if is_left_behind(folder.name.removeprefix(_SPOOL_PREFIX)):
            shutil.rmtree(folder, ignore_errors=True)
