"""Token measures: one column file a tokenizer beside the turns that it counts, made once."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from pipelines.tokenizers import TokenizerRef


def read_token_measures(folders: Sequence[str], tokenizer: TokenizerRef) -> pa.Table:
    raise NotImplementedError
