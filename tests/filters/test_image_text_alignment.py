"""CLIP and SigLIP against what transformers says when it is asked in the plainest way.

No real weights are here: tiny models of both architectures stand in, which know three colours.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import filters
from filters import contract
from filters._two_towers import PictureTower, check_towers
from filters.base import Filter
from filters.contract import Row, Subject, batch_of, read_cases
from filters.pairs import PairFilter
from manifests.errors import UsageError
from pipelines.samples.stock import photo
from tests.models import COLORS, bind, towers_of_run

pytest.importorskip("torch", reason="torch is not installed")

NAME = "image_text_alignment"
FAMILIES = ("clip", "siglip")
_PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "page.png")
_CASES = read_cases(Path(__file__).parent / "cases" / f"{NAME}.json")


def _filter(family: str) -> PairFilter:
    here = bind(filters.get(NAME), towers_of_run(family))
    assert isinstance(here, PairFilter)
    return here


def _encoded(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _solid(color: str) -> Image.Image:
    return Image.new("RGB", (40, 30), COLORS[color])


def _row(text: str, *media: list[Image.Image]) -> Row:
    """A chat with these media, each a list of pictures."""
    content = [{"type": "image", "text": ""} for _ in media] + [{"type": "text", "text": text}]
    return {
        "messages": [{"role": "user", "content": content}],
        "media": [{"kind": "image", "key": str(place)} for place in range(len(media))],
        "pictures": [[_encoded(picture) for picture in pictures] for pictures in media],
    }


def _cosines(here: Filter, rows: list[Row]) -> list[float]:
    scores = here.measure(batch_of(here, rows)).to_pylist()
    assert all(row["is_measured"] for row in scores)
    return [row["similarity_cosine"] for row in scores]


def _plain(folder: Path, text: str, image: Image.Image) -> float:
    """The cosine as transformers' own page of the model has it, of one text and one picture."""
    import torch
    import transformers

    read: Any = transformers.AutoImageProcessor.from_pretrained
    pixels = read(folder, backend="pil")(image, return_tensors="pt")["pixel_values"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text, padding="max_length", max_length=24, truncation=True, return_tensors="pt")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    mask = {"attention_mask": ids["attention_mask"]} if model.config.model_type == "clip" else {}
    with torch.inference_mode():
        found = model(input_ids=ids["input_ids"], pixel_values=pixels, **mask)
    return float(torch.nn.functional.cosine_similarity(found.text_embeds, found.image_embeds)[0])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_score_is_the_cosine_of_the_models_own_vectors(family: str) -> None:
    """Of texts of any length, also beyond the context, and of pictures of any shape."""
    here = _filter(family)
    rng = np.random.default_rng(0)
    words = [*COLORS, "a", "it", "is", "nonsense"]
    texts = [" ".join(rng.choice(words, size)) for size in (1, 3, 14, 15, 22, 23, 24, 90)]
    pictures = [photo(name) for name in _PHOTOS] + [_solid(color) for color in COLORS]
    pairs = list(zip(texts, pictures, strict=True))
    found = _cosines(here, [_row(text, [picture]) for text, picture in pairs])
    expected = [_plain(towers_of_run(family), text, picture) for text, picture in pairs]
    np.testing.assert_allclose(found, expected, atol=5e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_alone_as_among_others(family: str) -> None:
    """Down to the bytes that are stored, wherever in a batch a text or a picture stands."""
    here = _filter(family)
    texts = [f"{word} is {color}" for color in COLORS for word in ("it", "what", "a", "picture")]
    rows = [_row(" ".join([text] * (place % 7 + 1))) for place, text in enumerate(texts * 2)]
    rows = [row | {"media": [{"kind": "image", "key": "a"}]} for row in rows]
    seen = [{"pictures": [_encoded(photo(name))] * (n % 3 + 1)} for n, name in enumerate(_PHOTOS)]
    for side, some in zip(here.parts, (rows, seen * 3), strict=True):
        batches = [batch_of(side, [{k: row[k] for k in side.columns}]) for row in some]
        whole = side.measure(batch_of(side, [{k: row[k] for k in side.columns} for row in some]))
        assert whole.to_pylist() == [side.measure(one).to_pylist()[0] for one in batches]
        assert all(whole["is_measured"].to_pylist())


def test_what_the_words_and_the_pictures_say_decides() -> None:
    for family in FAMILIES:
        same, other, mixed = _cosines(
            _filter(family),
            [
                _row("it is red", [_solid("red")]),
                _row("it is red", [_solid("blue")]),
                _row("it is red", [_solid("green")], [_solid("red")], [_solid("blue")]),
            ],
        )
        assert same > 0.9 > 0.1 > other
        assert mixed == same


def test_a_clip_is_the_mean_of_frames_spread_over_it() -> None:
    """Of fifteen the first, every other, and the last."""
    here = _filter("clip")
    red, blue = _solid("red"), _solid("blue")
    found = _cosines(
        here,
        [
            _row("red", [red, blue] * 7 + [red]),
            _row("red", [red] * 3),
            _row("red", [red]),
            _row("red", [red, blue]),
            _row("red", [blue]),
        ],
    )
    assert found[0] == found[1] == found[2] > found[3] > found[4]
    one, other = found[2], found[4]
    side = here.parts[1]
    vectors = side.measure(
        batch_of(side, [{"pictures": [_encoded(red)]}, {"pictures": [_encoded(blue)]}])
    )["vector_bytes"].to_pylist()
    first, second = (np.frombuffer(data, np.float16).astype(np.float64) for data in vectors)
    length = np.linalg.norm(first + second)
    assert found[3] == pytest.approx((one + other) / length, abs=1e-3)


def test_a_very_long_picture_costs_no_more_than_its_middle() -> None:
    tower = PictureTower(towers_of_run("clip"))
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (4, 6000, 3), np.uint8))
    for turned in (image, image.transpose(Image.Transpose.ROTATE_90)):
        plain = tower.prepare._processor(turned, return_tensors="np")["pixel_values"][0]
        np.testing.assert_allclose(tower.prepare(turned), plain, atol=1e-6)
    assert tower.prepare(Image.new("RGB", (1, 60_000))).shape == (3, 16, 16)


