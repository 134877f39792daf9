"""Filters of how a sample's text and its media go together: measured apart, joined to be judged.

A text lies in a folder of rows and a medium in a folder of media, which many rows may name. So each
side is a measure of its own, made from its own folder, and neither is made again for another
threshold, or for a row that names the same medium. Side and whole are bound to the same weights.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import orjson
import pyarrow as pa

from filters.base import Level
from filters.conversation import Ints, children, parents
from filters.models import ModelFilter


class Side(ModelFilter):
    """What is measured of texts (level sample) or of media; alone it judges no sample."""

    side: ClassVar[str]
    schema: ClassVar[pa.Schema]

    @property
    def scores(self) -> pa.Schema:
        return self.schema

    @classmethod
    def of(cls, whole: ModelFilter) -> Self:
        """The side of a filter, bound where that is."""
        here = cls()
        here.settings, here.weights, here.digest = whole.settings, whole.weights, whole.digest
        if whole.is_bound:
            said = orjson.loads(whole.ref) | {"side": cls.side}
            here._bound_ref = orjson.dumps(said).decode()
        return here


class PairFilter(ModelFilter):
    """A filter whose scores are of a text and the media beside it; both have one version."""

    level: ClassVar[Level] = "pair"
    text_side: ClassVar[type[Side]]
    media_side: ClassVar[type[Side]]

    @property
    def parts(self) -> tuple[Side, Side]:
        return self.text_side.of(self), self.media_side.of(self)

    def load(self, path: Path) -> tuple[Side, Side]:
        """Its sides, each of which loads its own half when it has something to score."""
        return self.parts

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Of samples with the `pictures` of each of their media beside them, both sides at once."""
        texts, media = self.model
        pictures, counts = children(batch.column("pictures"))
        sides = texts.measure(batch), media.measure(pa.record_batch({"pictures": pictures}))
        tables = [pa.Table.from_batches([scores]) for scores in sides]
        return self.join(tables[0], tables[1], parents(counts), np.arange(len(pictures)))

    @abstractmethod
    def join(self, texts: pa.Table, media: pa.Table, owners: Ints, named: Ints) -> pa.RecordBatch:
        """Score columns, a row for each of `texts`, which are what one side measured of samples.

        `media` are what the other measured of media. Pair by pair `owners` has the sample's place
        in `texts` and `named` that of a medium that it names in `media`.
        """
