"""Whether every node of a named Ray cluster sees the folders that a build works on."""

from __future__ import annotations

import os
import uuid
from typing import Any

from manifests.errors import UsageError
from manifests.storage import is_local, local_path


def _sees(path: str) -> bool:
    return os.path.exists(path)


def check_shared(ray: Any, folders: list[str]) -> None:
    """Refuse local folders that some node does not see: its tasks would write where nobody reads.

    A probe file is put into each folder and looked for on every living node; of a folder that is
    only read, the folder itself is looked for.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    for folder in folders:
        if not is_local(folder):
            continue
        probe = place = local_path(folder).absolute()
        place.mkdir(parents=True, exist_ok=True)
        if os.access(place, os.W_OK):
            probe = place / f".tmp-{os.getpid()}-{uuid.uuid4().hex}"
            probe.touch()
        try:
            look = ray.remote(num_cpus=0)(_sees)
            seen = [
                look.options(
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
                ).remote(str(probe))
                for node in nodes
            ]
            missing = len(nodes) - sum(ray.get(seen))
        finally:
            if probe != place:
                probe.unlink(missing_ok=True)
        if missing:
            raise UsageError(
                f"{folder} is not seen by {missing} of the cluster's {len(nodes)} nodes; give a "
                "folder that all of them share, or a URI such as s3://bucket/folder"
            )
