"""What an ablation found as a plot (plot.svg): loss against share, with error bars over seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from manifests.storage import join, write_bytes
from pipelines.ablation.record import Ablation
from pipelines.ablation.report import lines_of

_COLUMNS = 4
_PANEL = {"width": 150, "height": 110}
# White, so that it is read on a dark page too; a font that comes with vl-convert, so that no
# machine's fonts change a byte.
_CONFIG = {"font": "Liberation Sans", "background": "white", "view": {"stroke": "#ddd"}}


def write_plot(folder: str, found: Ablation) -> None:
    """A panel a category; a line a group that was varied. The same bytes for the same record."""
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(_spec(found), vl_version="6.4")
    write_bytes(join(folder, "plot.svg"), drawn.encode())


def _spec(found: Ablation) -> dict[str, Any]:
    titles = [_title(name, rows) for name, (rows, _) in lines_of(found).items()]
    share = f"share of {', '.join(group.name for group in found.groups)} in %"
    x = {"field": "share", "type": "quantitative", "title": share, "scale": {"nice": True}}
    loss = {"type": "quantitative", "title": "loss on rows held out", "scale": {"zero": False}}
    color: dict[str, Any] = {"field": "group", "type": "nominal"}
    color["legend"] = {"title": None, "orient": "top"} if len(found.groups) > 1 else None
    bar = {"x": x, "y": loss | {"field": "low"}, "y2": {"field": "high"}, "color": color}
    line = {"x": x, "y": loss | {"field": "mean"}, "color": color}
    panel = {"field": "panel", "type": "nominal", "title": None, "sort": titles}
    return {
        "data": {"values": list(_points(found))},
        "facet": panel,
        "columns": min(_COLUMNS, len(titles)),
        "spec": {
            **_PANEL,
            "layer": [
                {"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": bar},
                {"mark": {"type": "line", "point": {"size": 25}}, "encoding": line},
            ],
        },
        # A category's losses are of its own height; differences between arms are what is looked at.
        "resolve": {"scale": {"y": "independent"}},
        "config": _CONFIG,
    }


def _title(name: str, rows: int) -> str:
    return f"{name} ({rows:,} rows)"


def _points(found: Ablation) -> Iterator[dict[str, Any]]:
    for name, (rows, cells) in lines_of(found).items():
        for group in found.groups:
            for n in _arms_of(found, group.name):
                mean, deviation = cells[n]
                yield {
                    "panel": _title(name, rows),
                    "group": group.name,
                    "share": 100 * float(found.arms[n].achieved[group.name]),
                    "mean": mean,
                    "low": mean - deviation,
                    "high": mean + deviation,
                }


def _arms_of(found: Ablation, group: str) -> Sequence[int]:
    """The arm with the recipe's own shares stands once, and is of every line."""
    return [
        n
        for n, arm in enumerate(found.arms)
        if arm.varied == group or all(arm.asked[g.name] == g.own for g in found.groups)
    ]
