"""The build of all samples, served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Built
from tests.pipelines.browse.serving import Served, serving


@pytest.fixture(scope="module")
def served(built: Built) -> Iterator[Served]:
    with serving(built.out) as found:
        yield found
