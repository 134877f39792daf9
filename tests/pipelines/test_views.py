"""Components as lines: inner ones are sums, many small leaves are one line, unknown stays so."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pipelines.views import MAX_SHOWN, ComponentView, folded, summed, with_inner


def leaf(path: str, rows: int | None = 1, **more: object) -> ComponentView:
    fields = {"share": Fraction(1, 10), "available": 10, "amount": rows, "rows": rows, **more}
    return ComponentView(path=path, **fields)  # type: ignore[arg-type]


def test_inner_components_stand_before_what_is_below_them() -> None:
    views = with_inner([leaf("a/x/1", 2), leaf("a/x/2", 3), leaf("a/y", 5), leaf("b", 7)])
    assert [view.path for view in views] == ["a", "a/x", "a/x/1", "a/x/2", "a/y", "b"]
    assert [view.rows for view in views] == [10, 5, 2, 3, 5, 7]
    assert [view.label for view in views] == ["a", "  x", "    1", "    2", "  y", "b"]
    assert [view.is_leaf for view in views] == [False, False, True, True, True, True]
    assert views[0].share == Fraction(3, 10) and views[0].available == 30


def test_a_leaf_that_is_apart_from_its_siblings_joins_them() -> None:
    """A plan lists what is missing after its leaves."""
    views = with_inner([leaf("a/x"), leaf("b"), leaf("a/y", missing="gone")])
    assert [view.path for view in views] == ["a", "a/x", "a/y", "b"]
    assert views[0].rows == 1 and views[0].missing is None


def test_what_is_unknown_is_never_taken_for_nothing() -> None:
    both = summed("a", [leaf("a/x", 2), leaf("a/y", None)])
    assert (both.rows, both.available, both.all_known) == (None, 20, True)
    part = summed("a", [leaf("a/x"), leaf("a/y", available=None, all_known=False)])
    assert (part.available, part.all_known, part.repeats) == (10, False, None)
    none = summed("a", [leaf("a/x", available=None, all_known=False)])
    assert (none.available, none.all_known) == (None, False)
    assert summed("a", [leaf("a/x", share=None), leaf("a/y")]).share is None


def test_a_component_whose_parts_are_all_missing_is_missing() -> None:
    gone = [leaf("a/x", missing="null upstream"), leaf("a/y", missing="unpublished")]
    assert summed("a", gone).missing == "null upstream"
    assert summed("a", [*gone, leaf("a/z", 4)]).rows == 4


def test_a_subset_that_two_components_draw_on_counts_once() -> None:
    both = summed(
        "a",
        [
            leaf("a/x", available=30, counted={"s/1": 10, "s/2": 20}, uses={"s/1": "yes"}),
            leaf("a/y", available=20, counted={"s/2": 20, "s/3": None}, uses={"s/2": "no"}),
        ],
    )
    assert (both.available, both.all_known) == (30, False)
    assert both.uses == {"s/1": "yes", "s/2": "no"}


@pytest.mark.parametrize(
    ("number", "lines"), [(MAX_SHOWN, MAX_SHOWN), (13, 13), (14, 13), (110, 13)]
)
def test_the_smallest_of_many_leaves_are_one_line(number: int, lines: int) -> None:
    leaves = [leaf(f"a/{n}", n, share=Fraction(n + 1, 10_000)) for n in range(number)]
    shown = folded(with_inner([*leaves, leaf("b")]))
    assert len(shown) == 1 + lines + 1
    assert sum(view.rows or 0 for view in shown[1:-1]) == shown[0].rows == sum(range(number))
    if number > 13:
        assert shown[-2].label == f"  ... {number - MAX_SHOWN} more"
        assert [view.rows for view in shown[1:-2]] == list(range(number - MAX_SHOWN, number))


def test_repeats_are_passes_on_average() -> None:
    assert leaf("a", 25).repeats == 2.5
    assert leaf("a", None).repeats is None
    assert leaf("a", 0, available=0).repeats is None
