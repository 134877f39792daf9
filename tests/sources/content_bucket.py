"""The Software Heritage bucket on loopback: it answers as S3 does, with the faults of a test."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import s3fs  # type: ignore[import-untyped]

from sources import contents
from sources.contents import Contents

ADDRESS = "s3://softwareheritage/content"
PUBLIC = Contents(ADDRESS, public=True)
_FOLDER = "/softwareheritage/content/"


def blob(number: int) -> str:
    return f"{number:040x}"


@dataclass
class Bucket:
    """Contents by id, and (status, S3 code, headers) to answer first; counts what was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[tuple[int, str, dict[str, str]]]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    signed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def do_GET(self) -> None:
        name = self.path.removeprefix(_FOLDER)
        with self.bucket.lock:
            self.bucket.asked[name] += 1
            self.bucket.signed += "Authorization" in self.headers
            faults = self.bucket.faults.get(name, [])
            status, code, headers = faults.pop(0) if faults else (200, "", {})
        if status == 0:
            self.close_connection = True
            return
        found = self.bucket.files.get(name)
        if status == 200 and found is None:
            status, code = 404, "NoSuchKey"
        error = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
        body = found if status == 200 and found is not None else error.encode()
        self.send_response(status)
        for header, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return None


@contextmanager
def fresh_buckets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file system of another test is used, and none is left; credentials would be noticed."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "must-not-be-used")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "must-not-be-used")
    try:
        _forget()
        yield
    finally:
        _forget()


def _forget() -> None:
    contents._public_buckets.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()


@contextmanager
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    here = Bucket()
    handler = type("Handler", (_Handler,), {"bucket": here})
    with (
        fresh_buckets(monkeypatch),
        ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()
