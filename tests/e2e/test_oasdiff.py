"""What a change of an OpenAPI document breaks, as oasdiff itself judges it; and documents that must not be believed."""

import json
import threading
from collections.abc import Iterator
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from handrail.core.errors import DocumentError
from handrail.engine import _versions
from handrail.engine.tools import _version_of, oasdiff
from handrail.releases import api
from handrail.releases.api import api_digest, breaking_changes

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "total"],
    "properties": {
        "id": {"type": "string"},
        "total": {"type": "number"},
        "status": {"type": "string", "enum": ["open", "paid", "sent"]},
        "note": {"type": "string"},
    },
}
ORDERS: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "orders", "version": "1.0.0"},
    "paths": {
        "/orders": {
            "get": {
                "parameters": [
                    {"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["newest", "oldest"]}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                ],
                "responses": {"200": {"description": "all of them"}},
            },
            "post": {
                "requestBody": {"content": {"application/json": {"schema": deepcopy(ORDER)}}},
                "responses": {"201": {"description": "made"}},
            },
        },
        "/orders/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"responses": {"200": {"description": "one", "content": {"application/json": {"schema": ORDER}}}}},
            "delete": {"responses": {"204": {"description": "gone"}}},
        },
    },
}


def at(document: Any, *path: str | int) -> Any:
    """The value at a path."""
    for part in path:
        document = document[part]
    return document


def changed(path: tuple[str | int, ...], key: str | int, value: Any = None) -> bytes:
    """The document with one entry set, or taken away where there is no value."""
    document = deepcopy(ORDERS)
    parent = at(document, *path)
    if value is None:
        del parent[key]
    else:
        parent[key] = value
    return json.dumps(document).encode()


GET_ALL = ("paths", "/orders", "get")
ANSWER = ("paths", "/orders/{id}", "get", "responses", "200", "content", "application/json", "schema")
ASKED = ("paths", "/orders", "post", "requestBody", "content", "application/json", "schema")
NEW_PARAMETER = {"name": "tenant", "in": "query", "required": True, "schema": {"type": "string"}}
PARAMETERS = ORDERS["paths"]["/orders"]["get"]["parameters"]

BREAKING = {
    "a path is gone": (
        changed(("paths",), "/orders/{id}"),
        {
            ("api-path-removed-without-deprecation", "GET", "/orders/{id}"),
            ("api-path-removed-without-deprecation", "DELETE", "/orders/{id}"),
        },
    ),
    "a method is gone": (
        changed(("paths", "/orders/{id}"), "delete"),
        {("api-removed-without-deprecation", "DELETE", "/orders/{id}")},
    ),
    "a parameter is asked for": (
        changed(GET_ALL, "parameters", [*PARAMETERS, NEW_PARAMETER]),
        {("new-required-request-parameter", "GET", "/orders")},
    ),
    "a parameter must be given now": (
        changed((*GET_ALL, "parameters", 1), "required", value=True),
        {("request-parameter-became-required", "GET", "/orders")},
    ),
    "a parameter may be less": (
        changed((*GET_ALL, "parameters", 1, "schema"), "maximum", 10),
        {("request-parameter-max-decreased", "GET", "/orders")},
    ),
    "a value of a parameter is gone": (
        changed((*GET_ALL, "parameters", 0, "schema"), "enum", ["newest"]),
        {("request-parameter-enum-value-removed", "GET", "/orders")},
    ),
    "a property of an answer is gone": (
        changed(ANSWER, "properties", {k: v for k, v in ORDER["properties"].items() if k != "total"}),
        {("response-required-property-removed", "GET", "/orders/{id}")},
    ),
    "a property of an answer may be missing": (
        changed(ANSWER, "required", ["id"]),
        {("response-property-became-optional", "GET", "/orders/{id}")},
    ),
    "a property of an answer has another type": (
        changed((*ANSWER, "properties", "total"), "type", "string"),
        {("response-property-type-changed", "GET", "/orders/{id}")},
    ),
    "a property of a request has another type": (
        changed((*ASKED, "properties", "total"), "type", "integer"),
        {("request-property-type-changed", "POST", "/orders")},
    ),
    "a property of a request must be given now": (
        changed(ASKED, "required", ["id", "total", "status"]),
        {("request-property-became-required", "POST", "/orders")},
    ),
    "a value of a request's property is gone": (
        changed((*ASKED, "properties", "status"), "enum", ["open", "paid"]),
        {("request-property-enum-value-removed", "POST", "/orders")},
    ),
    "a status of an answer is gone": (
        changed(("paths", "/orders/{id}", "delete", "responses"), "202", {"description": "later"}).replace(
            b'"204": {"description": "gone"}, ', b""
        ),
        {("response-success-status-removed", "DELETE", "/orders/{id}")},
    ),
}

