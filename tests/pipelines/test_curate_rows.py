"""Row tasks: more rows than a batch holds, and memory that does not grow with them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import sources
from manifests.storage import open_ipc
from pipelines import curate_rows
from pipelines.curate_rows import BATCH_ROWS, RowTask, run_row_task
from sources.root import Root

ROOT = Path(__file__).parents[2]


def row(number: int) -> dict[str, Any]:
    """Every third row has no conversation."""
    turns = [{"from": "human", "value": f"Ask {number}?"}, {"from": "gpt", "value": "So."}]
    return {"id": number, "conversations": [] if number % 3 == 0 else turns * (1 + number % 2)}


def task(folder: Path, num_rows: int, text: str = "") -> RowTask:
    source = sources.get("mammoth_vl")
    rows = [json.dumps(row(number) | ({"source": text} if text else {})) for number in range(9)]
    with (folder / "mammoth_si_10M.json").open("w") as handle:
        handle.writelines("[,"[number > 0] + rows[number % 9] for number in range(num_rows))
        handle.write("]")
    root = Root(str(folder), source.card.repo)
    (shard,) = source.rows(root)
    return RowTask(source.name, root, shard, str(folder / "store"), ("roles", "turn_length"))


def test_batches_and_positions_go_on(tmp_path: Path) -> None:
    num_rows = 5 * BATCH_ROWS
    record = run_row_task(task(tmp_path, num_rows))
    store = tmp_path / "store"
    kept = [number for number in range(num_rows) if number % 9 % 3]
    lost = [number for number in range(num_rows) if not number % 9 % 3]
    assert (record["samples"], record["rejected"]) == (len(kept), len(lost))
    reader = open_ipc(str(store / "samples.arrow"))
    assert reader.get_batch(0).num_rows == reader.get_batch(1).num_rows == BATCH_ROWS
    assert reader.read_all()["row"].to_pylist() == kept
    turns = pq.read_table(store / "turns.parquet")
    wanted = [place for place, number in enumerate(kept) for _ in range(1 + number % 9 % 2)]
    assert turns["sample"].to_pylist() == wanted
    assert pq.read_table(store / "rejected.parquet")["row"].to_pylist() == lost
    assert pq.read_metadata(store / "measures/roles-1.parquet").num_rows == len(kept)


def test_a_taste_gives_up_where_no_row_has_its_media(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are counted from the last one that was taken: 20,000 of them, not the file."""
    monkeypatch.setattr(curate_rows, "_LOOK_ROWS", 10)
    source = sources.get("mammoth_vl")
    rows = [row(1), *({**row(1), "image": f"{number}.jpg"} for number in range(40)), row(2)]
    (tmp_path / "mammoth_si_10M.json").write_text(json.dumps(rows))
    root = Root(str(tmp_path), source.card.repo)
    (shard,) = source.rows(root)
    wanted = RowTask(source.name, root, shard, str(tmp_path / "store"), (), take=2)
    record = run_row_task(wanted)
    assert (record["samples"], record["passed_over"]) == (1, 10)


def test_a_task_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = task(tmp_path, 3 * BATCH_ROWS)

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("pipelines.curate_rows.mark_done", fail)
    with pytest.raises(OSError, match="full"):
        run_row_task(wanted)
    assert not (tmp_path / "store" / "done.json").exists()
    (tmp_path / "mammoth_si_10M.json").unlink()
    for path in sorted((tmp_path / "store").rglob("*.*")):
        path.unlink()
    with pytest.raises(Exception, match="mammoth_si_10M"):
        run_row_task(wanted)
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_memory_is_flat(tmp_path: Path) -> None:
    """60,000 and 600,000 rows, each in a process of its own: within 64 MiB of each other."""
    program = (
        "import resource, sys; from pathlib import Path;"
        "from tests.pipelines.test_curate_rows import task, run_row_task;"
        "run_row_task(task(Path(sys.argv[1]), int(sys.argv[2]), 'x' * 400));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    peaks = []
    for number in (60_000, 600_000):
        folder = tmp_path / str(number)
        folder.mkdir()
        command = [sys.executable, "-c", program, str(folder), str(number)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 64, peaks
