"""What a model's alias means, against answers that MLflow 3.17 gave; and servers that answer otherwise."""

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Asked, Reply, scripted

from handrail.core.errors import ResolveError
from handrail.releases import _http, _mlflow
from handrail.releases.model_registry import ModelVersion, resolve_model

RUN = "103acf19488c43b7a9afdaedb9334bd5"
ROOT = f"1/{RUN}/artifacts/model"
MODEL = b"flavors: {}\n"
API, FILES = "/api/2.0/mlflow", "/api/2.0/mlflow-artifacts/artifacts"

VERSION = {
    "name": "fraud-scorer",
    "version": "1",
    "creation_timestamp": 1795612535830,
    "last_updated_timestamp": 1795612535830,
    "current_stage": "None",
    "description": "",
    "source": f"mlflow-artifacts:/{ROOT}",
    "run_id": RUN,
    "status": "READY",
    "tags": [{"key": "approved", "value": "yes"}],
    "run_link": "",
    "aliases": ["champion"],
}
NO_ALIAS = {"error_code": "INVALID_PARAMETER_VALUE", "message": "Registered model alias nope not found."}
NO_MODEL = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Registered Model with name=none not found"}
LISTINGS: dict[str, list[dict[str, Any]]] = {
    ROOT: [{"path": "MLmodel", "is_dir": False, "file_size": 12}, {"path": "data", "is_dir": True}],
    f"{ROOT}/data": [{"path": "model.pkl", "is_dir": False, "file_size": 7}],
}
DIGEST_OF = {"MLmodel": hashlib.sha256(MODEL).hexdigest(), "files": [["MLmodel", 12], ["data/model.pkl", 7]]}


def reply(value: Any, status: int = 200) -> Reply:
    """JSON."""
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def answers(version: Any = VERSION, uri: str = f"mlflow-artifacts:/{ROOT}") -> dict[str, Reply]:
    """What MLflow answers for fraud-scorer."""
    listed = {f"{FILES}?path={path.replace('/', '%2F')}": reply({"files": files}) for path, files in LISTINGS.items()}
    return {
        f"{API}/registered-models/alias": reply({"model_version": version}),
        f"{API}/model-versions/get": reply({"model_version": version}),
        f"{API}/model-versions/search": reply({"model_versions": [version]}),
        f"{API}/model-versions/get-download-uri": reply({"artifact_uri": uri}),
        f"{FILES}/{ROOT}/MLmodel": Reply(200, MODEL),
        **listed,
    }


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No login, and no wait between attempts."""
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_http._RETRY, "backoff_factor", 0)


def sha256(value: Any) -> str:
    """The digest as the module's docstring defines it."""
    return f"sha256:{hashlib.sha256(json.dumps(value, separators=(',', ':'), sort_keys=True).encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("models:/fraud-scorer@champion", "/registered-models/alias?name=fraud-scorer&alias=champion"),
        ("models:/fraud-scorer/1", "/model-versions/get?name=fraud-scorer&version=1"),
        (
            "models:/fraud-scorer/latest",
            "/model-versions/search?filter=name%3D%27fraud-scorer%27&order_by=version_number",
        ),
    ],
)
def test_a_name_is_resolved(uri: str, asked: str) -> None:
    """To a version with its digest, its run and its tags."""
    with scripted(answers()) as server:
        found = resolve_model(uri, f"{server.url}/")
        assert server.asked[0].path.startswith(f"{API}{asked}")
        assert "authorization" not in server.asked[0].headers
    assert found == ModelVersion("models:/fraud-scorer/1", sha256(DIGEST_OF), RUN, {"approved": "yes"})


def test_what_a_version_need_not_have() -> None:
    """A run and tags; a server below a path is asked there."""
    bare = {key: VERSION[key] for key in ("name", "version")}
    prefixed = {f"/ml{path}": each for path, each in answers(bare).items()}
    with scripted(prefixed) as server:
        found = resolve_model("models:/fraud-scorer/1", f"{server.url}/ml")
    assert (found.run_id, dict(found.tags)) == (None, {})


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("mlflow-artifacts:/a b/model", "a b/model"),
        ("mlflow-artifacts://mlflow.acme.test:5000/1/model", "1/model"),
        (f"https://mlflow.acme.test{FILES}/1/model", "1/model"),
        ("https://mlflow.acme.test/1/model", None),
        ("s3://bucket/1/model", None),
        ("/var/models/1", None),
        ("", None),
    ],
)
def test_where_a_version_lies(uri: str, root: str | None) -> None:
    """In what the server serves itself, by any of its spellings, or elsewhere."""
    assert _mlflow._served_root(uri) == root


