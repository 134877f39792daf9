"""Smol-SmolTalk in small: two of its four train shards, and its test split."""

from __future__ import annotations

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.kit import Kit
from pipelines.samples.questions import Questions, chat_turns, plant_turns
from pipelines.samples.sets.smoltalk import MESSAGES, summarize

SOURCE = "smol_smoltalk"
REPO = "HuggingFaceTB/smol-smoltalk"
REPOS = (REPO,)
_ROWS = 16
_SCHEMA = pa.schema([("messages", MESSAGES), ("source", pa.string())])


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "Please be brief.")
    for shard in range(2):
        sheet = kit.sheet(SOURCE, "default", f"data/train-{shard:05d}-of-00004.parquet")
        for number in range(_ROWS * kit.scale):
            if number % 3:
                row = {"messages": chat_turns(ask.chat(2)), "source": "smol-magpie-ultra-short"}
            else:
                row = {"messages": summarize(ask, number), "source": "smol-summarize-20k"}
            sheet.add(row)
        if shard == 0:
            plant_turns(sheet, "messages", "content", "role")
        tables.write(kit.folder / REPO / sheet.file, _SCHEMA, sheet.rows, row_group_rows=12)
    held = [{"messages": chat_turns(ask.chat()), "source": "held-out"} for _ in range(3)]
    path = kit.folder / REPO / "data/test-00000-of-00001.parquet"
    tables.write(path, _SCHEMA, held, row_group_rows=12)
