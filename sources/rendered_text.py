"""RenderedText (wendlerc/RenderedText): text on sheets of paper, rendered with Blender.

WebDataset tars, in the root and, for want of room there, in `remaining`: `<key>.png` and
`<key>.json`, whose `ocr_annotation.text` lists the lines on the sheet. The lines, one below the
other, are the answer. What else the JSON holds (boxes of lines and characters, fonts, colours) is
many times as large and not kept. Where the form of the JSON is another (a list or a text under
`text`, as the renderer itself writes, or a `.txt` member), that is read too. Upstream gives no
question: one of PROMPTS is asked, chosen by the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import orjson

from sources.base import Draft, MediaItem, MediaShard, Rejected, RowShard, Source
from sources.conversations import RowError, build_chat, choose_prompt, draft_or_rejected
from sources.readers.webdataset import TarSample, read_sample_media, read_samples
from sources.root import Root

PROMPTS = (
    "What is written on the sheet of paper?",
    "Transcribe the text in this image, line by line.",
    "Read out the text of this page.",
    "Which words can be read here? Keep the line breaks.",
    "Copy the text from the picture.",
    "Give the text on the paper, one line below the other.",
)


class RenderedText(Source):
    name: ClassVar[str] = "rendered_text"
    version: ClassVar[int] = 1

    def rows(self, root: Root) -> list[RowShard]:
        (subset,) = self.card.subsets
        files = root.glob(*self.card.row_patterns(subset))
        return [RowShard(self.name, subset.name, file) for file in files]

    def media(self, root: Root) -> list[MediaShard]:
        return [MediaShard(self.name, shard.subset, (shard.file,)) for shard in self.rows(root)]

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        for sample in read_samples(root, shard.file, shard.start, shard.stop):
            yield draft_or_rejected(sample.row, shard.subset, _draft, shard, sample)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        yield from read_sample_media(root, shard, spool)


SOURCE = RenderedText()


def _draft(shard: RowShard, sample: TarSample) -> Draft:
    if sample.reason is not None:
        raise RowError(sample.reason, sample.detail)
    if len(sample.media) != 1:
        raise RowError("row_malformed", f"{sample.key} has {len(sample.media)} images, not one")
    answer = _text(sample)
    messages = build_chat([(choose_prompt(PROMPTS, answer), answer)], "image", 1)
    return Draft(sample.row, shard.subset, messages, sample.media, extra={"key": sample.key})


def _text(sample: TarSample) -> str:
    if "json" not in sample.texts:
        if "txt" not in sample.texts:
            raise RowError("label_missing", f"{sample.key} has neither .json nor .txt")
        return _decoded(sample.texts["txt"])
    try:
        values = orjson.loads(sample.texts["json"])
    except orjson.JSONDecodeError as error:
        raise RowError("row_malformed", f"{sample.key}.json is not JSON: {error}") from error
    values = values if isinstance(values, dict) else {}
    annotation = values.get("ocr_annotation")
    lines = (annotation if isinstance(annotation, dict) else values).get("text")
    return _joined(lines)


def _joined(lines: Any) -> str:
    lines = [lines] if isinstance(lines, str) else lines
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise RowError("row_malformed", "text is no list of lines")
    if not lines:
        raise RowError("label_missing", "there is no line on the sheet")
    return "\n".join(lines)


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise RowError("row_malformed", f"the text is not UTF-8: {error.reason}") from error
