"""A model of copies: what it is given, what it finds that hashes do not, what is said of others."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import skimage.data
from PIL import Image, ImageDraw
from rich.console import Console

from filters._vectors import Floats
from filters.models import Settings, Weights, sha256_of
from manifests.build import BuildManifest
from manifests.errors import RecipeError, UsageError
from pipelines.build import build
from pipelines.image_embedding import MEASURE, ImageEmbedding, prepared
from pipelines.near.image_codes import image_codes_of
from pipelines.near.image_vectors import vectors_of
from pipelines.options import BuildOptions
from pipelines.verify import verify

onnx = pytest.importorskip("onnx", reason="onnx makes the models of these tests")

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
NUM_COLORS = 48


def color_model(path: Path, takes_bytes: bool) -> Path:
    """An ONNX model that knows photos by their colours, whatever is cut or turned.

    Each picture becomes how much of 48 colours it has: a 1 x 1 convolution, what is above nothing,
    and the mean of all places, less what gray has.
    """
    draw = np.random.default_rng(7)
    weights = draw.normal(scale=4, size=(NUM_COLORS, 3, 1, 1)).astype(np.float32)
    biases = draw.normal(loc=-6, scale=3, size=NUM_COLORS).astype(np.float32)
    gray = np.maximum(biases, 0)
    made: dict[str, Any] = {"weights": weights, "biases": biases, "gray": gray}
    made |= {"scale": np.float32(64), "half": np.float32(2)}
    helper, kinds = onnx.helper, onnx.TensorProto
    nodes = []
    planes = "image"
    if takes_bytes:
        nodes += [
            helper.make_node("Cast", ["image"], ["floats"], to=kinds.FLOAT),
            helper.make_node("Transpose", ["floats"], ["turned"], perm=[0, 3, 1, 2]),
            helper.make_node("Div", ["turned", "scale"], ["scaled"]),
            helper.make_node("Sub", ["scaled", "half"], ["planes"]),
        ]
        planes = "planes"
    nodes += [
        helper.make_node("Conv", [planes, "weights", "biases"], ["colors"]),
        helper.make_node("Relu", ["colors"], ["above"]),
        helper.make_node("GlobalAveragePool", ["above"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Sub", ["flat", "gray"], ["vector"]),
    ]
    kind = kinds.UINT8 if takes_bytes else kinds.FLOAT
    shape = ["batch", "height", "width", 3] if takes_bytes else ["batch", 3, 320, 320]
    graph = helper.make_graph(
        nodes,
        "colors",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("vector", kinds.FLOAT, ["batch", NUM_COLORS])],
        [onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in made.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def bound(path: Path) -> ImageEmbedding:
    files = {path.name: sha256_of(path)}
    weights = Weights(name=path.name, uri=str(path.parent), files=files, num_bytes=1)
    return MEASURE.bind(Settings(weights=str(path)), weights)


def photo(name: str) -> Image.Image:
    path = Path(skimage.data.__file__).parent / name
    return Image.open(path).convert("RGB").resize((480, 360))


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def cut(image: Image.Image) -> Image.Image:
    """Cut further than hashes find, and mirrored in parts: its colours are what stays."""
    return image.crop((200, 0, 480, 360)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def written_over(image: Image.Image) -> Image.Image:
    """Four lines of letters, and another photo in a corner."""
    made = image.copy()
    pen = ImageDraw.Draw(made)
    for line in range(4):
        pen.text((20, 40 + 80 * line), "what is written over it", "white", font_size=36)
    made.paste(photo("rocket.jpg").resize((140, 100)), (330, 250))
    return made


def _measured(model: ImageEmbedding, media: list[tuple[str, list[bytes | None]]]) -> pa.Table:
    schema = pa.schema([("kind", pa.string()), ("pictures", pa.list_(pa.binary()))])
    rows = [{"kind": kind, "pictures": pictures} for kind, pictures in media]
    batch = pa.RecordBatch.from_pylist(rows, schema=schema)
    return pa.Table.from_batches([model.measure(batch)])


@pytest.mark.parametrize("takes_bytes", [True, False])
def test_photos_alone_have_vectors(tmp_path: Path, takes_bytes: bool) -> None:
    model = bound(color_model(tmp_path / "colors.onnx", takes_bytes))
    whole, page = jpeg(photo("chelsea.png")), jpeg(Image.new("L", (300, 300), 250))
    table = _measured(
        model,
        [
            ("image", [whole]),
            ("image", [page]),
            ("video", [whole, whole]),
            ("image", [b"no picture"]),
            ("image", [None]),
            ("image", []),
            ("image", [jpeg(cut(photo("chelsea.png")))]),
            ("image", [jpeg(photo("coffee.png"))]),
        ],
    )
    assert table["is_measured"].to_pylist() == [True, *[False] * 5, True, True]
    code = image_codes_of(whole)
    first = table.slice(0, 1).to_pylist()[0]
    assert (first["pixels_code"], first["width_px"]) == (code.pixels, code.width)
    vectors: Floats = vectors_of(table.filter(table["is_measured"])).astype(np.float32)
    assert vectors[0] @ vectors[1] > 0.98 > vectors[0] @ vectors[2]


def test_what_published_models_take() -> None:
    planes = prepared(Image.new("RGB", (100, 50), (255, 0, 124)))
    assert planes.shape == (3, 320, 320)
    assert planes[:, 5, 5] == pytest.approx([2.2489, -2.0357, 0.3567], abs=1e-3)


def test_models_of_another_form_are_refused(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"no model")
    with pytest.raises(UsageError, match="no.onnx is no ONNX model that can be loaded"):
        MEASURE.check(tmp_path / "no.onnx", None, ())
    helper, kinds = onnx.helper, onnx.TensorProto
    slots = [helper.make_tensor_value_info(name, kinds.FLOAT, ["n", 3]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", slots[:1], slots[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "flat.onnx")
    with pytest.raises(UsageError, match=r"flat.onnx takes \[\('tensor\(float\)', 2\)\]"):
        MEASURE.check(tmp_path / "flat.onnx", None, ())


# --- builds -----------------------------------------------------------------------------------

RECIPE = """
name: copies
description: photos, and one cut further than hashes find
unit: samples
near_duplicates: {{text: {{}}, image: {image}}}
local:
  photos: {{path: photos.json, media: images, modality: image, license: CC0-1.0}}
