"""The environments of the tools that benchmarks hold ours against: each tool has one of its own.

    python -m benchmarks.peers [NAME...]     # `make peers`: makes those that are not there yet

They lie below .peers/ in the checkout, or below SMOLMIX_PEERS. Some gigabytes in all: most of the
peers bring torch. A benchmark leaves out the sides whose environment is not there, and says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_HOME = Path(os.environ.get("SMOLMIX_PEERS", Path(__file__).resolve().parent.parent / ".peers"))
_TORCH = "torch==2.13.0"
_IMAGEDEDUP = "imagededup==0.3.3.post2"
_VERSIONS = """
import importlib.metadata, sys
print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in sys.argv[1:]))
"""


@dataclass(frozen=True)
class Peer:
    """What pip installs; `alone` without what it asks for; `shown` are named beside the figures."""

    packages: tuple[str, ...]
    shown: tuple[str, ...]
    alone: tuple[str, ...] = ()


PEERS: Mapping[str, Peer] = {
    # What it imports and does not ask for stands behind it.
    "data-juicer": Peer(
        (
            *("py-data-juicer==1.6.1", _TORCH, "aiohttp", "ray", "PyWavelets", "scikit-learn"),
            "matplotlib",
        ),
        ("py-data-juicer", "imagededup", "ray"),
        # PyPI's torchvision does not load beside torch's CPU build.
        (_IMAGEDEDUP,),
    ),
    # Named by itself, without torchvision, as above; torch is imported with it.
    "imagededup": Peer(
        ("numpy", "pillow", _TORCH, "tqdm", "PyWavelets", "scikit-learn", "matplotlib"),
        ("imagededup",),
        (_IMAGEDEDUP,),
    ),
    "daft": Peer(("daft==0.7.26", "numpy", "pillow"), ("daft",)),
    "text-dedup": Peer(("text-dedup==0.4.0",), ("text-dedup",)),
    "mixing": Peer(
        (_TORCH, "mosaicml-streaming==0.13.0", "litdata==0.2.76"),
        ("mosaicml-streaming", "litdata"),
    ),
    # What turns a row into a model's input is ours, with what that imports.
    "feed": Peer(
        (
            *(_TORCH, "mosaicml-streaming==0.13.0", "orjson", "packaging", "pillow", "polars"),
            *("psutil", "pyarrow", "pydantic", "PyYAML", "rich", "tokenizers"),
        ),
        ("mosaicml-streaming", "tokenizers"),
    ),
}


def peer_python(name: str) -> Path | None:
    """The peer's interpreter, if its environment has been made."""
    home = _HOME / name
    return home / "bin" / "python" if (home / ".installed").exists() else None


def peer_env(cache: Path) -> dict[str, str]:
    """What a peer's process is told: nothing is fetched, not its caches, and not what it would
    install while it runs; the stand-in for torchvision stands first."""
    home = str(cache)
    return {
        "PYTHONPATH": str(Path(__file__).with_name("stand_ins")),
        "HF_HOME": home,
        "DATA_JUICER_CACHE_HOME": home,
        "HF_HUB_OFFLINE": "1",
        "PIP_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def absent(name: str) -> str:
    """What to say of a side that cannot be run."""
    return f"{name} is not installed: run `make peers` (python -m benchmarks.peers {name})"


def versions(name: str) -> str:
    """The versions of what the peer's environment holds: `daft 0.7.26`."""
    python = peer_python(name)
    if python is None:
        return absent(name)
    command = [str(python), "-c", _VERSIONS, *PEERS[name].shown]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def make(name: str) -> None:
    """Make the peer's environment; one that was cut short is begun anew."""
    if peer_python(name):
        return
    home, peer = _HOME / name, PEERS[name]
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    install = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
    subprocess.run([*install, *peer.packages], check=True)
    if peer.alone:
        subprocess.run([*install, "--no-deps", *peer.alone], check=True)
    (home / ".installed").touch()


def main(asked: list[str]) -> int:
    unknown = [name for name in asked if name not in PEERS]
    if unknown:
        print(f"no peer {', '.join(unknown)}; there are {', '.join(PEERS)}", file=sys.stderr)
        return 2
    for name in asked or PEERS:
        make(name)
        print(f"{name}: {versions(name)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
