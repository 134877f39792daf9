"""Look-up of media by the keys that rows name them by."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.media_index import AMBIGUOUS, MISSING, MediaIndex, find_media, load_found
from tests.pipelines.hand_made import image, write_media

# (key, digest) of a few media in a few folders; no digest: it cannot be used.
_MEDIA = st.tuples(st.sampled_from("abcdz"), st.sampled_from([None, "1" * 64, "2" * 64]))
_FOLDERS = st.lists(st.lists(_MEDIA, max_size=4), min_size=1, max_size=5)

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


@pytest.mark.slow
@given(_FOLDERS, st.lists(st.sampled_from("abcdyz"), max_size=6))
def test_many_keys_in_many_folders(
    folders: list[list[tuple[str, str | None]]], asked: list[str]
) -> None:
    """As `MediaIndex` finds them one by one; of each what is then read of it."""
    media = [pair for folder in folders for pair in folder]
    index = MediaIndex([key for key, _ in media], [digest for _, digest in media], suffix=False)
    wanted = [index.find(key) for key in asked]
    with tempfile.TemporaryDirectory() as place:
        paths = [
            write_media(
                Path(place, str(number)),
                *(
                    image(key, digest=digest, reason=None if digest else "torn")
                    for key, digest in f
                ),
            )
            for number, f in enumerate(folders)
        ]
        found = find_media(paths, False, pa.array(asked, pa.string()))
        assert found.tolist() == wanted
        table, local = load_found(paths, found, first=7)
    rows = table.select(["key", "digest", "folder", "place"]).to_pylist()
    places = [(7 + n, at) for n, folder in enumerate(folders) for at in range(len(folder))]
    for at, position in zip(local.tolist(), wanted, strict=True):
        if position < 0:
            assert at == position
        else:
            key, digest = media[position]
            folder, place_in_it = places[position]
            expected = {"key": key, "digest": digest, "folder": folder, "place": place_in_it}
            assert rows[at] == expected