COMPATIBLE = {
    "nothing changed": json.dumps(ORDERS).encode(),
    "a path more": changed(("paths",), "/health", {"get": {"responses": {"200": {"description": "well"}}}}),
    "a method more": changed(("paths", "/orders/{id}"), "put", {"responses": {"204": {"description": "kept"}}}),
    "a parameter that may be given": changed(
        GET_ALL, "parameters", [*PARAMETERS, {**NEW_PARAMETER, "required": False}]
    ),
    "other words": changed((*GET_ALL, "responses", "200"), "description", "every one"),
    "a property of an answer more": changed((*ANSWER, "properties"), "currency", {"type": "string"}),
    "an answer's property that is always there now": changed(ANSWER, "required", ["id", "total", "status"]),
    "a request's property that may be missing now": changed(ASKED, "required", ["id"]),
    "a request's value more": changed((*ASKED, "properties", "status"), "enum", ["open", "paid", "sent", "lost"]),
    "a version": changed(("info",), "version", "1.1.0"),
}

ADVICE = {
    "an optional property of an answer is gone": (
        changed((*ANSWER, "properties"), "note"),
        ("response-optional-property-removed", "GET", "/orders/{id}"),
    ),
    "an answer's value more": (
        changed((*ANSWER, "properties", "status"), "enum", ["open", "paid", "sent", "lost"]),
        ("response-property-enum-value-added", "GET", "/orders/{id}"),
    ),
}

OLD = json.dumps(ORDERS).encode()


@pytest.mark.parametrize(("new", "expected"), BREAKING.values(), ids=BREAKING)
def test_a_change_that_breaks_clients(new: bytes, expected: set[tuple[str, str, str]]) -> None:
    """Is named by rule, method and path, as an error."""
    found = breaking_changes(OLD, new)
    assert {(each.id, each.operation, each.path) for each in found if each.breaking} == expected
    assert all(each.text and each.section == "paths" for each in found)


@pytest.mark.parametrize("new", COMPATIBLE.values(), ids=COMPATIBLE)
def test_a_change_that_breaks_nobody(new: bytes) -> None:
    """Is none, in YAML as in JSON."""
    assert breaking_changes(OLD, new) == ()
    assert breaking_changes(yaml.safe_dump(ORDERS).encode(), yaml.safe_dump(json.loads(new)).encode()) == ()


@pytest.mark.parametrize(("new", "expected"), ADVICE.values(), ids=ADVICE)
def test_a_change_that_may_break_a_client(new: bytes, expected: tuple[str, str, str]) -> None:
    """Is a warning, which breaks nothing."""
    assert [(each.id, each.operation, each.path, each.level) for each in breaking_changes(OLD, new)] == [
        (*expected, "warning")
    ]
    assert not any(each.breaking for each in breaking_changes(OLD, new))


def test_what_was_deprecated_until_a_day_that_is_past() -> None:
    """May go; before that day it may not."""
    for sunset, expected in (("2020-01-31", []), ("9999-12-31", ["api-removed-before-sunset"])):
        old = changed(("paths", "/orders/{id}", "delete"), "deprecated", value=True)
        old = old.replace(b'"deprecated": true', b'"deprecated": true, "x-sunset": "' + sunset.encode() + b'"')
        assert [each.id for each in breaking_changes(old, changed(("paths", "/orders/{id}"), "delete"))] == expected


