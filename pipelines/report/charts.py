"""Charts as SVG, drawn by Vega-Lite when the page is made.

Drawn here and not in the browser: the page then needs no script to be read, prints, holds no
megabyte of library, and its bytes are the same for the same build. Colours are the page's CSS
variables, so that one drawing serves light and dark; each chart is drawn wide and narrow, and CSS
shows the one that fits. Numbers are in a table beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from manifests.schema import MODALITIES
from pipelines.report.bins import Bin, Counts, binned, median, used_edges

_WIDTHS = {"wide": 455, "narrow": 262}
_HEIGHT = 150
# What the browser shows is the page's own font; measured is one that comes with vl-convert, so that
# no machine's fonts change a byte.
_CONFIG: dict[str, Any] = {
    "font": "Liberation Sans",
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "titleFontWeight": "normal",
        "titleFontSize": 12,
        "labelFontSize": 12,
        "domainColor": "var(--line-strong)",
        "tickColor": "var(--line-strong)",
        "gridColor": "var(--line)",
    },
}

_SHORT = "datum.value < 1000 ? datum.value : format(datum.value, '~s')"


@dataclass(frozen=True, slots=True)
class Chart:
    """A distribution: the drawings by width, its bins for a table, and a sentence about it."""

    title: str
    note: str
    drawings: dict[str, Markup]
    header: list[str]
    rows: list[list[str]]


def histogram(
    title: str, unit: str, counts: Counts, edges: Sequence[int], modality: str = ""
) -> Chart:
    """Of one kind of thing, in the colour of a modality or in that of bars."""
    chart = stacked(title, unit, {modality: counts}, edges)
    value = median(counts)
    note = "" if value is None else f"median {value:,} {unit}"
    return replace(chart, note=note, header=[unit, "count"])


def stacked(title: str, unit: str, parts: Mapping[str, Counts], edges: Sequence[int]) -> Chart:
    """Of several kinds, each a colour of its modality; `unit` is what is measured."""
    order = sorted(parts, key=lambda name: (*MODALITIES, name).index(name))
    parts = {name: parts[name] for name in order if parts[name]}
    edges = used_edges(list(parts.values()), edges)
    bins = {name: binned(counts, edges) for name, counts in parts.items()}
    data = [
        {"from": f"{b.low:,}", "low": b.low, "part": name, "count": b.count}
        for name, mine in bins.items()
        for b in mine
    ]
    drawings = _drawn(_bars(data, unit, [name for name in MODALITIES if name in parts]))
    return Chart(title, _note(parts), drawings, *_table(unit, bins))


def curve(lines: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Markup]:
    """How many rows each top component is off its share, over the rows read so far."""
    colour = {
        "field": "component",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(names), "range": [line_colour(i) for i in range(len(names))]},
    }
    x = {
        "field": "rows",
        "type": "quantitative",
        "title": "rows read so far",
        "axis": {"grid": False, "tickCount": 5, "format": ",d"},
    }
    y = {
        "field": "off",
        "type": "quantitative",
        "title": "rows off",
        "scale": {"domain": [-1.25, 1.25]},
        "axis": {"values": [-1, -0.5, 0, 0.5, 1]},
    }
    spec = {
        "layer": [
            {
                "data": {"values": [{"at": -1}, {"at": 1}]},
                "mark": {"type": "rule", "color": "var(--line-strong)", "strokeDash": [4, 3]},
                "encoding": {"y": {"field": "at", "type": "quantitative"}},
            },
            {
                "data": {"values": list(lines)},
                "mark": {"type": "line", "strokeWidth": 1.5, "point": {"size": 12}},
                "encoding": {"x": x, "y": y, "color": colour},
            },
        ]
    }
    return _drawn(spec, wider=2) if lines else {}


def line_colour(number: int) -> str:
    """Colours of lines by their place; the page's legend has the same."""
    return f"var(--series-{number % 6})"


def _bars(data: list[dict[str, Any]], unit: str, modalities: list[str]) -> dict[str, Any]:
    x = {
        "field": "from",
        "type": "ordinal",
        "sort": {"field": "low"},
        "title": unit,
        "axis": {
            "labelAngle": 0,
            "labelOverlap": "greedy",
            "labelSeparation": 8,
            "ticks": False,
            "labelPadding": 6,
        },
    }
    y = {
        "field": "count",
        "type": "quantitative",
        "title": None,
        "axis": {
            "tickCount": 4,
            "tickMinStep": 1,
            "labelExpr": _SHORT,
            "domain": False,
            "ticks": False,
        },
    }
    mark: dict[str, Any] = {"type": "bar", "color": "var(--bar)", "binSpacing": 1}
    encoding: dict[str, Any] = {"x": x, "y": y}
    if modalities:
        ranges = [f"var(--{name.replace('_', '-')})" for name in modalities]
        encoding["color"] = {
            "field": "part",
            "type": "nominal",
            "legend": None,
            "scale": {"domain": modalities, "range": ranges},
        }
    return {"data": {"values": data}, "mark": mark, "encoding": encoding}


def _drawn(spec: dict[str, Any], wider: int = 1) -> dict[str, Markup]:
    # It starts a JavaScript engine, which commands that draw nothing do without.
    import vl_convert

    found = {}
    for name, width in _WIDTHS.items():
        full = width * wider + 85 * (wider - 1) if name == "wide" else width
        whole = {"width": full, "height": _HEIGHT, "config": _CONFIG, **spec}
        # Its texts are escaped by Vega; a test holds that.
        found[name] = Markup(vl_convert.vegalite_to_svg(whole, vl_version="6.4"))
    return found


def _note(parts: Mapping[str, Counts]) -> str:
    said = [(name, median(counts)) for name, counts in parts.items()]
    words = [
        f"{name.replace('_', ' ')} {value:,}".strip() for name, value in said if value is not None
    ]
    return f"median: {', '.join(words)}" if words else ""


def _table(unit: str, bins: Mapping[str, Sequence[Bin]]) -> tuple[list[str], list[list[str]]]:
    names = list(bins)
    header = [unit, *(name.replace("_", " ") or "count" for name in names)]
    rows = [
        [line[0].label, *(f"{b.count:,}" for b in line)]
        for line in _lines([list(bins[name]) for name in names])
    ]
    return header, rows


def _lines(columns: list[list[Bin]]) -> list[list[Bin]]:
    """Bins of the same range in one line; a last one without an end may be of some alone."""
    longest = max(columns, key=len, default=[])
    return [
        [column[i] if i < len(column) else Bin(b.low, b.high, 0) for column in columns]
        for i, b in enumerate(longest)
    ]
