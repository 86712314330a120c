"""`handrail run`: a Job started from a CronJob, printed or in a cluster's API; and `handrail why`."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from handrail.cluster.run import cron_job_of, job_from
from handrail.core.clock import at
from handrail.core.errors import HandrailError
from handrail.core.project import Project
from handrail.personas._find import find_workload
from handrail.standards import KUBERNETES_VERSION

ROOT = Path(__file__).parents[2]
ACME = ROOT / "stacks" / "acme"
MOMENT = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)


def planned(name: str) -> dict[str, Any]:
    """The planned CronJob of one of acme's jobs."""
    return dict(cron_job_of(find_workload(Project.find(ROOT), name)[1]))


def handrail(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """`handrail ARGUMENTS`, in a process of its own."""
    command = [sys.executable, "-m", "handrail.cli", *arguments]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, "COLUMNS": "160", **environment}, capture_output=True, text=True
    )


def test_a_job_is_the_cron_jobs_template() -> None:
    """With a name of its own, the template's labels, and Kubernetes' mark of a run started by hand."""
    with at(MOMENT):
        job = job_from(planned("train"))
    assert job["metadata"]["name"] == "train-20260301123005"
    assert job["metadata"]["namespace"] == "churn-dev"
    assert job["metadata"]["annotations"] == {"cronjob.kubernetes.io/instantiate": "manual"}
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"
    assert job["spec"] == planned("train")["spec"]["jobTemplate"]["spec"]
    assert "ownerReferences" not in job["metadata"]
    kubernetes_validate.validate(job, KUBERNETES_VERSION, strict=True)


def test_a_job_of_a_cluster_belongs_to_its_cron_job() -> None:
    """So that the history limits clean it up, and its CronJob's end ends it; a long name is cut to fit."""
    live = planned("train")
    live["metadata"] = {**live["metadata"], "uid": "u-1", "name": "x" * 52}
    with at(MOMENT):
        job = job_from(live)
    assert job["metadata"]["ownerReferences"] == [
        {"apiVersion": "batch/v1", "kind": "CronJob", "name": "x" * 52, "uid": "u-1", "controller": True}
    ]
    assert len(job["metadata"]["name"]) == 63


def test_on_a_render_cluster_the_job_is_printed() -> None:
    """Ready for kubectl."""
    done = handrail("run", "backfill-scores")
    job = yaml.safe_load(done.stdout)
    assert (done.returncode, job["kind"], job["metadata"]["namespace"]) == (0, "Job", "fraud-dev")
    assert job["spec"]["parallelism"] == 8


def test_only_a_job_is_run() -> None:
    """A service is always there."""
    done = handrail("run", "checkout")
    assert done.returncode == 1
    assert "checkout is a ScalableService, which is always there" in done.stderr


