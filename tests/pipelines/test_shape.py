"""Counts of shaped rows equal the ids of what is written of them, by SmolVLM's own processor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

import sources
from manifests.schema import REJECTED_SCHEMA, STORE_SCHEMA, TURNS_SCHEMA
from manifests.storage import join, write_ipc, write_parquet
from mixtures.processors import PROCESSORS, get_processor
from mixtures.recipe import Recipe
from mixtures.styles import STYLES, get_style, kept_frames
from pipelines.join import Joined, join_rows
from pipelines.row_batches import SampleBatch
from pipelines.shape import Counter, shape
from pipelines.token_measures import measure_tokens
from pipelines.tokenizers import TokenizerRef, open_tokenizer
from sources.base import Draft, MediaRef, Message
from tests.chat_ids import Image, chat_ids
from tests.pipelines.hand_made import clip, curated, image, write_media
from tests.pipelines.plain_render import Media, Row, plain_render

CARD = sources.get("the_cauldron").card


def write_drafts(folder: Path, drafts: Sequence[Draft]) -> str:
    batch = SampleBatch(CARD, 0)
    for draft in drafts:
        batch.add(draft)
    samples = batch.samples()
    write_ipc(
        join(str(folder), "samples.arrow"), lambda ipc: ipc.write_batch(samples), STORE_SCHEMA
    )
    turns = pa.Table.from_batches([batch.turns(samples)], TURNS_SCHEMA)
    write_parquet(join(str(folder), "turns.parquet"), turns)
    write_parquet(join(str(folder), "rejected.parquet"), REJECTED_SCHEMA.empty_table())
    return str(folder)


@dataclass(frozen=True)
class Case:
    """Conversations, and the media (`image` or `clip` rows) of each in the order of its items."""

    chats: list[tuple[Message, ...]]
    media: list[list[dict[str, Any]]]
    documents: frozenset[int] = frozenset()

    def joined(self, folder: Path, independent: bool = False) -> Joined:
        drafts = [
            Draft(
                row,
                "ai2d",
                list(chat),
                [MediaRef(one["kind"], one["key"]) for one in media],
                kind="document" if row in self.documents else "chat",
            )
            for row, (chat, media) in enumerate(zip(self.chats, self.media, strict=True))
        ]
        stored = write_media(folder / "media", *(one for media in self.media for one in media))
        source = curated([stored], [(write_drafts(folder / "rows", drafts), "a")])
        joined = join_rows([source])
        index = joined.index.with_columns(independent=pl.lit(independent))
        return Joined(index, joined.media, joined.row_folders, joined.media_folders)


def recipe_of(**settings_: Any) -> Recipe:
    leaf = {"name": "all", "share": 1, "sources": ["the_cauldron"]}
    made = {"name": "a", "description": "", "unit": "samples", "components": [leaf], **settings_}
    return Recipe.model_validate(made)


def written(
    case: Case, row: dict[str, Any], style: str
) -> tuple[list[dict[str, Any]], list[Image]]:
    """Messages and images of a shaped row, as they are emitted."""
    number, most = row["row"], row["max_frames"]
    stored = case.media[number]
    kept = [
        kept_frames(len(one["timestamps_ms"]), most or 1000) if one["kind"] == "video" else [0]
        for one in stored
    ]
    media = [
        Media(tuple(one["timestamps_ms"][frame] for frame in frames), one["duration_ms"] or 0)
        if one["kind"] == "video"
        else Media()
        for one, frames in zip(stored, kept, strict=True)
    ]
    turns = None if row["turns"] is None else tuple(row["turns"])
    is_document = number in case.documents
    made = plain_render(
        Row((case.chats[number],), tuple(media), turns, is_document), get_style(style)
    )
    messages = [
        {"role": role, "content": [{"type": kind, "text": text} for kind, text in items]}
        for role, items in made.messages
    ]
    images = [_shown(stored[at], row["split"]) for at in made.media for _ in kept[at]]
    return messages, images


def _shown(media: dict[str, Any], split: bool) -> Image:
    width, height = media["frame_sizes"][:2]
    return Image(width, height, split and media["kind"] == "image")


WORDS = [
    "",
    " ",
    "\n",
    "What",
    " is it?",
    "Frame",
    "s",
    "'s",
    " 12",
    "3.5",
    "\u00e9t\u00e9",
    " \n",
    "\u4e2d",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map("".join)
USER_ITEMS = st.lists(st.sampled_from(["text", "text", "image", "video"]), max_size=4)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    chats, media, documents = [], [], []
    for number in range(draw(st.integers(1, 3))):
        chat = [Message("system", [("text", draw(TEXTS))]) for _ in range(draw(st.integers(0, 1)))]
        if draw(st.integers(0, 5)) == 0:
            documents.append(number)
            chat = [Message("assistant", [("image", ""), ("text", draw(TEXTS))])]
        else:
            leading = draw(st.booleans())
            for turn in range(draw(st.integers(1, 4))):
                kinds = ["text"] if leading and turn else draw(USER_ITEMS)
                items: list[Any] = [(k, draw(TEXTS) if k == "text" else "") for k in kinds]
                chat.append(Message("user", items or [("text", "")]))
                chat += [Message("assistant", [("text", draw(TEXTS))])] * draw(st.integers(0, 2))
        kinds = [kind for message in chat for kind, _ in message.content if kind != "text"]
        media.append([draw(one_media(f"{number}-{at}", kind)) for at, kind in enumerate(kinds)])
        chats.append(tuple(chat))
    return Case(chats, media, frozenset(documents))


@st.composite
def one_media(draw: st.DrawFn, key: str, kind: str) -> dict[str, Any]:
    if kind == "image":
        return image(key, (draw(st.integers(1, 3000)), draw(st.integers(1, 3000))))
    times = draw(st.lists(st.integers(0, 4_000_000), min_size=1, max_size=12))
    return clip(key, sorted(times), duration_ms=draw(st.integers(0, 9_000_000)))


@pytest.fixture(scope="session")
def tokenizer(smollm2_file: Path, tmp_path_factory: pytest.TempPathFactory) -> TokenizerRef:
    found = open_tokenizer(str(smollm2_file), str(tmp_path_factory.mktemp("store")))
    assert found is not None
    return found


class Oracle:
    """Counts by SmolVLM's own processor."""

    def __init__(self, file: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(file))

    def counts(self, case: Case, row: dict[str, Any], recipe: Recipe) -> dict[str, int]:
        """The columns that shape gives, of the row as it is written."""
        messages, images = written(case, row, recipe.style)
        processor = get_processor(recipe.processor)
        found = chat_ids(messages, images, processor, self._tokenizer)
        return {**asdict(found), "num_images": len(images)}


