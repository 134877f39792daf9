"""One side of the benchmark `mixing`: the order in which a mixer gives the rows of several sources.

    PYTHON benchmarks/mixing_sides.py SIDE CASE OUT

CASE is a folder with `case.json` (sizes and shares of the sources), `tokens.npy` and recipes; rows
are numbered through, source by source. OUT becomes an array of them, in the order of one epoch.
Peers are imported by the side that is asked, so that PYTHON may be an environment of their own, in
which nothing of smolmix is installed. Every peer is asked as its documentation says, with a seed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SEED = 1
_FILE_ROWS = 1000
_BATCH_ROWS = 64

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """Sources of unequal size, and the share of the rows that is asked of each."""

    folder: Path
    sizes: Sequence[int]
    shares: Sequence[float]

    @property
    def rows(self) -> list[Ints]:
        """The numbers of each source's rows."""
        ends = np.cumsum(self.sizes)
        return [np.arange(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]

    def folders(self, peer: str, write: Callable[[Path, Ints], None]) -> list[Path]:
        """The sources in the peer's format: written by its first run, the same for the second."""
        made = []
        for number, rows in enumerate(self.rows):
            folder = self.folder / peer / f"{number:02d}"
            if not folder.exists():
                folder.parent.mkdir(exist_ok=True)
                write(folder, rows)
            made.append(folder)
        return made


def _smolmix(case: Case, unit: str) -> Ints:
    from manifests.ids import stable_draws
    from mixtures.draw import draw
    from mixtures.order import row_order
    from mixtures.quota import solve
    from mixtures.recipe_file import load_recipe
    from mixtures.supply import ArraySupply

    recipe = load_recipe(str(case.folder / f"{unit}.yaml"))
    tokens = np.load(case.folder / "tokens.npy")
    ids = [hashlib.blake2b(b"%d" % n, digest_size=16).hexdigest() for n in range(sum(case.sizes))]
    draws = stable_draws(ids, recipe.seed)
    ordered = [rows[np.argsort(draws[rows])] for rows in case.rows]
    supply = ArraySupply(
        [{"samples": np.ones(len(rows), np.int64), "tokens": tokens[rows]} for rows in ordered]
    )
    leaf = np.repeat(np.arange(len(case.sizes), dtype=np.int32), case.sizes)
    drawn = draw(ids, leaf, solve(recipe, supply).quotas, recipe.seed)
    return drawn.sample[row_order(recipe, drawn, recipe.seed)]


def _datasets(case: Case, stopping_strategy: str) -> Ints:
    datasets: Any = import_module("datasets")
    parts = [datasets.Dataset.from_dict({"row": rows}) for rows in case.rows]
    mixed = datasets.interleave_datasets(
        parts, probabilities=case.shares, seed=SEED, stopping_strategy=stopping_strategy
    )
    return np.array(mixed["row"])


def _write_parquet(folder: Path, rows: Ints) -> None:
    parquet, pyarrow = import_module("pyarrow.parquet"), import_module("pyarrow")
    folder.mkdir()
    for start in range(0, len(rows), _FILE_ROWS):
        table = pyarrow.table({"row": rows[start : start + _FILE_ROWS]})
        parquet.write_table(table, folder / f"{start:06d}.parquet")


def _ray(case: Case, stopping_condition: str) -> Ints:
    ray: Any = import_module("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
    condition = getattr(ray.data.MixStoppingCondition, stopping_condition)
    # `mix` deals whole blocks: a block a file is the finest that it is given here.
    first, *others = (
        ray.data.read_parquet(str(folder), override_num_blocks=len(list(folder.iterdir())))
        for folder in case.folders("ray", _write_parquet)
    )
    mixed = first.mix(*others, weights=case.shares, stopping_condition=condition)
    return np.array([row["row"] for row in mixed.iter_rows()])


def _write_mds(streaming: Any, folder: Path, rows: Ints) -> None:
    with streaming.MDSWriter(out=str(folder), columns={"row": "int"}) as writer:
        for row in rows.tolist():
            writer.write({"row": row})


def _streaming(case: Case, batching_method: str) -> Ints:
    import_module("transformers.feature_extraction_utils")
    streaming: Any = import_module("streaming")
    folders = case.folders("streaming", partial(_write_mds, streaming))
    streaming.base.util.clean_stale_shared_memory()
    streams = [
        streaming.Stream(local=str(folder), proportion=share)
        for folder, share in zip(folders, case.shares, strict=True)
    ]
    mixed = streaming.StreamingDataset(
        streams=streams,
        shuffle=True,
        shuffle_seed=SEED,
        batch_size=_BATCH_ROWS,
        batching_method=batching_method,
    )
    return np.array([sample["row"] for sample in mixed])


def _row(row: int) -> Iterator[dict[str, int]]:
    yield {"row": row}


def _write_litdata(litdata: Any, folder: Path, rows: Ints) -> None:
    litdata.optimize(
        _row, rows.tolist(), str(folder), chunk_size=_FILE_ROWS, num_workers=1, verbose=False
    )


def _litdata(case: Case) -> Ints:
    litdata: Any = import_module("litdata")
    folders = case.folders("litdata", partial(_write_litdata, litdata))
    parts = [litdata.StreamingDataset(str(f), shuffle=True, seed=SEED) for f in folders]
    mixed = litdata.CombinedStreamingDataset(
        parts, seed=SEED, weights=case.shares, iterate_over_all=False
    )
    return np.array([sample["row"] for sample in mixed])


SIDES: dict[str, Callable[[Case], Ints]] = {
    "smolmix, samples": partial(_smolmix, unit="samples"),
    "smolmix, tokens": partial(_smolmix, unit="tokens"),
    "datasets, first_exhausted": partial(_datasets, stopping_strategy="first_exhausted"),
    "datasets, all_exhausted": partial(_datasets, stopping_strategy="all_exhausted"),
    "Ray mix, STOP_ON_SHORTEST": partial(_ray, stopping_condition="STOP_ON_SHORTEST"),
    "Ray mix, STOP_ON_LONGEST_DROP": partial(_ray, stopping_condition="STOP_ON_LONGEST_DROP"),
    "streaming, random": partial(_streaming, batching_method="random"),
    "streaming, stratified": partial(_streaming, batching_method="stratified"),
    "litData": _litdata,
}


def main(side: str, folder: Path, out: Path) -> None:
    about = json.loads((folder / "case.json").read_text())
    np.save(out, SIDES[side](Case(folder, about["sizes"], about["shares"])))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
