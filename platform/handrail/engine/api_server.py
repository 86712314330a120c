"""Requests to a Kubernetes API server of one's own, as one person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import urllib3

_APPLY = "application/apply-patch+yaml"


class ApiServer:
    """Somebody's connection to an API server.

    Args:
        url: as `https://127.0.0.1:6443`.
        authority: the file of its CA.
        token: whose it is; empty for nobody's.
        user: on whose behalf, where the token's owner may act for others.
    """

    def __init__(self, url: str, authority: Path, token: str, user: str = "") -> None:
        self.url = url
        self._authority, self._token = authority, token
        self._pool = urllib3.PoolManager(ca_certs=str(authority), retries=False)
        given = {"Authorization": f"Bearer {token}" if token else "", "Impersonate-User": user}
        self._headers = {"Accept": "application/json", **{name: value for name, value in given.items() if value}}

    def with_token(self, token: str) -> ApiServer:
        """Somebody else's connection to the same server."""
        return ApiServer(self.url, self._authority, token)

    def for_user(self, name: str) -> ApiServer:
        """The same person's connection, on behalf of a user."""
        return ApiServer(self.url, self._authority, self._token, name)

    def request(
        self, method: str, path: str, body: Any = None, content: str = "application/json", seconds: float = 30
    ) -> tuple[int, Any]:
        """The status and the answer, read from JSON where it is some; 0 and the reason where there is none.

        Args:
            path: as `/api/v1/nodes`.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {**self._headers, "Content-Type": content}
        try:
            answer = self._pool.request(method, self.url + path, body=data, headers=headers, timeout=seconds)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return 0, str(error)
        try:
            return answer.status, answer.json()
        except ValueError:
            return answer.status, answer.data.decode(errors="replace")

    def apply(self, path: str, manifest: Any, manager: str = "handrail") -> tuple[int, Any]:
        """Server-side apply of a manifest at the path of its object."""
        return self.request("PATCH", f"{path}?fieldManager={manager}&force=true", manifest, _APPLY)
