"""The training loop: the same number of steps on all ranks, exact after any kill.

A step takes `accumulate` batches of `batch` sequences on each rank. Weights of labels are divided
by their sum over all of these, so that the loss does not depend on how labels fall into batches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from manifests.storage import write_json
from trainer import checkpoints
from trainer.build_rows import BuildRows
from trainer.cursor import FeedState, divide
from trainer.evaluate import Scores, evaluate
from trainer.feed import Feed
from trainer.items import Encoder, Item, read_items
from trainer.logs import Log, Spell
from trainer.losses import Tally, weights_of
from trainer.model import Batch, LossModel, batch_of
from trainer.optimizer import optimizer_of, schedule_of
from trainer.packing import Packer, Sequence
from trainer.presets import STAGES
from trainer.saving import load_weights, save_model
from trainer.settings import TrainSettings
from trainer.written import AllWritten, write_answers

Report = Callable[[dict[str, Any]], None]
_GRADIENT_NORM = 1.0


class Run:
    """One run on this rank. `out` is local and, with several ranks, the same for all."""

    def __init__(
        self,
        settings: TrainSettings,
        rows: BuildRows,
        encoder: Encoder,
        model: LossModel,
        out: Path,
        num_workers: int,
        accelerator: Accelerator,
    ) -> None:
        self.settings, self.encoder, self.out = settings, encoder, out
        self._accelerator = accelerator
        stage = STAGES[settings.stage]
        if settings.checkpoint_layers:
            model.vlm.gradient_checkpointing_enable({"use_reentrant": False})
        self.bare = model
        optimizer = optimizer_of(model, stage, settings)
        self._schedule = schedule_of(optimizer, stage, settings.steps)
        self._model, self._optimizer = accelerator.prepare(model, optimizer)
        packer = Packer(settings.context, settings.max_tiles)
        rank, num_ranks = accelerator.process_index, accelerator.num_processes
        self.feed = Feed(rows, encoder, packer, rank, num_ranks, num_workers)
        self._asked = asked_shares(rows)
        self._rows, self._num_workers = rows, num_workers
        self.step = 0
        self.last: dict[str, Any] | None = None

    def resume(self) -> int:
        """Goes on from the last checkpoint in OUT, if there is one; the step that it has."""
        path = checkpoints.latest(self.out)
        if path is not None:
            self.step, feeds, tensors = checkpoints.load(path)
            self.bare.vlm.load_state_dict(load_weights(path))
            self._optimizer.load_state_dict(tensors["optimizer"])
            self._schedule.load_state_dict(tensors["schedule"])
            rank, num_ranks = self._accelerator.process_index, self._accelerator.num_processes
            self.feed.restore(divide(feeds, self._rows, num_ranks)[rank])
            # Of processes that are new it is that of a new run.
            if rank < len(tensors["random"]):
                torch.set_rng_state(tensors["random"][rank])
        return self.step

    def train(self, log_every: int, keep_every: int, report: Report) -> None:
        """To the last step; a checkpoint every `keep_every` steps and at the end."""
        log = Log(self.out, self.step, self._asked) if self.is_main else None
        sequences = self.feed.sequences()
        spell, tally = Spell(), Tally()
        self._model.train()
        while self.step < self.settings.steps:
            lr = self._schedule.get_last_lr()[-1]
            norm = self._one(sequences, spell, tally)
            self.step += 1
            is_last = self.step == self.settings.steps
            if self.step % log_every == 0 or is_last:
                self._tell(log, spell, tally, report, lr=lr, grad_norm=norm)
                spell, tally = Spell(), Tally()
            if self.step % keep_every == 0 or is_last:
                self._keep()
        if log is not None:
            log.close()

    def held_out(self, most_written: int) -> dict[str, dict[str, Any]] | None:
        """Scores on the build's validation split, which all ranks ask a part of; null without one.

        Answers are written to at most `most_written` rows a source. Also in OUT/validation.json.
        """
        held = self._rows.split("validation")
        if held is None:
            return None
        rank, num_ranks = self._accelerator.process_index, self._accelerator.num_processes
        items = read_items(held, held.units[rank::num_ranks], self.encoder, self._num_workers)
        context, max_tiles = self.settings.context, self.settings.max_tiles
        mine = evaluate(self.bare, items, self.encoder.vocabulary, context, max_tiles)
        everyone: list[Scores] = gather_object([mine])
        for other in everyone[1:]:
            everyone[0].merge(other)
        found = everyone[0].as_json()
        if most_written:
            workers = self._num_workers
            own = write_answers(
                self.bare, held, self.encoder, most_written, workers, rank, num_ranks
            )
            written: list[AllWritten] = gather_object([own])
            for more in written[1:]:
                written[0].merge(more)
            written[0].put_into(found)
        if self.is_main:
            write_json(str(self.out / "validation.json"), {"step": self.step, **found})
        return found

    def _one(self, sequences: Iterator[Sequence], spell: Spell, tally: Tally) -> float:
        """One step of the optimizer; the norm of its gradient before it was cut."""
        started = time.perf_counter()
        batches = [self._batch(sequences) for _ in range(self.settings.accumulate)]
        spell.waited_s += time.perf_counter() - started
        weights = [weights_of(batch, self.settings.reduction) for batch, _ in batches]
        total = torch.stack([weight.sum() for weight in weights]).sum()
        # A step whose rows have no label, answers that are images alone, changes nothing.
        total = self._accelerator.reduce(total, "sum").clamp(min=1e-6)
        loss = 0.0
        for number, ((batch, items), weight) in enumerate(zip(batches, weights, strict=True)):
            is_last = number + 1 == len(batches)
            with nullcontext() if is_last else self._accelerator.no_sync(self._model):
                losses = self._model(batch)
                # Gradients are averaged over ranks, and the weights already sum to 1 over them.
                mine = (losses * weight).sum() / total
                self._accelerator.backward(mine * self._accelerator.num_processes)
            loss += float(mine.detach())
            tally.add(losses, batch.owner, items)
            _count(spell, batch, items)
        norm = self._accelerator.clip_grad_norm_(self._model.parameters(), _GRADIENT_NORM)
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad()
        spell.loss += loss
        spell.steps += 1
        spell.took_s += time.perf_counter() - started
        return float(norm)

    def _batch(self, sequences: Iterator[Sequence]) -> tuple[Batch, list[Item]]:
        some = list(islice(sequences, self.settings.batch))
        items = [item for sequence in some for item in sequence.items]
        batch = batch_of(some, self.encoder.vocabulary.pad)
        return batch.to(self._accelerator.device), items

    def _tell(
        self, log: Log | None, spell: Spell, tally: Tally, report: Report, **more: float
    ) -> None:
        everyone = gather_object([(spell, tally, self.feed.left_out)])
        if log is None:
            return
        whole, sums, left_out = everyone[0]
        for other, others, more_left_out in everyone[1:]:
            whole.merge(other)
            sums.merge(others)
            left_out += more_left_out
        more = {**more, "epoch": self.feed.epoch, "left_out": left_out}
        self.last = log.write(self.step, whole, sums.means(), **more)
        report(self.last)

    def _keep(self) -> None:
        feeds: list[FeedState] = gather_object([self.feed.state()])
        states: list[torch.Tensor] = gather_object([torch.get_rng_state()])
        if self.is_main:
            tensors = {
                "optimizer": self._optimizer.state_dict(),
                "schedule": self._schedule.state_dict(),
                "random": states,
            }
            checkpoints.keep(self.out, self.step, self._save, feeds, tensors)
        self._accelerator.wait_for_everyone()

    @property
    def is_main(self) -> bool:
        return bool(self._accelerator.is_main_process)

    def newest(self) -> Path:
        return checkpoints.path_of(self.out, self.step)

    def _save(self, folder: Path) -> None:
        save_model(folder, self.bare.vlm, self.encoder.vocabulary, self.encoder.processor)


def asked_shares(rows: BuildRows) -> dict[str, float]:
    """Of the components at the highest level, as the build asked for them."""
    parts = [part for part in rows.manifest.components if "/" not in part.name]
    return {part.name: round(float(part.share), 5) for part in parts}


def _count(spell: Spell, batch: Batch, items: list[Item]) -> None:
    spell.num_ids += batch.num_ids
    spell.padding += batch.padding
    spell.rows += len(items)
    spell.components.update(item.groups["component"].partition("/")[0] for item in items)
