"""Clips that upstream ships as folders of frames: ShareGPTVideo's train_300k, for two sources.

Its archives are `train_300k/chunk_<n>.tar.gz` with members `<clip>/c01_0001.jpeg` (read in public
listings and loaders; what stands before the clip's folder is not relied on). Zips and unpacked
folders are read too. A clip is known by the name of its folder alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from sources.base import MediaItem, MediaShard
from sources.readers.archives import group_parts, read_archive
from sources.readers.members import IMAGE, Member, Want, media_kind, take
from sources.root import FileRef, Root

REPO = "ShareGPTVideo/train_video_and_instruction"
FPS = 2.0  # LLaVA-NeXT's loader: frames were taken at 2 a second, and are sorted by name

_CLIPS_A_SHARD = 512  # unpacked folders
# Of a clip, in memory at once: an hour at 2 frames a second of 50 kB.
_MAX_CLIP_BYTES = 512 * 1024 * 1024
# With `stop`, reading ends when so many further clips have begun: frames of one clip lie together
# but for the odd one, and the whole archive is 9 GB.
_LOOKAHEAD = 256


@dataclass(slots=True)
class _Clip:
    """(name, offset, length) of its frames in the spool; `reason` where one was lost."""

    frames: list[tuple[str, int, int]] = field(default_factory=list)
    num_bytes: int = 0
    reason: str | None = None
    detail: str = ""

    def lose(self, reason: str | None, detail: str) -> None:
        self.reason, self.detail = self.reason or reason, self.detail or detail


def frame_shards(source: str, subset: str, root: Root) -> list[MediaShard]:
    """One shard an archive, then unpacked folders in groups."""
    files = root.glob("train_300k/*")
    shards = [MediaShard(source, subset, parts) for parts in group_parts(files)]
    folders: dict[str, list[FileRef]] = {}
    for file in files:
        if media_kind(file.path) == "image":
            folders.setdefault(str(PurePosixPath(file.path).parent), []).append(file)
    names = sorted(folders)
    for begin in range(0, len(names), _CLIPS_A_SHARD):
        group = names[begin : begin + _CLIPS_A_SHARD]
        shards.append(MediaShard(source, subset, tuple(f for name in group for f in folders[name])))
    return shards


def read_frame_clips(
    root: Root, shard: MediaShard, prefix: str, spool: Path
) -> Iterator[MediaItem]:
    """Clips in the order in which their first frames lie, keyed `<prefix>/<folder name>`.

    Frames of one folder need not lie together, so all are written to one file under `spool` first:
    as large as the archive, and gone afterwards. A clip that lost a frame has a reason instead.
    """
    with tempfile.TemporaryFile(dir=spool) as store:
        clips, damage = _collect(_frames(root, shard.files, spool), store, shard.stop)
        for folder, clip in list(clips.items())[: shard.stop]:
            key = f"{prefix}/{PurePosixPath(folder).name}"
            if clip.reason is None:
                frames = [_read(store, place) for place in sorted(clip.frames)]
                yield MediaItem(key, "video", frames=frames, fps=FPS)
            else:
                yield MediaItem(key, "video", reason=clip.reason, detail=clip.detail)
        if damage and (shard.stop is None or len(clips) < shard.stop):
            path = shard.files[0].path
            yield MediaItem(path, "video", reason="archive_damaged", detail=damage)


def _frames(root: Root, files: tuple[FileRef, ...], spool: Path) -> Iterator[Member]:
    if media_kind(files[0].path) != "image":
        yield from read_archive(root, files, _want_frame, spool)
        return
    for file in files:
        with root.open(file) as handle:
            yield take(file.path, handle.read, IMAGE, spool)


def _want_frame(name: str) -> Want | None:
    return IMAGE if media_kind(name) == "image" else None


def _collect(
    members: Iterable[Member], store: IO[bytes], stop: int | None
) -> tuple[dict[str, _Clip], str]:
    """Clips by folder, and what the archive lost; frames in no folder belong to no clip."""
    clips: dict[str, _Clip] = {}
    for member in members:
        if not member.name:
            for clip in list(clips.values())[-1:]:  # whether it was whole cannot be known
                clip.lose(member.reason, f"after its last frame: {member.detail}")
            return clips, member.detail
        folder, _, name = member.name.rpartition("/")
        if folder:
            _add(clips.setdefault(folder, _Clip()), name, member, store)
        if stop is not None and len(clips) > stop + _LOOKAHEAD:
            break
    return clips, ""


def _add(clip: _Clip, name: str, member: Member, store: IO[bytes]) -> None:
    if member.data is None:
        clip.lose(member.reason, f"frame {name}: {member.detail}")
        return
    clip.num_bytes += len(member.data)
    if clip.num_bytes > _MAX_CLIP_BYTES:
        clip.lose("media_too_large", f"frames of more than {_MAX_CLIP_BYTES} bytes")
        return
    clip.frames.append((name, store.tell(), len(member.data)))
    store.write(member.data)


def _read(store: IO[bytes], place: tuple[str, int, int]) -> tuple[str, bytes]:
    name, offset, length = place
    store.seek(offset)
    return name, store.read(length)
