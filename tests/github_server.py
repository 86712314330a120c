"""A GitHub of the tests' own, on loopback: what a pipeline's jobs ask of the real one, held in memory."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

HEAD, BASE = "a" * 40, "b" * 40
REPOSITORY = "acme/payments"
TOKEN = "a-token"


@dataclass
class Forge:
    """One repository with one pull request."""

    api: str = ""
    head: str = HEAD
    comments: list[dict[str, Any]] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    contents: dict[tuple[str, str], bytes] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    refuses: int = 0
    author: str = "mei"

    def review(self, login: str, state: str = "APPROVED", commit: str = HEAD) -> None:
        """Somebody's review."""
        self.reviews.append({"user": {"login": login}, "state": state, "commit_id": commit})

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """What it answers; the path is below the repository's."""
        page = slice((int(query.get("page", 1)) - 1) * 100, int(query.get("page", 1)) * 100)
        match method, path.split("/"):
            case "GET", ["pulls"]:
                mine = query.get("head") == "mei:change" and query.get("state") == "open"
                return 200, [self._pull()] if mine and page.start == 0 else []
            case "GET", ["issues", "7", "comments"]:
                return 200, self.comments[page]
            case "POST", ["issues", "7", "comments"]:
                return 201, self._commented(len(self.comments) + 1, body)
            case "PATCH", ["issues", "comments", number]:
                found = next(each for each in self.comments if each["id"] == int(number))
                found["body"] = body["body"]
                return 200, found
            case "GET", ["pulls", "7", "reviews"]:
                return 200, self.reviews[page]
            case "GET", ["pulls", "7", "files"]:
                return 200, [{"filename": name} for name in self.files][page]
            case "GET", ["contents", *parts]:
                text = self.contents.get((unquote("/".join(parts)), query["ref"]))
                return (404, {}) if text is None else (200, {"content": base64.b64encode(text).decode()})
            case "POST", ["statuses", _]:
                self.statuses.append(body)
                return 201, body
        return 404, {"message": f"nothing at {method} {path}"}

    def _pull(self) -> dict[str, Any]:
        head = {"sha": self.head, "repo": {"full_name": "mei/payments"}}
        page = f"https://forge.acme.test/{REPOSITORY}/pull/7"
        return {"number": 7, "html_url": page, "user": {"login": self.author}, "head": head, "base": {"sha": BASE}}

    def _commented(self, number: int, body: Any) -> dict[str, Any]:
        made = {"id": number, "html_url": f"https://forge.acme.test/comment/{number}", "user": {"type": "Bot"}, **body}
        self.comments.append(made)
        return made


@contextmanager
def github() -> Iterator[Forge]:
    """A running one."""
    forge = Forge()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            address = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, found = 401, {"message": "Bad credentials"}
            elif forge.refuses:
                status, found = forge.refuses, {"message": "Resource not accessible by integration"}
            else:
                status, found = forge.answer(
                    self.command, address.path.removeprefix(f"/repos/{REPOSITORY}/"), query, body
                )
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _any  # noqa: N815

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002  the base names it so
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forge.api = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
