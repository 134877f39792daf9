"""Look-up of media by the keys that rows name them by."""

from __future__ import annotations

import pytest

from pipelines.media_index import AMBIGUOUS, MISSING, MediaIndex

KEYS = [
    "HQ-Edit/images/1.jpg",
    "HQ-Edit/HQ-Edit/images/2.jpg",
    "nlvr2/train/3.png",
    "RAVEN/x/4.png",
]
CASES = [
    ("as it stands", KEYS, "HQ-Edit/images/1.jpg", 0),
    ("below the archive's stem", KEYS, "HQ-Edit/images/2.jpg", 1),
    ("without its first folder", [*KEYS, "train/9.png"], "outer/train/9.png", 4),
    ("the unique key that ends on it", KEYS, "train/3.png", 2),
    ("its end without the first folder", KEYS, "zip/x/4.png", 3),
    ("not there", KEYS, "HQ-Edit/images/5.jpg", MISSING),
    ("a bare name is not a path's end", KEYS, "mages/1.jpg", MISSING),
    ("two different media fit", ["a/x/1.jpg", "b/x/1.jpg"], "x/1.jpg", AMBIGUOUS),
]


@pytest.mark.parametrize(("name", "keys", "wanted", "found"), CASES, ids=[c[0] for c in CASES])
def test_suffix_lookup(name: str, keys: list[str], wanted: str, found: int) -> None:
    digests = [f"digest-{key}" for key in keys]
    assert MediaIndex(keys, digests, suffix=True).find(wanted) == found


def test_exact_lookup_tries_nothing_else() -> None:
    index = MediaIndex(["a/x/1.jpg"], ["d"], suffix=False)
    assert index.find("a/x/1.jpg") == 0
    assert index.find("x/1.jpg") == MISSING


def test_copies_of_one_media_are_not_ambiguous() -> None:
    assert MediaIndex(["a/x/1.jpg", "b/x/1.jpg"], ["d", "d"], suffix=True).find("x/1.jpg") == 0


def test_a_usable_copy_is_preferred_to_a_broken_one() -> None:
    assert MediaIndex(["k", "k"], [None, "d"], suffix=False).find("k") == 1


def test_a_broken_media_is_found_so_that_its_reason_can_be_told() -> None:
    assert MediaIndex(["k"], [None], suffix=False).find("k") == 0
