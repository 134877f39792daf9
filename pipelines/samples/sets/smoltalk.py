"""SmolTalk in small: its 14 configs, with a test split beside one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.kit import Kit
from pipelines.samples.problems import shopping
from pipelines.samples.questions import Pair, Questions, Turn, chat_turns, plant_turns
from pipelines.samples.truth import Place
from pipelines.samples.words import seeded

SOURCE = "smoltalk"
REPO = "HuggingFaceTB/smoltalk"
REPOS = (REPO,)
# Rows of a config: where Table 9 of the SmolLM2 paper has more than 34 thousand of it, one for each
# 2,440, so that a mixture by that table takes of all of them.
_ROWS = 14
_MORE_ROWS = {
    "smol-magpie-ultra": 180,
    "smol-constraints": 15,
    "smol-rewrite": 24,
    "smol-summarize": 42,
    "numina-cot-100k": 46,
    "metamathqa-50k": 21,
    "self-oss-instruct": 21,
    "apigen-80k": 36,
    "systemchats-30k": 16,
    "openhermes-100k": 41,
}
MESSAGES = tables.list_of(pa.struct([("content", pa.string()), ("role", pa.string())]))
_PLAIN = pa.schema([("messages", MESSAGES)])
_NAMED = pa.schema([("messages", MESSAGES), ("source", pa.string())])
_RATED = pa.schema(
    [
        ("messages", MESSAGES),
        ("category", pa.string()),
        ("difficulty", pa.string()),
        ("quality", pa.string()),
        ("reward_model_score", pa.float64()),
        ("conversation_tokens", pa.int64()),
    ]
)
SUMMARIZE = "Give the gist of the text in one sentence, without any opinion."
_UNWANTED = ("xylophone", "quartz", "zeppelin")
_PERSONA = "You are a patient librarian who answers plainly and never uses lists."
_TOOL = (
    '{"name": "total_price", "description": "The price of several equal things.", '
    '"parameters": {"count": "int", "price": "int"}}'
)


def _code(ask: Questions, number: int) -> list[Turn]:
    return chat_turns([ask.code()])


def _rewrite(ask: Questions, number: int) -> list[Turn]:
    return chat_turns([ask.rewrite()], "You are an editor. Keep names and facts as they are.")


def summarize(ask: Questions, number: int) -> list[Turn]:
    text, name, fact = ask.passage()
    pair = (f"{text}\n\n{ask.voice}", f"The text is about {name}; above all it says this: {fact}")
    return chat_turns([pair], SUMMARIZE)


def _mathematics(ask: Questions, number: int) -> list[Turn]:
    made = ask.problem()
    return chat_turns([(made.question, f"{made.solution}\nThe answer is: {made.answer}")])


def _call(ask: Questions, number: int) -> list[Turn]:
    buys, count, price, _ = shopping(seeded(SOURCE, "tool", number))
    call = {"name": "total_price", "arguments": {"count": count, "price": price}}
    said = f"<tool_call>[{orjson.dumps(call).decode()}]</tool_call>"
    system = f"You may call functions. These are known: <tools>[{_TOOL}]</tools>"
    return chat_turns([(f"{buys} at {price} coins each. What is to be paid?", said)], system)


def _long(ask: Questions, number: int) -> list[Turn]:
    texts = [ask.passage() for _ in range(16)]
    document = "\n\n".join(f"{name.capitalize()}. {text}" for text, name, _ in texts)
    _, name, fact = texts[7]
    return chat_turns([(f"{document}\n\nWhat is said in the text about {name}?", fact)])


def _everyday(ask: Questions, number: int) -> list[Turn]:
    greeting = ("Hi there", "Hello! How can I help you today?")
    return chat_turns([greeting, *ask.chat(2)])


def _constrained(ask: Questions, number: int) -> list[Turn]:
    question, answer = ask.chat()[0]
    return chat_turns([(f"{question} Do not use the word {_UNWANTED[number % 3]}.", answer)])


def _asked(ask: Questions, number: int) -> list[Turn]:
    return chat_turns(ask.chat())


def _persona(ask: Questions, number: int) -> list[Turn]:
    return chat_turns(ask.chat(2), _PERSONA)


def _three(ask: Questions, number: int) -> list[Turn]:
    pairs: list[Pair] = ask.chat(3)
    return chat_turns(pairs)


# The numbers of train shards upstream, where known. The last four were added later: what they ask
# is made after all that the others ask.
_CONFIGS: dict[str, tuple[int, Callable[[Questions, int], list[Turn]]]] = {
    "all": (9, lambda ask, number: (_three, _mathematics, _rewrite)[number % 3](ask, number)),
    "apigen-80k": (1, _call),
    "everyday-conversations": (1, _everyday),
    "longalign": (1, _long),
    "metamathqa-50k": (1, _mathematics),
    "self-oss-instruct": (1, _code),
    "smol-magpie-ultra": (6, _three),
    "smol-rewrite": (1, _rewrite),
    "smol-summarize": (1, summarize),
    "systemchats-30k": (1, _persona),
    "explore-instruct-rewriting": (1, _rewrite),
    "numina-cot-100k": (1, _mathematics),
    "openhermes-100k": (1, _asked),
    "smol-constraints": (1, _constrained),
}
_SOURCES = ("smol-magpie-ultra-short", "metamathqa-50k", "smollm-rewrite-30k")


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "Thank you in advance.")
    copies: list[tuple[Place, dict[str, Any]]] = []
    for config, (shards, make) in _CONFIGS.items():
        file = f"data/{config}/train-00000-of-{shards:05d}.parquet"
        sheet = kit.sheet(SOURCE, config, file)
        for number in range(_MORE_ROWS.get(config, _ROWS) * kit.scale):
            place = sheet.add({"messages": make(ask, number)})
            if config == "all" and number in (3, 6):
                copies.append((place, sheet.rows[-1]))
        if config == "smol-magpie-ultra":
            sheet.plant("exact_duplicate_across_subsets", copies[0][1], copies[0][0])
        if config in ("smol-magpie-ultra", "systemchats-30k"):
            plant_turns(sheet, "messages", "content", "role")
        schema = {"all": _NAMED, "smol-magpie-ultra": _RATED}.get(config, _PLAIN)
        rows = [_complete(row, number, schema) for number, row in enumerate(sheet.rows)]
        tables.write(kit.folder / REPO / file, schema, rows, row_group_rows=10)
    held = kit.folder / REPO / "data/everyday-conversations/test-00000-of-00001.parquet"
    tables.write(held, _PLAIN, [{"messages": _everyday(ask, 0)} for _ in range(3)], 10)


def _complete(row: dict[str, Any], number: int, schema: pa.Schema) -> dict[str, Any]:
    """The row with the columns that its config has beside the messages."""
    rng = seeded(SOURCE, "rating", number)
    more = {
        "source": _SOURCES[number % 3],
        "category": rng.choice(["advice-seeking", "math", "planning"]),
        "difficulty": None if number % 7 == 3 else rng.choice(["easy", "medium"]),
        "quality": rng.choice(["good", "excellent"]),
        "reward_model_score": round(rng.uniform(0.1, 0.2), 6),
        "conversation_tokens": rng.randint(200, 900),
    }
    return {**{k: v for k, v in more.items() if k in schema.names}, **row}
