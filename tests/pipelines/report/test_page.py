"""The page: the same bytes again, nothing from outside, and texts of upstream as text."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from manifests.build import BuildManifest, load_manifest
from manifests.errors import UsageError, WorkError
from manifests.ledger import Fate
from pipelines.ledger_view import ledger_view
from pipelines.report import charts, run
from pipelines.report.chat import Medium, turns_of
from pipelines.report.page import MAX_BYTES, render
from pipelines.report.run import make_report, write_report
from pipelines.report.scan import scan
from pipelines.report.tables import funnel
from pipelines.report.thumbs import IMAGE_EDGE, Room, thumbnail
from tests.conftest import Built

_RAW = {"script", "style"}


class Page(HTMLParser):
    """Tags with their attributes, texts, and what stands in elements whose text is not escaped."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in _RAW else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[self._inside].append(data)
        else:
            self.text += data


@pytest.fixture(scope="module")
def manifest(built: Built) -> BuildManifest:
    return load_manifest(str(built.out))


@pytest.fixture(scope="module")
def page(built: Built) -> str:
    return (built.out / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def facts(built: Built, manifest: BuildManifest) -> dict[str, Any]:
    found = scan(str(built.out), manifest)
    ledger = ledger_view(str(built.out), None, "filter", None)
    shown = run._shown(str(built.out), str(built.store), found, 0.0)
    return run._facts(manifest, found, ledger) | shown


def test_the_same_again(built: Built, tmp_path: Path) -> None:
    first = (built.out / "report.html").read_bytes()
    out = write_report(str(built.out), str(tmp_path / "again.html"))
    assert Path(out).read_bytes() == first
    assert 100_000 < len(first) <= MAX_BYTES


def test_nothing_from_outside(page: str) -> None:
    parsed = Page(page)
    for tag, attributes in parsed.tags:
        for name in ("src", "href", "xlink:href", "data", "action", "srcset", "poster"):
            value = attributes.get(name)
            assert value is None or re.match(r"#|data:", value), (tag, name, value)
    assert "url(" not in "".join(parsed.raw["style"]) and "@import" not in page


def test_no_place_of_this_machine(page: str, built: Built) -> None:
    assert str(built.store.parent) not in page and str(built.mirror) not in page


def test_all_sections_have_their_numbers(page: str, manifest: BuildManifest) -> None:
    text = " ".join(Page(page).text.split())
    assert f"{manifest.num_rows:,}" in text and f"{manifest.num_tokens:,}" in text
    for part in manifest.components:
        assert f"{float(part.share):.2%}" in text
    for heading in ("Tokens of a sample", "Longest edge of images", "Time of a clip's last frame"):
        assert heading in text
    for terms in manifest.terms:
        assert terms.license in text
    assert "leaked question" in text and "near duplicate" in text
    # The benchmark's item stands beside the row that leaked.
    assert "which easel did the gilded herald hide behind" in text.split("gsm8k/main/test/0", 1)[1]


def test_samples_of_each_category(
    page: str, manifest: BuildManifest, facts: dict[str, Any]
) -> None:
    cards = [a for tag, a in Page(page).tags if tag == "article"]
    shown = {(a["data-modality"], a["data-category"]) for a in cards}
    assert shown == {(s.modality, s.category) for s in facts["samples"]}
    assert {modality for modality, _ in shown} == {"text", "image", "multi_image", "video"}
    assert page.count("data:image/jpeg;base64,") > len(cards)


def test_the_funnel_is_the_manifests(built: Built, manifest: BuildManifest) -> None:
    steps = funnel(ledger_view(str(built.out), None, "filter", None).groups)
    fates = [(fate, n) for entry in manifest.funnel for fate, n in entry.fates.items()]
    assert steps[0].left == sum(n for fate, n in fates if fate is not Fate.TRIMMED)
    assert steps[-1].left == sum(n for fate, n in fates if fate is Fate.KEPT)
    for before, after in zip(steps, steps[1:], strict=False):
        assert after.left == before.left - after.lost


HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style></title><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus=alert(1) '",
    "<!--",
    "]]>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp;",
    "javascript:alert(1)",
    "\u202e\x00\ud800",
]
texts = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=40), st.text("<>&\"'/=!-", max_size=20)
)


@settings(max_examples=25)
@given(text=texts)
def test_what_upstream_says_is_text(facts: dict[str, Any], text: str) -> None:
    """In every place that a word of upstream gets to, it makes no tag and no attribute."""
    plain, hostile = Page(_page_with(facts, "word")), Page(_page_with(facts, text))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert [set(a) for _, a in hostile.tags] == [set(a) for _, a in plain.tags]
    assert hostile.raw["script"] == plain.raw["script"]
    assert not any(name.startswith("on") for _, a in hostile.tags for name in a)


