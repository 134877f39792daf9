"""CORD v2 (naver-clova-ix/cord-v2): photos of Indonesian receipts, and what they say as JSON.

`data/<split>-NNNNN-of-NNNNN-<16 hex>.parquet` hold `image` and `ground_truth`, a JSON text whose
`gt_parse` is the answer (menu, sub_total, total, void_menu; one item stands as an object, several
as a list) and is written as Idefics3 wrote it, with an indent of 4. The words and boxes of
`valid_line` are not kept. The split is what the row itself says in `meta`, else its file's; only
train may be trained on. Upstream gives no question: one of PROMPTS is asked, chosen by the answer.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

import orjson

from sources.base import Draft, MediaShard, RowShard
from sources.conversations import RowError, build_chat, choose_prompt, json_columns
from sources.root import Root
from sources.tables import ImageTableSource

PROMPTS = (
    "Read this receipt and return its contents as JSON.",
    "Which items and amounts does the receipt list? Answer with a JSON object.",
    "Turn the receipt in the photo into JSON.",
    "Give the menu lines, subtotal and total of this receipt as JSON.",
    "Digitize this receipt. Use JSON.",
    "Parse the receipt: a JSON object with what was bought and what was paid.",
)

_TRAIN = "train"


class CordV2(ImageTableSource):
    name: ClassVar[str] = "cord_v2"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("image.bytes", "ground_truth"),)
    image_columns: ClassVar[tuple[str, ...]] = ("image",)

    def media(self, root: Root) -> list[MediaShard]:
        """Images that are held out are not stored: no row may refer to them."""
        return [shard for shard in super().media(root) if shard.subset == _TRAIN]

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        truth = _ground_truth(values["ground_truth"])
        meta = truth.get("meta")
        split = meta.get("split", _TRAIN) if isinstance(meta, dict) else _TRAIN
        if {shard.subset, split} != {_TRAIN}:
            raise RowError("split_held_out", f"split {split!r} in the file of {shard.subset}")
        if not isinstance(truth.get("gt_parse"), dict) or not truth["gt_parse"]:
            raise RowError("label_missing", "ground_truth has no gt_parse")
        answer = json.dumps(truth["gt_parse"], indent=4, ensure_ascii=False)
        refs = self.image_refs(shard, row, values)
        if not refs:
            raise RowError("row_malformed", "the row has no image")
        messages = build_chat([(choose_prompt(PROMPTS, answer), answer)], "image", len(refs))
        return Draft(row, shard.subset, messages, refs, extra=json_columns({"meta": meta}))


SOURCE = CordV2()


def _ground_truth(text: object) -> dict[str, Any]:
    if not isinstance(text, str):
        raise RowError("row_malformed", "ground_truth is not a string")
    try:
        truth = orjson.loads(text.encode())
    except ValueError as error:
        raise RowError("row_malformed", f"ground_truth is not JSON: {error}") from error
    if not isinstance(truth, dict):
        raise RowError("row_malformed", f"ground_truth is of type {type(truth).__name__}")
    return truth
