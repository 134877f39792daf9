"""What a build was asked for, with its defaults; the command line and tests make it alike."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from mixtures.likeness import Kind

# An archive or two a worker; what does not fit is streamed.
DEFAULT_CACHE_BYTES = 50_000_000_000
# Of the index, in one bucket of resolve at a time; parts are of their own size (parts.py).
DEFAULT_MEMORY_BYTES = 1_000_000_000


def default_store() -> str:
    """`$SMOLMIX_HOME/store`, else `~/.cache/smolmix/store`."""
    home = os.environ.get("SMOLMIX_HOME")
    return str((Path(home) if home else Path.home() / ".cache" / "smolmix") / "store")


def default_out(recipe: str) -> str:
    name = Path(recipe).name  # of a recipe's file, or a stage's: smolvlm2-2.2b
    return str(Path("mixtures-out") / name.removesuffix(".yaml").removesuffix(".yml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """One build. `recipe` is a built-in stage's name or a file; the rest as in `--help`.

    BuildOptions(recipe="video", mirror="demo/samples", out="demo/video", store="demo/store")
    """

    recipe: str
    out: str
    store: str
    mirror: str | None = None
    limit: int | None = None
    num_samples: int | None = None
    num_tokens: int | None = None
    seed: int | None = None
    workers: int | None = None
    engine: str = "ray"
    ray_address: str | None = None
    cache_bytes: int = DEFAULT_CACHE_BYTES  # of downloads on disk at once; 0 streams all
    memory_bytes: int = DEFAULT_MEMORY_BYTES  # of the index, in one bucket of resolve
    tokenizer: str | None = None  # name or path; None: text is estimated
    overwrite: bool = False
    licenses: Literal["permissive", "non-commercial", "all"] = "all"
    skip_unavailable: bool = False
    allow_missing: bool = False  # without components that have no data; the others' ratios hold
    exclude: tuple[str, ...] = ()
    no_near_duplicates: tuple[Kind, ...] = ()  # of which kinds none are looked for
    # (source, folder): media that upstream does not ship, see local_media.py.
    media: tuple[tuple[str, str], ...] = ()
    benchmarks: str | None = None  # a folder of shared indexes; None: those of the store
    # Benchmarks that the mixture is not held against; () is all of them, None is none.
    no_decontaminate: tuple[str, ...] | None = None
    holdout: Fraction | None = None  # share of media and texts that is not trained on