def test_artifacts_that_the_server_does_not_serve_itself() -> None:
    """Are known by MLmodel alone, which the server is asked for by the version's name."""
    asked = "/model-versions/get-artifact?name=fraud-scorer&version=1&path=MLmodel"
    with scripted({**answers(uri="s3://bucket/model"), asked: Reply(200, MODEL)}) as server:
        found = resolve_model("models:/fraud-scorer@champion", server.url)
    assert found.digest == sha256({**DIGEST_OF, "files": None})


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"MLFLOW_TRACKING_TOKEN": " t0ken\n"}, "Bearer t0ken"),
        (
            {"MLFLOW_TRACKING_USERNAME": "a", "MLFLOW_TRACKING_PASSWORD": "b", "MLFLOW_TRACKING_TOKEN": "t"},
            "Basic YTpi",
        ),
        ({"MLFLOW_TRACKING_USERNAME": "a"}, None),
    ],
)
def test_a_login(variables: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is sent with every question, as MLflow's own client does."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with scripted(answers()) as server:
        resolve_model("models:/fraud-scorer@champion", server.url)
        assert {asked.headers.get("authorization") for asked in server.asked} == {expected}
    assert base64.b64decode("YTpi") == b"a:b"


def test_a_server_that_does_not_let_this_person_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told with the variables to set, and never with their values."""
    refusing = scripted(lambda _: reply({"error_code": "PERMISSION_DENIED", "message": "Permission denied"}, 403))
    with refusing as server, pytest.raises(ResolveError, match="asks for a login: Permission denied") as caught:
        resolve_model("models:/a/1", server.url)
    assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN" in str(caught.value)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cret")
    with scripted(lambda _: Reply(401)) as server, pytest.raises(ResolveError, match="refuses the login") as caught:
        resolve_model("models:/a/1", server.url)
    assert "s3cret" not in str(caught.value)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "two\nlines")
    with pytest.raises(ResolveError, match="MLFLOW_TRACKING_TOKEN holds what no token may"):
        resolve_model("models:/a/1", "http://localhost")


def test_an_alias_that_is_not_there() -> None:
    """The model's own are named."""
    model = {
        "name": "fraud-scorer",
        "aliases": [{"alias": "champion", "version": "1"}, {"alias": "next", "version": "2"}],
    }
    found = {
        f"{API}/registered-models/alias": reply(NO_ALIAS, 400),
        f"{API}/registered-models/get": reply({"registered_model": model}),
    }
    with scripted(found) as server, pytest.raises(ResolveError) as caught:
        resolve_model("models:/fraud-scorer@champoin", server.url)
    assert str(caught.value).splitlines() == [
        "fraud-scorer has no alias champoin",
        "    given:   models:/fraud-scorer@champoin",
        "    allowed: champion",
        "    do:      name one of these, or set the alias in MLflow",
    ]


def test_a_model_that_is_not_there() -> None:
    """The nearest are named; where there is none at all, it is to be registered."""
    for models, allowed in (([{"name": "fraud-scorer"}], "allowed: fraud-scorer"), ([], "do:      register the model")):
        found = {
            f"{API}/registered-models/alias": reply(NO_MODEL, 404),
            f"{API}/registered-models/get": reply(NO_MODEL, 404),
            f"{API}/registered-models/search": reply({"registered_models": models}),
        }
        with scripted(found) as server, pytest.raises(ResolveError, match="has no model fraud-score with") as caught:
            resolve_model("models:/fraud-score@champion", server.url)
        assert allowed in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://acme-models/fraud", "is a place, where what lies may be overwritten"),
        ("gs://acme-models/fraud", "is a place, where what lies may be overwritten"),
        ("meta-llama/Llama-3.1-8B", "is a Hugging Face id, whose files may change"),
        (f"runs:/{RUN}/model", "names what a run left, not a version of a registered model"),
        (f"models:/m-{RUN}", "names a logged model that is registered under no name"),
        ("models:/scorer/Production", "names a stage, which MLflow no longer keeps"),
        ("models:/scorer", "names no version and no alias"),
        ("models:/scorer@", "is no model of a registry"),
        ("models:/scorer/1/2", "is no model of a registry"),
        ("models:/scorer/-1", "is no model of a registry"),
        ("", "is no model of a registry"),
    ],
)
def test_what_has_no_version_that_stays(uri: str, said: str) -> None:
    """Is refused before anybody is asked, with what may stand there."""
    with pytest.raises(ResolveError) as caught:
        resolve_model(uri, "http://127.0.0.1:9")
    assert str(caught.value).startswith(said)
    assert "allowed: models:/NAME@ALIAS or models:/NAME/VERSION" in str(caught.value)


