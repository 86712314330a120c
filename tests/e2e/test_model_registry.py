"""What a model's alias means now, asked of a real MLflow server."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow_server import mlflow, put, register, running_mlflow, set_alias

from handrail.core.errors import ResolveError
from handrail.releases import _mlflow
from handrail.releases._http import ask
from handrail.releases.model_registry import resolve_model

FILES = {"MLmodel": b"flavors: {}\n", "data/model.pkl": b"weights", "data/deep/vocabulary.txt": b"a b c"}

# what a training job does, with MLflow's own client: the same model, logged twice
LOG = """
import mlflow, sys
class Scorer(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input
for _ in range(2):
    with mlflow.start_run():
        mlflow.pyfunc.log_model(name="model", python_model=Scorer(), registered_model_name="logged", pip_requirements=[])
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """MLflow."""
    with running_mlflow() as url:
        yield url


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No login: the server asks for none."""
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_an_alias_is_the_version_that_it_names_now(server: str) -> None:
    """And another after it was moved; a number stays what it is."""
    first = register(server, "scorer", FILES, alias="champion", tags={"approved": "yes"})
    second = register(server, "scorer", {**FILES, "data/model.pkl": b"other weights"})
    one, two = (resolve_model(f"models:/scorer/{each}", server) for each in (first, second))
    assert resolve_model("models:/scorer@champion", server) == one
    assert resolve_model("models:/scorer/latest", server) == two
    assert (one.uri, two.uri) == (f"models:/scorer/{first}", f"models:/scorer/{second}")
    assert (dict(one.tags), dict(two.tags)) == ({"approved": "yes"}, {})
    assert one.run_id
    assert two.run_id
    assert one.run_id != two.run_id
    set_alias(server, "scorer", "champion", second)
    assert resolve_model("models:/scorer@champion", server) == two
    assert resolve_model(f"models:/scorer/{first}", server) == one


def test_the_digest_is_of_the_content(server: str) -> None:
    """Equal files have one; another MLmodel, path or size has another; tags and the run do not count."""
    numbers = [
        register(server, "content", FILES),
        register(server, "content", dict(reversed(FILES.items())), tags={"a": "b"}),
        register(server, "content", {**FILES, "MLmodel": b"flavors: []\n"}),
        register(server, "content", {**FILES, "data/model.pkl": b"weights."}),
        register(server, "content", {**FILES, "more": b""}),
        register(server, "content", {k: v for k, v in FILES.items() if k != "data/deep/vocabulary.txt"}),
        register(server, "content", {"data.bin": b"weights"}),
    ]
    digests = [resolve_model(f"models:/content/{each}", server).digest for each in numbers]
    assert digests[0] == digests[1]
    assert len(set(digests)) == len(digests) - 1
    assert all(each.startswith("sha256:") and len(each) == 71 for each in digests)


def test_what_the_digest_sees_of_a_file_that_is_overwritten(server: str) -> None:
    """Another length, and any change of MLmodel: not other bytes of the same length, as the module says."""
    version = register(server, "overwritten", FILES)
    uri = f"models:/overwritten/{version}"
    before = resolve_model(uri, server).digest
    told = ask(f"{server}/api/2.0/mlflow/model-versions/get-download-uri?name=overwritten&version={version}", of=uri)
    root = told.json()["artifact_uri"]
    put(server, root, "data/model.pkl", b"WEIGHTS")
    assert resolve_model(uri, server).digest == before
    put(server, root, "data/model.pkl", b"more weights")
    after = resolve_model(uri, server).digest
    assert after != before
    put(server, root, "MLmodel", b"flavors: []\n")
    assert resolve_model(uri, server).digest not in (before, after)


def test_a_model_that_mlflows_own_client_logged(server: str, tmp_path: Path) -> None:
    """Two versions of the same code are two models: each MLmodel has its own id and time."""
    script = tmp_path / "log.py"
    script.write_text(LOG)
    environment = {**os.environ, "MLFLOW_TRACKING_URI": server, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(
        mlflow("python", str(script)), env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    one, two = (resolve_model(f"models:/logged/{each}", server) for each in ("1", "latest"))
    assert (one.uri, two.uri) == ("models:/logged/1", "models:/logged/2")
    assert one.digest != two.digest
    assert one == resolve_model("models:/logged/1", server)


def test_artifacts_that_the_server_does_not_serve_itself(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Are known by MLmodel alone, which the server fetches from their store."""
    monkeypatch.setattr(_mlflow, "_served_root", lambda _: None)
    numbers = [
        register(server, "elsewhere", FILES),
        register(server, "elsewhere", {**FILES, "data/model.pkl": b"other weights"}),
        register(server, "elsewhere", {**FILES, "MLmodel": b"flavors: []\n"}),
        register(server, "elsewhere", {"data/model.pkl": b"weights"}),
    ]
    one, two, three = (resolve_model(f"models:/elsewhere/{each}", server).digest for each in numbers[:3])
    assert one == two != three
    with pytest.raises(ResolveError, match="shows no content of version 4 of elsewhere: No such artifact"):
        resolve_model(f"models:/elsewhere/{numbers[3]}", server)


@pytest.fixture(scope="module")
def there(server: str) -> None:
    """A model with one version and one alias."""
    register(server, "there", FILES, alias="champion")


@pytest.mark.parametrize(
    ("uri", "said", "allowed"),
    [
        ("models:/there@champoin", "there has no alias champoin", "allowed: champion"),
        ("models:/there/9", "there has no version 9", "allowed: at most 1"),
        ("models:/thare@champion", "has no model thare with versions", "allowed: there"),
        ("models:/thare/1", "has no model thare with versions", "allowed: there"),
        ("models:/thare/latest", "has no model thare with versions", "allowed: there"),
        ("models:/o'hara/latest", "has no model o'hara with versions", "allowed: "),
    ],
)
def test_what_is_not_there(uri: str, said: str, allowed: str, server: str, there: None) -> None:
    """Is told with the nearest that is."""
    with pytest.raises(ResolveError) as caught:
        resolve_model(uri, server)
    assert said in str(caught.value)
    assert f"given:   {uri}" in str(caught.value)
    assert allowed in str(caught.value)


def test_a_version_without_files(server: str) -> None:
    """Cannot be pinned: there is nothing that a digest could be of."""
    number = register(server, "empty", {})
    with pytest.raises(ResolveError, match=f"shows no content of version {number} of empty"):
        resolve_model(f"models:/empty/{number}", server)