def test_long_pictures_keep_their_ends_where_the_model_sees_them() -> None:
    tower = PictureTower(towers_of_run("siglip"))
    image = Image.new("RGB", (400, 10), "white")
    image.paste("black", (0, 0, 60, 10))
    found = tower.prepare(image)
    assert found[:, :, 0].max() < -0.8 < 0.8 < found[:, :, 8].min()


def _measured(ref: str, row: Row) -> Row:
    side = filters.get(ref)
    found: Row = side.measure(batch_of(side, [row])).to_pylist()[0]
    return found


@pytest.mark.slow
def test_another_process_finds_a_side_by_its_ref() -> None:
    texts, media = _filter("clip").parts
    rows: list[Row] = [
        {k: v for k, v in _row("a red picture", [_solid("red")]).items() if k in texts.columns},
        {"pictures": [_encoded(_solid("red"))]},
    ]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        found = [
            pool.submit(_measured, side.ref, row).result()
            for side, row in zip((texts, media), rows, strict=True)
        ]
    assert found == [
        _measured(side.ref, row) for side, row in zip((texts, media), rows, strict=True)
    ]
    assert len({texts.fingerprint, media.fingerprint, _filter("clip").fingerprint}) == 1
    assert texts.ref != media.ref and texts.name != media.name


def _sides() -> list[Subject]:
    """The sides of the filter, with what its cases hold of each."""
    texts, media = _filter("clip").parts
    rows = [{k: v for k, v in case.input.items() if k != "pictures"} for case in _CASES]
    pictures = [{"pictures": p} for case in _CASES for p in case.input["pictures"] or ()]
    return [
        Subject(
            side,
            side.scores,
            [contract.Case(name=str(n), input=row, expect=None) for n, row in enumerate(some)],
        )
        for side, some in ((texts, rows), (media, pictures))
    ]


