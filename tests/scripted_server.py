"""A server on this machine that answers as a test tells it to, and keeps what it was asked.

with scripted({"/v2/": Reply(200, b"{}", {"Content-Type": "application/json"})}) as server:
    ask(server.url + "/v2/", of="x")
    assert server.asked[0].path == "/v2/"
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A question; header names in lower case, `path` with its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass
class Server:
    """Where it is, and what it was asked."""

    host: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}"


Answers = Mapping[str, Reply] | Callable[[Asked], Reply | None]


@contextmanager
def scripted(answers: Answers, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server; what it has no answer for is 404 without a body.

    Args:
        answers: by path (with its query, else without), or a function of the question.
        tls: spoken where there is one.
    """

    def reply_to(asked: Asked) -> Reply:
        if callable(answers):
            found = answers(asked)
        else:
            found = answers.get(asked.path) or answers.get(asked.path.partition("?")[0])
        return found or Reply(404)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            server.asked.append(asked)
            reply = reply_to(asked)
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

        def handle_one_request(self) -> None:
            """A client that goes away before the end is no news."""
            try:
                super().handle_one_request()
            except (ConnectionError, ssl.SSLError):
                self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        if tls:
            listening.socket = tls.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
        server = Server(f"127.0.0.1:{listening.server_port}")
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            listening.shutdown()
