"""Models of transformers as filters load them: safetensors alone, no code of a repository's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manifests.errors import UsageError

# Said to whatever transformers loads from a folder.
HERE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def check_files(folder: Path, needed: Sequence[Sequence[str]]) -> None:
    """UsageError unless the folder has one file of each line of names (shell patterns)."""
    for names in needed:
        if not any(any(folder.glob(name)) for name in names):
            why = ""
            if any(name.endswith(".safetensors") for name in names):
                why = "pickled weights (pytorch_model.bin) can hold code and are not loaded: "
            raise UsageError(
                f"there is no {' or '.join(names)}; {why}save model, tokenizer and processor "
                "again with transformers' save_pretrained"
            )


def import_transformers() -> Any:
    """The module, without its bars and warnings, which would run over a build's progress."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    import transformers

    return transformers


def load_network(folder: Path, task: str) -> Any:
    """The network in a folder of safetensors, by `transformers.<task>`, in single floats.

    UsageError where weights are missing: transformers would draw them at random.
    """
    import torch

    network, told = getattr(import_transformers(), task).from_pretrained(
        folder, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **HERE
    )
    if told["missing_keys"]:
        raise UsageError(
            f"the weights in {folder} lack {len(told['missing_keys'])} tensors of the model, such "
            f"as {min(told['missing_keys'])}; save it again with transformers' save_pretrained"
        )
    return network


def torch_device() -> str:
    """The GPU that the process was given, or one core of it."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    torch.set_num_threads(1)  # a process a core: more threads would change sums
    return "cpu"
