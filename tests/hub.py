"""A Hub on loopback that serves a mirror folder for reading: standard library only.

`HF_ENDPOINT` points at it, `HF_HUB_DISABLE_XET=1` is set before huggingface_hub is imported.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_INFO = re.compile(r"/api/datasets/([^/]+/[^/]+)(?:/revision/([^/]+))?$")
_TREE = re.compile(r"/api/datasets/([^/]+/[^/]+)/tree/([^/]+)(?:/(.*))?$")
_PATHS = re.compile(r"/api/datasets/([^/]+/[^/]+)/paths-info/([^/]+)$")
_RESOLVE = re.compile(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)$")


def _entry(repo: Path, path: Path) -> dict[str, Any]:
    name = str(path.relative_to(repo))
    if path.is_dir():
        return {"type": "directory", "oid": "0" * 40, "size": 0, "path": name}
    return {
        "type": "file",
        "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
        "size": path.stat().st_size,
        "path": name,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mirror: Path

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test run's output stays readable."""

    def do_HEAD(self) -> None:
        self._resolve(body=False)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if found := _TREE.match(path):
            self._tree(found[1], found[3] or "")
        elif found := _INFO.match(path):
            self._info(found[1])
        else:
            self._resolve(body=True)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = json.loads(self.rfile.read(length) or b"{}").get("paths", [])
        found = _PATHS.match(unquote(urlsplit(self.path).path))
        if found is None:
            self._missing("EntryNotFound")
            return
        repo = self.mirror / found[1]
        there = [repo / name for name in asked if (repo / name).exists()]
        self._json([_entry(repo, path) for path in there])

    def _info(self, repo: str) -> None:
        if not (self.mirror / repo).is_dir():
            self._missing("RepoNotFound")
            return
        self._json({"id": repo, "sha": COMMIT, "siblings": [], "tags": [], "private": False})

    def _tree(self, repo: str, below: str) -> None:
        folder = self.mirror / repo / below
        if not folder.is_dir():
            self._missing("EntryNotFound")
            return
        recursive = "recursive=True" in self.path or "recursive=true" in self.path
        paths = sorted(folder.rglob("*") if recursive else folder.iterdir())
        self._json([_entry(self.mirror / repo, path) for path in paths])

    def _resolve(self, body: bool) -> None:
        found = _RESOLVE.match(unquote(urlsplit(self.path).path))
        file = self.mirror / found[1] / found[3] if found else None
        if file is None or not file.is_file():
            self._missing("EntryNotFound")
            return
        data = file.read_bytes()
        first, last = 0, len(data) - 1
        if wanted := re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(wanted[1]), min(int(wanted[2] or last), last)
        self.send_response(206 if wanted else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if body:
            self.wfile.write(data[first : last + 1])

    def _json(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _missing(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def hub(mirror: Path) -> Iterator[str]:
    """The address of a server that reads `mirror/<org>/<name>/` as datasets; stopped at the end."""
    handler = type("Handler", (_Handler,), {"mirror": mirror})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