@pytest.fixture(scope="session")
def oracle(smollm2_file: Path) -> Oracle:
    return Oracle(smollm2_file)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    case=cases(),
    style=st.sampled_from(sorted(STYLES)),
    processor=st.sampled_from(sorted(PROCESSORS)),
    max_turns=st.one_of(st.none(), st.integers(1, 3)),
    shuffle=st.booleans(),
    limit=st.one_of(st.just("context"), st.integers(20, 3000)),
)
def test_counts_are_those_of_what_is_written(
    tmp_path_factory: pytest.TempPathFactory,
    tokenizer: TokenizerRef,
    oracle: Oracle,
    case: Case,
    style: str,
    processor: str,
    max_turns: int | None,
    shuffle: bool,
    limit: int | str,
) -> None:
    joined = case.joined(tmp_path_factory.mktemp("case"), independent=shuffle)
    recipe = recipe_of(
        style=style,
        processor=processor,
        max_turns=max_turns,
        shuffle_turns=shuffle,
        max_sample_tokens=limit,
    )
    for folder in joined.row_folders:
        measure_tokens(folder, tokenizer)
    index = shape(joined, recipe, Counter.of(recipe, tokenizer)).index
    for row in index.iter_rows(named=True):
        expected = oracle.counts(case, row, recipe)
        assert {name: row[name] for name in expected} == expected, row


def test_without_a_tokenizer_text_is_estimated_and_media_are_exact(
    tmp_path: Path, oracle: Oracle
) -> None:
    question, answer = "What is in these, and where was it taken? " * 4, "Nobody can say it. " * 9
    chat = (
        Message("user", [("image", ""), ("video", ""), ("text", question)]),
        Message("assistant", [("text", answer)]),
    )
    media = [image("a", (300, 200)), clip("b", [0, 1000, 65_000], duration_ms=66_000)]
    case = Case([chat], [media])
    for style in STYLES:
        recipe = recipe_of(style=style)
        counter = Counter.of(recipe, None)
        assert counter.is_estimated
        (row,) = shape(case.joined(tmp_path / style), recipe, counter).index.to_dicts()
        exact = oracle.counts(case, row, recipe)
        assert row["num_media_tokens"] == exact["num_media_tokens"] == (13 + 3) * 64
        assert row["num_answer_tokens"] == -(-len(answer) * 10 // 41) + 1
        assert row["duration_ms"] == 66_000 and row["num_images"] == 4
        for name in ("num_text_tokens", "num_answer_tokens"):
            assert 0.7 < row[name] / exact[name] < 1.4, (style, name)


GATED = [
    # limit, remedies, then what is asked for of a clip of 8 frames, an image and 3 turns
    (10_000, ["drop"], {"max_frames": None, "split": True, "turns": None, "gate_rule": None}),
    (1450, ["fewer_frames", "drop"], {"max_frames": 7, "gate_rule": None}),
    (900, ["fewer_frames", "drop"], {"max_frames": 1, "split": True, "gate_rule": "too_long"}),
    (900, ["unsplit_images", "drop"], {"max_frames": None, "split": False, "gate_rule": None}),
    (200, ["fewer_frames", "unsplit_images", "drop"], {"max_frames": 1, "gate_rule": None}),
    (170, ["fewer_frames", "unsplit_images", "trim_turns", "drop"], {"turns": [0, 1]}),
    (100, ["fewer_frames", "unsplit_images", "trim_turns", "drop"], {"gate_rule": "too_long"}),
    (900, ["drop"], {"max_frames": None, "split": True, "turns": None, "gate_rule": "too_long"}),
]


@pytest.mark.parametrize(("limit", "remedies", "expected"), GATED)
def test_remedies_are_tried_in_turn(
    tmp_path: Path, limit: int, remedies: list[str], expected: dict[str, Any]
) -> None:
    first = Message("user", [("video", ""), ("image", ""), ("text", "Why?")])
    said = Message("assistant", [("text", "No.")])
    more = [Message("user", [("text", "And now?")]), said] * 2
    media = [clip("b", [1000 * n for n in range(8)]), image("a", (300, 200))]
    joined = Case([(first, said, *more)], [media]).joined(tmp_path)
    recipe = recipe_of(max_sample_tokens=limit, over_length=remedies)
    (row,) = shape(joined, recipe, Counter.of(recipe, None)).index.to_dicts()
    assert {name: row[name] for name in expected} == expected
    if row["gate_rule"] is None:
        assert row["num_tokens"] <= limit
    else:
        assert row["gate_value"] == f"{row['num_tokens']} ids, at most {limit}"
