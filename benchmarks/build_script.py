"""Our side of the benchmarks that run a whole build.

python -m benchmarks.build_script RECIPE MIRROR STORE OUT ENGINE
"""

from __future__ import annotations

import io
import json
import sys

from rich.console import Console

from benchmarks.measure import NUM_WORKERS
from pipelines.build import build
from pipelines.options import BuildOptions


def main(recipe: str, mirror: str, store: str, out: str, engine: str) -> None:
    options = BuildOptions(
        recipe=recipe, mirror=mirror, store=store, out=out, engine=engine, workers=NUM_WORKERS
    )
    log = io.StringIO()
    manifest = build(options, Console(file=log, width=120))
    assert manifest is not None, "this was no dry run"
    print(log.getvalue(), file=sys.stderr)
    print(json.dumps({"rows": manifest.num_rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
