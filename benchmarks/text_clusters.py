"""How clustering grows: many synthetic texts from their shingles to the fate of each.

    python -m benchmarks.text_clusters [--texts 250000 1000000]

A text is a set of 50 shingles, all made from its number. Six in ten stand alone; the others are in
families of three and five with a base, from which a member differs in up to 12 shingles
(similarities of 0.6 to 1). One text in a hundred is of one template: 42 shingles that all of these
share, which makes their keys crowded though no two are as alike as the threshold asks. Each size is
a process of its own; what is asked at 10 M is 600 s on two cores and 12 GiB.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time

import numpy as np

from benchmarks.measure import in_process, print_table
from pipelines.flat import Ints
from pipelines.near.candidates import REACH, candidates
from pipelines.near.characters import Values, mixed
from pipelines.near.facts import Facts, joined
from pipelines.near.jaccard import THRESHOLD, verified
from pipelines.near.kept import Found, components, fates
from pipelines.near.shingles import Shingles
from pipelines.near.signatures import Banding, band_keys, signatures

_SHINGLES = 50
_TEMPLATE = 42
_CHANGES = 12
_BLOCK = 5_000
_PLACES = np.arange(_SHINGLES, dtype=np.uint64)


def _hashes(numbers: Values, salt: int) -> Values:
    return mixed(numbers * np.uint64(64) + np.uint64(salt * 0x3779B97F4A7C15))


def _family(texts: Ints) -> Ints:
    """Of each text the base of its family: of twenty in a row three and five have one."""
    place = texts % 20
    return np.where(place < 3, texts - place, np.where(place < 8, texts - place + 3, texts))


def _sets(texts: Ints) -> Values:
    """50 distinct shingles of each text, a row each, in ascending order."""
    numbers, family = texts.astype(np.uint64), _family(texts).astype(np.uint64)
    own = _hashes(numbers[:, None] * np.uint64(64) + _PLACES, 1)
    shared = _hashes(family[:, None] * np.uint64(64) + _PLACES, 1)
    changes = _hashes(numbers, 2) % np.uint64(_CHANGES + 1)
    values = np.where(_PLACES < changes[:, None], own, shared)
    is_template = texts % 100 == 99
    values[is_template, -_TEMPLATE:] = _hashes(_PLACES[-_TEMPLATE:], 3)
    return np.sort(values, axis=1)


def _load(texts: Ints) -> Shingles:
    return Shingles(_sets(texts).ravel(), np.arange(0, len(texts) * _SHINGLES + 1, _SHINGLES))


def _facts(num_texts: int) -> Facts:
    banding, parts = Banding(), []
    for start in range(0, num_texts, _BLOCK):
        texts = np.arange(start, min(start + _BLOCK, num_texts))
        found = _load(texts)
        keys = band_keys(signatures(found, banding.num_hashes), banding)
        codes = found.values.reshape(-1, _SHINGLES).sum(axis=1, dtype=np.uint64)
        parts.append(Facts(np.full(len(texts), _SHINGLES), codes, keys))
    return joined(parts)


def _run(num_texts: int) -> dict[str, float]:
    times = [time.process_time()]
    facts = _facts(num_texts)
    times.append(time.process_time())
    pairs = candidates(facts, REACH)
    times.append(time.process_time())
    alike = verified(pairs, facts.num_words, _load, THRESHOLD)
    times.append(time.process_time())
    label = components(num_texts, alike.left, alike.right)
    rank = np.random.default_rng(0).permutation(num_texts)
    kept = fates(Found(np.arange(num_texts), alike), rank).kept_t
    times.append(time.process_time())
    steps = zip(("sign", "candidates", "verify", "fates"), np.diff(times).tolist(), strict=True)
    return {
        **dict(steps),
        "met": len(pairs),
        "alike": len(alike),
        "components": int((np.bincount(label) > 1).sum()),
        "dropped": int((~kept).sum()),
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, nargs="+", default=[250_000, 1_000_000])
    parser.add_argument("--one", type=int)
    asked = parser.parse_args(arguments)
    if asked.one:
        print(json.dumps(_run(asked.one)))
        return 0
    rows = []
    for size in asked.texts:
        found = in_process("benchmarks.text_clusters", "--one", str(size))
        cells = [f"{found[name]:.1f}" for name in ("sign", "candidates", "verify", "fates")]
        cells += [f"{found[name]:,}" for name in ("met", "alike", "components", "dropped")]
        rows.append([f"{size:,}", *cells, f"{found['peak_gib']:.2f}"])
    columns = [
        "texts",
        "sign",
        "meet",
        "verify",
        "fates",
        "met",
        "alike",
        "groups",
        "dropped",
        "GiB",
    ]
    print_table("synthetic texts: CPU seconds of each step, pairs, peak memory", columns, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
