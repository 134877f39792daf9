"""What was planted in a mirror, and what must become of it.

A defect stands in one table with the issue whose rules find it, and the fate and rule that the
ledger must then show. Defects of later issues survive the rules of this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from manifests.ledger import Fate

VERSION = 5


class Outcome(NamedTuple):
    issue: int
    fate: Fate
    rule: str


_UNREADABLE, _DROPPED, _DUPLICATE = Fate.UNREADABLE, Fate.DROPPED, Fate.DUPLICATE
_LEAKED = Fate.LEAKED
DEFECTS: dict[str, Outcome] = {
    # Rows that no conversation can be made of.
    "row_not_an_object": Outcome(2, _UNREADABLE, "row_malformed"),
    "conversation_missing": Outcome(2, _UNREADABLE, "row_malformed"),
    "text_null": Outcome(2, _UNREADABLE, "row_malformed"),
    "conversation_empty": Outcome(2, _UNREADABLE, "no_turns"),
    "unknown_role": Outcome(2, _UNREADABLE, "unknown_role"),
    "json_string_broken": Outcome(2, _UNREADABLE, "row_malformed"),
    "json_cut_short": Outcome(2, _UNREADABLE, "json_malformed"),
    "stray_quotes": Outcome(3, _UNREADABLE, "json_malformed"),
    "held_out_split": Outcome(2, _UNREADABLE, "split_held_out"),
    "label_missing": Outcome(2, _UNREADABLE, "label_missing"),
    "ink_not_xml": Outcome(2, _UNREADABLE, "ink_malformed"),
    "ink_without_points": Outcome(2, _UNREADABLE, "ink_empty"),
    # Documents without a text.
    "text_blank": Outcome(3, _UNREADABLE, "text_empty"),
    "content_not_there": Outcome(3, _UNREADABLE, "content_missing"),
    "content_cut_short": Outcome(3, _UNREADABLE, "content_damaged"),
    # Media that cannot be had.
    "image_bytes_null": Outcome(2, _UNREADABLE, "image_bytes_null"),
    "video_bytes_null": Outcome(2, _UNREADABLE, "video_bytes_null"),
    "truncated_jpeg": Outcome(2, _UNREADABLE, "image_truncated"),
    "web_page_as_image": Outcome(2, _UNREADABLE, "image_undecodable"),
    "image_bomb": Outcome(2, _UNREADABLE, "image_too_many_pixels"),
    "web_page_as_video": Outcome(2, _UNREADABLE, "video_undecodable"),
    "mp4_without_index": Outcome(2, _UNREADABLE, "video_undecodable"),
    "mp4_without_picture": Outcome(2, _UNREADABLE, "video_audio_only"),
    "pdf_cut_short": Outcome(3, _UNREADABLE, "pdf_undecodable"),
    "pdf_with_password": Outcome(3, _UNREADABLE, "pdf_encrypted"),
    "pdf_bytes_null": Outcome(3, _UNREADABLE, "pdf_bytes_null"),
    "pdf_of_too_many_pages": Outcome(3, _UNREADABLE, "pdf_too_many_pages"),
    "missing_file": Outcome(2, _UNREADABLE, "media_missing"),
    "ambiguous_file": Outcome(2, _UNREADABLE, "media_ambiguous"),
    # Conversations that the filters drop.
    "too_many_markers": Outcome(2, _DROPPED, "placeholder_mismatch"),
    "too_few_markers": Outcome(2, _DROPPED, "placeholder_mismatch"),
    "empty_answer": Outcome(2, _DROPPED, "empty_turn"),
    "two_users_in_a_row": Outcome(2, _DROPPED, "roles_not_alternating"),
    "no_answer": Outcome(2, _DROPPED, "no_answer"),
    "control_token": Outcome(2, _DROPPED, "control_token"),
    "marker_in_answer": Outcome(2, _DROPPED, "control_token"),
    "turn_too_long": Outcome(2, _DROPPED, "turn_too_long"),
    "tiny_image": Outcome(2, _DROPPED, "image_side_too_small"),
    "banner_image": Outcome(2, _DROPPED, "aspect_ratio_too_high"),
    # Copies, byte for byte.
    "exact_duplicate": Outcome(2, _DUPLICATE, "exact_duplicate"),
    "exact_duplicate_across_subsets": Outcome(2, _DUPLICATE, "exact_duplicate"),
    "exact_duplicate_across_sources": Outcome(2, _DUPLICATE, "exact_duplicate"),
    # Issue 5: quality.
    "foreign_language": Outcome(5, _DROPPED, "language_not_allowed"),
    "boilerplate": Outcome(5, _DROPPED, "answer_is_hollow"),
    "refusal": Outcome(5, _DROPPED, "answer_refuses"),
    # Issue 6: near duplicates; the kept one is `matched`.
    "near_duplicate_image": Outcome(6, _DUPLICATE, "near_duplicate"),
    "near_duplicate_text": Outcome(6, _DUPLICATE, "near_duplicate"),
    "near_duplicate_clip": Outcome(6, _DUPLICATE, "near_duplicate"),
    # Issue 6: what benchmarks ask; `benchmark` says which item of which.
    "benchmark_question": Outcome(6, _LEAKED, "leaked_question"),
    "benchmark_in_document": Outcome(6, _LEAKED, "leaked_text"),
    "benchmark_picture": Outcome(6, _LEAKED, "leaked_image"),
}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an upstream turn group stands; sorting is the order in which duplicates are kept."""

    source: str
    subset: str
    file: str
    row: int
    group: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "subset": self.subset,
            "file": self.file,
            "row": self.row,
            "group": self.group,
        }


