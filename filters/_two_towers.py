"""CLIP and SigLIP as transformers has them: texts and pictures to vectors of one space.

CLIP (arXiv 2103.00020) and SigLIP (arXiv 2303.15343) are two networks, towers, trained so that the
vectors of a picture and of its caption point the same way. Each tower is loaded by itself. Texts
are put as the family was trained: CLIP's in lower case, up to 77 tokens, SigLIP's filled up to 64,
none of them masked. SigLIP 2 of a fixed size is a SigLIP to transformers; NaFlex is not supported.
Pictures are prepared by the model's own processor in its Pillow version, which needs no
torchvision. Batches have one size, filled up by copies: then a text or a picture has the same
vector alone and among others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from PIL import Image

from filters._transformers import (
    HERE,
    check_files,
    import_transformers,
    load_network,
    torch_device,
)
from filters._vectors import Floats
from filters.models import check_packages
from manifests.errors import UsageError

FAMILIES = ("clip", "siglip")
FILES = (
    # Not *.safetensors: repositories of open_clip hold its own beside those of transformers.
    *("config.json", "model.safetensors", "model-*.safetensors", "model.safetensors.index.json"),
    *("preprocessor_config.json", "processor_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "spiece.model"),
)
# Of each line one must be there.
_NEEDED = (
    ("config.json",),
    ("model*.safetensors",),
    ("preprocessor_config.json", "processor_config.json"),
    ("tokenizer.json", "merges.txt", "spiece.model"),
)
BATCH_PICTURES = 8
_BATCH_TEXTS = 16
# CLIP looks back from the text's end alone, so that what is filled up behind it changes nothing.
_CLIP_LENGTHS = (16, 32)
# A model that crops sees the middle square alone: of longer pictures the rest is not scaled, for
# one of 10 x 16,000 would become one of 224 x 358,400.
_LONGEST_SIDES = 8


def check_towers(folder: Path) -> str:
    """The family of the model in the folder; UsageError for what cannot be asked.

    Tokenizer and processor are loaded and tried, weights are not.
    """
    check_files(folder, _NEEDED)
    config = orjson.loads((folder / "config.json").read_bytes())
    kind = config.get("model_type")
    if kind == "siglip2":
        raise UsageError(
            "it is a SigLIP 2 of NaFlex, which takes pictures of any shape; use one of a fixed "
            "size, such as google/siglip2-base-patch16-224"
        )
    if kind not in FAMILIES or "auto_map" in config:
        raise UsageError(
            f"config.json is of {kind or 'no model_type'}, which is neither clip nor siglip of "
            "transformers itself; code of a repository's own never runs"
        )
    try:
        _try(folder)
    except UsageError:
        raise
    except Exception as error:  # transformers raises of everything
        said = str(error).partition("\n")[0]
        raise UsageError(f"its tokenizer or picture processor cannot be used: {said}") from error
    return str(kind)


def _try(folder: Path) -> None:
    config = import_transformers().AutoConfig.from_pretrained(folder, **HERE)
    tokenizer = read_tokenizer(folder)
    tokenizer(["a word"])
    if len(tokenizer) > config.text_config.vocab_size:
        raise UsageError(
            f"its tokenizer knows {len(tokenizer):,} tokens, and the model "
            f"{config.text_config.vocab_size:,}"
        )
    _Preparer(folder)(Image.new("RGB", (64, 48)))


def match_cosine(folder: Path) -> float | None:
    """The cosine from which a SigLIP model says likelier match than not; None: it does not tell."""
    import safetensors

    found: dict[str, float] = {}
    for path in sorted(folder.glob("model*.safetensors")):
        try:
            with safetensors.safe_open(path, framework="np") as tensors:
                for name in {"logit_scale", "logit_bias"} & set(tensors.keys()):
                    found[name] = float(tensors.get_tensor(name).reshape(-1)[0])
        except (OSError, TypeError, safetensors.SafetensorError):  # cut off; or bfloat16
            return None
    if len(found) < 2:
        return None
    return float(-found["logit_bias"] / np.exp(found["logit_scale"]))


def read_tokenizer(folder: Path) -> Any:
    told = folder / "tokenizer_config.json"
    named = orjson.loads(told.read_bytes()).get("tokenizer_class") if told.is_file() else None
    if named == "SiglipTokenizer":  # in place of which transformers may take another, unasked
        check_packages(["sentencepiece"])
    tokenizer = import_transformers().AutoTokenizer.from_pretrained(folder, **HERE)
    if tokenizer.pad_token is None:
        raise UsageError("its tokenizer has no token to fill up with (pad_token)")
    tokenizer.padding_side = "right"
    return tokenizer


class _Tower:
    """One half of the model; on the GPU that the process was given, else on one core."""

    def __init__(self, folder: Path, other: str) -> None:
        self._device = torch_device()
        network = load_network(folder, "AutoModel")
        delattr(network, other)
        self._network = network.to(self._device).eval()

    def _vectors(self, found: Any) -> Floats:
        """Transformers 5 gives an object with hidden states too, others the vectors alone."""
        vectors = getattr(found, "pooler_output", found)
        return np.asarray(vectors.float().cpu().numpy(), np.float32)


class TextTower(_Tower):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "vision_model")
        self._tokenizer = read_tokenizer(folder)
        config = self._network.config
        self._is_clip = config.model_type == "clip"
        longest = config.text_config.max_position_embeddings
        self._max_tokens = min(longest, self._tokenizer.model_max_length)
        shorter = [length for length in _CLIP_LENGTHS if length < self._max_tokens]
        self._lengths = [*(shorter if self._is_clip else ()), self._max_tokens]

    def embed(self, texts: Sequence[str]) -> Floats:
        """A vector a text, of any length; what is beyond the model's context is not read."""
        import torch

        # SigLIP's tokenizers do that themselves, those of SigLIP 2 only in some versions.
        lower = [text.lower() for text in texts]
        ids = self._tokenizer(lower, truncation=True, max_length=self._max_tokens)["input_ids"]
        shapes = np.searchsorted(self._lengths, [len(row) for row in ids])
        found: dict[int, Floats] = {}
        with torch.inference_mode():
            for shape in np.unique(shapes):
                places = np.flatnonzero(shapes == shape)
                for first in range(0, len(places), _BATCH_TEXTS):
                    some = places[first : first + _BATCH_TEXTS].tolist()
                    vectors = self._embed([ids[place] for place in some], self._lengths[shape])
                    found |= zip(some, vectors, strict=False)
        return np.stack([found[place] for place in range(len(texts))])

    def _embed(self, ids: list[list[int]], length: int) -> Floats:
        filled = ids + ids[:1] * (_BATCH_TEXTS - len(ids))
        padded = self._tokenizer.pad(
            {"input_ids": filled},
            padding="max_length",
            max_length=length,
            return_attention_mask=self._is_clip,
            return_tensors="pt",
        ).to(self._device)
        mask = {"attention_mask": padded["attention_mask"]} if self._is_clip else {}
        return self._vectors(self._network.get_text_features(padded["input_ids"], **mask))


