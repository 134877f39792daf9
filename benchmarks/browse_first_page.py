"""`mixture browse` over a build of a million rows, and over a store of as many.

    python -m benchmarks.browse_first_page

The build is a small one of samples whose rows are repeated, each copy with an id and a size of its
own and pictures of 48 px; so its Parquet, its ledger and its manifest are those of a build. The
store is that of `synthetic.py`, which has scores and no texts. Each server is a process of its own;
memory is its highest resident set.
"""

from __future__ import annotations

import html
import io
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from rich.console import Console

from benchmarks.measure import print_table, spread, user_shell, work_folder
from benchmarks.synthetic import Amounts, make_store
from manifests.build import BuildManifest, OutputFile, load_manifest, write_manifest
from manifests.schema import SAMPLE_SCHEMA
from pipelines.build import build
from pipelines.emit import parquet_options
from pipelines.options import BuildOptions
from pipelines.samples import write_samples

ROWS = 1_000_000
TARGET_S = 1.0
_FILES = 16
_GROUP_ROWS = 4096
_EDGE = 48
_RUNS = 5
_ROOT = Path(__file__).resolve().parent.parent
_RECIPE = """
name: browse
description: texts and images, to be repeated
unit: samples
filters: {content_items: {}, roles: {}, turn_length: {}, image_bounds: {}}
components:
  - {name: text, share: 40%, modality: text, sources: [magpie]}
  - {name: image, share: 60%, modality: image, sources: [the_cauldron/ai2d, the_cauldron/docvqa]}
"""
# What is asked for after the first page, by how the table calls it.
_BUILD_PAGES = {
    "samples, page 20,000": "?page=20000",
    "samples, by modality and tokens": "?modality=image&of=num_tokens&low=2000&high=3000",
    "samples, the same, next page": "?modality=image&of=num_tokens&low=2000&high=3000&page=2",
    "ledger": "rows",
    "ledger, by fate and source": "rows?fate=kept&source=magpie",
}
_STORE_PAGES = {
    "thresholds, first count": "thresholds?filter=turn_length&min_chars=20",
    "thresholds, another value": "thresholds?filter=turn_length&min_chars=30",
    "thresholds of media, first count": "thresholds?filter=image_bounds&min_side_px=100",
    "thresholds of media, another value": "thresholds?filter=image_bounds&min_side_px=200",
}


