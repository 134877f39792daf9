"""What an ablation found as a table (table.md) and a plot with error bars (plot.svg)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from math import ceil
from typing import Any

from manifests.storage import join, write_bytes
from pipelines.ablation.record import Ablation, ArmRecord, equal_weights, spread, target_of

TARGET = "equal weights"
_COLUMNS = 4
_PANEL_INCHES = (2.3, 1.9)


def lines_of(found: Ablation) -> dict[str, tuple[int, list[tuple[float, float]]]]:
    """Rows held out, and of each arm mean and deviation over seeds; the target first."""
    weights = equal_weights(found.categories)
    lines = {TARGET: (found.held_out_rows["all"]["all"], _target(found, weights))}
    for kind in ("category", "modality"):
        for name, rows in sorted(found.held_out_rows[kind].items()):
            title = name if kind == "category" else f"modality {name}"
            lines[title] = rows, [_loss(arm, kind, name) for arm in found.arms]
    return lines


def _target(found: Ablation, weights: dict[str, float]) -> list[tuple[float, float]]:
    return [spread([target_of(run, weights) for run in arm.runs]) for arm in found.arms]


def _loss(arm: ArmRecord, kind: str, name: str) -> tuple[float, float]:
    return spread([run.losses[kind][name] for run in arm.runs])


def write_table(folder: str, found: Ablation) -> None:
    write_bytes(join(folder, "table.md"), ("\n".join(_table(found)) + "\n").encode())


def _table(found: Ablation) -> Iterator[str]:
    seeds = "1 seed" if found.seeds == 1 else f"{found.seeds} seeds"
    yield (
        f"Loss on the rows held out, the same in every arm: nats a label, averaged over rows; mean "
        f"± standard deviation over {seeds}. Recipe `{found.recipe}`, preset {found.preset}, "
        f"{found.steps:,} steps, {found.arms[0].rows:,} rows an arm."
    )
    yield ""
    yield f"| | rows | {' | '.join(arm.label for arm in found.arms)} |"
    yield f"|---|---:|{'---:|' * len(found.arms)}"
    for group in found.groups:
        shares = [f"{float(arm.achieved[group.name]):.2%}" for arm in found.arms]
        yield f"| share of {group.name} | | {' | '.join(shares)} |"
    for title, (rows, cells) in lines_of(found).items():
        bars = [_cell(mean, dev, found.seeds) for mean, dev in cells]
        yield f"| {title} | {rows:,} | {' | '.join(bars)} |"


def _cell(mean: float, deviation: float, seeds: int) -> str:
    return f"{mean:.3f} ± {deviation:.3f}" if seeds > 1 else f"{mean:.3f}"


def write_plot(folder: str, found: Ablation) -> None:
    """A panel a category: loss against the share, a line a group that was varied."""
    # Drawn without a screen, and without pyplot's state; it takes a second to load.
    import matplotlib
    from matplotlib.figure import Figure

    lines = lines_of(found)
    across = min(_COLUMNS, len(lines))
    down = ceil(len(lines) / across)
    wide, high = _PANEL_INCHES
    # Text as text, and names of shapes that do not change: small, and the same bytes every time.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "smolmix", "font.size": 8}):
        figure = Figure(figsize=(across * wide, down * high), layout="constrained")
        for number, (title, (rows, cells)) in enumerate(lines.items(), start=1):
            panel = figure.add_subplot(down, across, number)
            panel.set_title(f"{title} ({rows:,})", fontsize=8)
            _draw(panel, found, cells)
        if len(found.groups) > 1:
            figure.axes[0].legend(fontsize=6)
        figure.supxlabel(f"share of {', '.join(group.name for group in found.groups)} in %")
        figure.supylabel("loss on rows held out")
        drawn = BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    write_bytes(join(folder, "plot.svg"), drawn.getvalue())


def _draw(panel: Any, found: Ablation, cells: list[tuple[float, float]]) -> None:
    for group in found.groups:
        # The arm with the recipe's own shares stands once, and is of every line.
        places = [
            n
            for n, arm in enumerate(found.arms)
            if arm.varied == group.name or all(arm.asked[g.name] == g.own for g in found.groups)
        ]
        places.sort(key=lambda n: found.arms[n].asked[group.name])
        panel.errorbar(
            [100 * float(found.arms[n].achieved[group.name]) for n in places],
            [cells[n][0] for n in places],
            yerr=[cells[n][1] for n in places],
            marker="o",
            markersize=3,
            linewidth=1,
            capsize=2,
            label=group.name,
        )
