"""FineVideo in small: two Parquet shards; `json` is a struct in the first, then a string."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from pipelines.samples import broken, tables
from pipelines.samples.clips import encode
from pipelines.samples.stock import Gallery
from pipelines.samples.talk import Film, film_ball, film_pan, film_shot, film_still
from pipelines.samples.truth import Place, Sheet, Truth
from pipelines.samples.words import seeded

SOURCE = "finevideo"
REPO = "HuggingFaceFV/finevideo"
_SUBSET = "default"
_ROWS_A_SHARD = 21
_FPS = 6
# Upstream's videos last 4.7 minutes on average; one in four here is longer than one.
_LONG_S = (75, 130, 200, 265, 340)
_TEXT, _LIST = pa.string(), tables.list_of


def _struct(**fields: pa.DataType) -> pa.StructType:
    return pa.struct(list(fields.items()))


_SPAN = _struct(start_timestamp=_TEXT, end_timestamp=_TEXT)
_SCENE = _struct(
    sceneId=pa.int64(),
    title=_TEXT,
    timestamps=_SPAN,
    cast=_LIST(_TEXT),
    activities=_LIST(_struct(description=_TEXT, timestamp=_SPAN)),
    props=_LIST(_struct(name=_TEXT, timestamp=_SPAN)),
    videoEditingDetails=_LIST(_struct(description=_TEXT, timestamps=_SPAN)),
    mood=_struct(
        description=_TEXT, keyMoments=_LIST(_struct(timestamp=_TEXT, changeDescription=_TEXT))
    ),
    narrativeProgression=_LIST(_struct(description=_TEXT, timestamp=_TEXT)),
    characterInteraction=_LIST(_struct(characters=_LIST(_TEXT), description=_TEXT)),
    thematicElements=_TEXT,
    contextualRelevance=_TEXT,
    dynamismScore=pa.float64(),
    audioVisualCorrelation=pa.float64(),
)
_CONTENT = _struct(
    title=_TEXT,
    description=_TEXT,
    characterList=_LIST(_struct(characterId=_TEXT, name=_TEXT, description=_TEXT)),
    scenes=_LIST(_SCENE),
    storylines=_struct(
        description=_TEXT,
        scenes=_LIST(pa.int64()),
        climax=_struct(description=_TEXT, timestamp=_TEXT),
    ),
    qAndA=_LIST(_struct(question=_TEXT, answer=_TEXT)),
    trimmingSuggestions=_LIST(_struct(description=_TEXT, timestamps=_SPAN)),
    fps=pa.float64(),
)
ABOUT = _struct(
    resolution=_TEXT,
    duration_seconds=pa.int64(),
    content_parent_category=_TEXT,
    content_fine_category=_TEXT,
    youtube_title=_TEXT,
    youtube_description=_TEXT,
    text_to_speech_word_count=pa.int64(),
    youtube_categories=_LIST(_TEXT),
    youtube_tags=_LIST(_TEXT),
    youtube_channel=_TEXT,
    youtube_view_count=pa.int64(),
    youtube_comment_count=pa.int64(),
    youtube_like_count=pa.int64(),
    youtube_channel_follower_count=pa.int64(),
    youtube_upload_date=_TEXT,
    youtube_age_limit=pa.int64(),
    content_metadata=_CONTENT,
    text_to_speech=_TEXT,
    timecoded_text_to_speech=_LIST(_struct(start=_TEXT, end=_TEXT, text=_TEXT)),
    original_video_filename=_TEXT,
    original_json_filename=_TEXT,
)
SCHEMAS = tuple(pa.schema([("mp4", pa.binary()), ("json", kind)]) for kind in (ABOUT, _TEXT))
_CATEGORIES = (
    ("Lifestyle", "City Life"),
    ("Education", "Science Explainers"),
    ("Entertainment", "Animation"),
    ("Sports", "Cycling"),
    ("Hobbies & Interests", "Photography"),
)
Row = dict[str, Any]


def write(folder: Path, truth: Truth, scale: int) -> None:
    gallery = Gallery()
    for shard, schema in enumerate(SCHEMAS):
        file = f"data/train-{shard:05d}-of-01357.parquet"
        sheet = Sheet(truth, SOURCE, _SUBSET, file)
        for number in range(_ROWS_A_SHARD * scale):
            film = _film(gallery, shard * _ROWS_A_SHARD * scale + number)
            sheet.add(_row(film, shard * _ROWS_A_SHARD * scale + number, as_text=shard == 1))
            if number == 2 * _ROWS_A_SHARD // 3:
                _plant(sheet, as_text=shard == 1)
        tables.write(folder / REPO / file, schema, sheet.rows, row_group_rows=8)


def _film(gallery: Gallery, number: int) -> Film:
    if number % 4 == 2:
        return film_still(gallery, SOURCE, number, _LONG_S[number // 4 % len(_LONG_S)])
    if number % 6 == 5:
        return film_ball(number, 3.0, _FPS)
    seconds = 2.5 + number % 4 * 0.5
    if number % 2:
        return film_shot(number // 2, seconds, 10 + number, _FPS)
    return film_pan(number // 2, seconds, 10 + number, _FPS)


def _row(film: Film, number: int, as_text: bool) -> Row:
    about = _about(film, number)
    if number % 7 == 6:  # some videos were never asked about
        about["content_metadata"]["qAndA"] = []
    return {"mp4": encode(film.clip), "json": _packed(about, as_text)}


def _packed(about: Row, as_text: bool) -> Row | str:
    return orjson.dumps(about).decode() if as_text else about


def _clock(seconds: float) -> str:
    return f"00:{int(seconds) // 60:02d}:{seconds % 60:06.3f}"


def _span(start: float, end: float) -> dict[str, str]:
    return {"start_timestamp": _clock(start), "end_timestamp": _clock(end)}


def _about(film: Film, number: int) -> Row:
    rng = seeded("finevideo", number)
    parent, fine = _CATEGORIES[number % len(_CATEGORIES)]
    width, height = film.clip.frames[0].size
    subject = film.clip.scene.subject
    video_id = f"{rng.getrandbits(40):010x}"
    channel = rng.choice(["Slow Street", "Open Frames", "Field Notes TV", "One Minute Museum"])
    return {
        "resolution": f"{width}x{height}",
        "duration_seconds": int(film.clip.duration_s),
        "content_parent_category": parent,
        "content_fine_category": fine,
        "youtube_title": f"{subject.capitalize()} | {channel}",
        "youtube_description": f"{film.caption}\n\nMusic: none. Filmed by {channel}.",
        "text_to_speech_word_count": 0,
        "youtube_categories": [parent],
        "youtube_tags": subject.split()[-2:],
        "youtube_channel": channel,
        "youtube_view_count": rng.randint(90, 90_000),
        "youtube_comment_count": rng.randint(0, 80),
        "youtube_like_count": rng.randint(1, 900),
        "youtube_channel_follower_count": rng.randint(100, 9_000),
        "youtube_upload_date": f"20{rng.randint(10, 23)}{rng.randint(1, 12):02d}11",
        "youtube_age_limit": 0,
        "content_metadata": _content(film, rng),
        "text_to_speech": "",
        # Spans that end before they begin occur upstream.
        "timecoded_text_to_speech": [
            {"start": "00:00:02.000", "end": "00:00:01.000", "text": "Hm."}
        ],
        "original_video_filename": f"{video_id}.mp4",
        "original_json_filename": f"{video_id}.json",
    }


def _content(film: Film, rng: random.Random) -> Row:
    duration = film.clip.duration_s
    half = duration / 2
    subject = film.clip.scene.subject
    facts = rng.sample(film.facts, min(5, len(film.facts)))
    scenes = [
        _scene(1, f"Opening on {subject}", (0.0, half), facts[0][1]),
        _scene(2, f"Staying with {subject}", (half, duration), facts[1][1]),
    ]
    return {
        "title": f"{subject.capitalize()} in {round(duration)} seconds",
        "description": film.caption,
        "characterList": [],
        "scenes": scenes,
        "storylines": {
            "description": film.caption,
            "scenes": [1, 2],
            "climax": {"description": facts[0][1], "timestamp": _clock(half)},
        },
        "qAndA": [{"question": question, "answer": answer} for question, answer in facts],
        "trimmingSuggestions": [],
        "fps": float(film.clip.fps),
    }


def _scene(number: int, title: str, times: tuple[float, float], activity: str) -> Row:
    span = _span(*times)
    return {
        "sceneId": number,
        "title": title,
        "timestamps": span,
        "cast": [],
        "activities": [{"description": activity, "timestamp": span}],
        "props": [],
        "videoEditingDetails": [{"description": "A single take.", "timestamps": span}],
        "mood": {"description": "Calm", "keyMoments": []},
        "narrativeProgression": [{"description": title, "timestamp": span["start_timestamp"]}],
        "characterInteraction": [],
        "thematicElements": "Observation, everyday life.",
        "contextualRelevance": "The pictures carry the story without words.",
        "dynamismScore": 0.4,
        "audioVisualCorrelation": 0.1,
    }


def _groups(row: Row) -> tuple[int, ...]:
    """Turn groups that the adapter makes of a row: questions, description, scenes."""
    about = orjson.loads(row["json"]) if isinstance(row["json"], str) else row["json"]
    return (0, 1, 2) if about["content_metadata"]["qAndA"] else (1, 2)


def _plant(sheet: Sheet, as_text: bool) -> None:
    rows = sheet.rows
    asked: list[Place] = [sheet.place(n) for n in range(len(rows)) if len(_groups(rows[n])) == 3]
    first, second, third, fourth = (place.row for place in asked[:4])
    for defect, data, row in (
        ("video_bytes_null", None, first),
        ("mp4_without_index", broken.without_index(rows[second]["mp4"]), second),
        ("mp4_without_picture", broken.without_picture(), third),
    ):
        sheet.plant(defect, {**rows[row], "mp4": data}, groups=_groups(rows[row]))
    if as_text:
        sheet.plant("json_string_broken", {**rows[fourth], "json": '{"resolution": "640x360", '})
        return
    sheet.plant("exact_duplicate", rows[fourth], asked[3], groups=_groups(rows[fourth]))
    about = {**rows[first]["json"], "youtube_title": None, "content_metadata": None}
    sheet.plant("conversation_empty", {**rows[first], "json": about})
