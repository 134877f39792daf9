"""What an ablation found as a table (table.md)."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.storage import join, write_bytes
from pipelines.ablation.record import Ablation, ArmRecord, equal_weights, spread, target_of

TARGET = "equal weights"


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