class PictureTower(_Tower):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "text_model")
        self.prepare = _Preparer(folder)

    def embed(self, prepared: Sequence[Floats]) -> Floats:
        """A vector for each of at most `BATCH_PICTURES` pictures that `prepare` gave."""
        import torch

        whole = [*prepared, *[prepared[0]] * (BATCH_PICTURES - len(prepared))]
        pixels = torch.from_numpy(np.stack(whole)).to(self._device)
        with torch.inference_mode():
            found = self._network.get_image_features(pixels)
        return self._vectors(found)[: len(prepared)]


class _Preparer:
    """A picture as the model takes it, channels first; UsageError if of another shape."""

    def __init__(self, folder: Path) -> None:
        transformers = import_transformers()
        config = transformers.AutoConfig.from_pretrained(folder, **HERE)
        size = config.vision_config.image_size
        self._shape = (3, size, size)
        self._processor = transformers.AutoImageProcessor.from_pretrained(
            folder, backend="pil", **HERE
        )
        self._crops = bool(getattr(self._processor, "do_center_crop", None))

    def __call__(self, image: Image.Image) -> Floats:
        seen = _middle(image) if self._crops else image
        found = self._processor(seen, return_tensors="np")["pixel_values"][0]
        if found.shape != self._shape:
            raise UsageError(
                f"its picture processor gives {found.shape}, and the model takes {self._shape}"
            )
        return np.asarray(found, np.float32)


def _middle(image: Image.Image) -> Image.Image:
    """The picture without the ends of a very long one."""
    width, height = (min(s, min(image.size) * _LONGEST_SIDES) for s in image.size)
    if (width, height) == image.size:
        return image
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))
