"""The server: on 127.0.0.1 alone, for whoever knows the token in the address.

Any program and any page in a browser may ask a port on loopback. So the address holds a token that
is drawn anew each time, the Host header must be ours (a name of elsewhere that was made to lead to
127.0.0.1 is turned away), nothing but GET is answered, and no answer may be framed, sniffed at or
told to others.
"""

from __future__ import annotations

import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from manifests.errors import UsageError
from pipelines.browse.page import POLICY
from pipelines.browse.site import Answer, Site
from pipelines.progress import LOG

HOST = "127.0.0.1"
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_KEEP_S = 600
# A connection that says nothing for so long is closed.
_SILENT_S = 60.0
_TEXT = "text/plain; charset=utf-8"
_MAX_FIELDS = 100


class BrowseServer(ThreadingHTTPServer):
    """Threads end with the process: an answer that nobody waits for holds nothing up."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, site: Site, port: int) -> None:
        self.site = site
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(f"port {port} cannot be taken ({error}); name another") from error
        self.hosts = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no fault."""
        LOG.debug("a connection ended early", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: BrowseServer
    server_version = "smolmix"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = _SILENT_S

    def do_GET(self) -> None:
        refused = self._refused()
        if refused is not None:
            self._send(refused)
            return
        parts = urlsplit(self.path)
        name = parts.path.split("/", 2)[2]
        try:
            fields = parse_qs(
                parts.query, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="replace"
            )
            answer = self.server.site.answer(name, fields)
        except ValueError:
            answer = Answer(400, _TEXT, b"The address asks for too much.\n")
        except Exception:
            LOG.exception("a page failed")
            answer = self.server.site.broken()
        self._send(answer)

    def _refused(self) -> Answer | None:
        """Why this request gets nothing; what it asks for is not looked at."""
        if self.headers.get_all("Host") not in [[host] for host in self.server.hosts]:
            return Answer(403, _TEXT, b"This server answers to 127.0.0.1 alone.\n")
        parts = self.path.split("?", 1)[0].split("/")
        token = parts[1] if len(parts) == 3 else ""
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            return Answer(403, _TEXT, b"Open the address that mixture browse printed.\n")
        return None

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        keeps = f"private, max-age={_KEEP_S}" if answer.keeps else "no-store"
        self.send_header("Cache-Control", keeps)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """For other methods than GET and for what is no HTTP; the connection ends."""
        self.close_connection = True
        self.send_response(405 if code == 501 else code)
        if code == 501:
            self.send_header("Allow", "GET")
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        LOG.debug("%s", (format % args).replace(self.server.token, "TOKEN"))
