"""Contents by id: from a mirror or a public bucket, in order, with patience, or not at all.

The bucket is a server on loopback that answers as S3 does, with the faults that a test plants; one
test asks moto, which knows S3 better than we do.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from manifests.errors import SourceError
from sources import contents, get, retries
from sources.contents import Contents, contents_of, decode_content, with_contents
from sources.conversations import RowError
from sources.root import Root
from tests.sources import reading
from tests.sources.content_bucket import ADDRESS, PUBLIC, Bucket, blob, fresh_buckets, serve


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with serve(monkeypatch) as here:
        yield here


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited for between tries, which none is."""
    waited: list[float] = []
    monkeypatch.setattr(retries, "sleep", waited.append)
    return waited


def test_unpacked_without_credentials(bucket: Bucket) -> None:
    bucket.files[blob(1)] = gzip.compress(b"x = 1\n")
    assert PUBLIC.fetch(blob(1)) == b"x = 1\n"
    assert PUBLIC.fetch(blob(2)) is None
    assert bucket.asked == {blob(1): 1, blob(2): 1}
    assert bucket.signed == 0


def test_what_passes_is_tried_again(bucket: Bucket, waits: list[float]) -> None:
    """And not sooner than the server asks."""
    bucket.files[blob(1)] = gzip.compress(b"x = 1\n")
    bucket.faults[blob(1)] = [
        (503, "SlowDown", {"Retry-After": "7"}),
        (429, "TooManyRequests", {"Retry-After": "11"}),
        (500, "InternalError", {}),
        (0, "", {}),
    ]
    assert PUBLIC.fetch(blob(1)) == b"x = 1\n"
    assert bucket.asked[blob(1)] == 5
    assert [7 <= waits[0] < 8, 11 <= waits[1] < 13] == [True, True]


@pytest.mark.parametrize(
    ("fault", "tries", "word"),
    [
        ((500, "InternalError", {}), retries.MAX_TRIES, "HTTP 500"),
        ((403, "AccessDenied", {}), 1, "may not be read"),
        ((404, "NoSuchBucket", {}), 1, "is not there"),
    ],
)
def test_what_does_not_pass_ends_the_task(
    bucket: Bucket,
    waits: list[float],
    fault: tuple[int, str, dict[str, str]],
    tries: int,
    word: str,
) -> None:
    """A content that cannot be had is never one that is missing."""
    bucket.files[blob(1)] = gzip.compress(b"x = 1\n")
    bucket.faults[blob(1)] = [fault] * tries
    with pytest.raises(SourceError, match=word) as caught:
        PUBLIC.fetch(blob(1))
    assert bucket.asked[blob(1)] == tries
    assert "must-not-be-used" not in str(caught.value)


def test_rows_keep_their_order_and_few_are_fetched_ahead(bucket: Bucket) -> None:
    bucket.files = {blob(n): gzip.compress(f"{n}\n".encode()) for n in range(400) if n % 5}
    rows = [(n, {"blob_id": blob(n)}) for n in range(400)]
    found = [
        (row, values.reason if isinstance(values, RowError) else values["content"])
        for row, values in islice(with_contents(iter(rows), PUBLIC), 100)
    ]
    wanted = [(n, f"{n}\n".encode() if n % 5 else "content_missing") for n in range(100)]
    assert found == wanted
    assert sum(bucket.asked.values()) <= 100 + contents._LOOKAHEAD + 1
    assert max(bucket.asked.values()) == 1


def test_a_task_that_fails_ends_its_requests(bucket: Bucket, waits: list[float]) -> None:
    bucket.files = {blob(n): gzip.compress(b"x\n") for n in range(500)}
    bucket.faults[blob(40)] = [(403, "AccessDenied", {})]
    rows = [(n, {"blob_id": blob(n)}) for n in range(500)]
    with pytest.raises(SourceError, match="may not be read"):
        list(with_contents(iter(rows), PUBLIC))
    assert sum(bucket.asked.values()) < 200
    assert not [t for t in threading.enumerate() if t.name.startswith("contents")]


def test_a_bomb_is_no_text() -> None:
    with pytest.raises(RowError) as caught:
        contents._unpack(gzip.compress(bytes(contents._MAX_CONTENT_BYTES + 1)))
    assert caught.value.reason == "content_too_large"


@pytest.mark.parametrize(
    ("content", "encoding", "text", "how"),
    [
        (b"caf\xe9", "ISO-8859-1", "caf\u00e9", "ISO-8859-1"),
        (b"caf\xc3\xa9", "ascii", "caf\u00e9", "utf-8"),
        (b"caf\xe9", "UTF-8", "caf\ufffd", "utf-8 with replacements"),
        (b"plain", None, "plain", "utf-8"),
        (b"plain", "no such encoding", "plain", "utf-8"),
        (b"plain", "zip", "plain", "utf-8"),  # a codec of bytes, not of text
        (b"plain", "a\0b", "plain", "utf-8"),
    ],
)
def test_how_a_content_is_read(content: bytes, encoding: object, text: str, how: str) -> None:
    assert decode_content(content, encoding) == (text, how)


def test_a_task_has_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a kill loses little: what other tasks fetched is in the store."""
    source = get("stack_edu")
    (root,) = reading.roots(source, reading.mirror_of(source))
    whole = reading.read_rows(source, root, source.rows(root))
    monkeypatch.setattr(contents, "_ROWS_A_SHARD", 4)
    shards = source.rows(root)
    assert [(s.subset, s.start, s.stop) for s in shards] == [
        ("Go", 0, 1),
        *(("Python", start, min(start + 4, 15)) for start in range(0, 15, 4)),
    ]
    assert reading.read_rows(source, root, shards) == whole


def test_where_contents_lie(tmp_path: Path) -> None:
    """Beside the repository in a mirror, whatever it is; else where the card says."""
    hub = Root("hf://datasets/HuggingFaceTB/stack-edu@abc", "HuggingFaceTB/stack-edu")
    assert contents_of(hub, ADDRESS) == PUBLIC
    mirrored = Root(f"{tmp_path}/HuggingFaceTB/stack-edu", "HuggingFaceTB/stack-edu")
    with pytest.raises(SourceError, match="softwareheritage/content"):
        contents_of(mirrored, ADDRESS)
    folder = tmp_path / "softwareheritage" / "content"
    folder.mkdir(parents=True)
    assert contents_of(mirrored, ADDRESS) == Contents(str(folder), public=False)
    assert contents_of(mirrored, ADDRESS).fetch(blob(1)) is None


def test_a_real_bucket_gives_what_a_mirror_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    source = get("stack_edu")
    mirror = reading.mirror_of(source)
    (root,) = reading.roots(source, mirror)
    expected = reading.read_rows(source, root, source.rows(root))
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with fresh_buckets(monkeypatch):
        server.start()
        try:
            url = "http://{}:{}".format(*server.get_host_and_port())
            monkeypatch.setenv("AWS_ENDPOINT_URL", url)
            client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
            client.create_bucket(Bucket="softwareheritage")
            for file in (mirror / "softwareheritage" / "content").iterdir():
                key, public = f"content/{file.name}", {"ACL": "public-read"}
                client.upload_file(str(file), "softwareheritage", key, ExtraArgs=public)
            monkeypatch.setattr(contents, "contents_of", lambda root, address: PUBLIC)
            assert reading.read_rows(source, root, source.rows(root)) == expected
        finally:
            server.stop()