def test_everything_at_once_with_errors_first() -> None:
    """In an order that is always the same."""
    document = deepcopy(ORDERS)
    del document["paths"]["/orders/{id}"]["delete"]
    del at(document, *ANSWER)["properties"]["note"]
    at(document, *GET_ALL)["parameters"].append(NEW_PARAMETER)
    found = breaking_changes(OLD, json.dumps(document).encode())
    assert [(each.level, each.operation, each.path) for each in found] == [
        ("error", "GET", "/orders"),
        ("error", "DELETE", "/orders/{id}"),
        ("warning", "GET", "/orders/{id}"),
    ]
    assert str(found[1]) == "DELETE /orders/{id}: api removed without deprecation"


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and what was asked of it."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"description": "from elsewhere"}')

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/answer.json", paths
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("key", ["$ref", "$REF", "$Ref"])
def test_nothing_outside_a_document_is_read(key: str, asked: tuple[str, list[str]], tmp_path: Path) -> None:
    """Neither an address nor a file, though oasdiff alone would: a pull request's document is anybody's."""
    url, paths = asked
    secret = tmp_path / "secret.json"
    secret.write_text('{"description": "secret"}')
    for target in (url, str(secret), secret.as_uri(), "secret.json", "//127.0.0.1/x"):
        new = changed(("paths", "/orders/{id}", "delete", "responses"), "204", {key: target})
        for document in (new, yaml.safe_dump(json.loads(new)).encode()):
            with pytest.raises(DocumentError, match="refers to something outside the document") as caught:
                breaking_changes(OLD, document)
            assert target[:60] in str(caught.value)
            with pytest.raises(DocumentError, match="outside the document"):
                api_digest(document)
    assert paths == []


def test_a_reference_within_a_document_is_followed() -> None:
    """A schema of `components` counts where it is used, also one that holds itself."""
    document = deepcopy(ORDERS)
    holds_itself = {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}
    parts = {**ORDER, "properties": {**ORDER["properties"], "parts": holds_itself}}
    document["components"] = {"schemas": {"Order": parts}}
    at(document, *ANSWER[:-1])["schema"] = {"$ref": "#/components/schemas/Order"}
    assert breaking_changes(OLD, json.dumps(document).encode()) == ()
    narrower = deepcopy(document)
    narrower["components"]["schemas"]["Order"]["properties"]["total"]["type"] = "string"
    found = breaking_changes(json.dumps(document).encode(), json.dumps(narrower).encode())
    assert [(each.id, each.path) for each in found] == [("response-property-type-changed", "/orders/{id}")]


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (changed(("info",), "title", 3), "cannot unmarshal number into field"),
        (changed(("paths",), "/orders", {"get": "all"}), "cannot unmarshal"),
        (
            changed(("paths", "/orders"), "get", {"responses": {"200": {"$ref": "#/components/responses/x"}}}),
            "not found",
        ),
    ],
)
def test_a_document_that_oasdiff_cannot_read(new: bytes, reason: str) -> None:
    """Is an error with oasdiff's reason and the document's name, whichever of the two it is: never "nothing breaks"."""
    for pair in ((OLD, new), (new, OLD)):
        with pytest.raises(DocumentError, match="no OpenAPI 3 document that oasdiff can read") as caught:
            breaking_changes(*pair, names=("old.yaml", "new.yaml"))
        assert reason in str(caught.value)
        assert str(caught.value).startswith("new.yaml:1:1: " if pair[1] is new else "old.yaml:1:1: ")


def test_documents_that_oasdiff_cannot_compare() -> None:
    """A schema that is nothing but itself: both are named, with the reason."""
    document = deepcopy(ORDERS)
    document["components"] = {"schemas": {"Order": {"$ref": "#/components/schemas/Order"}}}
    at(document, *ANSWER[:-1])["schema"] = {"$ref": "#/components/schemas/Order"}
    with pytest.raises(
        DocumentError, match=r"new.yaml cannot be compared with old.yaml\n +given: +diff failed: revision"
    ):
        breaking_changes(OLD, json.dumps(document).encode(), names=("old.yaml", "new.yaml"))


def test_a_comparison_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with what to do."""
    monkeypatch.setattr(api, "SECONDS", 0.0001)
    with pytest.raises(DocumentError, match=r"was not compared with .* within .*\n.*make it smaller"):
        breaking_changes(OLD, OLD)


def test_settings_of_oasdiff_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the working directory, as a pull request could bring one, changes no verdict."""
    (tmp_path / "oasdiff.yaml").write_text("match-path: /nothing\nformat: text\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OASDIFF_MATCH_PATH", "/nothing")
    assert breaking_changes(OLD, changed(("paths", "/orders/{id}"), "delete"))


def test_the_built_oasdiff_tells_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is pinned, so that one on PATH can be compared with it."""
    monkeypatch.setenv("HANDRAIL_ENGINE", "build")
    assert _version_of(oasdiff()) == _versions.OASDIFF
