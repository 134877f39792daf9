"""Byte ranges of remote files: the Hub, buckets and web servers alike.

A read that breaks goes on at the byte where it broke. No file is silently cut or mixed: the size,
and the etag where there is one, must be the listed ones in every answer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from manifests.errors import SourceError
from manifests.storage import filesystem, join
from sources.retries import CutShortError, Patience, StatusError, changed, final_error

_TIMEOUT_S = 30.0
_resolving = threading.Lock()


@dataclass(frozen=True, slots=True)
class RemoteFacts:
    """What is known of a remote file: its root, path below it, and what upstream says of it."""

    uri: str
    path: str
    repo: str
    size: int
    etag: str = ""
    checksum: str = ""  # see `FileRef`

    @property
    def address(self) -> str:
        return join(self.uri, self.path)


def fetch(facts: RemoteFacts, start: int, stop: int) -> bytes:
    """Bytes [start, stop), with retries; what came before a break is kept."""
    found = bytearray()
    patience = Patience()
    while len(found) < stop - start:
        try:
            for piece in _pieces(facts, start + len(found), stop):
                found += piece
                patience.progress()
            _check_length(len(found), stop - start)
        except SourceError:
            raise
        except Exception as error:
            del found[stop - start :]
            if not patience.wait(error):
                raise final_error(error, facts.address, facts.repo, patience) from error
    return bytes(found)


def fetch_once(facts: RemoteFacts, start: int, stop: int) -> bytes:
    found = b"".join(_pieces(facts, start, stop))
    _check_length(len(found), stop - start)
    return found


def _check_length(got: int, wanted: int) -> None:
    if got != wanted:
        raise CutShortError(f"{got} of {wanted} bytes")


def _pieces(facts: RemoteFacts, start: int, stop: int) -> Iterator[bytes]:
    scheme = facts.uri.partition("://")[0]
    if scheme in ("hf", "http", "https"):
        yield from _http_pieces(facts, scheme, start, stop)
        return
    fs, path = filesystem(facts.address)
    if scheme in ("s3", "s3a"):
        from fsspec.asyn import sync

        yield sync(fs.loop, _s3_range, fs, path, start, stop, facts.etag)
    else:
        yield bytes(fs.cat_file(path, start=start, end=stop))


async def _s3_range(fs: Any, path: str, start: int, stop: int, etag: str) -> bytes:
    """As s3fs's own `cat_file`, but refused (412) where the object has been replaced."""
    bucket, key, _ = fs.split_path(path)
    same = {"IfMatch": f'"{etag}"'} if etag else {}
    wanted = f"bytes={start}-{stop - 1}"
    reply = await fs._call_s3("get_object", Bucket=bucket, Key=key, Range=wanted, **same)
    async with reply["Body"] as body:
        return bytes(await body.read())


def _http_pieces(facts: RemoteFacts, scheme: str, start: int, stop: int) -> Iterator[bytes]:
    from huggingface_hub import get_session
    from huggingface_hub.utils._headers import build_hf_headers

    url, headers = facts.address, {}
    if scheme == "hf":
        fs, path = filesystem(facts.address)
        with _resolving:  # else each thread asks the Hub whether the repository is there
            url, headers = fs.url(path), build_hf_headers(token=fs.token)
    headers |= {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
    with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT_S) as reply:
        _check_answer(reply, facts, start, stop)
        yield from reply.iter_raw()


def _check_answer(reply: Any, facts: RemoteFacts, start: int, stop: int) -> None:
    """StatusError for no success; SourceError where it is not the range of the listed file."""
    if reply.status_code >= 400:
        raise StatusError(reply.status_code, reply.headers)
    first = reply.history[0] if reply.history else reply
    etag = first.headers.get("X-Linked-Etag") or first.headers.get("ETag") or ""
    # A redirecting answer's own etag says nothing of the file.
    is_own = first is reply or "X-Linked-Etag" in first.headers
    if is_own and etag and facts.etag and clean_etag(etag) != facts.etag:
        raise changed(facts.address)
    if reply.status_code == 206:
        length = reply.headers.get("Content-Range", "").rpartition("/")[2]
        span = f"bytes {start}-{stop - 1}/"
        if length not in ("*", str(facts.size)):
            raise changed(facts.address)
        if not reply.headers.get("Content-Range", "").startswith(span):
            raise CutShortError("another range than the one that was asked for")
    elif (start, stop) != (0, facts.size):
        raise StatusError(501, {})  # ranges are not supported here
    elif reply.headers.get("Content-Length", str(facts.size)) != str(facts.size):
        raise changed(facts.address)


def clean_etag(etag: str) -> str:
    """Without its quotes, and without the mark of a weak one."""
    return etag.removeprefix("W/").strip('"')
