"""Ids and draws: no two structures share one, and nothing but content and seed enters."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import ids

# Short alphabets, so that concatenations of different parts often agree.
_PART = st.text("ab", max_size=3)
_TURN = st.lists(st.tuples(_PART, _PART, _PART), max_size=3)
_DIGEST16 = st.sampled_from([bytes(16), b"\x01" * 16, b"\xff" * 16])
_MEDIA = st.sampled_from(["00" * 32, "01" * 32, "ff" * 32])


def _ids(start: int, stop: int) -> list[str]:
    return [hashlib.blake2b(b"%d" % i, digest_size=16).hexdigest() for i in range(start, stop)]


@given(st.lists(st.tuples(st.lists(_DIGEST16, max_size=3), st.lists(_MEDIA, max_size=3))))
def test_ids_of_many_are_those_of_each(samples: list[tuple[list[bytes], list[str]]]) -> None:
    turns = b"".join(digest for sample, _ in samples for digest in sample)
    media = b"".join(bytes.fromhex(digest) for _, named in samples for digest in named)
    num_turns = np.array([len(sample) for sample, _ in samples], np.int64)
    num_media = np.array([len(named) for _, named in samples], np.int64)
    found = ids.content_ids(turns, num_turns, media, num_media)
    wanted = [ids.content_id(sample, named) for sample, named in samples]
    assert [pair.tobytes().hex() for pair in found] == wanted


def test_golden_values() -> None:
    """What is on disk is named by these: a change of any is a change of every id."""
    turn = ids.turn_digest([("user", "text", "a")])
    assert turn.hex() == "02b5e39fd1bc46a0f08a06a417c258b0"
    assert ids.content_id([turn], ["00" * 32]) == "1d4f187029659566db1403dba9679d88"
    assert ids.media_digest(b"x") == hashlib.sha256(b"x").hexdigest()
    assert ids.media_digest(memoryview(b"x"), "s") == (
        "e8e7a7864758663c18a813368159d9a2046de4a4103cb59cbdf4c1ad9f283b21"
    )
    assert ids.key_digest("a", 1, None, ("b", 2.5)) == "b9a17702fb442fed"
    assert ids.seed_word(0, "draw") == 6290294939102518483
    assert ids.stable_draws(_ids(0, 1), seed=7).tolist() == [3045152098893615166]


def test_splitmix64_reference_vector() -> None:
    """First output of the published generator for seed 1234567."""
    assert ids.splitmix64(np.array([1234567], np.uint64)).tolist() == [6457827717110365317]


@given(_TURN, _TURN)
def test_turn_digest_is_injective_on_structure(
    one: list[tuple[str, str, str]], other: list[tuple[str, str, str]]
) -> None:
    assert (ids.turn_digest(one) == ids.turn_digest(other)) == (one == other)


def test_turn_digest_takes_lone_surrogates() -> None:
    assert ids.turn_digest([("user", "text", "\ud800")]) != ids.turn_digest([("user", "text", "?")])


@given(
    st.lists(_DIGEST16, max_size=4),
    st.lists(_MEDIA, max_size=2),
    st.lists(_DIGEST16, max_size=4),
    st.lists(_MEDIA, max_size=2),
)
def test_content_id_is_injective_on_structure(
    turns: list[bytes], media: list[str], other_turns: list[bytes], other_media: list[str]
) -> None:
    same = (turns, media) == (other_turns, other_media)
    assert (ids.content_id(turns, media) == ids.content_id(other_turns, other_media)) == same


_KEY_PARTS = st.lists(st.one_of(_PART, st.integers(-2, 2), st.none(), st.booleans()), max_size=3)


@given(_KEY_PARTS, _KEY_PARTS)
def test_key_digest_tells_parts_apart(one: list[object], other: list[object]) -> None:
    same = [repr(part) for part in one] == [repr(part) for part in other]
    assert (ids.key_digest(*one) == ids.key_digest(*other)) == same


@given(st.binary(max_size=8), st.text(max_size=4), st.text(max_size=4))
def test_media_digest_depends_on_bytes_and_spec(data: bytes, spec: str, other: str) -> None:
    assert (ids.media_digest(data, spec) == ids.media_digest(data, other)) == (spec == other)
    assert ids.media_digest(data, spec) != ids.media_digest(data + b"x", spec)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_no_process_has_its_own_values(hash_seed: str) -> None:
    code = (
        "from manifests.ids import key_digest, stable_draws\n"
        "print(key_digest('a', ('b', 1), {'c': 2}), stable_draws(['0' * 32], 3)[0])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "LC_ALL": "C"},
        cwd=Path(ids.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    key = ids.key_digest("a", ("b", 1), {"c": 2})
    assert said.stdout.split() == [key, str(ids.stable_draws(["0" * 32], 3)[0])]


def test_adding_ids_leaves_the_others_draws() -> None:
    before = ids.stable_draws(_ids(0, 500), seed=1)
    mixed = ids.stable_draws(_ids(500, 700) + _ids(0, 500) + _ids(700, 900), seed=1)
    assert (mixed[200:700] == before).all()


def test_seed_and_purpose_make_independent_draws() -> None:
    names = _ids(0, 4000)
    draws = [
        ids.stable_draws(names, seed, purpose) / 2**64
        for seed, purpose in [(0, "draw"), (1, "draw"), (0, "order")]
    ]
    # Correlation of 4,000 independent pairs has a standard deviation of 0.016.
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert abs(np.corrcoef(draws[one], draws[other])[0, 1]) < 0.07


@pytest.mark.parametrize("seed", [0, 1, 2**63])
def test_draws_are_uniform(seed: int) -> None:
    """Chi-square over 256 cells, from the highest and the lowest bits, of hashed and plain ids."""
    plain = [f"{i:032x}" for i in range(25_600)]
    for names in (_ids(0, 25_600), plain):
        draws = ids.stable_draws(names, seed)
        assert len(np.unique(draws)) == len(names)
        for cells in (draws >> np.uint64(56), draws & np.uint64(255)):
            counts = np.bincount(cells.astype(np.int64), minlength=256)
            # 255 degrees of freedom: mean 255, standard deviation 22.6; six of them either way.
            assert 119 < (((counts - 100.0) ** 2) / 100.0).sum() < 391


def test_draws_of_nothing_and_of_what_is_no_id() -> None:
    assert ids.stable_draws([], seed=0).dtype == np.uint64
    with pytest.raises(AssertionError, match="32 hex"):
        ids.stable_draws(["00" * 8, "00" * 8], seed=0)
    with pytest.raises(ValueError, match="hex"):
        ids.stable_draws(["magpie/pro/" + "0" * 32], seed=0)
