"""What a run tells: a line of JSON a logged step, the same for TensorBoard, and a line to read.

`mixture` is the share of rows so far by component, at the highest level; beside it stands what the
build asked for. Nothing of it is needed to go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from torch.utils.tensorboard import SummaryWriter

_FILE = "log.jsonl"


@dataclass
class Spell:
    """Sums since the last logged step."""

    loss: float = 0.0
    steps: int = 0
    num_ids: int = 0
    padding: int = 0
    rows: int = 0
    waited_s: float = 0.0
    took_s: float = 0.0
    components: Counter[str] = field(default_factory=Counter)

    def merge(self, other: Spell) -> None:
        """What another rank did in the same steps."""
        self.loss += other.loss
        self.num_ids += other.num_ids
        self.padding += other.padding
        self.rows += other.rows
        self.waited_s = max(self.waited_s, other.waited_s)
        self.components += other.components


class Log:
    """Appends to OUT/log.jsonl, first cutting off what lies beyond the step to go on from."""

    def __init__(self, out: Path, step: int, asked: Mapping[str, float]) -> None:
        self._path = out / _FILE
        self._asked = asked
        self._seen: Counter[str] = Counter()
        self._keep_until(step)
        self._board = SummaryWriter(str(out / "tensorboard"), purge_step=step + 1)

    def write(
        self, step: int, spell: Spell, means: Mapping[str, Any], **more: float
    ) -> dict[str, Any]:
        self._seen += spell.components
        total = sum(self._seen.values())
        record = {
            "step": step,
            "loss": round(spell.loss / spell.steps, 6),
            **more,
            "tokens_per_s": round(spell.num_ids / spell.took_s, 1),
            "padding": round(spell.padding / (spell.padding + spell.num_ids), 5),
            "data_wait": round(spell.waited_s / spell.took_s, 5),
            "rows": total,
            "mixture": {name: round(self._seen[name] / total, 5) for name in self._asked},
            "asked": dict(self._asked),
            "losses": means,
        }
        with self._path.open("ab") as file:
            file.write(orjson.dumps(record) + b"\n")
        self._draw(step, record)
        return record

    def close(self) -> None:
        self._board.close()

    def _keep_until(self, step: int) -> None:
        if not self._path.exists():
            return
        lines = self._path.read_bytes().splitlines(keepends=True)
        # The last line may be half written.
        records = [orjson.loads(line) for line in lines if line.endswith(b"\n")]
        kept = [record for record in records if record["step"] <= step]
        self._path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in kept))
        if kept:
            last = kept[-1]
            rows = last["rows"]
            self._seen.update({name: round(s * rows) for name, s in last["mixture"].items()})

    def _draw(self, step: int, record: Mapping[str, Any]) -> None:
        for name in ("loss", "lr", "grad_norm", "tokens_per_s", "padding", "data_wait"):
            self._board.add_scalar(name, record[name], step)
        for group, means in record["losses"].items():
            for name, mean in means.items():
                self._board.add_scalar(f"loss_{group}/{name}", mean, step)
        for name, share in record["mixture"].items():
            self._board.add_scalar(f"mixture/{name}", share, step)