class Truth:
    """The record of all that was planted, in the order of its places."""

    def __init__(self, scale: int, sources: Sequence[str], benchmarks: Sequence[str] = ()) -> None:
        self._scale = scale
        self._sources = list(sources)
        self._benchmarks = list(benchmarks)
        self._planted: dict[Place, dict[str, Any]] = {}

    def plant(
        self,
        defect: str,
        place: Place,
        matched: Place | None = None,
        benchmark: str | None = None,
    ) -> None:
        outcome = DEFECTS[defect]
        assert place not in self._planted, f"{place} has two defects"
        assert matched is None or matched < place, f"{place} is kept before {matched}"
        self._planted[place] = {
            "defect": defect,
            **place.as_json(),
            "issue": outcome.issue,
            "fate": outcome.fate.value,
            "rule": outcome.rule,
            "matched": matched.as_json() if matched else None,
            "benchmark": benchmark,
        }

    def as_json(self) -> dict[str, Any]:
        planted = [self._planted[place] for place in sorted(self._planted)]
        return {
            "version": VERSION,
            "scale": self._scale,
            "sources": self._sources,
            "benchmarks": self._benchmarks,
            "planted": planted,
        }


class Sheet:
    """Rows of one subset in one annotation file, in order; each call says where its row stands."""

    def __init__(self, truth: Truth, source: str, subset: str, file: str) -> None:
        self.rows: list[Any] = []
        self.subset, self.file = subset, file
        self._truth, self._source = truth, source

    def add(self, record: Any) -> Place:
        self.rows.append(record)
        return self.place(len(self.rows) - 1)

    def place(self, row: int) -> Place:
        return Place(self._source, self.subset, self.file, row)

    def plant(
        self,
        defect: str,
        record: Any,
        matched: Place | None = None,
        groups: Sequence[int] = (0,),
        benchmark: str | None = None,
    ) -> Place:
        """Add a row with a defect; `groups` names its turn groups where there are several.

        `benchmark` is what leaked, `<name>/<place>` of its item.
        """
        place = self.add(record)
        for group in groups:
            twin = matched and Place(
                matched.source, matched.subset, matched.file, matched.row, matched.group + group
            )
            self._truth.plant(
                defect,
                Place(place.source, place.subset, place.file, place.row, group),
                twin,
                benchmark,
            )
        return place
