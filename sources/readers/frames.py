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
from sources.readers.members import IMAGE, Member, Want, media_kind
from sources.root import FileRef, Root

REPO = "ShareGPTVideo/train_video_and_instruction"
FPS = 2.0  # LLaVA-NeXT's loader: frames were taken at 2 a second, and are sorted by name

_ARCHIVES = ("train_300k/*.tar.gz", "train_300k/*.tgz", "train_300k/*.tar", "train_300k/*.z*")
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
    reason: str | None = None
    detail: str = ""


def frame_shards(source: str, subset: str, root: Root) -> list[MediaShard]:
    """One shard an archive, then unpacked folders in groups."""
    archives = group_parts(root.glob(*_ARCHIVES))
    shards = [MediaShard(source, subset, files) for files in archives]
    folders: dict[str, list[FileRef]] = {}
    for file in root.glob("train_300k/*/*"):
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
    is_unpacked = media_kind(shard.files[0].path) == "image"
    members = (
        _loose(root, shard.files)
        if is_unpacked
        else read_archive(root, shard.files, _want_frame, spool)
    )
    with tempfile.TemporaryFile(dir=spool) as store:
        clips = _collect(members, store, shard.stop)
        for name, clip in list(clips.items())[: shard.stop]:
            item = MediaItem(f"{prefix}/{PurePosixPath(name).name}", "video", reason=clip.reason)
            item.detail = clip.detail
            if clip.reason is None:
                item.frames = [_frame(store, *place) for place in sorted(clip.frames)]
                item.fps = FPS
            yield item


def _collect(members: Iterable[Member], store: IO[bytes], stop: int | None) -> dict[str, _Clip]:
    """Clips by folder; frames that lie in no folder belong to no clip."""
    clips: dict[str, _Clip] = {}
    folder = ""
    for member in members:
        folder, _, name = member.name.rpartition("/") if member.name else (folder, "", "")
        if not folder:
            continue
        clip = clips.setdefault(folder, _Clip())
        if stop is not None and len(clips) > stop + _LOOKAHEAD:
            break
        if member.data is None:
            clip.reason, clip.detail = member.reason, f"frame {name}: {member.detail}"
            continue
        clip.frames.append((name, store.tell(), len(member.data)))
        store.write(member.data)
        if sum(length for _, _, length in clip.frames[-1:]) + _size(clip) > _MAX_CLIP_BYTES:
            clip.reason, clip.detail = "media_too_large", f"more than {_MAX_CLIP_BYTES} bytes"
    return clips
