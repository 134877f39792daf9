"""What pages show is what the Parquet holds, found by polars here and by the server there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from manifests.storage import open_ipc
from pipelines.ledger_entries import place_of
from pipelines.store import measure_path
from tests.conftest import Built
from tests.pipelines.browse.serving import Got, Served, serving

Row = dict[str, Any]


@pytest.fixture(scope="module")
def store(built: Built) -> Iterator[Served]:
    with serving(built.store) as found:
        yield found


@pytest.fixture(scope="module")
def data(built: Built) -> list[Row]:
    files = sorted((built.out / "data").glob("train-*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


@pytest.fixture(scope="module")
def ledger(built: Built) -> list[Row]:
    files = sorted((built.out / "ledger").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def ids_on(got: Got) -> list[str]:
    return re.findall(r'<footer><p class="place">([^<]*)</p>', got.text)


def places_on(got: Got) -> list[str]:
    return re.findall(r'<p><a class="place"[^>]*>([^<]*)</a>', got.text)


def every_page(served: Served, page: str, **fields: str | list[str]) -> list[Got]:
    found = [served.get(page, **fields)]
    while more := re.findall(r'href="\?([^"]*)" rel="next"', found[-1].text):
        token = served.server.token
        found.append(served.ask(f"/{token}/{page}?{more[0].replace('&amp;', '&')}"))
    return found


# --- samples ----------------------------------------------------------------------------------


def test_all_samples_in_their_order(served: Served, data: list[Row]) -> None:
    pages = every_page(served, "")
    assert [id_ for page in pages for id_ in ids_on(page)] == [row["id"] for row in data]
    assert {page.total for page in pages} == {len(data)}
    last = served.get("", page="9999")
    assert ids_on(last) == ids_on(pages[-1])


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({"source": "magpie"}, lambda row: row["source"] == "magpie"),
        ({"modality": "video"}, lambda row: row["modality"] == "video"),
        ({"component": "image"}, lambda row: row["component"].startswith("image/")),
        (
            {"component": "video/captioning", "category": "video_caption"},
            lambda r: r["component"] == "video/captioning" and r["category"] == "video_caption",
        ),
        (
            {"of": "num_tokens", "low": "500", "high": "900"},
            lambda row: 500 <= row["num_tokens"] <= 900,
        ),
        (
            {
                "of": ["num_media_tokens", "num_tokens"],
                "low": ["1", ""],
                "high": ["", "700"],
                "modality": "image",
            },
            lambda r: (
                r["num_media_tokens"] >= 1 and r["num_tokens"] <= 700 and r["modality"] == "image"
            ),
        ),
        ({"source": "no such source"}, lambda row: False),
    ],
)
def test_samples_by_what_they_are(
    served: Served, data: list[Row], fields: dict[str, Any], fits: Any
) -> None:
    expected = [row["id"] for row in data if fits(row)]
    pages = every_page(served, "", **fields)
    assert [id_ for page in pages for id_ in ids_on(page)] == expected
    assert len(expected) < len(data) and pages[0].total == len(expected)
    assert expected or "No samples fit" in pages[0].text


def test_one_sample_whole(served: Served, data: list[Row]) -> None:
    at = next(n for n, row in enumerate(data) if len(row["media"]) > 20)
    listed = served.get("", id=data[at]["id"])
    (link,) = set(listed.attributes("href", "sample?"))
    got = served.ask(f"/{served.server.token}/{link}")
    shown = got.attributes("src", "picture?")
    assert len(shown) == len(data[at]["media"])
    for origin in data[at]["origins"]:
        assert f"{origin['file']}#{origin['row']}" in got.text
    rows = got.attributes("href", "row?")
    assert len(rows) == len(data[at]["origins"])
    assert data[at]["id"] in served.ask(f"/{served.server.token}/{rows[0]}").text


def test_pictures_are_the_builds_own_bytes(served: Served, data: list[Row]) -> None:
    kinds = set()
    for modality in ("image", "multi_image", "video"):
        row = next(row for row in data if row["modality"] == modality)
        listed = served.get("", id=row["id"])
        (link,) = set(listed.attributes("href", "sample?"))
        page = served.ask(f"/{served.server.token}/{link}")
        for uri, image in zip(page.attributes("src", "picture?"), row["images"], strict=True):
            got = served.ask(f"/{served.server.token}/{uri}")
            assert got.status == 200 and got.body == image["bytes"]
            assert got.headers["x-content-type-options"] == "nosniff"
            kinds.add(got.headers["content-type"])
    assert kinds and all(kind.startswith("image/") for kind in kinds)


# --- the ledger -------------------------------------------------------------------------------


def test_the_whole_ledger(served: Served, ledger: list[Row]) -> None:
    assert served.get("rows").total == len(ledger)
    last = served.get("rows", page="99999")
    assert places_on(last)[-1] == place_of(ledger[-1])


@pytest.mark.parametrize(
    "fields",
    [
        {"fate": "dropped"},
        {"fate": "unreadable", "source": "the_cauldron"},
        {"rule": "near_duplicate"},
        {"stage": "curate", "fate": "unreadable"},
        {"fate": "leaked_from"},
        {"subset": "ai2d", "fate": "kept"},
    ],
)
def test_rows_by_fate_and_reason(served: Served, ledger: list[Row], fields: dict[str, Any]) -> None:
    expected = [
        place_of(row) for row in ledger if all(row[name] == word for name, word in fields.items())
    ]
    pages = every_page(served, "rows", **fields)
    assert [place for page in pages for place in places_on(page)] == expected
    assert expected


def test_the_form_counts_what_it_offers(served: Served, ledger: list[Row]) -> None:
    text = served.get("rows").text
    for name in ("fate", "source", "rule"):
        counts = Counter(row[name] for row in ledger)
        field = re.search(rf'<select name="{name}">(.*?)</select>', text)
        assert field is not None
        offered = dict(re.findall(r'<option value="([^"]+)">[^<]*\(([\d,]+)\)', field[1]))
        assert {word: int(n.replace(",", "")) for word, n in offered.items()} == counts


def scores_in(
    built: Built, level: str, name: str, column: str
) -> dict[tuple[str, str, int], float]:
    """Of each row of texts in the store its score, read by hand."""
    found = {}
    for done in (built.store / "rows").rglob("done.json"):
        folder = done.parent
        source, record = folder.parts[-3], pl.read_json(done)
        rows = open_ipc(str(folder / "samples.arrow")).read_all()
        (file,) = (folder / "measures").glob(f"{name}-*.parquet")
        for row, score in zip(
            rows["row"].to_pylist(), pq.read_table(file)[column].to_pylist(), strict=True
        ):
            found[source, record["file"][0], row] = score
    assert level == "sample" and found
    return found


@pytest.mark.slow
def test_rows_by_score(served: Served, built: Built, ledger: list[Row]) -> None:
    scores = scores_in(built, "sample", "turn_length", "longest_turn_chars")
    stages = {"curate", "join"}
    expected = {
        place_of(row)
        for row in ledger
        if row["stage"] not in stages
        and 20 <= scores[row["source"], row["file"], row["row"]] <= 40
        and row["group"] == 0
    }
    fields = {"of": "turn_length.longest_turn_chars", "low": "20", "high": "40"}
    pages = every_page(served, "rows", **fields)
    several = {place_of(row) for row in ledger if row["group"]}
    shown = {place for page in pages for place in places_on(page)}
    assert shown - several == expected - several
    assert 0 < len(expected) < len(ledger)


def test_scores_of_media_and_modality(served: Served, data: list[Row]) -> None:
    """A clip's or an image's score is its upstream side: small ones have small pictures."""
    fields = {"of": "image_bounds.longest_side_px", "low": "", "high": "160", "modality": "image"}
    found = [id_ for page in every_page(served, "", **fields) for id_ in ids_on(page)]
    by_id = {row["id"]: row for row in data}
    expected = {
        row["id"]
        for row in data
        if row["modality"] == "image"
        and max(row["media"][0][s] for s in ("width", "height")) <= 160
    }
    assert {id_ for id_ in found if len(by_id[id_]["media"]) == 1} == expected and expected
    kept = every_page(served, "rows", fate="kept", **fields)
    assert 0 < kept[0].total <= len(found)


def entry_page(served: Served, entry: Row) -> Got:
    names = ("source", "file", "row", "group")
    return served.get("row", **{name: str(entry[name]) for name in names})


def test_an_entry_beside_the_row_that_it_lost_to(served: Served, ledger: list[Row]) -> None:
    entry = next(row for row in ledger if row["rule"] == "near_duplicate")
    stayed = next(row for row in ledger if row["id"] == entry["matched"])
    text = entry_page(served, entry).text
    assert place_of(entry) in text and place_of(stayed) in text
    assert "What it matched" in text and entry["value"] in text
    assert text.count('class="turn assistant"') >= 2


def test_a_leak_beside_its_item(served: Served, ledger: list[Row]) -> None:
    entry = next(row for row in ledger if row["matched"] == "gsm8k/main/test/0")
    text = entry_page(served, entry).text
    assert "which easel did the gilded herald hide behind" in text.split("Benchmark item", 1)[1]


def test_what_dropped_a_row_and_what_would_keep_it(served: Served, ledger: list[Row]) -> None:
    entry = next(row for row in ledger if row["rule"] == "image_side_too_small")
    text = entry_page(served, entry).text
    assert "min_side_px is 28; " in text and "would keep it" in text
    # All scores of the row stand beside it.
    for name in ("shortest side px", "longest turn chars", "gray std"):
        assert name in text


def test_trimmed_turns_are_told_with_their_row(served: Served, ledger: list[Row]) -> None:
    trimmed = next(row for row in ledger if row["fate"] == "trimmed")
    text = entry_page(served, trimmed).text
    assert "trimmed at trim by turns_over_limit" in text


def test_a_picture_of_a_row_comes_out_of_its_pack(
    served: Served, built: Built, ledger: list[Row]
) -> None:
    entry = next(row for row in ledger if row["rule"] == "image_side_too_small")
    uris = entry_page(served, entry).attributes("src", "stored?")
    got = served.ask(f"/{served.server.token}/{uris[0]}")
    assert got.status == 200 and got.headers["content-type"].startswith("image/")
    packs = [pack.read_bytes() for pack in (built.store / "media").rglob("*.tar")]
    assert any(got.body in pack for pack in packs)


def test_a_build_without_its_store(built: Built, ledger: list[Row], tmp_path: Path) -> None:
    """A build that was copied elsewhere: samples and the ledger, no texts of what went."""
    (tmp_path / "store/rows").mkdir(parents=True)
    with serving(built.out, tmp_path / "store") as alone:
        assert alone.get().total == alone.context.build.manifest.num_rows  # type: ignore[union-attr]
        rows = alone.get("rows", fate="dropped")
        assert rows.status == 200 and "Its text is not at hand" in rows.text
        assert 'name="of"' not in rows.text
        entry = next(row for row in ledger if row["fate"] == "dropped")
        assert "The store has no measures of it" in entry_page(alone, entry).text
        assert "holds no rows of this build" in alone.get("thresholds").text


# --- a store ----------------------------------------------------------------------------------


def test_what_a_store_holds(store: Served, built: Built) -> None:
    text = store.get().text
    for folder in (built.store / "rows").iterdir():
        assert f'<a href="rows?source={folder.name}">' in text
    assert "filter=turn_length" in text and str(measure_path("", _any_filter(store)))


def _any_filter(served: Served) -> Any:
    return next(iter(served.context.scores.rules.values())).filter


def test_rows_of_a_store(store: Served, ledger: list[Row]) -> None:
    mine = {place_of(row) for row in ledger if row["source"] == "magpie"}
    pages = every_page(store, "rows", source="magpie")
    shown = [place for page in pages for place in places_on(page)]
    assert set(shown) == mine and pages[0].total == len(shown)
    unreadable = every_page(store, "rows", source="the_cauldron", readable="no")
    gone = [row for row in ledger if row["stage"] in ("curate", "join")]
    expected = {place_of(row) for row in gone if row["source"] == "the_cauldron"}
    assert {place for page in unreadable for place in places_on(page)} == expected


@pytest.mark.slow
def test_rows_of_a_store_by_score(store: Served) -> None:
    few = store.get("rows", of="image_bounds.shortest_side_px", low="", high="40")
    assert 0 < few.total < 50
    assert few.attributes("src", "stored?")


def test_one_row_of_a_store(store: Served, ledger: list[Row]) -> None:
    entry = next(row for row in ledger if row["fate"] == "kept" and row["source"] == "magpie")
    got = entry_page(store, entry)
    assert place_of(entry) in got.text and "longest turn chars" in got.text
    assert store.get("sample", file="0", row="0").status == 404
    assert store.get("picture", file="0", row="0", number="0").status == 404