def make_build(work: Path) -> tuple[Path, int]:
    """(a build of about ROWS rows, that many)."""
    write_samples(work / "samples", "video")
    (work / "recipe.yaml").write_text(_RECIPE)
    out = work / "build"
    options = BuildOptions(
        recipe=str(work / "recipe.yaml"),
        mirror=str(work / "samples"),
        store=str(work / "store"),
        out=str(out),
        engine="inline",
    )
    build(options, Console(file=io.StringIO()))
    manifest = load_manifest(str(out))
    times = -(-ROWS // manifest.num_rows // _FILES) * _FILES
    files = _repeat_data(out, manifest, times // _FILES) + _repeat_ledger(out, manifest, times)
    write_manifest(str(out), _times(manifest, times, files))
    return out, manifest.num_rows * times


def _repeat_data(out: Path, manifest: BuildManifest, each: int) -> list[OutputFile]:
    old = [out / f.path for f in manifest.files if f.path.startswith("data/")]
    base = pa.concat_tables([pq.read_table(path) for path in old])
    images = [[_small(image) for image in row] for row in base["images"].to_pylist()]
    base = base.set_column(
        base.schema.get_field_index("images"),
        SAMPLE_SCHEMA.field("images"),
        pa.array(images, SAMPLE_SCHEMA.field("images").type),
    ).combine_chunks()
    for left in old:
        left.unlink()
    files, generator = [], np.random.default_rng(0)
    for number in range(_FILES):
        path = f"data/train-{number:05d}-of-{_FILES:05d}.parquet"
        with pq.ParquetWriter(out / path, SAMPLE_SCHEMA, **parquet_options()) as writer:
            whole = pa.concat_tables([base] * each)
            tokens = pa.array(generator.integers(50, 8000, len(whole)), pa.int32())
            named = _named(whole, f"{number:04x}")
            place = whole.schema.get_field_index("num_tokens")
            writer.write_table(named.set_column(place, "num_tokens", tokens), _GROUP_ROWS)
        files.append(_file(out, path, len(whole)))
    return files


def _repeat_ledger(out: Path, manifest: BuildManifest, times: int) -> list[OutputFile]:
    files = []
    for path in (f.path for f in manifest.files if f.path.startswith("ledger/")):
        base = pq.read_table(out / path)
        whole = _named(pa.concat_tables([base] * times), "ffff")
        rows = pa.array(np.arange(len(whole)))
        whole = whole.set_column(whole.schema.get_field_index("row"), "row", rows)
        pq.write_table(whole, out / path, compression="zstd", row_group_size=100_000)
        files.append(_file(out, path, len(whole)))
    return files


def _named(table: pa.Table, prefix: str) -> pa.Table:
    """Each row with an id of its own where it has one."""
    ids = [
        id_ and f"{id_[:-32]}{prefix}{number * 0x9E3779B97F4A7C15 % (1 << 112):028x}"
        for number, id_ in enumerate(table["id"].to_pylist())
    ]
    return table.set_column(table.schema.get_field_index("id"), "id", pa.array(ids, pa.string()))


def _small(image: dict[str, Any]) -> dict[str, Any]:
    picture = Image.open(io.BytesIO(image["bytes"])).convert("RGB")
    picture.thumbnail((_EDGE, _EDGE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=60)
    return image | {"bytes": buffer.getvalue()}


def _file(out: Path, path: str, rows: int) -> OutputFile:
    """No digest: nobody verifies this build."""
    return OutputFile(path=path, rows=rows, bytes=(out / path).stat().st_size, sha256="0" * 64)


def _times(manifest: BuildManifest, times: int, files: list[OutputFile]) -> BuildManifest:
    """The manifest of so many copies; tokens are no longer those of the rows."""
    raw = manifest.model_dump()
    for name in (n for n in raw if n.startswith("num_")):
        raw[name] *= times
    for part in raw["components"]:
        part |= {name: part[name] * times for name in ("asked", "amount", "rows")}
        part["share"] = Fraction(part["share"])
    for part in raw["contents"]:
        part |= {name: part[name] * times for name in ("rows", "tokens")}
    for entry in raw["funnel"]:
        entry["read"] *= times
        entry["fates"] = {fate: rows * times for fate, rows in entry["fates"].items()}
    return BuildManifest.model_validate(raw | {"files": [f.model_dump() for f in files]})


@contextmanager
def _serving(where: Path) -> Iterator[tuple[psutil.Process, str, float]]:
    """(the process, its address, seconds until that was printed)."""
    command = [str(Path(sys.executable).with_name("mixture")), "browse", str(where), "--json"]
    started = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=_ROOT, env=user_shell(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        said = "".join(iter(child.stdout.readline, "}\n")) + "}"
        yield psutil.Process(child.pid), json.loads(said)["address"], time.perf_counter() - started
    finally:
        child.terminate()
        child.wait()


def _ask(address: str) -> tuple[float, str]:
    """(seconds, the page); anything but a page ends the benchmark."""
    started = time.perf_counter()
    with urllib.request.urlopen(address) as answer:
        text = answer.read().decode("latin-1")
    return time.perf_counter() - started, text


def _peak_mib(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None, "only Linux tells the highest"
    return int(found[1]) / 1024


def _measure(title: str, where: Path, pages: dict[str, str]) -> None:
    starts, firsts, peaks, others = [], [], [], []
    for run in range(_RUNS):
        with _serving(where) as (process, address, start):
            starts.append(start)
            firsts.append(_ask(address)[0])
            peaks.append(_peak_mib(process))
            for name, query in pages.items() if run == 0 else ():
                seconds, text = _ask(address + query)
                others.append([name, f"{seconds:.2f}", f"{_peak_mib(process):.0f}"])
                pictures = re.findall(r'src="(picture[^"]*)"', text)
                if "tokens" in name and pictures:
                    took = [_ask(address + html.unescape(one))[0] for one in pictures]
                    others.append([f"its {len(took)} pictures", f"{sum(took):.2f}", ""])
    rows = [
        ["start, to the printed address", spread(starts, 2), ""],
        ["first page", spread(firsts, 2), spread(peaks)],
        *others,
    ]
    print_table(title, ["page", "seconds", "MiB at most"], rows)


def main() -> None:
    with work_folder() as work:
        out, rows = make_build(work)
        size = sum(path.stat().st_size for path in out.rglob("*.parquet")) / 1e6
        title = (
            f"browse a build of {rows:,} rows ({size:,.0f} MB), first page under {TARGET_S:.0f} s"
        )
        _measure(title, out, _BUILD_PAGES)
        make_store(work / "million", Amounts(ROWS))
        _measure(f"browse a store of about {ROWS:,} rows", work / "million", _STORE_PAGES)


if __name__ == "__main__":
    main()
