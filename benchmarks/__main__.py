"""`python -m benchmarks [NAME...]`: run all benchmarks, or the named ones, one after another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Each is a module with a `main`; a process of its own, so that none measures another's leavings.
NAMES = (
    *("emit_copy", "curate_datasets", "memory", "json_array", "frames_backends", "tokens"),
    *("text_duplicates", "text_clusters", "contamination"),
    *("image_duplicates", "image_false_merges", "image_peers", "clip_duplicates"),
    *("text_rules", "image_filters", "false_drops", "pixel_cost", "image_memory"),
    *("mixing", "plan_scale", "remix", "resolve_scale", "browse_first_page"),
)


def main(asked: list[str]) -> int:
    unknown = [name for name in asked if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    folder = Path(__file__).parent
    failed = 0
    for name in asked or [name for name in NAMES if (folder / f"{name}.py").exists()]:
        print(f"-- {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        failed += subprocess.run(command, cwd=folder.parent).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
