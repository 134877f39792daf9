"""Rewrites fixture mirrors, and with --expected also what reading them must give (on purpose only).

python tests/sources/make_fixtures.py [SOURCE ...]              the mirrors; same bytes each time
python tests/sources/make_fixtures.py --expected [SOURCE ...]   expected.json; read the diff by hand
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sources import get
from tests.sources import reading


def write_mirror(name: str) -> None:
    folder = reading.FIXTURES / name
    spec = importlib.util.spec_from_file_location(f"make_{name}", folder / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shutil.rmtree(folder / "mirror", ignore_errors=True)
    module.make(folder / "mirror")


def _lines(values: list[Any]) -> str:
    """A JSON list with one value a line, so that a diff shows the rows that changed."""
    lines = ["    " + json.dumps(value, ensure_ascii=False) for value in values]
    return "[\n" + ",\n".join(lines) + "\n  ]" if lines else "[]"


def write_expected(name: str) -> None:
    source = get(name)
    found = reading.read_all(source, reading.mirror_of(source))
    parts = [f'  "{key}": {_lines(values)}' for key, values in found.items()]
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    (reading.FIXTURES / name / "expected.json").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sources", nargs="*", help="default: every fixture folder with a make.py")
    parser.add_argument("--expected", action="store_true", help="also write expected.json")
    asked = parser.parse_args()
    every = sorted(path.parent.name for path in reading.FIXTURES.glob("*/make.py"))
    for name in asked.sources or every:
        write_mirror(name)
        if asked.expected:
            write_expected(name)
        print(name)


if __name__ == "__main__":
    main()
