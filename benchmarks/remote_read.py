"""A large remote file read from end to end: which block size, and how many blocks ahead.

    python -m benchmarks.remote_read [--mb 500] [--latency 0.2]

Serves a file of random bytes from a loopback Hub in a process of its own, which waits `--latency`
seconds before each answer, as a redirect to a CDN does, and reads it with `Root.open`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from benchmarks.measure import work_folder

_SERVE = """
import sys, time
from pathlib import Path
from tests.hub import Hub, serve
with serve(Hub(Path(sys.argv[1]), latency_s=float(sys.argv[2]))) as hub:
    print(hub.url, flush=True)
    time.sleep(3600)
"""
# (longest block in MiB, blocks fetched ahead)
_SETTINGS = ((1, 0), (8, 0), (4, 3), (8, 1), (8, 3), (16, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--latency", type=float, default=0.2)
    args = parser.parse_args()
    with work_folder() as folder:
        file = Path(folder) / "org/name/big.bin"
        file.parent.mkdir(parents=True)
        with file.open("wb") as handle:
            for _ in range(args.mb):
                handle.write(os.urandom(1_000_000))
        command = [sys.executable, "-c", _SERVE, str(folder), str(args.latency)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            _compare(server.stdout.readline().strip(), args.mb * 1_000_000)
        finally:
            server.kill()
            server.wait()


def _compare(url: str, size: int) -> None:
    # Read by huggingface_hub when it is imported.
    os.environ |= {"HF_ENDPOINT": url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    from sources import remote
    from sources.root import FileRef, Root
    from tests.hub import COMMIT

    root = Root(f"hf://datasets/org/name@{COMMIT}", "org/name", COMMIT)
    print("block MiB  ahead    MB/s   CPU s  memory MB")
    for block, ahead in _SETTINGS:
        remote.LONGEST_BYTES, remote._AHEAD = block << 20, ahead
        started, cpu, got = time.monotonic(), time.process_time(), 0
        with root.open(FileRef("big.bin", size)) as handle:
            while data := handle.read(1 << 20):
                got += len(data)
        assert got == size
        rate = size / (time.monotonic() - started) / 1e6
        used = psutil.Process().memory_info().rss / 1e6
        seconds = time.process_time() - cpu
        print(f"{block:9} {ahead:6} {rate:7.0f} {seconds:7.2f} {used:10.0f}")


if __name__ == "__main__":
    main()
