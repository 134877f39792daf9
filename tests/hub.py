"""A Hub on loopback that serves a mirror folder for reading: standard library only.

`HF_ENDPOINT` points at it, `HF_HUB_DISABLE_XET=1` is set before huggingface_hub is imported. It can
fail as the real one does (`Fault`), keeps a gated repository to those with the token, and counts.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_INFO = re.compile(r"/api/(?:datasets|models)/([^/]+/[^/]+)(?:/revision/([^/]+))?$")
_AUTH = re.compile(r"/api/datasets/([^/]+/[^/]+)/auth-check$")
_TREE = re.compile(r"/api/(?:datasets|models)/([^/]+/[^/]+)/tree/([^/]+)(?:/(.*))?$")
_PATHS = re.compile(r"/api/datasets/([^/]+/[^/]+)/paths-info/([^/]+)$")
_RESOLVE = re.compile(r"(?:/datasets)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)$")


@dataclass
class Fault:
    """What befalls the next `times` requests for a file whose path ends on `path`.

    A status with headers, or (status 0) a connection that is cut after `cut_after` bytes of a body.
    """

    path: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int = 0
    times: int = 1


@dataclass
class Hub:
    """Its address, how it behaves, and what it was asked for, by `org/name/path`."""

    mirror: Path
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    gated: frozenset[str] = frozenset()
    token: str = ""
    lfs_from: int = 1 << 62  # files of so many bytes have LFS etags
    latency_s: float = 0.0
    sent: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_of(self, path: str) -> Fault | None:
        with self.lock:
            self.requests[path] += 1
            for fault in self.faults:
                if fault.times > 0 and path.endswith(fault.path):
                    fault.times -= 1
                    return fault
        return None

    def entry(self, repo: Path, path: Path) -> dict[str, Any]:
        name = str(path.relative_to(repo))
        if path.is_dir():
            return {"type": "directory", "oid": "0" * 40, "size": 0, "path": name}
        facts = path.stat()
        size = facts.st_size
        oid = _git_oid(path, size, facts.st_mtime_ns)
        found = {"type": "file", "oid": oid, "size": size, "path": name}
        if size >= self.lfs_from:
            digest = _sha256(path, facts.st_mtime_ns)
            found["lfs"] = {"oid": digest, "size": size, "pointerSize": 134}
        return found


@cache
def _git_oid(path: Path, size: int, changed: int) -> str:
    return hashlib.sha1(f"blob {size}\0".encode() + path.read_bytes()).hexdigest()


@cache
def _sha256(path: Path, changed: int) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test run's output stays readable."""

    def do_HEAD(self) -> None:
        self._resolve(body=False)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if found := _TREE.match(path):
            self._tree(found[1], found[3] or "")
        elif found := _AUTH.match(path):
            if self._may_read(found[1]):
                self._json({})
        elif found := _INFO.match(path):
            self._info(found[1])
        else:
            self._resolve(body=True)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = json.loads(self.rfile.read(length) or b"{}").get("paths", [])
        found = _PATHS.match(unquote(urlsplit(self.path).path))
        if found is None:
            self._refuse(404, {"X-Error-Code": "EntryNotFound"})
            return
        repo = self.hub.mirror / found[1]
        there = [repo / name for name in asked if (repo / name).exists()]
        self._json([self.hub.entry(repo, path) for path in there])

    def _info(self, repo: str) -> None:
        if not (self.hub.mirror / repo).is_dir():
            self._refuse(404, {"X-Error-Code": "RepoNotFound"})
            return
        gated = "manual" if repo in self.hub.gated else False
        facts = {"id": repo, "sha": COMMIT, "siblings": [], "tags": [], "private": False}
        self._json(facts | {"gated": gated})

    def _may_read(self, repo: str) -> bool:
        allowed = f"Bearer {self.hub.token}" == self.headers.get("Authorization")
        if repo in self.hub.gated and not allowed:
            self._refuse(403, {"X-Error-Code": "GatedRepo"})
            return False
        return True

    def _tree(self, repo: str, below: str) -> None:
        folder = self.hub.mirror / repo / below
        if not folder.is_dir():
            self._refuse(404, {"X-Error-Code": "EntryNotFound"})
            return
        recursive = "recursive=True" in self.path or "recursive=true" in self.path
        paths = sorted(folder.rglob("*") if recursive else folder.iterdir())
        self._json([self.hub.entry(self.hub.mirror / repo, path) for path in paths])

    def _resolve(self, body: bool) -> None:
        found = _RESOLVE.match(unquote(urlsplit(self.path).path))
        file = self.hub.mirror / found[1] / found[3] if found else None
        if found is None or file is None or not file.is_file():
            self._refuse(404, {"X-Error-Code": "EntryNotFound"})
            return
        if not self._may_read(found[1]):
            return
        name = f"{found[1]}/{found[3]}"
        fault = self.hub.fault_of(name)
        time.sleep(self.hub.latency_s)
        if fault is not None and fault.status:
            self._refuse(fault.status, fault.headers)
        else:
            self._send_file(name, file, body, fault)

    def _send_file(self, name: str, file: Path, body: bool, fault: Fault | None) -> None:
        size = file.stat().st_size
        first, last = 0, size - 1
        if wanted := re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(wanted[1]), min(int(wanted[2] or last), last)
        facts = self.hub.entry(self.hub.mirror, file)
        self.send_response(206 if wanted else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{facts["oid"]}"')
        if "lfs" in facts:
            self.send_header("X-Linked-Etag", f'"{facts["lfs"]["oid"]}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if body:
            stop = last + 1 if fault is None else min(first + fault.cut_after, last + 1)
            self._send_bytes(name, file, first, stop)
        if fault is not None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send_bytes(self, name: str, file: Path, first: int, stop: int) -> None:
        with file.open("rb") as handle:
            handle.seek(first)
            while first < stop and (data := handle.read(min(1 << 20, stop - first))):
                self.wfile.write(data)
                self.wfile.flush()
                first += len(data)
                with self.hub.lock:
                    self.hub.sent[name] += len(data)

    def _json(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """The Hub while it reads `mirror/<org>/<name>/` as datasets and models; stopped at the end."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
