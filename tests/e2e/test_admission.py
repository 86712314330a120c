"""The catalogue at a real API server: each example of each standard has the same verdict there as by the judge."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from planned import acme

from handrail.core.resources import Given, leaves
from handrail.engine.control_plane import ControlPlane
from handrail.organisation.model import Severity
from handrail.standards import Contract
from handrail.standards._kinds import api_of
from handrail.standards.admission import Policy, plural, policies, why_not
from handrail.standards.catalogue import catalogue_of
from handrail.standards.evidence import ENVIRONMENT, Subject
from handrail.standards.examples import Case, cases
from handrail.standards.findings import Verdict
from handrail.standards.samples import NAME
from handrail.standards.standard import Standard
from handrail.standards.waivers import Waiver, Waivers
from handrail.testing.cluster import cluster

__all__ = ["cluster"]
pytestmark = pytest.mark.engine
STANDARDS = {name: each for name, each in catalogue_of(acme(), None).items() if why_not(each) is None}


def as_written(standard: Standard) -> Standard:
    """As its file has it, whatever acme sets otherwise."""
    return replace(standard, tiers=standard.clause.tiers, severity=standard.clause.severity)


def expressible() -> Iterator[tuple[str, Case]]:
    """Every example that is one whole Kubernetes object, each with an environment of its own."""
    found = (case for standard in STANDARDS.values() for case in cases(as_written(standard)))
    for number, case in enumerate(found):
        resource = case.resources[0]
        known = not any(isinstance(leaf, Given) for _, leaf in leaves(resource.inputs))
        if known and resource.type.startswith("kubernetes:") and not resource.kind.startswith("Cluster"):
            yield f"parity-{number}", case


CASES = list(expressible())
API = "/apis/admissionregistration.k8s.io/v1"


@dataclass(frozen=True)
class Answer:
    """What an API server said."""

    code: int
    message: str
    warnings: str


class Server:
    """An API server that is asked to make objects, and makes none."""

    def __init__(self, plane: ControlPlane) -> None:
        self.api, self.url = plane.api, plane.url
        self._pool = urllib3.PoolManager(ca_certs=str(plane.folder / "ca.crt"), retries=False)
        self._headers = {"Authorization": f"Bearer {plane.token}", "Content-Type": "application/json"}

    def create(self, path: str, manifest: dict[str, Any]) -> Answer:
        """Ask for an object, as a dry run."""
        body = json.dumps(manifest).encode()
        answer = self._pool.request("POST", f"{self.url}{path}?dryRun=All", body=body, headers=self._headers)
        found = answer.json()
        return Answer(answer.status, str(found.get("message", "")), answer.headers.get("Warning", ""))

    def install(self, policy: Policy) -> None:
        """A policy and its binding."""
        for kind, spec in (("Policy", policy.spec), ("PolicyBinding", policy.binding)):
            head = {"apiVersion": API.removeprefix("/apis/"), "kind": f"ValidatingAdmission{kind}"}
            manifest = {**head, "metadata": {"name": policy.name}, "spec": spec}
            path = f"{API}/validatingadmission{'policies' if kind == 'Policy' else 'policybindings'}"
            code, said = self.api.request("POST", path, manifest)
            assert code == 201, said

    def namespace(self, name: str) -> None:
        """A namespace of an environment, with an account for its pods."""
        metadata = {"name": name, "labels": {ENVIRONMENT: name}}
        assert self.api.request("POST", "/api/v1/namespaces", {"metadata": metadata})[0] == 201
        path = f"/api/v1/namespaces/{name}/serviceaccounts"
        assert self.api.request("POST", path, {"metadata": {"name": NAME}})[0] == 201


def asked(environment: str, case: Case) -> tuple[str, dict[str, Any]]:
    """The request that makes an example's object, in its own namespace."""
    resource = case.resources[0]
    manifest = json.loads(json.dumps(Subject(resource).manifest))
    api_version, kind = api_of(resource.type)
    root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
    metadata = manifest["metadata"]
    metadata.setdefault("labels", {})
    if kind == "Namespace":
        metadata["labels"] = {**metadata["labels"], ENVIRONMENT: environment}
        return f"{root}/namespaces", manifest
    metadata["namespace"] = environment
    return f"{root}/namespaces/{environment}/{plural(kind)}", manifest