components: [{{name: all, share: 1, sources: [local/photos]}}]
"""
MODEL = "{model: {weights: ./colors.onnx, likeness: 0.98}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "mirror").mkdir()
    color_model(tmp_path / "colors.onnx", True)
    rows = []
    pictures = {name: photo(name) for name in PHOTOS} | {"cut.png": cut(photo(PHOTOS[0]))}
    for name, picture in pictures.items():
        (tmp_path / "images" / f"{name}.jpg").write_bytes(jpeg(picture))
        asked = {"from": "human", "value": "<image>\nWho or what is it, and what is behind it?"}
        said = {"from": "gpt", "value": "Something that I know well, before something bright."}
        rows.append({"image": f"{name}.jpg", "conversations": [asked, said]})
    (tmp_path / "photos.json").write_text(json.dumps(rows))
    return tmp_path


def _build(folder: Path, image: str, out: str) -> BuildManifest:
    (folder / "copies.yaml").write_text(RECIPE.format(image=image))
    options = BuildOptions(
        recipe=str(folder / "copies.yaml"),
        out=str(folder / out),
        store=str(folder / "store"),
        mirror=str(folder / "mirror"),
        engine="inline",
    )
    return build(options, Console(file=io.StringIO(), width=200))


def _dropped(folder: Path, out: str) -> list[tuple[int, str]]:
    rows = pq.read_table(folder / out / "ledger/local.parquet").to_pylist()
    return [(row["row"], row["value"]) for row in rows if row["fate"] == "duplicate_of"]


@pytest.mark.slow
def test_what_hashes_miss_is_found_by_the_model(folder: Path) -> None:
    plain = _build(folder, "{}", "plain")
    assert _dropped(folder, "plain") == []
    found = _build(folder, MODEL, "found")
    ((row, value),) = _dropped(folder, "found")
    assert row in (0, len(PHOTOS)) and "similarity=1.0 model cosine=0.99" in value
    verify(str(folder / "found"), lambda name: None)
    # The store serves both, and whoever had no model has what he had.
    assert _build(folder, "{}", "again").plan_digest == plain.plan_digest != found.plan_digest
    assert _build(folder, MODEL, "same").plan_digest == found.plan_digest
    strict = MODEL.replace("0.98", "0.9995")
    _build(folder, strict, "strict")
    assert _dropped(folder, "strict") == []


def test_other_weights_are_another_plan(folder: Path) -> None:
    one = _build(folder, MODEL, "one")
    color_model(folder / "colors.onnx", False)
    assert _build(folder, MODEL, "two").plan_digest != one.plan_digest


def test_missing_weights_are_told_with_their_place(folder: Path) -> None:
    (folder / "colors.onnx").unlink()
    with pytest.raises(RecipeError, match=r"copies.yaml, line 5: .*image.model: weights"):
        _build(folder, MODEL, "none")


# --- the real model ---------------------------------------------------------------------------

# A file of SSCD's weights as ONNX: 28 MB or more, which no package under a free license brings.
SSCD = os.environ.get("SMOLMIX_SSCD", "")


@pytest.mark.skipif(not SSCD, reason="SMOLMIX_SSCD names no ONNX file of SSCD")
@pytest.mark.parametrize(
    ("edit", "likeness"),
    [
        pytest.param(lambda image: image.crop((60, 30, 450, 330)), 0.75, id="cut"),
        pytest.param(lambda image: image.rotate(15, expand=True), 0.7, id="turned"),
        pytest.param(written_over, 0.5, id="written over"),
    ],
)
def test_sscd_finds_what_hashes_miss(
    folder: Path, edit: Callable[[Image.Image], Image.Image], likeness: float
) -> None:
    shutil.copy(SSCD, folder / "sscd.onnx")
    (folder / "images/cut.png.jpg").write_bytes(jpeg(edit(photo("coffee.png"))))
    _build(folder, "{}", "plain")
    assert _dropped(folder, "plain") == []
    _build(folder, f"{{model: {{weights: ./sscd.onnx, likeness: {likeness}}}}}", "found")
    ((row, value),) = _dropped(folder, "found")
    assert row in (PHOTOS.index("coffee.png"), len(PHOTOS)) and "model cosine=" in value
