"""Remote files: what breaks on the way is read on, what cannot be read is told in one sentence."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.errors import SourceError
from sources import remote, retries
from sources.root import FileRef, Root
from tests.hub import COMMIT, Fault, Hub, serve

_SIZE = 20_000_000
_NAME = "org/name/big.bin"

ServedFile = tuple[Hub, Root, bytes]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited for between tries, which none is."""
    waited: list[float] = []
    monkeypatch.setattr(retries, "sleep", waited.append)
    return waited


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedFile]:
    """A server with one file of 20 MB, a root that reads it, and its bytes."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    data = random.Random(1).randbytes(_SIZE)
    file = tmp_path / "mirror" / _NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    with serve(Hub(tmp_path / "mirror")) as hub:
        yield hub, Root(f"{hub.url}/datasets/org/name/resolve/{COMMIT}", "org/name"), data


def _whole(root: Root, step: int = 1 << 20) -> bytes:
    with root.open(FileRef("big.bin", _SIZE)) as handle:
        return b"".join(iter(lambda: handle.read(step), b""))


def test_reading_on_gives_the_file(served: ServedFile) -> None:
    hub, root, data = served
    assert _whole(root) == data
    assert hub.sent[_NAME] == _SIZE
    with root.open(FileRef("big.bin", _SIZE)) as handle:
        assert handle.read() == data and handle.read(1) == b""


def test_places_anywhere_are_read_with_little_around_them(served: ServedFile) -> None:
    hub, root, data = served
    rng = random.Random(2)
    with root.open(FileRef("big.bin", _SIZE)) as handle:
        for _ in range(30):
            place, size = rng.randrange(_SIZE), rng.randrange(1000)
            handle.seek(place)
            assert handle.read(size) == data[place : place + size]
            assert handle.tell() == min(place + size, _SIZE)
        handle.seek(-5, 2)
        assert handle.read() == data[-5:]
    assert hub.sent[_NAME] <= 31 * remote.FIRST_BYTES


def test_columns_read_in_turn_each_go_on_in_their_own_blocks(served: ServedFile) -> None:
    hub, root, data = served
    with root.open(FileRef("big.bin", _SIZE)) as handle:
        for step in range(40):
            for column in range(4):
                place = column * 5_000_000 + step * 50_000
                handle.seek(place)
                assert handle.read(50_000) == data[place : place + 50_000]
    assert hub.sent[_NAME] <= 2 * 4 * 40 * 50_000 and hub.requests[_NAME] <= 20


def test_parquet_reads_only_the_columns_asked_for(served: ServedFile) -> None:
    hub, root, _ = served
    file = hub.mirror / "org/name/t.parquet"
    texts, blobs = [f"text {i}" for i in range(200)], [b"%d" % i * 20_000 for i in range(200)]
    pq.write_table(pa.table({"text": texts, "blob": blobs}), file, compression="none")
    size = file.stat().st_size
    with root.open(FileRef("t.parquet", size)) as handle:
        table = pq.ParquetFile(handle, pre_buffer=False).read(columns=["text"])
    assert table["text"].to_pylist() == texts
    assert hub.sent["org/name/t.parquet"] < size / 10


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_status_that_passes_is_waited_for(
    served: ServedFile, waits: list[float], status: int
) -> None:
    hub, root, data = served
    hub.faults.append(Fault("big.bin", status, times=3))
    assert _whole(root) == data
    assert len(waits) == 3 and waits[0] <= 0.5 and 1.0 <= waits[2] <= 2.0


def test_retry_after_is_honoured(served: ServedFile, waits: list[float]) -> None:
    hub, root, data = served
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    hub.faults.append(Fault("big.bin", 429, {"Retry-After": "17"}))
    hub.faults.append(Fault("big.bin", 503, {"Retry-After": soon}))
    hub.faults.append(Fault("big.bin", 429, {"RateLimit": '"resolvers";r=0;t=23'}))
    assert _whole(root) == data
    assert 17 <= waits[0] < 18 and 55 <= waits[1] < 61 and 23 <= waits[2] < 24


def test_a_server_that_asks_to_wait_too_long_is_told(
    served: ServedFile, waits: list[float]
) -> None:
    hub, root, _ = served
    hub.faults.append(Fault("big.bin", 429, {"Retry-After": "3600"}))
    with pytest.raises(SourceError, match="HTTP 429.*asks to wait 3600 s"):
        _whole(root)
    assert waits == []


def test_errors_that_go_on_end_after_eight_tries(served: ServedFile, waits: list[float]) -> None:
    hub, root, _ = served
    hub.faults.append(Fault("big.bin", 500, times=100))
    with pytest.raises(SourceError, match="HTTP 500 after 8 tries"):
        _whole(root)
    assert len(waits) == 7 and sum(waits) < retries.MAX_WAIT_S


def test_a_connection_cut_in_the_file_goes_on_at_that_byte(
    served: ServedFile, waits: list[float]
) -> None:
    hub, root, data = served
    # More breaks than tries, but each brings something.
    hub.faults.append(Fault("big.bin", cut_after=100_000, times=12))
    assert _whole(root, 3_000_000) == data
    assert hub.sent[_NAME] <= _SIZE + 3 * remote.LONGEST_BYTES
    assert len(waits) >= 8


@pytest.mark.parametrize("status", [401, 403])
def test_what_may_not_be_read_is_final(served: ServedFile, waits: list[float], status: int) -> None:
    hub, root, _ = served
    hub.faults.append(Fault("big.bin", status, times=9))
    with pytest.raises(SourceError, match=f"may not be read .HTTP {status}"):
        _whole(root)
    assert waits == [] and hub.requests[_NAME] == 1


@pytest.mark.parametrize("size", [_SIZE - 1, _SIZE + 1])
def test_a_file_of_another_size_than_listed_is_no_file(
    served: ServedFile, waits: list[float], size: int
) -> None:
    _, root, _ = served
    with pytest.raises(SourceError, match="has changed since it was listed"):
        root.open(FileRef("big.bin", size)).read()


def test_a_file_replaced_while_it_is_read_is_no_file(served: ServedFile) -> None:
    hub, root, data = served
    etag = hashlib.sha1(f"blob {_SIZE}\0".encode() + data).hexdigest()
    with root.open(FileRef("big.bin", _SIZE, etag)) as handle:
        assert handle.read(10) == data[:10]
        other = hub.mirror / "org/name/other.bin"
        other.write_bytes(b"x" * _SIZE)
        moved = Root(root.uri, root.repo).open(FileRef("other.bin", _SIZE, etag))
        with pytest.raises(SourceError, match="has changed"):
            moved.read(10)


def test_a_file_that_is_gone_is_told(served: ServedFile) -> None:
    _, root, _ = served
    with pytest.raises(SourceError, match="is not there"):
        root.open(FileRef("gone.bin", 10)).read()


def _boto(code: str, status: int) -> BaseException:
    from botocore.exceptions import ClientError

    facts = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error: BaseException = ClientError(facts, "GetObject")
    return error


def test_every_library_s_errors_are_told_apart() -> None:
    import aiohttp
    import botocore.exceptions as boto
    import httpx2
    import requests
    from huggingface_hub.errors import OfflineModeIsEnabled

    passing = [
        TimeoutError(),
        ConnectionResetError(),
        httpx2.ReadTimeout(""),
        httpx2.RemoteProtocolError(""),
        requests.exceptions.ChunkedEncodingError(),
        aiohttp.ClientPayloadError(),
        aiohttp.ServerDisconnectedError(),
        boto.ReadTimeoutError(endpoint_url="x"),
        boto.ConnectionClosedError(endpoint_url="x"),
        _boto("SlowDown", 503),
        _boto("RequestTimeout", 400),
    ]
    final = [
        OfflineModeIsEnabled(),
        ValueError(),
        FileNotFoundError(),
        PermissionError(),
        boto.NoCredentialsError(),
        _boto("AccessDenied", 403),
        _boto("InvalidRange", 416),
    ]
    assert [error for error in passing if not retries.passes(error)] == []
    assert [error for error in final if retries.passes(error)] == []


@pytest.mark.parametrize(
    ("where", "repo", "said"),
    [
        ("hf://datasets/a/b", "a/b", "visit https://huggingface.co/datasets/a/b.*set HF_TOKEN"),
        ("s3://bucket/x", "a/b", "set AWS_PROFILE, or AWS_ACCESS_KEY_ID"),
        ("gs://bucket/x", "a/b", "set GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
def test_who_is_refused_learns_what_to_set(where: str, repo: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        raise retries.final_error(PermissionError("key=secret"), where, repo)


def test_no_secret_of_an_address_is_told() -> None:
    where = "https://me:secret1@host/x.tar?Signature=secret2"
    for error in (TimeoutError("secret3"), FileNotFoundError("secret3"), PermissionError()):
        assert "secret" not in str(retries.final_error(error, where))
