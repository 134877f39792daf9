"""Measures of texts: what near duplicates are found by, a column file beside each row folder.

    rows/<source>/<subset>/<key>/near/<sides>-<bands>x<rows>-<version>.parquet

One row a conversation. Made from samples.arrow once, and read by every recipe that compares the
same sides by the same bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.conversation import Bools, count_per, equals, flatten, is_document
from manifests.storage import join, open_parquet, read_parquet
from mixtures.likeness import NearText
from mixtures.recipe import Recipe
from pipelines.curate import CuratedSource
from pipelines.engine import Task
from pipelines.flat import offsets
from pipelines.folder_tasks import folder_tasks
from pipelines.near.facts import Facts, measure_sides
from pipelines.near.signatures import Banding
from pipelines.token_measures import text_batches

# Bump it when the same texts give other facts.
VERSION = 1
_MEMORY = 768 << 20


def near_text(recipe: Recipe) -> NearText | None:
    """What the recipe says of texts that are alike; None: they are not looked for."""
    return recipe.near_duplicates.text if recipe.near_duplicates else None


def facts_path(folder: str, asked: NearText) -> str:
    name = f"{asked.chat}-{asked.bands}x{asked.rows}-{VERSION}.parquet"
    return join(folder, "near", name)


def plan_text_facts(curated: Sequence[CuratedSource], recipe: Recipe) -> list[Task]:
    """Tasks for the row folders that lack the measure; none where texts are not compared."""
    asked = near_text(recipe)
    if asked is None:
        return []
    return folder_tasks(
        "near",
        curated,
        "sample",
        lambda folder: facts_path(folder, asked),
        measure_texts,
        (asked,),
        _MEMORY,
    )


def measure_texts(folder: str, asked: NearText) -> dict[str, Any]:
    """Task: measure the texts of a finished row folder; about 10 MB of text a second."""
    banding = Banding(asked.bands, asked.rows)
    schema = _schema(asked)
    with open_parquet(facts_path(folder, asked), schema) as write:
        for batch in text_batches(folder):
            facts = measure_sides(*sides(batch, asked.chat), banding)
            columns = [
                pa.array(facts.num_words, pa.int32()),
                pa.array(facts.codes),
                pa.FixedSizeListArray.from_arrays(pa.array(facts.keys.ravel()), asked.bands),
            ]
            write(pa.RecordBatch.from_arrays(columns, schema=schema))
    return {}


def _schema(asked: NearText) -> pa.Schema:
    return pa.schema(
        [
            ("num_words", pa.int32()),
            ("code", pa.uint64()),
            ("keys", pa.list_(pa.uint64(), asked.bands)),
        ]
    )


def read_text_facts(folder: str, asked: NearText) -> Facts:
    """Of all conversations of a row folder, in order."""
    table = read_parquet(facts_path(folder, asked)).combine_chunks()
    keys = table["keys"].combine_chunks().flatten().to_numpy()
    return Facts(
        table["num_words"].to_numpy().astype(np.int64),
        table["code"].to_numpy(),
        keys.reshape(table.num_rows, asked.bands),
    )


def sides(batch: pa.RecordBatch, chat: str) -> tuple[list[str], list[str]]:
    """(what is asked, what is answered) in each conversation, a turn a line.

    Of chats that are compared by one side alone the other is empty. A document is all answer. What
    the system says is no part of either.
    """
    chats = flatten(batch)
    is_text = equals(chats.types_i, "text")
    roles = chats.roles_m.take(pa.array(chats.message_i))
    documents = is_document(batch)[chats.sample_i]
    found = []
    for side, role in (("user", "user"), ("answers", "assistant")):
        wanted = is_text & equals(roles, role)
        if chat not in ("both", side):
            wanted &= documents
        found.append(_joined(chats.texts_i, wanted, chats.sample_i, chats.num_samples))
    return found[0], found[1]


def _joined(texts: pa.Array, wanted: Bools, owner: Any, number: int) -> list[str]:
    lists = pa.ListArray.from_arrays(
        offsets(count_per(owner, wanted, number)), texts.filter(pa.array(wanted))
    )
    joined: list[str] = pc.binary_join(lists, "\n").to_pylist()
    return joined
