"""What near duplicates of images and of clips have in common, and where they differ.

Both are compared as nodes: all images of the same pixels are one, and each clip by itself. Facts
of a node are its row of the measure; pairs are of two nodes, the lesser named first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mixtures.likeness import NearDuplicates
from pipelines.measures import EMBEDDING
from pipelines.near import clip_pairs, clip_verify, image_pairs
from pipelines.near.clip_columns import ClipColumns
from pipelines.near.image_columns import ImageColumns
from pipelines.near.image_vectors import near_vectors, vectors_of

# `value` says how alike the two are, for people.
Settings = tuple[float, ...]
PAIRS = pa.schema(
    [
        ("one", pa.binary()),
        ("other", pa.binary()),
        ("rule", pa.string()),
        ("value", pa.string()),
    ]
)


# Photos of which one is cut, mirrored, or in other light; pages and charts encoded anew.
ALIKE = "alike"
# Photos that a model takes for one.
MODEL = "model"


@dataclass(frozen=True, slots=True)
class Sort:
    """Images by their codes or by a model's vectors, or clips; it is picklable.

    `way` names how pairs are found, `measure` is a `Measure.ref`, and `settings` are all that
    decides pairs beside these. `node` is the column of the measure that says which media are one,
    null where none are. `facts` are columns of the measure that kept copies are chosen by.
    """

    kind: str
    way: str
    measure: str
    settings: tuple[float, ...]
    node: str | None
    facts: tuple[str, ...]

    def pairs(self, one: pa.Table, other: pa.Table | None) -> pa.Table:
        """PAIRS of the nodes of two tables, or of one with itself, some of them twice.

        A table has `node`, and the columns of the measure.
        """
        return _COMPARE[self.way](one, other, self.settings)


def wanted_sorts(settings: NearDuplicates, model: str = EMBEDDING) -> list[Sort]:
    """What of media a recipe looks for near duplicates of, the sorts of one kind side by side.

    The first of a kind knows all media that the others do. `model` is the ref of what makes vectors
    where the recipe names a model.
    """
    sizes = ("width_px", "height_px")
    found = []
    if settings.image is not None:
        radius = (settings.image.radius,)
        found.append(Sort("image", "codes", "image_codes", radius, "pixels_code", sizes))
        if settings.image.model is not None:
            least = (settings.image.model.likeness,)
            found.append(Sort("image", "vectors", model, least, "pixels_code", sizes))
    if settings.video is not None:
        found.append(Sort("video", "clips", "clip_codes", (), None, (*sizes, "duration_ms")))
    return found


def _image_pairs(one: pa.Table, other: pa.Table | None, settings: Settings) -> pa.Table:
    """Both ways: a copy is sought in windows of its original, and either may be that."""
    radius = int(settings[0])
    first = ImageColumns.of_table(one)
    if other is None:
        found = image_pairs.find_pairs(first, first, radius)
        return _named(one, one, found, _image_rule, _of_images)
    second = ImageColumns.of_table(other)
    found = image_pairs.find_pairs(first, second, radius)
    back = image_pairs.find_pairs(second, first, radius)
    return pa.concat_tables(
        [
            _named(one, other, found, _image_rule, _of_images),
            _named(other, one, back, _image_rule, _of_images),
        ]
    )


def _vector_pairs(one: pa.Table, other: pa.Table | None, settings: Settings) -> pa.Table:
    (least,) = settings
    first = vectors_of(one)
    found = near_vectors(first, None if other is None else vectors_of(other), least)
    return _named(one, one if other is None else other, found, lambda pair: MODEL, _of_vectors)


def _clip_pairs(one: pa.Table, other: pa.Table | None, settings: Settings) -> pa.Table:
    first = ClipColumns.of_table(one)
    second = first if other is None else ClipColumns.of_table(other)
    found = clip_pairs.find_pairs(first, second)
    return _named(one, one if other is None else other, found, _clip_rule, _of_clips)


_COMPARE: dict[str, Callable[[pa.Table, pa.Table | None, Settings], pa.Table]] = {
    "codes": _image_pairs,
    "vectors": _vector_pairs,
    "clips": _clip_pairs,
}


def _image_rule(pair: np.void) -> str:
    return image_pairs.RULES[pair["rule"]] if pair["same"] else ALIKE


def _clip_rule(pair: np.void) -> str:
    return clip_pairs.RULES[pair["rule"]]


def _named(
    left: pa.Table,
    right: pa.Table,
    pairs: image_pairs.Pairs,
    rule: Callable[[np.void], str],
    value: Callable[[np.void], str],
) -> pa.Table:
    """Places as nodes; a node and itself are no pair."""
    lefts, rights = (
        table["node"].take(pa.array(pairs[side])).to_pylist()
        for table, side in ((left, "left"), (right, "right"))
    )
    rows = [
        {"one": min(a, b), "other": max(a, b), "rule": rule(pair), "value": value(pair)}
        for a, b, pair in zip(lefts, rights, pairs, strict=True)
        if a != b
    ]
    return pa.Table.from_pylist(rows, schema=PAIRS)


def _of_images(pair: np.void) -> str:
    bits = f"bits={pair['bits']} " if pair["rule"] == image_pairs.HASHES else ""
    return f"{bits}correlation={pair['correlation']:.3f}"


def _of_vectors(pair: np.void) -> str:
    return f"cosine={pair['cosine']:.3f}"


def _of_clips(pair: np.void) -> str:
    offset = f" offset={pair['offset_ms'] / 1000:.0f} s" if pair["rule"] == clip_verify.PART else ""
    return f"frames={pair['alike']} of {pair['total']}{offset} moves={pair['moves']:.3f}"
