"""A Hub on loopback that takes pushes: standard library only, everything it holds on disk.

Commits are whole trees, so that a reader at a commit sees all of it or nothing. It refuses as the
real one does (`Fault`), can be interfered with between listing and commit (`on_commit`), and counts
what was put into its storage and what was read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub import Fault

TOKEN = "hf_TokenOfTheLoopbackHub"
# A tree is told in pages of so many entries, as the real Hub does with more.
_PAGE = 7
Tree = dict[str, dict[str, Any]]


@dataclass
class PushHub:
    """Its address, how it behaves, and what it was asked for."""

    root: Path
    url: str = ""
    orgs: tuple[str, ...] = ("org",)
    lfs_from: int = 4096  # smaller files are kept as git blobs, as are cards of any size
    part_bytes: int = 0  # larger objects are put in parts of so many bytes; 0: never
    faults: list[Fault] = field(default_factory=list)
    put_delay_s: float = 0.0
    lost_answers: int = 0  # commits that are made, and answered with a server error
    on_commit: Callable[[], None] | None = None  # before the next commit is looked at
    put_bytes: int = 0  # into the storage of large files
    sent: Counter[str] = field(default_factory=Counter)  # bytes of bodies by path in the repository
    requests: Counter[str] = field(default_factory=Counter)  # by method and last word of the route
    lock: threading.RLock = field(default_factory=threading.RLock)

    def repo(self, name: str) -> Path:
        return self.root / "repos" / name.replace("/", "--")

    def state(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.repo(name) / "state.json").read_text())
        return found

    def save(self, name: str, state: dict[str, Any]) -> None:
        self.repo(name).mkdir(parents=True, exist_ok=True)
        (self.repo(name) / "state.json").write_text(json.dumps(state))

    def create(self, name: str, private: bool = False) -> None:
        state = {"private": private, "commits": {}, "branches": {}, "tags": {}, "prs": {}}
        self.save(name, state)
        self.add_commit(name, "main", {}, "initial commit")

    def add_commit(self, name: str, branch: str, tree: Tree, message: str) -> str:
        """The tree as the new head of a branch, `refs/pr/N` too."""
        state = self.state(name)
        place = "prs" if branch.startswith("refs/pr/") else "branches"
        parent = state[place].get(branch)
        facts = {"parent": parent, "tree": tree, "message": message}
        oid = hashlib.sha1(json.dumps([facts, len(state["commits"])]).encode()).hexdigest()
        state["commits"][oid] = facts
        state[place][branch] = oid
        self.save(name, state)
        return oid

    def write(self, name: str, path: str, data: bytes, branch: str = "main") -> None:
        """A commit of someone else: one small file."""
        oid = self.put_blob(data)
        tree = self.tree(name, branch) | {path: {"oid": oid, "size": len(data)}}
        self.add_commit(name, branch, tree, f"write {path}")

    def commit_of(self, name: str, revision: str) -> str | None:
        state = self.state(name)
        if revision in state["commits"]:
            return revision
        for place in ("branches", "tags", "prs"):
            if revision in state[place]:
                return str(state[place][revision])
        return None

    def tree(self, name: str, revision: str = "main") -> Tree:
        commit = self.commit_of(name, revision)
        assert commit is not None
        found: Tree = self.state(name)["commits"][commit]["tree"]
        return found

    def put_blob(self, data: bytes) -> str:
        oid = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
        self.place("blobs", oid).write_bytes(data)
        return oid

    def place(self, kind: str, oid: str) -> Path:
        (self.root / kind).mkdir(parents=True, exist_ok=True)
        return self.root / kind / oid

    def content(self, name: str, path: str, revision: str = "main") -> bytes:
        return self.file_of(self.tree(name, revision)[path]).read_bytes()

    def file_of(self, entry: dict[str, Any]) -> Path:
        return (
            self.place("lfs", entry["lfs"]) if "lfs" in entry else self.place("blobs", entry["oid"])
        )

    def fault_of(self, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None


_REPO = r"/(?:api/)?datasets/([^/]+/[^/]+?)"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: PushHub
    _ROUTES = (
        ("GET", r"/api/whoami-v2", "_whoami"),
        ("POST", r"/api/validate-yaml", "_validate"),
        ("POST", r"/api/repos/create", "_create"),
        ("POST", r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch", "_batch"),
        ("PUT", r"/lfs/([0-9a-f]{64})(?:/(\d+))?", "_put"),
        ("POST", r"/lfs/([0-9a-f]{64})/done", "_join"),
        ("POST", r"/lfs/([0-9a-f]{64})/verify", "_check"),
        ("GET", _REPO + r"/refs", "_refs"),
        ("GET", _REPO + r"/auth-check", "_auth"),
        ("GET", _REPO + r"/tree/([^/]+)(?:/(.*))?", "_tree"),
        ("POST", _REPO + r"/paths-info/([^/]+)", "_paths"),
        ("POST", _REPO + r"/preupload/([^/]+)", "_preupload"),
        ("POST", _REPO + r"/commit/([^/]+)", "_commit"),
        ("POST", _REPO + r"/branch/([^/]+)", "_branch"),
        ("POST", _REPO + r"/tag/([^/]+)", "_tag"),
        ("POST", _REPO + r"/discussions/(\d+)/merge", "_merge"),
        ("HEAD", _REPO + r"/resolve/([^/]+)/(.+)", "_resolve"),
        ("GET", _REPO + r"/resolve/([^/]+)/(.+)", "_resolve"),
        ("GET", _REPO + r"(?:/revision/([^/]+))?", "_info"),
    )

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test run's output stays readable."""

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path = urlsplit(self.path).path
        self._query = parse_qs(urlsplit(self.path).query)
        fault = self.hub.fault_of(f"{self.command} {path}")
        if fault is not None:
            self._drain()
            self._refuse(fault.status, fault.headers)
            return
        for method, route, name in self._ROUTES:
            found = re.fullmatch(route, path)
            if method == self.command and found is not None:
                with self.hub.lock:
                    self.hub.requests[f"{method} {name[1:]}"] += 1
                if self._is_let_in(name):
                    getattr(self, name)(*(g and unquote(g) for g in found.groups()))
                return
        self._drain()
        self._refuse(404, {"X-Error-Code": "EntryNotFound"})

    def _is_let_in(self, name: str) -> bool:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if name in ("_put", "_join", "_resolve", "_validate") and not token:
            return True
        is_reading = self.command in ("GET", "HEAD") or name == "_paths"
        if token == TOKEN or (is_reading and not token):
            return True
        self._drain()
        self._refuse(401, {})
        return False

    def _drain(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._drain() or b"{}")
        return found

    # What a client asks of repositories

    def _whoami(self) -> None:
        self._json({"type": "user", "name": "org", "orgs": [], "auth": {"type": "access_token"}})

    def _auth(self, name: str) -> None:
        """Every repository that it does not have is gated."""
        if (self.hub.repo(name) / "state.json").exists():
            self._json({})
        else:
            self._refuse(403, {"X-Error-Code": "GatedRepo"})

    def _validate(self) -> None:
        self._drain()
        self._json({"errors": [], "warnings": []})

    def _create(self) -> None:
        asked = self._body()
        name = f"{asked.get('organization') or 'org'}/{asked['name']}"
        if name.partition("/")[0] not in self.hub.orgs:
            self._refuse(403, {})
        elif (self.hub.repo(name) / "state.json").exists():
            url = f"{self.hub.url}/datasets/{name}"
            self._json({"error": "You already created this dataset repo", "url": url}, status=409)
        else:
            is_private = asked.get("private") or asked.get("visibility") == "private"
            self.hub.create(name, bool(is_private))
            self._json({"url": f"{self.hub.url}/datasets/{name}", "name": name})

    def _info(self, name: str, revision: str | None) -> None:
        commit = self._commit_at(name, revision or "main")
        if commit is not None:
            siblings = [{"rfilename": path} for path in self.hub.tree(name, commit)]
            facts = {"id": name, "sha": commit, "siblings": siblings, "tags": [], "gated": False}
            self._json(facts | {"private": self.hub.state(name)["private"]})

    def _refs(self, name: str) -> None:
        state = self.hub.state(name)
        told = {
            kind: [
                {"name": ref, "ref": f"refs/{head}/{ref}", "targetCommit": commit}
                for ref, commit in state[kind].items()
            ]
            for kind, head in (("branches", "heads"), ("tags", "tags"))
        }
        self._json(told | {"converts": []})

    def _branch(self, name: str, branch: str) -> None:
        start = self._body().get("startingPoint", "main")
        state = self.hub.state(name)
        if branch in state["branches"]:
            self._refuse(409, {})
            return
        state["branches"][branch] = self.hub.commit_of(name, start)
        self.hub.save(name, state)
        self._json({})

    def _tag(self, name: str, revision: str) -> None:
        tag = self._body()["tag"]
        state = self.hub.state(name)
        if tag in state["tags"]:
            self._refuse(409, {})
            return
        state["tags"][tag] = self.hub.commit_of(name, revision)
        self.hub.save(name, state)
        self._json({})

    def _commit_at(self, name: str, revision: str) -> str | None:
        if not (self.hub.repo(name) / "state.json").exists():
            self._refuse(404, {"X-Error-Code": "RepoNotFound"})
            return None
        commit = self.hub.commit_of(name, revision)
        if commit is None:
            self._refuse(404, {"X-Error-Code": "RevisionNotFound"})
        return commit

    # Files: listed, sent, committed, read

    def _entry(self, path: str, entry: dict[str, Any]) -> dict[str, Any]:
        told = {"type": "file", "oid": entry["oid"], "size": entry["size"], "path": path}
        if "lfs" in entry:
            told["lfs"] = {"oid": entry["lfs"], "size": entry["size"], "pointerSize": 134}
        return told

    def _tree(self, name: str, revision: str, below: str | None) -> None:
        commit = self._commit_at(name, revision)
        if commit is None:
            return
        head = f"{below.rstrip('/')}/" if below else ""
        inside = {p: e for p, e in self.hub.tree(name, commit).items() if p.startswith(head)}
        if head and not inside:
            self._refuse(404, {"X-Error-Code": "EntryNotFound"})
            return
        is_recursive = self._query.get("recursive", ["false"])[0].lower() == "true"
        entries = [self._entry(p, e) for p, e in sorted(inside.items())]
        folders = {
            "/".join(p.split("/")[: depth + 1])
            for p in inside
            for depth in range(head.count("/"), p.count("/"))
        }
        below_it = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": p} for p in folders]
        told = sorted([*entries, *below_it], key=lambda entry: str(entry["path"]))
        if not is_recursive:
            told = [entry for entry in told if "/" not in entry["path"][len(head) :]]
        start = int(self._query.get("cursor", ["0"])[0])
        more = {}
        if start + _PAGE < len(told):
            where = f"{urlsplit(self.path).path}?recursive={is_recursive}&cursor={start + _PAGE}"
            more = {"Link": f'<{self.hub.url}{where}>; rel="next"'}
        self._json(told[start : start + _PAGE], more)

    def _paths(self, name: str, revision: str) -> None:
        raw = self._drain()
        is_json = "json" in self.headers.get("Content-Type", "")
        paths = json.loads(raw)["paths"] if is_json else parse_qs(raw.decode()).get("paths", [])
        commit = self._commit_at(name, revision)
        if commit is None:
            return
        tree = self.hub.tree(name, commit)
        told = [self._entry(path, tree[path]) for path in paths if path in tree]
        folders = [p for p in paths if any(q.startswith(f"{p}/") for q in tree)]
        told += [{"type": "directory", "oid": "0" * 40, "size": 0, "path": p} for p in folders]
        self._json(told)

    def _preupload(self, name: str, revision: str) -> None:
        asked = self._body()["files"]
        tree = self.hub.tree(name, revision)
        told = []
        for file in asked:
            is_small = file["size"] < self.hub.lfs_from or file["path"].endswith(".md")
            there = tree.get(file["path"], {})
            mode = "regular" if is_small else "lfs"
            facts = {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}
            told.append(facts | {"oid": there.get("lfs") or there.get("oid")})
        self._json({"files": told})

    def _batch(self, name: str) -> None:
        told = []
        for asked in self._body()["objects"]:
            oid, size = asked["oid"], asked["size"]
            entry = {"oid": oid, "size": size}
            if not self.hub.place("lfs", oid).exists():
                entry["actions"] = self._actions(oid, size)
            told.append(entry)
        self._json({"transfer": "basic", "objects": told})

    def _actions(self, oid: str, size: int) -> dict[str, Any]:
        here, step = f"{self.hub.url}/lfs/{oid}", self.hub.part_bytes
        verify = {"href": f"{here}/verify"}
        if not step or size <= step:
            return {"upload": {"href": here}, "verify": verify}
        count = -(-size // step)
        parts = {f"{n:05}": f"{here}/{n}" for n in range(1, count + 1)}
        header = parts | {"chunk_size": str(step)}
        return {"upload": {"href": f"{here}/done", "header": header}, "verify": verify}

    def _put(self, oid: str, part: str | None) -> None:
        file = self.hub.place("parts", f"{oid}-{int(part or 0):05}")
        temporary = file.with_suffix(f".{threading.get_ident()}")
        state, left = hashlib.sha256(), int(self.headers["Content-Length"])
        with temporary.open("wb") as handle:
            while left and (data := self.rfile.read(min(1 << 20, left))):
                handle.write(data)
                state.update(data)
                left -= len(data)
                with self.hub.lock:
                    self.hub.put_bytes += len(data)
        if left or (part is None and state.hexdigest() != oid):
            temporary.unlink()
            self._refuse(400, {})
            return
        time.sleep(self.hub.put_delay_s)
        temporary.replace(file if part else self.hub.place("lfs", oid))
        self._answer(200, b"", {"ETag": f'"{state.hexdigest()}"'})

    def _join(self, oid: str) -> None:
        self._drain()
        parts = sorted((self.hub.root / "parts").glob(f"{oid}-?????"))
        temporary = self.hub.place("parts", f"{oid}.whole")
        with temporary.open("wb") as whole:
            for part in parts:
                with part.open("rb") as handle:
                    shutil.copyfileobj(handle, whole)
        with temporary.open("rb") as handle:
            assert hashlib.file_digest(handle, "sha256").hexdigest() == oid
        temporary.replace(self.hub.place("lfs", oid))
        self._json({})

    def _check(self, oid: str) -> None:
        size = self._body()["size"]
        is_there = self.hub.place("lfs", oid).stat().st_size == size
        self._json({}) if is_there else self._refuse(404, {})

    def _commit(self, name: str, revision: str) -> None:
        lines = [json.loads(line) for line in self._drain().splitlines()]
        if self.hub.on_commit is not None:
            meddle, self.hub.on_commit = self.hub.on_commit, None
            meddle()
        header = lines[0]["value"]
        parent = self.hub.commit_of(name, revision)
        if header.get("parentCommit") not in (None, parent):
            self._refuse(412, {})
            return
        tree = dict(self.hub.tree(name, revision))
        for line in lines[1:]:
            self._apply(tree, line["key"], line["value"])
        number = None
        if self._query.get("create_pr") == ["1"]:
            number = len(self.hub.state(name)["prs"]) + 1
            revision = f"refs/pr/{number}"
        oid = self.hub.add_commit(name, revision, tree, header["summary"])
        if self.hub.lost_answers:
            self.hub.lost_answers -= 1
            self._refuse(502, {})
            return
        told = {"commitUrl": f"{self.hub.url}/datasets/{name}/commit/{oid}", "commitOid": oid}
        if number is not None:
            self.hub.requests["pull request"] += 1
            told["pullRequestUrl"] = f"{self.hub.url}/datasets/{name}/discussions/{number}"
        self._json(told)

    def _apply(self, tree: Tree, key: str, value: dict[str, Any]) -> None:
        if key == "file":
            data = base64.b64decode(value["content"])
            tree[value["path"]] = {"oid": self.hub.put_blob(data), "size": len(data)}
        elif key == "lfsFile":
            assert self.hub.place("lfs", value["oid"]).exists(), "committed before it was sent"
            pointer = hashlib.sha1(value["oid"].encode()).hexdigest()
            tree[value["path"]] = {"oid": pointer, "size": value["size"], "lfs": value["oid"]}
        else:
            assert key == "deletedFile", key
            del tree[value["path"]]

    def _merge(self, name: str, number: str) -> None:
        self._drain()
        tree = self.hub.tree(name, f"refs/pr/{number}")
        self.hub.add_commit(name, "main", tree, f"merge {number}")
        event = {"id": "0", "type": "status-change", "createdAt": "2026-01-01T00:00:00.000Z"}
        author = {"author": {"name": "org"}, "data": {"status": "merged"}}
        self._json({"newStatus": event | author | {"newStatus": "merged"}})

    def _resolve(self, name: str, revision: str, path: str) -> None:
        commit = self._commit_at(name, revision)
        if commit is None:
            return
        entry = self.hub.tree(name, commit).get(path)
        if entry is None:
            self._refuse(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
            return
        first, last = 0, entry["size"] - 1
        if wanted := re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(wanted[1]), min(int(wanted[2] or last), last)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{entry["oid"]}"', "Accept-Ranges": "bytes"}
        headers["Content-Range"] = f"bytes {first}-{last}/{entry['size']}"
        headers["Content-Length"] = str(last - first + 1)
        if "lfs" in entry:
            headers |= {"X-Linked-Etag": f'"{entry["lfs"]}"', "X-Linked-Size": str(entry["size"])}
        self._head(206 if wanted else 200, headers)
        if self.command == "GET":
            self._send_bytes(path, self.hub.file_of(entry), first, last + 1)

    def _send_bytes(self, path: str, file: Path, first: int, stop: int) -> None:
        with file.open("rb") as handle:
            handle.seek(first)
            while first < stop and (data := handle.read(min(1 << 16, stop - first))):
                self.wfile.write(data)
                first += len(data)
                with self.hub.lock:
                    self.hub.sent[path] += len(data)

    # Answers

    def _json(self, value: Any, headers: dict[str, str] | None = None, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self._answer(status, data, {"Content-Type": "application/json", **(headers or {})})

    def _refuse(self, status: int, headers: dict[str, str]) -> None:
        self._answer(status, b"", headers)

    def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self._head(status, headers | {"Content-Length": str(len(data))})
        self.wfile.write(data)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def serve_pushes(hub: PushHub) -> Iterator[PushHub]:
    """The Hub while it keeps its repositories below `hub.root`; stopped at the end."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
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
