"""Files of an upstream folder by pattern."""

from __future__ import annotations

import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sources.root import Root

_NAMES = st.text(alphabet="ab[]().1", min_size=1, max_size=5).filter(lambda name: name.strip("."))
_PATTERNS = st.text(alphabet="ab[]().1*?/", min_size=1, max_size=5)


@given(st.lists(st.tuples(_NAMES, _NAMES), max_size=8), st.lists(_PATTERNS, max_size=3))
def test_a_pattern_gives_the_files_that_fit_it_once_and_sorted(
    names: list[tuple[str, str]], patterns: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder).joinpath(*name)
            path.parent.mkdir(exist_ok=True)
            path.touch()
        paths = sorted({"/".join(name) for name in names})
        literal = [pattern.replace("[", "[[]") for pattern in patterns]
        fitting = [path for path in paths if any(fnmatchcase(path, p) for p in literal)]
        assert [file.path for file in Root(folder, "a/b").glob(*patterns)] == fitting
