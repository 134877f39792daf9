"""ONNX models on one core, or on the GPU where the process is given one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manifests.errors import UsageError


def open_session(path: Path) -> Any:
    """The model at `path`, ready to run."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors: what it warns of is the machine's business
    known = onnxruntime.get_available_providers()
    wanted = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in known]
    return onnxruntime.InferenceSession(str(path), options, providers=wanted)


def checked_session(path: Path) -> Any:
    """The same; UsageError where it cannot be loaded."""
    try:
        return open_session(path)
    except Exception as error:  # onnxruntime's errors are of its own
        raise UsageError(f"{path.name} is no ONNX model that can be loaded: {error}") from error
