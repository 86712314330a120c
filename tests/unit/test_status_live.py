"""`handrail status`: the cluster that is asked, and the command."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.config import kube_config
from live_objects import (
    NOW,
    ROOT,
    Objects,
    deployed,
    said,
)
from typer.testing import CliRunner

from handrail.cli.app import app
from handrail.cluster._connect import connect
from handrail.cluster._model import State, Status
from handrail.cluster.live import ask, read
from handrail.core.clock import at
from handrail.core.project import Project
from handrail.core.selection import select

# The cluster that is asked


class Api(BaseHTTPRequestHandler):
    """An API server that knows one deployment, and what it is told to answer otherwise."""

    code = 200
    items: Objects
    asked: list[str]

    def do_GET(self) -> None:
        """A list, in two pages of pods."""
        type(self).asked.append(self.path)
        kind = {"deployments": "Deployment", "replicasets": "ReplicaSet", "pods": "Pod", "httproutes": "HTTPRoute"}.get(
            self.path.partition("?")[0].rpartition("/")[2], ""
        )
        found = self.items.get(kind, [])
        metadata: dict[str, Any] = {}
        if kind == "Pod":
            first = "continue=" not in self.path
            found, metadata = (found[:1], {"continue": "c"}) if first else (found[1:], {})
        body = b"<html>" if self.code == 0 else json.dumps({"items": found, "metadata": metadata}).encode()
        self.send_response(self.code or 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is logged."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """The API server, on a free port."""
    Api.code, Api.items, Api.asked = 200, deployed("checkout"), []
    running = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def project(tmp_path: Path, server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> Project:
    """acme's payments-dev on that server."""
    organisation = (ROOT / "stacks/acme/platform/acme_platform/organisation.yaml").read_text()
    workloads = (ROOT / "stacks/acme/payments/workloads.yaml").read_text()
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "other",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip
    for path, text in {
        "Pulumi.yaml": "name: one\nruntime: python\n",
        "__main__.py": "from handrail.personas import deploy\n\ndeploy()\n",
        "o/organisation.yaml": re.sub(r"    render: rendered.*", "    context: dev", organisation, count=1),
        "workloads.yaml": workloads,
        "Pulumi.payments-dev.yaml": "config: {handrail:organisation: ./o, handrail:team: payments, handrail:environment: dev}\n",
        "kubeconfig": yaml.safe_dump(config),
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    connect.cache_clear()
    return Project.find(tmp_path)


def look(project: Project) -> Status:
    """The status of its one stack."""
    (found,) = read(ask(project, select(project)))
    return found


def test_a_cluster_is_asked_once_a_kind(project: Project) -> None:
    """Page by page, warnings alone of the events, and no runs where there are no jobs."""
    with at(NOW):
        found = look(project)
    assert [(each.workload, each.state) for each in found.rows] == [
        ("checkout", State.LIVE), ("ledger", State.NOT_DEPLOYED), ("refunds", State.NOT_DEPLOYED),
    ]  # fmt: skip
    kinds = [each.partition("?")[0].rpartition("/")[2] for each in Api.asked]
    assert kinds == ["deployments", "statefulsets", "cronjobs", "replicasets", "pods", "pods", "events", "httproutes"]
    assert all("limit=500" in each for each in Api.asked)
    assert "fieldSelector=type%3DWarning" in next(each for each in Api.asked if "/events" in each)


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        (401, "cluster dev does not know you: you are not signed in, or no longer", "kubectl get pods --context dev"),
        (
            403,
            "cluster dev does not let you read Deployments in payments-dev",
            "teams.payments.members in organisation.yaml",
        ),
        (500, "cluster dev refuses to list Deployments: 500 Internal Server Error", ""),
        (0, "cluster dev answers no JSON", "a proxy may be in the way"),
    ],
)
def test_what_a_cluster_refuses_is_a_sentence(code: int, message: str, remedy: str, project: Project) -> None:
    """Its workloads are still listed, as not known."""
    Api.code = code
    found = look(project)
    assert {each.state for each in found.rows} == {State.UNKNOWN}
    (problem,) = found.problems
    assert problem.message == message
    assert remedy in (problem.remedy or "")


