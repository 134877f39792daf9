"""Benchmark cards: each holds together, and the errors name the file and the field."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from manifests.benchmark_cards import (
    BenchmarkCard,
    benchmark_card,
    benchmark_cards,
    parse_benchmark_card,
)
from manifests.errors import CardError, UsageError

# The evaluation sets of SmolVLM's table, and of SmolLM2's.
SMOLVLM = (
    *("ocrbench", "ai2d", "chartqa", "textvqa", "docvqa", "scienceqa", "mmmu", "mathvista"),
    *("mmstar", "video_mme", "mlvu", "mvbench", "worldsense", "tempcompass"),
)
SMOLLM2 = (
    *("gsm8k", "math", "math_500", "mmlu", "mmlu_pro", "arc", "hellaswag", "winogrande", "piqa"),
    *("openbookqa", "commonsense_qa", "triviaqa", "nq_open", "ifeval", "humaneval", "mbpp"),
    *("gpqa", "bbh", "mt_bench"),
)
GOOD: dict[str, Any] = {
    "name": "demo",
    "title": "Demo",
    "modality": "text",
    "repo": "someone/demo",
    "revision": "main",
    "license": "CC-BY-4.0",
    "gated": False,
    "citation": "Nobody, 2024",
    "num_bytes": None,
    "held_out": [{"split": "test", "files": ["data/test-*.parquet"], "num_rows": 3}],
    "fields": {"question": ["q.text"], "choices": ["a", "b"], "answer": "right"},
    "train": "there is none",
}


def _parse(**changes: Any) -> BenchmarkCard:
    fields = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return parse_benchmark_card(yaml.safe_dump(fields), "demo")


def test_the_published_tables_have_their_cards() -> None:
    assert set(benchmark_cards()) >= {*SMOLVLM, *SMOLLM2}


@pytest.mark.parametrize("name", benchmark_cards())
def test_a_train_split_is_never_held_out(name: str) -> None:
    """But for those whose one split, which is the test set, is called that."""
    card = benchmark_cards()[name]
    for split in card.held_out:
        is_train = split.split == "train" or any("train" in pattern for pattern in split.files)
        assert not is_train or "its one split is called train" in card.train
    assert card.fields.video is None or card.modality == "video"
    assert not card.fields.images or card.modality in ("image", "multi_image")


def test_good_card() -> None:
    card = _parse()
    assert card.fields.columns == ("q", "a", "b", "right")
    assert card.num_rows == 3 and card.homepage.endswith("/someone/demo")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"license": ...}, "license: Field required"),
        ({"revision": ...}, "revision: Field required"),
        ({"held_out": []}, "held_out: Tuple should have at least 1 item"),
        ({"name": "other"}, "calls itself 'other'"),
        ({"fields": {"question": ["q"], "answer": "a", "answer_is": "index"}}, "needs choices"),
        (
            {"fields": {"question": ["q"], "choices": ["c"], "answer_is": "label"}},
            "labels and answer_is label belong together",
        ),
        ({"fields": {"question": ["q"], "video": "clip"}}, "a split names no archives"),
        (
            {"held_out": [{"split": "t", "files": ["a"], "archives": ["b"], "num_rows": 1}]},
            "fields.video names no column",
        ),
    ],
)
def test_bad_cards(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CardError, match=re.escape(message)) as caught:
        _parse(**changes)
    assert "manifests/benchmarks/demo.yaml" in str(caught.value)


def test_what_is_no_yaml_and_what_is_no_benchmark() -> None:
    with pytest.raises(CardError, match="is not YAML"):
        parse_benchmark_card("a: [", "demo")
    with pytest.raises(UsageError, match="--x: there is no benchmark 'gsm8'; did you mean 'gsm8k'"):
        benchmark_card("gsm8", "--x")
