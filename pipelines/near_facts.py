"""Pairs of media that are nearly the same: facts of the store, which each build adds to.

    STORE/near/<kind>-<key>/000000/    codes-00000.arrow ...  pairs.arrow  done.json
                            000001/    ...

The key is of what decides pairs, not of a recipe. A step holds codes of the nodes that a build had
and no step before it, and all pairs of them with each other and with the nodes of those steps. So
the steps of a folder in their order, up to a gap, are whole facts. Codes are copied from the
measures: media that `mixture store gc` removes are still known.

A step appears by a rename, whole: two builds that make the same one at a time both use what they
made, and the sooner one's stays.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from manifests.ids import key_digest
from manifests.storage import is_local, join, local_path, read_json, write_json
from pipelines.measures import find
from pipelines.near import MEDIA_VERSION
from pipelines.near_sorts import Sort
from pipelines.store import NEAR, is_done, mark_used


@dataclass(frozen=True, slots=True)
class Step:
    """A folder of codes and pairs, and the names of its files of codes."""

    folder: str
    codes: tuple[str, ...]

    @property
    def pairs(self) -> str:
        return join(self.folder, "pairs.arrow")

    @property
    def paths(self) -> list[str]:
        return [join(self.folder, name) for name in self.codes]


def near_folder(store: str, sort: Sort) -> str:
    key = key_digest(MEDIA_VERSION, find(sort.measure).fingerprint, sort.settings)
    return join(store, NEAR, f"{sort.kind}-{key}")


def known_steps(store: str, sort: Sort) -> list[Step]:
    """All steps up to the first that is not there; none in an object store, which renames nothing.

    Notes that they are used.
    """
    found: list[Step] = []
    while is_local(store) and is_done(folder := _step_folder(store, sort, len(found))):
        found.append(Step(folder, tuple(read_json(join(folder, "done.json"))["codes"])))
    mark_used(step.folder for step in found)
    return found


def keep_step(store: str, sort: Sort, number: int, made: Step, num_nodes: int) -> Step:
    """The step where it is now: in the store, unless that is remote or another build was sooner."""
    if not is_local(store):
        return made
    for path in [*made.paths, made.pairs]:
        with local_path(path).open("rb") as handle:
            os.fsync(handle.fileno())
    record = {"codes": made.codes, "nodes": num_nodes}
    write_json(join(made.folder, "done.json"), record)
    folder = _step_folder(store, sort, number)
    local_path(folder).parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(local_path(made.folder), local_path(folder))
    except OSError:  # it is there already, or the scratch folder is on another disk
        return made
    return Step(folder, made.codes)


def _step_folder(store: str, sort: Sort, number: int) -> str:
    return join(near_folder(store, sort), f"{number:06d}")