def test_a_cluster_that_is_not_there(project: Project, server: ThreadingHTTPServer) -> None:
    """No answer, and no context."""
    server.shutdown()
    server.server_close()
    (problem,) = look(project).problems
    assert problem.message == "cluster dev does not answer"
    config = project.root / "kubeconfig"
    for text in (config.read_text().replace("name: dev", "name: prod"), "", "{"):
        config.write_text(text)
        connect.cache_clear()
        (problem,) = look(project).problems
        assert problem.message.startswith("kubeconfig has no context dev that can be used")


def test_a_file_that_is_wrong_hides_nothing(project: Project) -> None:
    """What runs is shown as its labels say it, beside what is wrong."""
    file = project.root / "workloads.yaml"
    file.write_text(file.read_text().replace("port: 9000", "prot: 9000"))
    found = look(project)
    assert [(each.workload, each.state, each.planned) for each in found.rows] == [("checkout", State.LIVE, True)]
    assert "did you mean port?" in str(found.problems[0])
    assert not found.well
    (project.root / "Pulumi.payments-dev.yaml").write_text("config: {handrail:team: payments}\n")
    found = look(project)
    assert (found.rows, found.cluster) == ((), "")
    assert "handrail:organisation" in str(found.problems[0])
    assert said(found, "product-manager").startswith("Nothing is known of what payments has in this environment")


def test_a_program_of_a_teams_own_is_known_by_labels(project: Project) -> None:
    """No file says what it has."""
    (project.root / "__main__.py").write_text("import pulumi\n")
    assert [(each.workload, each.planned) for each in look(project).rows] == [("checkout", True)]


# The command


def invoke(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `handrail status` on this repository."""
    done = CliRunner().invoke(app, ["status", *arguments, "--cwd", str(ROOT)])
    return done.exit_code, done.stdout, done.stderr


def test_a_cluster_that_is_a_folder_is_said_to_be_one() -> None:
    """What is planned, and that nothing is known; not known is not well, so exit code 1."""
    code, text, _ = invoke("payments-dev", "platform-dev")
    assert code == 1
    assert "its cluster has no context, so nothing is known of what runs" in text
    assert re.search(r"checkout +service +unknown +2 replicas +2\.7\.1", text)
    assert re.search(r"^  ledger +service +unknown +2 replicas +1\.12\.0 *$", text, re.MULTILINE)
    assert "the platform team's stack: it has no workloads" in text
    code, text, _ = invoke("payments-dev", "--json")
    (found,) = json.loads(text)
    assert (code, found["well"], [each["state"] for each in found["workloads"]]) == (1, False, ["unknown"] * 3)
    assert invoke("platform-dev")[0] == 0
    code, text, _ = invoke("platform-dev", "--at", "2020-02-29")
    assert (code, "it has no workloads" in text, "by 29 February 2020 23:59 UTC" in text) == (0, True, True)


def test_wrong_words_are_refused() -> None:
    """As everywhere."""
    assert invoke("--watch", "--json")[0] == 2
    assert invoke("--watch", "--at", "2020-01-01")[0] == 2
    code, _, wrong = invoke("--at", "2020-02-30")
    assert code == 1
    assert "--at: is no moment" in wrong
    assert invoke("--as", "nobody")[0] == 2
    code, _, wrong = invoke("payments-prd")
    assert code == 1
    assert "did you mean payments-prod?" in wrong


def test_help_is_instant() -> None:
    """The command line loads no Kubernetes client until a cluster is asked."""
    program = "import sys, handrail.cli.app\nprint([m for m in ('kubernetes', 'rich.live') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
