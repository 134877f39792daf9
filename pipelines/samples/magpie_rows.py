"""Magpie's three generations of columns, and rows that fill them."""

from __future__ import annotations

import uuid
from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.words import Exchange, Texts, seeded

GEN_0 = "Magpie-Pro-300K-Filtered"
GEN_1 = "Llama-3-Magpie-Air-3M-v0.1"
GEN_2 = "Magpie-Llama-3.1-Pro-MT-300K-Filtered"
_TEXT, _REAL, _COUNT = pa.string(), pa.float64(), pa.int64()
_TURNS = tables.list_of(pa.struct([("from", _TEXT), ("value", _TEXT)]))
SCHEMAS: dict[str, pa.Schema] = {
    GEN_0: pa.schema([("conversations", _TURNS), ("uuid", _TEXT)]),
    GEN_1: pa.schema(
        [
            ("uuid", _TEXT),
            ("model", _TEXT),
            ("gen_input_config", pa.struct([("temperature", _REAL), ("top_p", _REAL)])),
            ("input", _TEXT),
            ("output", _TEXT),
            ("conversations", _TURNS),
            ("task_category", _TEXT),
            ("difficulty", _TEXT),
            ("intent", _TEXT),
            ("knowledge", _TEXT),
            ("input_quality", _TEXT),
            ("quality_explanation", _TEXT),
            ("llama_guard_2", _TEXT),
            ("reward_model", _TEXT),
            ("instruct_reward", _REAL),
            ("base_output", _TEXT),
            ("base_reward", _REAL),
            ("reward_difference", _REAL),
            ("min_neighbor_distance", _REAL),
            ("repeat_count", _COUNT),
            ("min_similar_uuid", _TEXT),
            ("input_length", _COUNT),
            ("output_length", _COUNT),
        ]
    ),
    GEN_2: pa.schema(
        [
            ("uuid", _TEXT),
            ("model", _TEXT),
            (
                "gen_input_configs",
                pa.struct(
                    [
                        ("temperature", _REAL),
                        ("top_p", _REAL),
                        ("input_generator", _TEXT),
                        ("seed", pa.null()),
                        ("pre_query_template", _TEXT),
                    ]
                ),
            ),
            ("instruction", _TEXT),
            ("response", _TEXT),
            ("instruction_2", _TEXT),
            ("response_2", _TEXT),
            ("conversations", _TURNS),
            ("task_category", _TEXT),
            ("other_task_category", tables.list_of(_TEXT)),
            ("task_category_generator", _TEXT),
            ("difficulty", _TEXT),
            ("intent", _TEXT),
            ("knowledge", _TEXT),
            ("difficulty_generator", _TEXT),
            ("input_quality", _TEXT),
            ("quality_explanation", _TEXT),
            ("quality_generator", _TEXT),
            ("llama_guard_2", _TEXT),
            ("reward_model", _TEXT),
            ("instruct_reward", _REAL),
            ("min_neighbor_distance", _REAL),
            ("repeat_count", _COUNT),
            ("min_similar_uuid", _TEXT),
            ("instruction_length", _COUNT),
            ("response_length", _COUNT),
            ("language", _TEXT),
        ]
    ),
}
Row = dict[str, Any]
Turn = dict[str, str]


def make_uuid(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def make_turns(*pairs: tuple[str, str]) -> list[Turn]:
    turns = []
    for user, assistant in pairs:
        turns += [{"from": "human", "value": user}, {"from": "gpt", "value": assistant}]
    return turns


def _zero(texts: Texts, number: int) -> Row:
    made = texts.exchange()
    return zero_row(make_turns((made.user, made.assistant)))


def zero_row(turns: list[Turn] | None) -> Row:
    return {"conversations": turns, "uuid": make_uuid(str(turns))}


def _tags(made: Exchange, number: int, other: str) -> Row:
    """What the taggers said; every ninth row has values outside their enumerations: null."""
    rng = seeded("magpie", "tags", made.user)
    lost = number % 9 == 4
    quality = rng.choice(["average", "good", "excellent"])
    distance = round(rng.uniform(0.06, 0.5), 6)
    return {
        "uuid": make_uuid(made.user),
        "task_category": None if lost else made.category if number % 11 else other,
        "difficulty": None if lost else rng.choice(["very easy", "easy", "medium", "hard"]),
        "intent": f"The user wants help with {made.topic}.",
        "knowledge": f"To answer, one must know {made.topic}.",
        "input_quality": None if lost else quality,
        "quality_explanation": None
        if lost
        else f"The query is clear and its quality is {quality}.",
        "llama_guard_2": "safe",
        "reward_model": "sfairXC/FsfairX-LLaMA3-RM-v0.1",
        "instruct_reward": round(rng.uniform(-8, 4), 6),
        "min_neighbor_distance": distance,
        "repeat_count": 0,
        "min_similar_uuid": None,
    }


def _first(texts: Texts, number: int) -> Row:
    made = texts.exchange()
    tags = _tags(made, number, "Others")
    base = made.assistant.split(". ")[0] + "."
    reward = round(tags["instruct_reward"] - 1.25, 6)
    return {
        **tags,
        "model": "meta-llama/Meta-Llama-3-8B-Instruct",
        "gen_input_config": {"temperature": 1.0, "top_p": 1.0},
        "input": made.user,
        "output": made.assistant,
        "conversations": make_turns((made.user, made.assistant)),
        "base_output": base,
        "base_reward": reward,
        "reward_difference": round(tags["instruct_reward"] - reward, 6),
        "input_length": len(made.user),
        "output_length": len(made.assistant),
    }


def _second(texts: Texts, number: int) -> Row:
    made = texts.exchange()
    more = texts.follow_up(made)
    pairs = ((made.user, made.assistant), (more.user, more.assistant))
    tagger = "meta-llama/Meta-Llama-3.1-8B-Instruct"
    return {
        **_tags(made, number, "Other"),
        "model": "meta-llama/Meta-Llama-3.1-70B-Instruct",
        "gen_input_configs": {
            "temperature": 1.0,
            "top_p": 1.0,
            "input_generator": "Meta-Llama-3.1-70B-Instruct",
            "seed": None,
            "pre_query_template": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>",
        },
        "instruction": made.user,
        "response": made.assistant,
        "instruction_2": more.user,
        "response_2": more.assistant,
        "conversations": make_turns(*pairs),
        "other_task_category": [],
        "task_category_generator": tagger,
        "difficulty_generator": tagger,
        "quality_generator": tagger,
        "instruction_length": len(made.user),
        "response_length": len(made.assistant),
        "language": "EN",
    }


MAKERS = {GEN_0: _zero, GEN_1: _first, GEN_2: _second}