def test_a_place_is_told_how_to_have_versions() -> None:
    """With the very call."""
    with pytest.raises(
        ResolveError, match=r'do:      mlflow\.register_model\("s3://a/b", "NAME"\), and write models:/'
    ):
        resolve_model("s3://a/b", "http://127.0.0.1:9")


@given(st.text(max_size=60) | st.text(max_size=40).map(lambda text: f"models:/{text}"))
def test_any_text_is_an_error_for_people(text: str) -> None:
    """Also where it names something: nobody answers there."""
    with pytest.raises(ResolveError):
        resolve_model(text, "databricks")


@pytest.mark.parametrize(
    "address", ["", "databricks", "sqlite:///a.db", "file:/a", "http://", "http://a:b", "http://[", "http://a:0"]
)
def test_an_address_that_is_none(address: str) -> None:
    """Is told."""
    with pytest.raises(ResolveError, match=r"is no MLflow tracking server\n.*\n.*allowed: https://mlflow.acme.test"):
        resolve_model("models:/a/1", address)


ALIAS = f"{API}/registered-models/alias"
URI = f"{API}/model-versions/get-download-uri"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({ALIAS: Reply(404, b"<html>", {"Content-Type": "text/html"})}, "does not answer as an MLflow tracking server: 404, text/html"),
        ({ALIAS: Reply(200, b"hello")}, "does not answer as an MLflow tracking server: 200, nothing"),
        ({ALIAS: reply([])}, "does not answer as an MLflow tracking server: 200, application/json"),
        ({ALIAS: reply({"error_code": "INTERNAL_ERROR", "message": "database is locked"}, 500)}, "answers 500: database is locked"),
        ({ALIAS: reply({"model_version": {**VERSION, "name": "other"}})}, "answers with another model's version"),
        ({ALIAS: reply({"model_version": {**VERSION, "version": "1/../2"}})}, "answers with another model's version"),
        ({ALIAS: reply({"model_version": {**VERSION, "status": "PENDING_REGISTRATION"}})}, "is not ready: PENDING_REGISTRATION"),
        ({URI: reply({"artifact_uri": "s3://a"})}, "shows no content of version 1 of fraud-scorer"),
        ({URI: reply({})}, "shows no content of version 1 of fraud-scorer"),
        ({f"{FILES}/{ROOT}/MLmodel": reply({"message": "no access to the store"}, 500)}, "fraud-scorer: no access to the store"),
        ({FILES: reply({"error_code": "INTERNAL_ERROR", "message": "no store"}, 500)}, "answers 500: no store"),
        ({FILES: reply(NO_MODEL, 404)}, "does not list the version's files"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_version(changed: dict[str, Reply], said: str) -> None:
    """Is a sentence with the URI: never a digest of half of it."""
    replies = answers()
    if FILES in changed:
        replies = {path: each for path, each in replies.items() if "?path=" not in path}
    with scripted({**replies, **changed}) as server, pytest.raises(ResolveError) as caught:
        resolve_model("models:/fraud-scorer@champion", server.url)
    assert said in str(caught.value)
    assert "given:   models:/fraud-scorer@champion" in str(caught.value)


def test_a_listing_without_end() -> None:
    """Is given up: a folder that holds itself, as a broken store might say."""

    def endless(asked: Asked) -> Reply | None:
        if asked.path.startswith(f"{FILES}?"):
            return reply({"files": [{"path": f"d{each}", "is_dir": True} for each in range(2000)]})
        return answers().get(asked.path) or answers().get(asked.path.partition("?")[0])

    with scripted(endless) as server, pytest.raises(ResolveError, match="the version has more than 10,000 files"):
        resolve_model("models:/fraud-scorer@champion", server.url)


def test_a_version_without_mlmodel() -> None:
    """Is known by its files, and one without any file by nothing."""
    replies = {path: each for path, each in answers().items() if not path.endswith("MLmodel")}
    root = f"{FILES}?path={ROOT.replace('/', '%2F')}"
    with scripted({**replies, root: reply({"files": LISTINGS[ROOT][1:]})}) as server:
        found = resolve_model("models:/fraud-scorer/1", server.url)
    assert found.digest == sha256({"MLmodel": None, "files": [["data/model.pkl", 7]]})
    with scripted({**replies, root: reply({})}) as server, pytest.raises(ResolveError, match="shows no content"):
        resolve_model("models:/fraud-scorer/1", server.url)
