"""The last part of a build: a resolved mixture becomes files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from manifests.build import BuildManifest
from manifests.errors import UsageError
from manifests.storage import free_bytes
from mixtures.plan import Plan
from pipelines.build_folder import finished_shard
from pipelines.engine import Task
from pipelines.finish import finish
from pipelines.gather import Gathered
from pipelines.ledger import ledger_tasks
from pipelines.parts import subset_codes
from pipelines.progress import human_bytes
from pipelines.resolution import Resolved
from pipelines.runner import SMALL_BYTES
from pipelines.shard_rows import run_shard_task
from pipelines.shards import all_shard_tasks

if TYPE_CHECKING:
    from pipelines.build import Job

_EMIT_MEMORY = 768 << 20


def write_build(job: Job, gathered: Gathered, resolved: Resolved, plan: Plan) -> BuildManifest:
    """Data, then ledger, then card and manifest; finished shards are kept."""
    out, runner = job.options.out, job.runner
    records = _emit(job, resolved)
    subsets = subset_codes(gathered.cards)
    tasks = ledger_tasks(out, resolved, subsets)
    ledgers = runner.run("ledger", tasks, unit="rows", is_small=resolved.is_small)
    totals = resolved.totals, resolved.split.totals
    return finish(out, plan, gathered.cards, job.rules, *totals, records, ledgers)


def _emit(job: Job, resolved: Resolved) -> list[dict[str, Any]]:
    options = job.options
    free, num_bytes = free_bytes(options.out), resolved.num_bytes + resolved.split.num_bytes
    if free is not None and num_bytes > free:
        raise UsageError(
            f"the build needs {human_bytes(num_bytes)} and the disk of {options.out} has "
            f"{human_bytes(free)} free; name another --out, or ask for less with --num-samples"
        )
    records, tasks = [], []
    all_rows = resolved.total + resolved.split.num_held
    for task in all_shard_tasks(options.out, resolved):
        done = finished_shard(options.out, task.name)
        if done is not None:
            records.append(done)
            continue
        size = num_bytes * task.num_rows // all_rows
        name = f"emit {task.name}"
        tasks.append(Task(name, "data", run_shard_task, (task,), _EMIT_MEMORY, size))
    return records + job.runner.run("emit", tasks, is_small=num_bytes < SMALL_BYTES)
