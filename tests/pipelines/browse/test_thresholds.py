"""What is counted at other thresholds is what `mixture rejudge` counts, and what the ledger has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests.ledger import Stage
from pipelines.browse.thresholds import Thresholds
from pipelines.options import BuildOptions
from pipelines.rejudge import rejudge
from pipelines.why import read_ledger
from tests.conftest import Built
from tests.pipelines.browse.serving import Got, Served, serving

_MOVED = [
    ("image_bounds", "min_side_px", "200"),
    ("image_bounds", "max_side_px", "300"),
    ("image_bounds", "min_side_px", "1"),
    ("turn_length", "min_chars", "30"),
    ("turn_length", "max_chars", "100"),
]


@pytest.fixture(scope="module")
def served(small_built: Built) -> Iterator[Served]:
    with serving(small_built.out) as found:
        yield found


def numbers(text: str) -> list[int]:
    return [int(word.replace(",", "")) for word in re.findall(r"\d[\d,]*", text)]


def counted(got: Got) -> list[int]:
    """Rows, those that would pass, those that do."""
    found = re.search(r'id="count"[^>]*>([^<]*)<', got.text)
    assert found is not None
    return numbers(found[1])[:3]


def test_as_it_stands_it_is_the_ledger(served: Served, small_built: Built) -> None:
    ledger = read_ledger(str(small_built.out))
    rules = ledger.filter(ledger["stage"] == Stage.FILTER.value)["rule"].to_list()
    thresholds = served.context.thresholds
    for name in thresholds.rules:
        played = thresholds.play(name, 0, thresholds.moved(name, 0, {}))
        moves = played.moves
        assert {c.reason: c.now for c in moves.changes} == dict(Counter(rules))
        assert moves.kept_now == moves.kept_before == moves.num_rows - len(rules)
        assert played.dropped == played.kept == []


@pytest.mark.parametrize(("name", "param", "value"), _MOVED)
def test_moved_it_is_what_rejudge_says(
    served: Served, small_built: Built, tmp_path: Path, name: str, param: str, value: str
) -> None:
    text = Path(small_built.recipe).read_text()
    moved = tmp_path / "moved.yaml"
    moved.write_text(text.replace(f"{name}: {{}}", f"{name}: {{{param}: {value}}}"))
    options = BuildOptions(
        recipe=str(moved),
        mirror=str(small_built.mirror),
        store=str(small_built.store),
        out="unused",
        engine="inline",
    )
    expected = rejudge(options, small_built.recipe)
    thresholds: Thresholds = served.context.thresholds
    played = thresholds.play(name, 0, thresholds.moved(name, 0, {param: value}))
    assert played.moves.moves == expected.moves
    assert played.moves.changes == expected.changes
    went = sum(change.newly_dropped for change in expected.changes)
    assert len(played.dropped) == min(went, 6)
    got = served.get("thresholds", filter=name, **{param: value})
    assert counted(got) == [expected.num_rows, expected.kept_now, expected.kept_before]
    assert len(got.attributes("href", "row?")) == len(played.dropped) + len(played.kept)


def test_some_are_moved_at_all(served: Served) -> None:
    changed = [
        counted(served.get("thresholds", filter=name, **{param: value}))[1]
        for name, param, value in _MOVED
    ]
    before = counted(served.get("thresholds", filter="turn_length"))[2]
    assert sum(now < before for now in changed) >= 3


def test_rows_that_come_back(served: Served, built: Built) -> None:
    """Less is asked, and what the filter alone dropped passes; what a later one drops does not."""
    with serving(built.out) as whole:
        got = whole.get("thresholds", filter="image_bounds", min_side_px="1")
        rows, now, before = counted(got)
        assert rows > now > before and "Newly kept" in got.text
        place = got.attributes("href", "row?")[0]
        assert "image side too small" in whole.ask(f"/{whole.server.token}/{place}").text


def test_where_scores_lie(served: Served) -> None:
    text = served.get("thresholds", filter="image_bounds").text
    for name in ("shortest side px", "longest side px", "aspect ratio"):
        assert re.search(rf'aria-label="{name}: from [\d.]+ to [\d.]+, median [\d.]+"', text)


def test_in_a_store_a_filter_judges_alone(small_built: Built) -> None:
    with serving(small_built.store) as store:
        one = counted(store.get("thresholds", filter="turn_length"))
        two = counted(store.get("thresholds", filter="turn_length", max_chars="50"))
    assert one[0] == two[0] and one[1] == one[2] == two[2] and two[1] < one[1]
