"""Single rows of row folders, by their places in samples.arrow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from manifests.storage import join, open_ipc
from pipelines.curate_rows import BATCH_ROWS
from pipelines.flat import Ints


class StoredRows:
    """Some columns of the rows of these folders; files are mapped, and opened once."""

    def __init__(self, folders: Sequence[str], columns: Sequence[str]) -> None:
        self._folders = folders
        self._columns = list(columns)
        self._readers: dict[int, pa.ipc.RecordBatchFileReader] = {}

    def take(self, folders: Ints, positions: Ints) -> tuple[pa.RecordBatch, Ints]:
        """(these rows by the store's batches, where among them each is); at least one row."""
        numbers = positions // BATCH_ROWS
        order = np.lexsort((positions, folders))
        steps = np.diff(folders[order], prepend=-1) | np.diff(numbers[order], prepend=-1)
        parts = []
        for ats in np.split(order, np.flatnonzero(steps)[1:]):
            batch = self._reader(int(folders[ats[0]])).get_batch(int(numbers[ats[0]]))
            parts.append(batch.select(self._columns).take(pa.array(positions[ats] % BATCH_ROWS)))
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        return pa.Table.from_batches(parts).combine_chunks().to_batches()[0], places

    def _reader(self, folder: int) -> pa.ipc.RecordBatchFileReader:
        if folder not in self._readers:
            self._readers[folder] = open_ipc(join(self._folders[folder], "samples.arrow"))
        return self._readers[folder]
