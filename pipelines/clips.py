"""What clips become, and how they are asked for; nothing here decodes, or loads what does."""

from __future__ import annotations

from dataclasses import dataclass

# Raise it when the same spec gives other frames than before.
VERSION = 1


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """How clips are sampled: frames a second, most frames, longest edge (px), JPEG quality.

    Issue 2 and SmolVLM2's training arguments (fps 1, max_frames 64, video_target_size 512). The
    quality is ours: 90 is where text on a slide stays free of visible blocks.
    """

    fps: int = 1
    max_frames: int = 64
    longest_edge: int = 512
    quality: int = 90

    @property
    def spec(self) -> str:
        """What goes into media digests and store keys."""
        rate = f"{self.fps}fps:{self.max_frames}"
        return f"frames-{VERSION}:{rate}:{self.longest_edge}px:q{self.quality}"


@dataclass(frozen=True, slots=True)
class Frame:
    """A sampled frame: time in ms from the first frame, JPEG bytes, size in pixels as shown."""

    timestamp_ms: int
    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Clip:
    """Sampled frames in order of time, and the clip's own size (as shown), length and format.

    `fps` is how many frames it shows a second, on average, and `decoded_ratio` which part of those
    that the spec wants of it decoded undamaged.
    """

    frames: tuple[Frame, ...]
    duration_ms: int
    width: int
    height: int
    format: str
    fps: float
    decoded_ratio: float


class FrameError(Exception):
    """A clip that gives no frames: `reason` is a stable word, `detail` for people."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
