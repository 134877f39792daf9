"""A real build of hostile texts: whatever upstream says is text on every page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.build import build
from pipelines.options import BuildOptions
from tests.pipelines.browse.serving import Served, serving
from tests.pipelines.report.test_page import HOSTILE, Page
from tests.sources.packing import picture

# Arrow holds no halves of surrogate pairs, and upstreams' JSON no bare ones.
_TEXTS = [text.replace("\ud800", "") for text in HOSTILE]
# As a file's name it stands in places, ledger and addresses.
_FILE = "a\"><img src=x onerror=alert(1)>'&amp;{{7*7}}.jsonl"
_RECIPE = {
    "name": "hostile",
    "description": "",
    "unit": "samples",
    "filters": {"roles": {}, "turn_length": {"min_chars": 8}, "image_bounds": {}},
    "local": {"talks": {"path": f"data/{_FILE}", "media": "data", "modality": "text"}},
    "components": [{"name": "talks", "share": "100%", "sources": ["local/talks"]}],
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "data").mkdir()
    (folder / "data/p.png").write_bytes(picture(60, "PNG"))
    rows = []
    for text in _TEXTS:
        said = {"role": "user", "content": f"What is {text} and so on?"}
        answer = {"role": "assistant", "content": f"It is {text}, of course."}
        # The second is a duplicate, the third too short.
        rows += [[said, answer], [said, answer], [said, {"role": "assistant", "content": text[:3]}]]
    lines = [json.dumps({"messages": turns, "id": turns[0]["content"]}) for turns in rows]
    (folder / "data" / _FILE).write_text("\n".join(lines))
    recipe = folder / "recipe.yaml"
    recipe.write_text(json.dumps(_RECIPE))
    options = BuildOptions(
        recipe=str(recipe),
        mirror=str(folder),
        store=str(folder / "store"),
        out=str(folder / "out"),
        engine="inline",
    )
    build(options, Console(quiet=True))
    with serving(folder / "out") as found:
        yield found


def check(text: str) -> str:
    """The page's text; nothing in it but what our templates write."""
    page = Page(text)
    assert [a for tag, a in page.tags if tag == "script"] == [{"src": "browse.js", "defer": None}]
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        for name in ("src", "href"):
            value = attributes.get(name) or ""
            assert not value.lower().startswith(("javascript:", "//", "http")), value
        assert tag not in ("iframe", "object", "embed", "base", "meta") or tag == "meta"
    assert not any(tag == "img" and a.get("src") == "x" for tag, a in page.tags)
    return page.text


@pytest.mark.parametrize("page", ["", "rows", "thresholds?filter=turn_length&min_chars=30"])
def test_lists(served: Served, page: str) -> None:
    first = served.ask(f"/{served.server.token}/{page}")
    assert first.status == 200
    text = check(first.text)
    if "thresholds" not in page:
        count = re.search(r"page 1 of (\d+)", text)
        for number in range(2, int(count[1]) + 1 if count else 2):
            text += check(served.get(page, page=str(number)).text)
        if page == "rows":
            assert _FILE in text
        for hostile in ("<script>alert(1)</script>", "{{ 7 * 7 }}{% raw %}", "&lt;b&gt; &amp;"):
            assert hostile in text


def test_pages_of_one(served: Served) -> None:
    samples, rows = served.get(), served.get("rows")
    links = samples.attributes("href", "sample?") + rows.attributes("href", "row?")
    assert len(links) > 20
    for link in links:
        got = served.ask(f"/{served.server.token}/{link}")
        assert got.status == 200, got.text
        assert _FILE in check(got.text)


@pytest.mark.parametrize("text", _TEXTS)
def test_what_is_asked_comes_back_as_text(served: Served, text: str) -> None:
    """An address that somebody was sent puts nothing into the page."""
    for page, field in (("", "id"), ("", "source"), ("rows", "rule"), ("rows", "subset")):
        got = served.get(page, **{field: text})
        assert got.status == 200 and got.total == 0
        check(got.text)
    for page in ("rows", "thresholds"):
        got = served.get(page, **{text: text})
        assert got.status in (200, 400)
        check(got.text)
    got = served.get("thresholds", filter=text)
    assert got.status == 400
    check(got.text)


def test_pictures_of_another_kind_are_not_served(served: Served, tmp_path: Path) -> None:
    """SVG and HTML are no pictures that a build holds, whatever their names say."""
    from manifests.errors import UsageError
    from pipelines.browse.pictures import as_shown

    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    for data in (svg, b"<html><script>alert(1)</script>", b"", None, b"%PDF-1.4"):
        with pytest.raises(UsageError, match="no picture"):
            as_shown(data)
    for name, kind in (("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")):
        assert as_shown(picture(40, name)) == (kind, picture(40, name))
    # A browser shows no TIFF.
    assert as_shown(picture(40, "TIFF"))[0] == "image/jpeg"
