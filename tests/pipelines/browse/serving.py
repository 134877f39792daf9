"""A real server over a real build, asked over loopback."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode

from pipelines.browse.context import Context, open_context
from pipelines.browse.server import BrowseServer
from pipelines.browse.site import Site


@dataclass(frozen=True)
class Got:
    """An answer; header names are small."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def attributes(self, name: str, start: str) -> list[str]:
        """Values of an attribute that begin so, in order."""
        return [unescape(v) for v in re.findall(rf'{name}="({re.escape(start)}[^"]*)"', self.text)]

    @property
    def total(self) -> int:
        """Of how many the page says that it shows some."""
        found = re.search(r"of ([\d,]+) (?:samples|rows)</p>", self.text)
        return int(found[1].replace(",", "")) if found else 0


@dataclass(frozen=True)
class Served:
    """A server that runs; `get` knows the token, `ask` says what it is told."""

    server: BrowseServer
    context: Context

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    def ask(self, path: str, method: str = "GET", **headers: str) -> Got:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Got(answer.status, told, answer.read())
        finally:
            connection.close()

    def get(self, page: str = "", /, **fields: str | list[str]) -> Got:
        query = f"?{urlencode(fields, doseq=True)}" if fields else ""
        return self.ask(f"/{self.server.token}/{page}{query}")


@contextmanager
def serving(where: object, store: object = None) -> Iterator[Served]:
    context = open_context(str(where), None if store is None else str(store))
    with BrowseServer(Site(context), 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Served(server, context)
        finally:
            server.shutdown()
            thread.join()
