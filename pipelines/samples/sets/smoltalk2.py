"""SmolTalk2 in small: seven of its 29 splits, of all three configs."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.kit import Kit
from pipelines.samples.questions import Questions, chat_turns, plant_turns
from pipelines.samples.sets.smoltalk import MESSAGES

SOURCE = "smoltalk2"
REPO = "HuggingFaceTB/smoltalk2"
REPOS = (REPO,)
_ROWS = 14
_SETTINGS = pa.struct(
    [
        ("custom_instructions", pa.string()),
        ("enable_thinking", pa.bool_()),
        ("python_tools", tables.list_of(pa.string())),
        ("xml_tools", tables.list_of(pa.string())),
    ]
)
_SCHEMAS = {
    "Mid": pa.schema([("messages", MESSAGES), ("source", pa.string())]),
    "SFT": pa.schema(
        [("messages", MESSAGES), ("chat_template_kwargs", _SETTINGS), ("source", pa.string())]
    ),
    "Preference": pa.schema(
        [
            ("chosen", MESSAGES),
            ("rejected", MESSAGES),
            ("prompt", pa.string()),
            ("chat_template_kwargs", _SETTINGS),
            ("source", pa.string()),
        ]
    ),
}
# Config, split, shards upstream, where known.
_SPLITS = (
    ("Mid", "OpenThoughts3_1.2M", 107),
    ("SFT", "multi_turn_reasoning_if_think", 1),
    ("SFT", "OpenHermes_2.5_no_think", 2),
    ("SFT", "smoltalk_smollm3_smol_magpie_ultra_no_think", 6),
    ("SFT", "smoltalk_smollm3_systemchats_30k_no_think", 1),
    ("SFT", "xlam_traces_no_think", 1),
    ("Preference", "llama_3.1_tulu_3_8b_preference_mixture_no_think", 3),
)
_TOOL = '{"name": "find_page", "parameters": {"subject": {"type": "string"}}}'


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "Take your time.")
    for config, split, shards in _SPLITS:
        sheet = kit.sheet(SOURCE, split, f"{config}/{split}-00000-of-{shards:05d}.parquet")
        for _ in range(_ROWS * kit.scale):
            sheet.add(_row(ask, config, split))
        if split == "OpenHermes_2.5_no_think":
            plant_turns(sheet, "messages", "content", "role")
        path = kit.folder / REPO / sheet.file
        tables.write(path, _SCHEMAS[config], sheet.rows, row_group_rows=8)


def _row(ask: Questions, config: str, split: str) -> dict[str, Any]:
    thinks = not split.endswith("no_think")
    settings = _settings(split, thinks)
    if split == "xlam_traces_no_think":
        text, name, _ = ask.passage()
        call = orjson.dumps({"name": "find_page", "arguments": {"subject": name}}).decode()
        pair = (f"Which page says this? {text}", f"<tool_call>{call}</tool_call>")
        return {
            "messages": chat_turns([pair]),
            "chat_template_kwargs": settings,
            "source": split,
        }
    if config == "Preference":
        ((user, answer),) = ask.chat()
        return {
            "chosen": chat_turns([(user, answer)]),
            "rejected": chat_turns([(user, "I would rather not say.")]),
            "prompt": user,
            "chat_template_kwargs": settings,
            "source": split,
        }
    made = ask.problem()
    thought = (
        f"<think>\nThe question is about {made.sub_topic.lower()}. {made.solution}\n</think>\n"
    )
    pairs = [(made.question, thought + made.answer)] if thinks else ask.chat(2)
    row = {"messages": chat_turns(pairs), "source": split}
    return row if config == "Mid" else {**row, "chat_template_kwargs": settings}


def _settings(split: str, thinks: bool) -> dict[str, Any]:
    prompt = "You are a gardener; compare things with plants." if "systemchats" in split else ""
    tools = [_TOOL] if split.startswith("xlam") else []
    return {
        "custom_instructions": prompt,
        "enable_thinking": thinks,
        "python_tools": [],
        "xml_tools": tools,
    }
