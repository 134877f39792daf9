"""The folder of a build: whether it may be written to, continued, or is complete already."""

from __future__ import annotations

import os
import platform
import sys
import time
from typing import Any

from manifests.build import BuildManifest, load_manifest
from manifests.errors import IntegrityError, UsageError, without_secrets
from manifests.storage import (
    exists,
    is_local,
    join,
    list_files,
    local_path,
    read_bytes,
    read_json,
    remove_tree,
    sweep_temporary,
    write_json,
)
from mixtures.plan import Plan
from mixtures.recipe_file import builtin_names
from pipelines.options import BuildOptions

_BUILD_NAMES = (
    *("data", "ledger", ".work", "plan.json", "README.md", "report.html", "run.json"),
    "manifest.json",
)


def refuse_foreign(options: BuildOptions) -> None:
    """A folder that is no build is never written into."""
    names = {name.split("/")[0] for name in list_files(options.out)}
    is_build = not names - set(_BUILD_NAMES)
    if "plan.json" in names:
        is_build = _is_plan(join(options.out, "plan.json"))
    if not is_build:
        raise UsageError(f"--out {options.out} is not empty and not a build; name another folder")


def _is_plan(path: str) -> bool:
    try:
        Plan.from_json(read_bytes(path), path)
    except IntegrityError:
        return False
    return True


def open_build(options: BuildOptions, plan: Plan) -> BuildManifest | None:
    """Start or continue BUILD; the manifest, if this very plan has been built already."""
    path = join(options.out, "plan.json")
    if exists(path) and read_json(path) != plan.model_dump(mode="json"):
        if not options.overwrite:
            raise UsageError(
                f"{options.out} holds a build of another plan; say --overwrite to replace it, or "
                "name another --out"
            )
        for name in _BUILD_NAMES:
            remove_tree(join(options.out, name))
    if exists(join(options.out, "manifest.json")):
        return load_manifest(options.out)
    sweep_temporary(options.out)
    write_json(path, plan.model_dump(mode="json"))
    return None


def finished_shard(out: str, name: str) -> dict[str, Any] | None:
    """The record of a shard that an earlier run wrote whole."""
    record = join(out, ".work", f"{name}.json")
    if exists(record) and exists(join(out, "data", name)):
        found = dict(read_json(record))
        # One of before contents were counted is written again.
        return found if "contents" in found else None
    return None


def write_run(options: BuildOptions, started: float) -> None:
    """What differs between two runs of one plan; outside every digest."""
    write_json(
        join(options.out, "run.json"),
        {
            "command": [without_secrets(word) for word in sys.argv],
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
            "seconds": round(time.time() - started, 1),
            "host": platform.node(),
            "python": platform.python_version(),
            "engine": options.engine,
            "workers": options.workers,
            "mirror": None if options.mirror is None else _whole(options.mirror),
            "store": _whole(options.store),
            "recipe": _recipe_place(options.recipe),
        },
    )


def _whole(uri: str) -> str:
    """A place that is found from any working folder."""
    return os.path.abspath(local_path(uri)) if is_local(uri) else without_secrets(uri)


def _recipe_place(recipe: str) -> str:
    """A built-in recipe's name, or the path of a file, from whose folder it names others."""
    return recipe if recipe in builtin_names() else os.path.abspath(recipe)