def _page_with(facts: dict[str, Any], text: str) -> str:
    """The page with this word wherever one of upstream's stands."""
    # A text alone in its item is stripped, and nothing of it is no piece.
    said = [{"role": "user", "content": [{"type": "text", "text": f"x{text}"}]}]
    turns = turns_of(said, [], Room(0))
    sample = replace(
        facts["samples"][0],
        **dict.fromkeys(("id", "source", "subset", "modality", "category", "license"), text),
        turns=turns,
    )
    group = facts["pairs"].leaks[0]
    side = replace(group.stayed, place=text, note=f"x{text}", turns=turns)
    group = replace(group, rule=text, stayed=side, gone=[side])
    terms = (
        facts["manifest"]
        .terms[0]
        .model_copy(update=dict.fromkeys(("title", "license", "attribution", "homepage"), text))
    )
    changed = {
        "samples": [sample],
        "options": {name: [text] for name in ("source", "modality", "category")},
        "pairs": replace(facts["pairs"], leaks=[group], duplicates=[], unread=f"x{text}"),
        "shares": [replace(facts["shares"][0], name=text)],
        "tops": [text],
        "drops": [replace(facts["drops"][0], rule=text)],
        "flows": [replace(facts["flows"][0], name=text)],
        "licenses": [(terms, text)],
        "attributions": [text],
    }
    return render(facts | changed).decode()


@pytest.mark.parametrize("name", HOSTILE[:5])
def test_names_in_charts(name: str) -> None:
    lines = [{"rows": 64 * n, "component": name, "off": 0.5 / n} for n in (1, 2)]
    drawn = "".join(charts.curve(lines, [name]).values())
    assert "<script" not in drawn and "onerror=" not in re.sub(r'"[^"]*"', "", drawn)
    tags = {tag for tag, _ in Page(drawn).tags}
    assert tags <= {"svg", "g", "path", "line", "text", "defs", "clippath", "rect"}


def test_a_broken_picture_is_none() -> None:
    assert thumbnail(b"no picture", 100) is None
    buffer = io.BytesIO()
    Image.effect_noise((300, 200), 90).save(buffer, "PNG")
    assert thumbnail(buffer.getvalue()[:-9000], 100) is None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_pictures_are_small(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (1200, 600)).save(buffer, "TIFF" if mode == "CMYK" else "PNG")
    small = thumbnail(buffer.getvalue(), IMAGE_EDGE)
    assert small is not None
    assert Image.open(io.BytesIO(small)).size == (IMAGE_EDGE, IMAGE_EDGE // 2)


def test_long_conversations_are_cut() -> None:
    """However many turns and pictures, the page grows by a bounded amount, and says of what."""
    items = [{"type": "text", "text": "ab"}, {"type": "image", "text": ""}]
    said = [{"role": "user", "content": items}] * 5000
    turns = turns_of(said, [Medium(None, is_frame=False)] * 5000, Room(0))
    pieces = [piece for turn in turns for piece in turn.pieces]
    assert len(pieces) <= 64
    assert sum(len(piece.thumbs) + piece.more for piece in pieces) == 5000
    assert sum(len(piece.text) + piece.cut for piece in pieces) == 10_000


@pytest.mark.slow
def test_below_the_limit(
    built: Built, manifest: BuildManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MAX_BYTES", 700_000)
    assert len(make_report(str(built.out), manifest, None)) <= 700_000
    monkeypatch.setattr(run, "MAX_BYTES", 1000)
    monkeypatch.setattr(run, "_TRIES", (0.0,))
    with pytest.raises(WorkError, match="without a picture"):
        make_report(str(built.out), manifest, None)


def test_no_build(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no complete build"):
        write_report(str(tmp_path))


def test_a_build_without_its_store(built: Built, tmp_path: Path) -> None:
    """A build that was copied elsewhere: rows that went have places alone."""
    store = tmp_path / "store"
    store.mkdir()
    text = make_report(str(built.out), load_manifest(str(built.out)), str(store)).decode()
    assert "Its text is not at hand." in text and "data:image/jpeg" in text


def test_a_build_that_was_stopped_gets_it(small_built: Built) -> None:
    report = small_built.out / "report.html"
    before = report.read_bytes()
    report.unlink()
    small_built.again(small_built.store, small_built.out)
    assert report.read_bytes() == before
