"""The media of an output shard: which images are written of it, what they are, and their bytes.

Bytes go from the pack straight into the Arrow buffer that Parquet writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from manifests.errors import IntegrityError
from manifests.packs import PackReader, PackSlice
from manifests.schema import MEDIA_FILE_TYPE, MEDIA_INFO_TYPE
from mixtures.styles import kept_frames_of
from pipelines.flat import Bools, Ints, Lists, ints, ranges, starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Media that are written, one value a media, row after row."""

    media: Ints  # numbers in the shard
    counts_r: Ints
    num_images: Ints  # of each: kept frames of a clip, 1 of an image
    split_r: Bools  # whether a row's images are cut into tiles


class ShardMedia:
    """The shard's media as flat columns: the images of media m are at `at.starts[m]` and on."""

    def __init__(self, media: pa.Table, folders: Sequence[str]) -> None:
        self._folders = folders
        self._packs: dict[int, PackReader] = {}
        self._at = Lists(media["offsets"])
        self._lengths = Lists(media["lengths"])
        sizes = Lists(media["frame_sizes"]).values.reshape(-1, 2)
        self._width, self._height = sizes[:, 0], sizes[:, 1]
        self._folder = ints(media["folder"].combine_chunks())
        self._pack = ints(media["pack"].combine_chunks())
        self._times = Lists(media["timestamps_ms"])
        self._digest = media["digest"].combine_chunks()
        self.is_video: Bools = np.array(
            [kind == "video" for kind in media["kind"].to_pylist()], bool
        )
        self.duration_ms = ints(media["duration_ms"].combine_chunks().fill_null(0))

    def close(self) -> None:
        for reader in self._packs.values():
            reader.close()

    def num_kept(self, media: Ints, max_frames: Ints) -> Ints:
        """Images that are written of each of these media where so many frames may be."""
        stored = self._at.counts[media]
        return np.where(self.is_video[media], np.minimum(stored, max_frames), stored)

    def num_bytes(self, media: Ints, num_images: Ints) -> Ints:
        """Bytes of the images that are written of each."""
        totals = starts(self._lengths.values[self._images_of(media, num_images)])
        first = starts(num_images)
        return totals[first[1:]] - totals[first[:-1]]

    def times_ms(self, media: Ints, num_images: Ints) -> Ints:
        """Of the written frames of these media that are clips, clip after clip."""
        clips = self.is_video[media]
        return self._times_of(media[clips], num_images[clips])

    def _kept(self, first: Ints, stored: Ints, num_images: Ints) -> Ints:
        if np.array_equal(stored, num_images):
            return ranges(first, stored)
        return np.repeat(first, num_images) + kept_frames_of(stored, num_images)

    def _images_of(self, media: Ints, num_images: Ints) -> Ints:
        return self._kept(self._at.starts[media], self._at.counts[media], num_images)

    def _times_of(self, clips: Ints, num_images: Ints) -> Ints:
        first = self._times.starts[clips]
        return self._times.values[self._kept(first, self._times.counts[clips], num_images)]

    def images(self, shown: Shown) -> pa.Array:
        """The `images` column: pack bytes read straight into one Arrow binary buffer."""
        images = self._images_of(shown.media, shown.num_images)
        begin = starts(self._lengths.values[images])
        buffer = pa.allocate_buffer(int(begin[-1]))
        owners = np.repeat(shown.media, shown.num_images)
        self._fill(owners, images, memoryview(buffer).cast("B"), begin)
        bounds = pa.py_buffer(begin.astype(np.int32))
        data = pa.Array.from_buffers(pa.binary(), len(images), [None, bounds, buffer])
        nothing = pa.nulls(len(images), pa.string())
        files = pa.StructArray.from_arrays([data, nothing], fields=list(MEDIA_FILE_TYPE))
        return pa.ListArray.from_arrays(_image_offsets(shown), files)

    def _fill(self, owners: Ints, images: Ints, target: memoryview, begin: Ints) -> None:
        folders = self._folder[owners]
        for folder in np.unique(folders).tolist():
            here = np.flatnonzero(folders == folder)
            chosen = images[here]
            columns = (
                self._pack[owners[here]],
                self._at.values[chosen],
                self._lengths.values[chosen],
            )
            slices = list(map(PackSlice, *(column.tolist() for column in columns)))
            try:
                self._reader(folder).read_into(slices, target, begin[here].tolist())
            except (OSError, EOFError) as error:
                raise IntegrityError(
                    f"a pack in {self._folders[folder]} cannot be read ({error}); "
                    "remove that folder and run the same command again"
                ) from error

    def _reader(self, folder: int) -> PackReader:
        if folder not in self._packs:
            self._packs[folder] = PackReader(self._folders[folder])
        return self._packs[folder]

    def infos(self, shown: Shown) -> pa.Array:
        """The `media` column: what each of the images is."""
        images = self._images_of(shown.media, shown.num_images)
        owners = np.repeat(shown.media, shown.num_images)
        is_image = ~self.is_video[owners]
        split = np.repeat(np.repeat(shown.split_r, shown.counts_r), shown.num_images) & is_image
        times = np.zeros(len(images), np.int64)
        times[~is_image] = self.times_ms(shown.media, shown.num_images)
        kinds = pa.array(["frame", "image"]).take(pa.array(is_image.astype(np.int8)))
        videos = self._digest.take(pa.array(owners, mask=is_image))
        columns = [kinds, videos, pa.array(times, mask=is_image)]
        columns += [pa.array(side[images], pa.int32()) for side in (self._width, self._height)]
        columns.append(pa.array(split))
        infos = pa.StructArray.from_arrays(columns, fields=list(MEDIA_INFO_TYPE))
        return pa.ListArray.from_arrays(_image_offsets(shown), infos)


def _image_offsets(shown: Shown) -> pa.Array:
    """List offsets of rows that hold `counts_r` media of `num_images` images each."""
    return pa.array(starts(shown.num_images)[starts(shown.counts_r)], pa.int32())
