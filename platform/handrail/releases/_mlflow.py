"""Questions to an MLflow server over its REST API, and the digest of what it tells of a version."""

from __future__ import annotations

import hashlib
import json
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from handrail.core.documents import shown
from handrail.core.errors import Problem, ResolveError
from handrail.releases._http import Answer, ask

MAX_FILES = 10_000
"""Files and folders of one version; more are refused."""

API = "/api/2.0/mlflow"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # the second of an alias


@dataclass(frozen=True, slots=True)
class Server:
    """An MLflow server, who asks it, and the URI that is resolved, which errors show."""

    url: str
    headers: Mapping[str, str]
    of: str

    @property
    def host(self) -> str:
        """Its host and port."""
        return urlsplit(self.url).netloc

    def get(self, path: str, /, **query: str) -> Answer:
        """Any answer but that of a server that does not let this person in."""
        answer = ask(f"{self.url}{path}{f'?{urlencode(query)}' if query else ''}", self.headers, of=self.of)
        if answer.status in (401, 403):
            who = "refuses the login" if self.headers else "asks for a login"
            remedy = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
            raise self.error(f"{self.host} {who}{_said(answer)}", remedy)
        return answer

    def read(self, path: str, /, **query: str) -> dict[str, Any] | None:
        """The answer's object; None where MLflow says that what is named is not there."""
        answer = self.get(path, **query)
        found = answer.json()
        if isinstance(found, dict) and answer.status == 200:
            return found
        if isinstance(found, dict) and found.get("error_code") in _NOT_THERE:
            return None
        if isinstance(found, dict) and "error_code" in found:
            raise self.error(f"{self.host} answers {answer.status}{_said(answer)}", "ask who runs it")
        kind = shown(answer.headers.get("content-type", "nothing"))
        message = f"{self.host} does not answer as an MLflow tracking server: {answer.status}, {kind}"
        raise self.error(message, f"check its address: {self.url}")

    def error(self, message: str, remedy: str, allowed: str | None = None) -> ResolveError:
        """An error about the URI."""
        return ResolveError(Problem(message, given=self.of, allowed=allowed, remedy=remedy))


def address(tracking_uri: str) -> str:
    """The address of a tracking server.

    Raises:
        ResolveError: it is none that speaks HTTP.
    """
    try:
        parts = urlsplit(tracking_uri)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return tracking_uri.rstrip("/")
    except ValueError:
        pass
    remedy = "set it to the address of the tracking server"
    raise ResolveError(
        Problem(
            "is no MLflow tracking server", given=shown(tracking_uri), allowed="https://mlflow.acme.test", remedy=remedy
        )
    )


def login() -> dict[str, str]:
    """The Authorization header, in the order in which MLflow's own client looks.

    Raises:
        ResolveError: the token is none.
    """
    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    if user and password:
        return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", token):
        raise ResolveError(Problem("MLFLOW_TRACKING_TOKEN holds what no token may", remedy="set it again"))
    return {"Authorization": f"Bearer {token}"} if token else {}


def content_digest(server: Server, name: str, version: str) -> str:
    """`sha256:…` of what the server tells of a version's content: model_registry.py says what that is."""
    told = server.read(f"{API}/model-versions/get-download-uri", name=name, version=version) or {}
    root = _served_root(str(told.get("artifact_uri") or ""))
    if root is None:
        content = server.get("/model-versions/get-artifact", name=name, version=version, path="MLmodel")
        files = None
    else:
        content = server.get(f"{_ARTIFACTS}/{quote(root)}/MLmodel")
        files = _files(server, root)
    listed = files is not None and any(path == "MLmodel" for path, _ in files)
    if content.status != 200 and (listed or not files):
        remedy = "log the model again, or let the server read its artifacts"
        raise server.error(f"{server.host} shows no content of version {version} of {name}{_said(content)}", remedy)
    model = hashlib.sha256(content.body).hexdigest() if content.status == 200 else None
    text = json.dumps({"MLmodel": model, "files": files}, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _served_root(artifact_uri: str) -> str | None:
    """The path of a version's artifacts in what the server serves itself; None where they lie elsewhere."""
    parts = urlsplit(artifact_uri)
    if parts.scheme == "mlflow-artifacts":
        return parts.path.strip("/")
    _, found, root = parts.path.partition(f"{_ARTIFACTS}/")
    return root.strip("/") if parts.scheme in ("http", "https") and found else None


def _files(server: Server, root: str) -> list[tuple[str, int | None]]:
    """Path and size of every file below a folder, sorted."""
    files: list[tuple[str, int | None]] = []
    waiting, seen = [""], 0
    while waiting:
        folder = waiting.pop()
        listing = server.read(_ARTIFACTS, path=f"{root}/{folder}".rstrip("/"))
        if listing is None:
            raise server.error(f"{server.host} does not list the version's files", "log the model again")
        for entry in dicts(listing.get("files")):
            path, size = f"{folder}/{entry.get('path')}".lstrip("/"), entry.get("file_size")
            seen += 1
            if seen > MAX_FILES:
                raise server.error(
                    f"the version has more than {MAX_FILES:,} files", "log it as fewer, or as an archive"
                )
            if entry.get("is_dir"):
                waiting.append(path)
            else:
                files.append((path, int(size) if isinstance(size, int | str) and str(size).isdecimal() else None))
    return sorted(files, key=lambda file: file[0])


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a JSON list; none where it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _said(answer: Answer) -> str:
    """MLflow's own reason, after a colon."""
    found = answer.json()
    message = found.get("message") if isinstance(found, dict) else None
    return f": {shown(message, 200)}" if isinstance(message, str) and message else ""