class Api(BaseHTTPRequestHandler):
    """An API server that has one CronJob, and takes Jobs; status 403 for a token that is not the member's."""

    cron_job: dict[str, Any]
    made: list[dict[str, Any]]

    def do_GET(self) -> None:
        """The CronJob."""
        if self.headers["Authorization"] != "Bearer member":
            self._answer(403, {"kind": "Status", "reason": "Forbidden"})
        elif self.path == "/apis/batch/v1/namespaces/churn-dev/cronjobs/train":
            self._answer(200, self.cron_job)
        else:
            self._answer(404, {"kind": "Status", "reason": "NotFound"})

    def do_POST(self) -> None:
        """A new Job."""
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.made.append(job)
        self._answer(201, job)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the base names it
        """Says nothing."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """The API server, on a free port of the loopback."""
    Api.made = []
    live = planned("train")
    Api.cron_job = {**live, "metadata": {**live["metadata"], "uid": "u-1"}}
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """The churn team's repository, deployed to a cluster behind the kubeconfig context `dev`."""
    organisation = yaml.safe_load((ACME / "platform/acme_platform/organisation.yaml").read_text())
    dev = organisation["clusters"]["dev"]
    organisation["clusters"]["dev"] = {"context": "dev", **{k: v for k, v in dev.items() if k != "render"}}
    for path, text in {
        "Pulumi.yaml": "name: team\nruntime: python\n",
        "Pulumi.churn-dev.yaml": "config: {handrail:organisation: ./o, handrail:team: churn, handrail:environment: dev}\n",
        "__main__.py": "from handrail.personas import deploy\n\ndeploy()\n",
        "workloads.yaml": (ACME / "churn/workloads.yaml").read_text(),
        "o/organisation.yaml": yaml.safe_dump(organisation),
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def kubeconfig(folder: Path, port: int, token: str = "member", name: str = "dev") -> str:
    """A kubeconfig file with one context."""
    file = folder / "kubeconfig"
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip
    file.write_text(yaml.safe_dump(config))
    return str(file)


def test_in_a_cluster_the_deployed_cron_job_is_run(server: ThreadingHTTPServer, team: Path) -> None:
    """What is deployed runs, not what the file says by now; the Job belongs to it."""
    done = handrail("run", "train", cwd=team, KUBECONFIG=kubeconfig(team, server.server_port))
    assert done.returncode == 0, done.stderr
    (job,) = Api.made
    assert done.stdout == f"started {job['metadata']['name']} in churn-dev\n"
    assert job["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    assert job["spec"] == Api.cron_job["spec"]["jobTemplate"]["spec"]


@pytest.mark.parametrize("harm", ["not deployed", "not a member", "no context", "no answer"])
def test_what_a_cluster_refuses_is_a_sentence(harm: str, server: ThreadingHTTPServer, team: Path) -> None:
    """With what to do; nothing was started."""
    port = server.server_port
    said = {
        "not deployed": "train is not deployed to churn-dev\n    do:      run `handrail up churn-dev`",
        "not a member": "only members of churn start its jobs: teams.churn.members in organisation.yaml",
        "no context": "kubeconfig has no context dev",
        "no answer": "cluster dev does not answer",
    }
    if harm == "not deployed":
        file = team / "workloads.yaml"
        file.write_text(file.read_text().replace("  train:\n", "  other:\n"))
    if harm == "no answer":
        server.server_close()
    config = kubeconfig(
        team,
        port,
        token="stranger" if harm == "not a member" else "member",
        name="x" if harm == "no context" else "dev",
    )
    done = handrail("run", "other" if harm == "not deployed" else "train", cwd=team, KUBECONFIG=config)
    assert done.returncode == 1
    assert said[harm].replace("train", "other" if harm == "not deployed" else "train") in done.stderr
    assert "Traceback" not in done.stderr
    assert Api.made == []


def test_why_names_each_settings_source() -> None:
    """A line of the file, a default, or the reason that it follows from."""
    done = handrail("why", "fraud/fraud-scorer")
    assert "fraud-scorer, endpoint of fraud in dev" in done.stdout
    assert "file stacks/acme/fraud/workloads.yaml" in done.stdout
    first = [line.split() for line in done.stdout.splitlines() if line[:1].strip()]  # what is too wide goes on below
    lines = {name: " ".join(rest) for name, *rest in first}
    assert lines["model"] == "models:/fraud-scorer/12 line 8"
    assert lines["server"] == "mlserver line 7"
    assert lines["drain"] == "1m default"
    assert lines["callers"] == "payments/checkout, backfill-scores derived from calls"
    assert lines["rollout"] == "availability follows: the quota of 6 l4 has room for a replica more"
    assert "advisory  fixed at 2, not scaled from 2 to 4: cluster dev lacks keda" in done.stdout


def test_why_speaks_json_and_other_personas_words() -> None:
    """The same facts for programs; another's noun for people."""
    found = json.loads(handrail("why", "checkout", "--stack", "payments-prod", "--json").stdout)
    assert (found["workload"], found["component"], found["stack"]) == ("checkout", "ScalableService", "payments-prod")
    port = next(setting for setting in found["settings"] if setting["path"] == "port")
    assert (port["value"], port["chosen"], port["line"]) == ("8080", True, 7)
    assert port["source"].endswith("stacks/acme/payments/workloads.yaml:7:11")
    shown = handrail("why", "checkout", "--as", "platform-engineer").stdout
    assert shown.startswith("checkout, ScalableService of payments in dev")


def test_a_name_that_is_not_there_and_one_that_two_teams_have(tmp_path: Path) -> None:
    """The nearest name, and both teams."""
    done = handrail("why", "fraud-scorr")
    assert done.returncode == 1
    assert "no workload fraud-scorr in any stack of this project" in done.stderr
    assert "did you mean fraud-scorer?" in done.stderr
    for path, text in {
        "Pulumi.yaml": "name: two\nruntime: python\n",
        "__main__.py": "from handrail.personas import deploy\n\ndeploy()\n",
        "o/organisation.yaml": (ACME / "platform/acme_platform/organisation.yaml").read_text(),
        **{
            f"Pulumi.{team}-dev.yaml": f"config: {{handrail:organisation: ./o, handrail:team: {team}, "
            f"handrail:environment: dev, handrail:workloads: {team}.yaml}}\n"
            for team in ("payments", "storefront")
        },
        **{
            f"{team}.yaml": f"persona: app-developer\nteam: {team}\nservices: {{api: {{image: registry.acme.test/a:1, port: 80}}}}\n"
            for team in ("payments", "storefront")
        },
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    with pytest.raises(HandrailError) as caught:
        find_workload(Project.find(tmp_path), "api")
    assert "several teams have a workload api" in str(caught.value)
    assert "write payments/api or storefront/api" in str(caught.value)
    assert find_workload(Project.find(tmp_path), "storefront/api")[0].context.team == "storefront"


def test_a_stack_that_cannot_be_planned_hides_no_other(tmp_path: Path) -> None:
    """A mistake in one team's file is said only where the name may be in it."""
    for path, text in {
        "Pulumi.yaml": "name: two\nruntime: python\n",
        "__main__.py": "from handrail.personas import deploy\n\ndeploy()\n",
        "o/organisation.yaml": (ACME / "platform/acme_platform/organisation.yaml").read_text(),
        "Pulumi.good.yaml": "config: {handrail:organisation: ./o, handrail:team: payments, handrail:environment: dev, "
        "handrail:workloads: good.yaml}\n",
        "Pulumi.bad.yaml": "config: {handrail:organisation: ./o, handrail:team: payments, handrail:environment: prod, "
        "handrail:workloads: bad.yaml}\n",
        "good.yaml": "persona: app-developer\nteam: payments\nservices: {api: {image: registry.acme.test/a:1, port: 80}}\n",
        "bad.yaml": "persona: app-developer\nteam: payments\nservices: {web: {image: registry.acme.test/a:1, prot: 80}}\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    project = Project.find(tmp_path)
    assert find_workload(project, "api")[0].context.environment == "dev"
    with pytest.raises(HandrailError, match="did you mean port"):
        find_workload(project, "web")
