"""The sample: one chat schema for every modality, pydantic at the edges, Arrow on the hot path.

`SAMPLE_SCHEMA` is what a build's Parquet holds. `STORE_SCHEMA` is what a row task leaves in the
store: the same conversation, its media still named by upstream member.
A test derives each form of `Sample` from the other, so they cannot drift apart.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

Role = Literal["system", "user", "assistant"]
ContentType = Literal["text", "image", "video"]
Modality = Literal["text", "image", "multi_image", "video"]
Kind = Literal["chat", "document"]

MODALITIES: tuple[Modality, ...] = ("text", "image", "multi_image", "video")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ContentItem(_Frozen):
    """One piece of a message. `text` is empty for media items: the media stand in `images`."""

    type: ContentType
    text: str


class Message(_Frozen):
    role: Role
    content: list[ContentItem]


class MediaFile(_Frozen):
    """Bytes of an image or clip as a Hugging Face `Image` or `Video` cell holds them."""

    bytes: bytes | None
    path: str | None


class MediaInfo(_Frozen):
    """What the image at the same place in `images` is; a trainer gives a frame one tile."""

    kind: Literal["image", "frame"]
    video: str | None = Field(description="media digest of the clip that a frame was sampled from")
    timestamp_ms: int | None
    width: int
    height: int
    split: bool = Field(description="whether the processor cuts it into tiles; frames never")


class Origin(_Frozen):
    """An upstream row that a sample came from, and which of its turns."""

    source: str
    subset: str
    file: str
    row: int
    turns: list[int]
    license: str


class Sample(_Frozen):
    """One training sample as emitted.

    id          source/subset/<32 hex>: digest over its turns and media, before any are trimmed
    category    of the source's card, as modality: text, image, multi_image, video
    component   path in the recipe of the component that drew it: video/captioning
    kind        chat, or document: pretraining text, one assistant message, all of it learned
    messages    as many items of type image as there are images; a frame's label stands before it
    images      bytes of images and of frames, in that order; `media` says what each of them is
    videos      clips themselves: always empty, a clip is its frames
    num_*       ids of the recipe's processor, control tokens included; media: `<image>` alone,
                answer: labelled when only answers are learned, text: the rest
    license     SPDX expression, the AND of its origins'
    origins     every upstream row that it came from, with the turns that are written
    repeat      k for the k-th pass over its leaf
    extra       JSON of upstream fields that no column holds
    """

    id: str
    source: str
    subset: str
    modality: Modality
    category: str
    component: str
    kind: Kind
    messages: list[Message]
    images: list[MediaFile]
    videos: list[MediaFile]
    media: list[MediaInfo]
    num_tokens: int
    num_media_tokens: int
    num_answer_tokens: int
    num_text_tokens: int
    license: str
    origins: list[Origin]
    repeat: int
    extra: str | None


def _list(item: pa.DataType) -> pa.ListType:
    return pa.list_(item)


CONTENT_TYPE = pa.struct([("type", pa.string()), ("text", pa.string())])
MESSAGE_TYPE = pa.struct([("role", pa.string()), ("content", _list(CONTENT_TYPE))])
MESSAGES_TYPE = _list(MESSAGE_TYPE)
MEDIA_FILE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
MEDIA_INFO_TYPE = pa.struct(
    [
        ("kind", pa.string()),
        ("video", pa.string()),
        ("timestamp_ms", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("split", pa.bool_()),
    ]
)
ORIGIN_TYPE = pa.struct(
    [
        ("source", pa.string()),
        ("subset", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("turns", _list(pa.int32())),
        ("license", pa.string()),
    ]
)

_COLUMNS: list[tuple[str, pa.DataType]] = [
    ("id", pa.string()),
    ("source", pa.string()),
    ("subset", pa.string()),
    ("modality", pa.string()),
    ("category", pa.string()),
    ("component", pa.string()),  # path in the recipe of the component that drew it
    ("kind", pa.string()),
    ("messages", MESSAGES_TYPE),
    ("images", _list(MEDIA_FILE_TYPE)),
    ("videos", _list(MEDIA_FILE_TYPE)),
    ("media", _list(MEDIA_INFO_TYPE)),
    ("num_tokens", pa.int32()),
    ("num_media_tokens", pa.int32()),
    ("num_answer_tokens", pa.int32()),
    ("num_text_tokens", pa.int32()),
    ("license", pa.string()),
    ("origins", _list(ORIGIN_TYPE)),
    ("repeat", pa.int16()),
    ("extra", pa.string()),
]


def _value(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype, "_type": "Value"}


def _feature(data_type: pa.DataType) -> Any:
    if pa.types.is_list(data_type):
        return {"feature": _feature(data_type.value_type), "_type": "List"}
    if pa.types.is_struct(data_type):
        return {field.name: _feature(field.type) for field in data_type}
    return _value(str(data_type))


def features() -> dict[str, Any]:
    """The `datasets` features of a build as plain JSON, images and videos as media features.

    Every Parquet file carries them under the `huggingface` schema key: without it `datasets` loads
    images as plain dicts.
    """
    result = {name: _feature(data_type) for name, data_type in _COLUMNS}
    result["images"] = {"feature": {"_type": "Image"}, "_type": "List"}
    result["videos"] = {"feature": {"_type": "Video"}, "_type": "List"}
    return result


SAMPLE_SCHEMA = pa.schema(
    _COLUMNS, metadata={"huggingface": json.dumps({"info": {"features": features()}})}
)

MEDIA_REF_TYPE = pa.struct([("kind", pa.string()), ("key", pa.string())])

# One row a turn group (a conversation taken from an upstream row), in upstream order.
STORE_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("group", pa.int16()),
        ("subset", pa.string()),
        ("category", pa.string()),
        ("kind", pa.string()),
        ("messages", MESSAGES_TYPE),
        ("media", _list(MEDIA_REF_TYPE)),
        ("license", pa.string()),
        ("extra", pa.string()),
    ]
)

# One row a turn: a user message with what it answers to and is answered by. `digest` feeds ids.
TURNS_SCHEMA = pa.schema(
    [
        ("sample", pa.int64()),
        ("turn", pa.int32()),
        ("digest", pa.binary(16)),
        ("num_messages", pa.int32()),
        ("num_answers", pa.int32()),
        ("num_media", pa.int32()),  # placeholders in its messages
        ("system_bytes", pa.int64()),  # UTF-8 bytes of text by role, for token estimates
        ("user_bytes", pa.int64()),
        ("assistant_bytes", pa.int64()),
    ]
)

# One row an upstream row (or turn group) that no sample could be made of.
REJECTED_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("group", pa.int16()),
        ("subset", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)

# One row a media member of an archive. A video is its sampled frames: several pack ranges.
MEDIA_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("kind", pa.string()),  # image | video
        ("digest", pa.string()),  # null where `reason` is set
        ("reason", pa.string()),  # null where the media can be used
        ("detail", pa.string()),
        ("pack", pa.int32()),
        ("offsets", _list(pa.int64())),
        ("lengths", _list(pa.int64())),
        ("timestamps_ms", _list(pa.int64())),  # empty for images
        ("width", pa.int32()),  # pixels as shown: EXIF and container rotation applied
        ("height", pa.int32()),
        ("frame_sizes", _list(pa.int32())),  # w0, h0, w1, h1 ... of the stored frames or image
        ("format", pa.string()),
        ("upstream_bytes", pa.int64()),
        ("duration_ms", pa.int64()),  # null for images
        ("fps", pa.float64()),  # frames shown a second, on average over the clip; null for images
        ("decoded_ratio", pa.float64()),  # undamaged of the wanted frames; null for images
    ]
)
