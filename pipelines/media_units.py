"""Media of a part as ids and units: what each image makes, and the style's words around it.

A style's words stand beside texts and are counted with them. What is counted beforehand, turn by
turn (turn_units.py), has a stand-in for every clip: one frame at 0:00 of a clip of no length. Here
is by how many units the words of the clip as it is written differ; texts around them do not change
that, since the words differ in the midst alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mixtures.styles import Style, kept_frames_of
from mixtures.tokens import image_ids, tile_ids
from pipelines.flat import Bools, Ints, Lists, starts
from pipelines.token_counter import Counter


class MediaUnits:
    """One value a media of `Joined.media`; media that cannot be used have no images."""

    def __init__(self, media: pa.Table, counter: Counter, style: Style) -> None:
        self._counter, self._style = counter, style
        kinds = media["kind"].combine_chunks()
        self.is_video: Bools = pc.equal(kinds, "video").to_numpy(zero_copy_only=False).astype(bool)
        self.num_images = Lists(media["lengths"]).counts
        self.duration_ms: Ints = pc.fill_null(media["duration_ms"], 0).to_numpy().astype(np.int64)
        self._times = Lists(media["timestamps_ms"])
        self._all_ids, self._image_ids = self._tiled(media)
        self._one = tile_ids(counter.processor)
        self._labels = self._units(style.frame_label, self._times.values)
        self._label = int(counter.units([style.frame_label(0)])[0])
        self._durations = self._units(lambda ms: style.clip_intro(1, ms), self.duration_ms)
        most = int(self._times.counts.max(initial=1))
        intros = counter.units(style.clip_intro(number, 0) for number in range(1, most + 1))
        self._frames = np.append(0, intros - intros[0])
        self._durations -= intros[0]

    def _tiled(self, media: pa.Table) -> tuple[Ints, Ints]:
        """(all ids, `<image>` ids) of each media that is an image, cut into tiles."""
        sizes = Lists(media["frame_sizes"])
        usable = (sizes.counts == 2) & ~self.is_video
        values = np.append(sizes.values, [1, 1])
        first = np.where(usable, sizes.starts[:-1], len(sizes.values))
        counter = self._counter
        return image_ids(counter.processor, values[first], values[first + 1], counter.template)

    def _units(self, words: Callable[[int], str], times_ms: Ints) -> Ints:
        """Units of the words for each of these times; every second is worded once."""
        seconds, which = np.unique((times_ms + 500) // 1000, return_inverse=True)
        return self._counter.units(words(second * 1000) for second in seconds.tolist())[which]

    def kept(self, media: Ints, max_frames: Ints) -> Ints:
        """Images that are written of each of these media where so many frames may be."""
        stored = self.num_images[media]
        return np.where(self.is_video[media], np.minimum(stored, max_frames), stored)

    def ids(self, media: Ints, kept: Ints, split: Bools) -> tuple[Ints, Ints]:
        """(all ids, `<image>` ids alone) of each of these media, so many images written of it."""
        tiled = split & ~self.is_video[media]
        one_all, one_image = self._one
        all_ids = np.where(tiled, self._all_ids[media], kept * one_all)
        return all_ids, np.where(tiled, self._image_ids[media], kept * one_image)

    def more_units(self, media: Ints, kept: Ints, document: Bools) -> Ints:
        """By how many units each clip's words, as it is written, are more than its stand-in's."""
        more = np.zeros(len(media), np.int64)
        at = np.flatnonzero(self.is_video[media] & (kept > 0))
        clips, kept = media[at], kept[at]
        frames = kept_frames_of(self._times.counts[clips], kept)
        frames += np.repeat(self._times.starts[clips], kept)
        totals = starts(self._labels[frames])
        ends = starts(kept)
        more[at] = totals[ends[1:]] - totals[ends[:-1]] - self._label
        if self._style.clip_intro_form:
            intro = self._frames[kept] + self._durations[clips]
            more[at] += np.where(document[at], 0, intro)
        return more

    def words(self, media: Ints, message: Ints, document: Bools) -> Ints:
        """Units of the words around each media, stand-ins of clips included, where nothing of the
        texts is counted with them; `message` ascends, and tells what stands in one message."""
        style, clip = self._style, self.is_video[media]
        again = np.append(False, message[1:] == message[:-1])[: len(media)]
        last = np.append(~again[1:], True)[: len(media)]
        in_run = again & np.append(False, ~clip[:-1])[: len(media)]
        texts = [style.image_intro, style.clip_intro(1, 0), style.clip_outro, style.outro]
        image_intro, clip_intro, clip_outro, outro = self._counter.units(texts).tolist()
        found = np.where(clip, clip_intro + clip_outro, np.where(in_run, 0, image_intro))
        found = np.where(document, 0, found + np.where(last, outro, 0))
        return np.asarray(found + np.where(clip, self._label, 0), np.int64)