def until(ask: Callable[[], Answer], holds: Callable[[Answer], bool], seconds: float) -> Answer:
    """The first answer that is as it should be, or the last there was time for."""
    deadline = time.monotonic() + seconds
    while not holds(answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


@pytest.fixture(scope="module")
def server(cluster: ControlPlane) -> Server:
    """The API server with every standard of every example, each in an environment of its own."""
    found = Server(cluster)
    for environment, case in CASES:
        found.namespace(environment)
        for policy in policies(replace(case.contract, environment=environment)):
            found.install(policy)
    time.sleep(3)  # a new policy acts after some tenths of a second
    return found


@pytest.mark.parametrize(("environment", "case"), CASES, ids=[f"{c.standard.id}-{c.name}" for _, c in CASES])
def test_an_example_has_its_verdict_at_admission(environment: str, case: Case, server: Server) -> None:
    """A violation is denied, or warned of, in the judge's own words; whatever else is admitted without a word."""
    path, manifest = asked(environment, case)
    if case.example.verdict is not Verdict.VIOLATION:
        answer = server.create(path, manifest)
        assert (answer.code, answer.warnings) == (201, ""), answer.message
        return
    advisory = case.standard.severity is Severity.ADVISORY
    wanted = 201 if advisory else 403
    answer = until(
        lambda: server.create(path, manifest),
        lambda it: it.code == wanted and (not advisory or bool(it.warnings)),
        10,
    )
    assert answer.code == wanted, answer.message
    said = answer.warnings if advisory else answer.message
    assert f"handrail-{case.standard.id}-{environment}" in said
    assert case.findings[0].message in said.replace('\\"', '"').replace("\\\\", "\\")


def test_every_kind_is_served_by_its_plural(server: Server) -> None:
    """A rule for a resource that nobody serves would let everything through."""
    for token in sorted({token for each in STANDARDS.values() for token in each.types}):
        api_version, kind = api_of(token)
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        code, found = server.api.request("GET", root)
        assert code == 200, token
        assert (plural(kind), kind) in {(each["name"], each["kind"]) for each in found["resources"]}


def waived(standard: Standard, environment: str, ends: datetime) -> Contract:
    """An environment in which a standard is waived for the sample's workload."""
    waiver = Waiver.model_construct(
        id="w", standard=standard.id, workload=f"payments/{NAME}", environment=environment, reason="", owner="",
        approver="", granted="2026-01-01", expires=f"{ends:%Y-%m-%d}", compensating_control="",
    )  # fmt: skip
    return Contract(environment, standard.tiers[-1], (standard,), Waivers((waiver,)))


@pytest.mark.parametrize(("days", "code"), [(2, 201), (-2, 403)], ids=["holds", "has ended"])
def test_a_waiver_ends_in_the_cluster_too(days: int, code: int, server: Server) -> None:
    """By the API server's own clock; another workload is refused all the time."""
    standard = as_written(STANDARDS["images-by-digest"])
    environment = f"waived-{code}"
    server.namespace(environment)
    for policy in policies(waived(standard, environment, datetime.now(UTC) + timedelta(days=days))):
        server.install(policy)
    case = next(each for each in cases(standard) if each.verdict is Verdict.VIOLATION)
    path, manifest = asked(environment, case)
    answer = until(lambda: server.create(path, manifest), lambda it: it.code == code, 20)
    assert answer.code == code, answer.message
    manifest["metadata"]["labels"]["app.kubernetes.io/instance"] = "another"
    answer = until(lambda: server.create(path, manifest), lambda it: it.code == 403, 20)
    assert "no digest in" in answer.message
