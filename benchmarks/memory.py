"""Peak memory of any single process of a build, for about 1 GB and 5 GB of media.

    python -m benchmarks.memory        takes some ten minutes and 17 GB of disk

Cauldron-shaped photos and, for 10 % of the bytes, FineVideo-shaped clips in row groups of some
130 MB; all rows are drawn. Driver, Ray's own processes, every worker and every decoder child are
watched. `peak` is what the kernel kept as the highest resident size (VmHWM). It counts pages of
mapped files (libraries, the store's Arrow files), which the kernel drops when memory is short, so
`private` is beside it: resident less shared (file-backed and shared memory), sampled.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from benchmarks.data import (
    CONFIGS,
    FINEVIDEO_REPO,
    recipe,
    write_cauldron,
    write_finevideo,
)
from benchmarks.measure import print_table, work_folder

GIGABYTES = (1, 5)
# The rule of pipelines/curate.py, and how far the two sizes may differ.
LIMIT_BYTES = 1536 << 20
BASE_BYTES, GROUP_FACTOR = 512 << 20, 2.5
MAX_GROWTH = 0.2
_VIDEO_PART = 0.1
_PHOTO_BYTES = 52_400
_INTERVAL_S = 0.1


@dataclass(slots=True)
class Peak:
    """Highest resident and private bytes seen of one process."""

    resident: int = 0
    private: int = 0


def role(process: psutil.Process) -> str:
    """What a process of a build is, by its command line."""
    words = process.cmdline()
    line = " ".join(words)
    if words and words[0].startswith("ray::"):
        return "worker"
    if "sandbox_child" in line:
        return "decoder"
    return "driver" if "benchmarks.build_script" in line else "Ray's own"


def _high_water(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def watch(command: list[str], log: Path) -> dict[str, Peak]:
    """Run the command to its end; the highest of its processes, by role."""
    peaks: dict[str, Peak] = defaultdict(Peak)
    with log.open("w") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output)
        driver = psutil.Process(child.pid)
        while child.poll() is None:
            for process in [driver, *driver.children(recursive=True)]:
                try:
                    _note(peaks[role(process)], process)
                except (psutil.Error, FileNotFoundError, ProcessLookupError):
                    continue  # it ended between being listed and being asked
            time.sleep(_INTERVAL_S)
    if child.returncode:
        raise RuntimeError(f"the build failed:\n{log.read_text()[-3000:]}")
    return dict(peaks)


def _note(peak: Peak, process: psutil.Process) -> None:
    info = process.memory_info()
    peak.private = max(peak.private, info.rss - info.shared)
    peak.resident = max(peak.resident, _high_water(process.pid))


def _largest_group(mirror: Path) -> int:
    sizes = [0]
    for path in (mirror / FINEVIDEO_REPO).rglob("*.parquet"):
        meta = pq.read_metadata(path)
        sizes += [meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)]
    return max(sizes)


def measure(work: Path, gigabytes: float) -> tuple[dict[str, Peak], int, float]:
    """(peaks by role, size of the largest row group, seconds) of a build of that many GB."""
    mirror = work / "mirror"
    num_photos = int(gigabytes * 1e9 * (1 - _VIDEO_PART) / _PHOTO_BYTES) // 200 * 200
    clips = write_finevideo(mirror, int(gigabytes * 1e9 * _VIDEO_PART))
    write_cauldron(mirror, num_photos)
    rows = {f"the_cauldron/{config}": num_photos // len(CONFIGS) for config in CONFIGS}
    # Each clip has two conversations: its questions, and its description.
    wanted = recipe(work / "recipe.yaml", {**rows, "finevideo": 2 * clips})
    paths = [str(path) for path in (wanted, mirror, work / "store", work / "out")]
    started = time.perf_counter()
    peaks = watch(
        [sys.executable, "-m", "benchmarks.build_script", *paths, "ray"], work / "log.txt"
    )
    seconds = time.perf_counter() - started
    group = _largest_group(mirror)
    shutil.rmtree(work)
    return peaks, group, seconds


def main() -> None:
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
    found = {}
    with work_folder() as folder:
        for gigabytes in GIGABYTES:
            work = folder / str(gigabytes)
            work.mkdir()
            found[gigabytes] = measure(work, gigabytes)
            top = max(peak.resident for peak in found[gigabytes][0].values())
            print(f"{gigabytes} GB: highest of all {top / 2**20:.0f} MiB", flush=True)
    rows = []
    for name in ("driver", "worker", "decoder", "Ray's own"):
        cells = [name]
        for peaks, _, _ in found.values():
            peak = peaks.get(name, Peak())
            cells += [f"{peak.resident / 2**20:.0f}", f"{peak.private / 2**20:.0f}"]
        rows.append(cells)
    columns = [f"{kind}, {gb} GB" for gb in GIGABYTES for kind in ("peak", "private")]
    group = max(group for _, group, _ in found.values())
    limit = (BASE_BYTES + GROUP_FACTOR * group) / 2**20
    title = (
        f"memory in MiB: limit {LIMIT_BYTES >> 20}, or {limit:.0f} while the largest row group "
        f"({group / 2**20:.0f}) is open"
    )
    print_table(title, ["process", *columns], rows)
    tops = [max(peak.resident for peak in peaks.values()) for peaks, _, _ in found.values()]
    times = " and ".join(f"{seconds:.0f} s" for _, _, seconds in found.values())
    print(f"highest of all: {tops[-1] / tops[0] - 1:+.0%} (at most {MAX_GROWTH:.0%}); {times}")


if __name__ == "__main__":
    main()