@pytest.mark.parametrize(
    "check",
    [
        contract.check_scores_have_the_documented_types,
        contract.check_only_declared_columns_are_read,
        contract.check_batch_size_order_and_slices_do_not_matter,
        contract.check_pure,
        contract.check_empty_batch,
        contract.check_null_columns_fail_closed,
        contract.check_null_scores_fail_closed,
    ],
    ids=lambda check: str(check.__name__),
)
def test_each_side_keeps_the_contract(check: Any) -> None:
    for side in _sides():
        check(side)


# --- what is no such model ------------------------------------------------------------------------


def _copy(tmp_path: Path, family: str = "clip", without: str = "", **config: Any) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(towers_of_run(family), folder)
    for path in folder.glob(without) if without else ():
        path.unlink()
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | config))
    return folder


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("tokenizer*", "there is no tokenizer.json or merges.txt or spiece.model; "),
        ("preprocessor_config.json", "there is no preprocessor_config.json or processor_config"),
        ("model.safetensors", "there is no model.*safetensors; pickled weights .* not loaded"),
    ],
)
def test_files_that_are_missing_are_told(tmp_path: Path, without: str, message: str) -> None:
    folder = _copy(tmp_path, without=without)
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(UsageError, match=message):
        check_towers(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "siglip2"}, "a SigLIP 2 of NaFlex, .* use one of a fixed size"),
        ({"model_type": "blip"}, "config.json is of blip, which is neither clip nor siglip"),
        ({"auto_map": {"AutoModel": "own.Own"}}, "code of a repository's own never runs"),
        (
            {"vision_config": {"image_size": 32, "patch_size": 8}},
            r"gives \(3, 16, 16\), and the model takes \(3, 32, 32\)",
        ),
    ],
)
def test_other_models_are_refused(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_towers(_copy(tmp_path, **config))


def test_a_tokenizer_of_another_model_is_told(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["vocab_size"] = 5
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError, match="its tokenizer knows 12 tokens, and the model 5"):
        check_towers(folder)


def test_weights_that_are_missing_are_not_drawn_at_random(tmp_path: Path) -> None:
    """Of a file that holds the text tower alone."""
    folder = _copy(tmp_path)
    from safetensors.numpy import load_file, save_file

    file = folder / "model.safetensors"
    held = load_file(file)
    save_file({n: v for n, v in held.items() if n.startswith("text")}, file, {"format": "pt"})
    with pytest.raises(UsageError, match="lack .* tensors of the model, such as "):
        PictureTower(folder)


def test_a_tokenizer_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(UsageError, match="its tokenizer or picture processor cannot be used: "):
        check_towers(folder)


def test_the_first_siglips_need_a_package_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _copy(tmp_path, "siglip")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "SiglipTokenizer"}')
    monkeypatch.setattr("filters.models.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs sentencepiece, .* pip install 'smolmix\[models\]"):
        check_towers(folder)


def test_a_siglip_must_be_told_its_least_cosine() -> None:
    """CLIP's default would drop nearly all."""
    here = _filter("siglip")
    params = [here.params_type(), here.params_type.model_validate({"min_similarity": 0.1})]
    folder = towers_of_run("siglip")
    here.check(folder, here.settings, params[1:])
    with pytest.raises(UsageError, match=r"say min_similarity \(it takes pairs .* from 0\.500 on"):
        here.check(folder, here.settings, params)
    _filter("clip").check(towers_of_run("clip"), here.settings, params)


def test_a_side_keeps_its_own_half_of_the_weights() -> None:
    texts, media = _filter("clip").parts
    assert not hasattr(texts.model._network, "vision_model")
    assert not hasattr(media.model._network, "text_model")
