"""Inks: what is refused, and what the pixels are; the real ones where they lie at hand."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sources import ink
from sources.ink import InkError, parse_ink, render_ink, strokes

REAL = Path(__file__).parents[3] / "shared/realdata/mathwriting"
NAMESPACE = 'xmlns="http://www.w3.org/2003/InkML"'


def inkml(*traces: str, notes: str = "", head: str = "") -> bytes:
    body = "".join(f'<trace id="{i}">{trace}</trace>' for i, trace in enumerate(traces))
    return f"{head}<ink {NAMESPACE}>{notes}{body}</ink>".encode()


def pixels(*traces: str) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(render_ink(parse_ink(inkml(*traces))))) as image:
        assert image.mode == "L" and image.format == "PNG"
        return np.asarray(image)


def reason(data: bytes) -> str:
    with pytest.raises(InkError) as caught:
        render_ink(parse_ink(data))
    return caught.value.reason


def test_annotations_are_read_whatever_their_order() -> None:
    notes = (
        '<annotation type="normalizedLabel">a&gt;b &amp; c</annotation>'
        '<annotation type="label"> x </annotation><annotation type="label">second</annotation>'
        '<annotation type="empty" /><group><annotation type="inner">i</annotation></group>'
    )
    assert parse_ink(inkml("1 2 3", notes=notes)).annotations == {
        "normalizedLabel": "a>b & c",
        "label": "x",
        "empty": "",
        "inner": "i",
    }


def test_points_are_x_and_y() -> None:
    found = strokes(parse_ink(inkml("257.06 -244.63 4698.0,247.46 -256.28 4706.0", "", "1 2")))
    assert found == [[(257.06, -244.63), (247.46, -256.28)], [(1.0, 2.0)]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG",
        b"<ink>",
        b"<html></html>",
        inkml("1"),
        inkml("1 two 3"),
        inkml("nan 1 2"),
        inkml("1 inf 2"),
        inkml("1 2000000 2"),
        inkml("1 2 3", head="<!DOCTYPE ink>"),
        inkml("1 2 3", head='<!DOCTYPE ink [<!ENTITY a "b">]>'),
        inkml("&a;", head='<!DOCTYPE ink [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
        inkml("1 2 3", head='<!DOCTYPE ink SYSTEM "http://localhost/ink.dtd">'),
        inkml("1 2 3", head='<?xml version="1.0" encoding="no-such"?>'),
        inkml("1 2 3" * 10, notes=" " * ink.MAX_INK_BYTES),
        inkml("1 2 3," * (ink.MAX_POINTS + 1)),
    ],
)
def test_what_is_no_ink_or_not_safe_is_malformed(data: bytes) -> None:
    assert reason(data) == "ink_malformed"


def test_an_ink_without_points_is_empty() -> None:
    assert reason(inkml()) == "ink_empty"
    assert reason(inkml("", " , ")) == "ink_empty"


def test_a_line_is_black_three_pixels_wide_and_antialiased() -> None:
    image = pixels("0 0 0,200 0 9")
    assert image.shape == (64, 200 + 2 * ink.PADDING_PX + ink.STROKE_WIDTH_PX)
    column = image[:, image.shape[1] // 2]
    assert 2.5 <= (255 - column.astype(float)).sum() / 255 <= 3.5
    assert column[31:33].min() == 0 and column[0] == column[-1] == 255
    assert (image[:, : ink.PADDING_PX - 1] == 255).all()
    slanted = pixels("0 0 0,100 60 9")
    assert len(set(slanted.ravel().tolist())) > 4


def test_y_grows_downward_and_x_to_the_right() -> None:
    image = pixels("0 0 0,0 100 1,60 100 2")
    rows, columns = np.nonzero(image < 128)
    low = rows > image.shape[0] // 2 + 20
    assert columns[~low].max() < columns[low].max() - 40


def test_a_single_point_draws_a_dot() -> None:
    for trace in ("5 5 0", "5 5 0,5 5 1"):
        image = pixels(trace)
        assert image.shape == (64, 64)
        rows, columns = np.nonzero(image < 128)
        assert len(rows) >= 5 and (abs(rows - 32) <= 2).all() and (abs(columns - 32) <= 2).all()


def test_sizes_are_bounded() -> None:
    assert pixels("0 0 0,4867 689 9").shape[1] == ink.MAX_EDGE_PX
    assert pixels("0 0 0,689 4867 9").shape[0] == ink.MAX_EDGE_PX
    wide, high = pixels("0 0 0,5000 10 9"), pixels("0 0 0,10 5000 9")
    assert wide.shape == (768 // 8, 768) and high.shape == (768, 768 // 8)
    assert pixels("0 0 0,1000000 1000000 9,-1000000 0 9").max() == 255


POINT = st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))


@given(st.lists(st.lists(POINT, min_size=1, max_size=5), min_size=1, max_size=3))
def test_any_strokes_fit_and_are_drawn_the_same_each_time(
    found: list[list[tuple[float, float]]],
) -> None:
    traces = tuple(",".join(f"{x!r} {y!r} 0" for x, y in stroke) for stroke in found)
    parsed = parse_ink(inkml(*traces))
    data = render_ink(parsed)
    assert data == render_ink(parsed)
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
        shades = np.asarray(image)
    assert ink.MIN_EDGE_PX <= min(width, height) and max(width, height) <= ink.MAX_EDGE_PX
    assert max(width, height) <= ink.MAX_ASPECT * min(width, height)
    assert shades.min() < 128 and shades.max() == 255


@pytest.mark.skipif(not REAL.is_dir(), reason="the real inks are not on this machine")
@pytest.mark.parametrize(
    ("name", "label", "split", "size"),
    [
        ("00015681597577ca", r"g(x)=G^{\prime}(x)=0", "synthetic", (768, 139)),
        ("003169384315282b", r"\int x^{s}\phi(x)dx", "valid", (768, 328)),
        ("01917677eaf160bb", r"Pr(s|I)\propto1/s", "test", (768, 282)),
        (
            "02270559509706de",
            r"\tilde{\varphi}:\mathbb{S}^{\lambda}E\rightarrow M",
            "train",
            (768, 230),
        ),
    ],
)
def test_real_inks(name: str, label: str, split: str, size: tuple[int, int]) -> None:
    parsed = parse_ink((REAL / f"{name}.inkml").read_bytes())
    assert parsed.annotations["normalizedLabel"] == label
    assert parsed.annotations["splitTagOriginal"] == split
    with Image.open(io.BytesIO(render_ink(parsed))) as image:
        assert image.size == size
        share = float((np.asarray(image) < 128).mean())
    assert 0.01 < share < 0.10
