"""What acme's network policies really allow, by the field's own policy evaluator."""

from itertools import product
from typing import Any

import pytest
from network_policies import Pod, Traffic, allowed

from handrail.components._network import team_and_name
from handrail.core.project import Project
from handrail.organisation import Organisation
from handrail.personas._stack import StackPlan, plan_stack

KUBE_DNS = Pod("kube-system", {"k8s-app": "kube-dns"})


@pytest.fixture(scope="module")
def plans() -> list[StackPlan]:
    """The dev stacks of acme."""
    project = Project.find()
    stacks = [project.stack(name) for name in project.stacks() if name.endswith("-dev")]
    return [plan_stack(stack.config, root=project.root, stack=stack.name) for stack in stacks]


@pytest.fixture(scope="module")
def manifests(plans: list[StackPlan]) -> list[dict[str, Any]]:
    """Everything the dev stacks would register, with apiVersion and kind."""
    found = []
    for resource in (r for plan in plans for prepared in plan.prepared for r in prepared.plan.resources):
        _, version, kind = resource.type.split(":")
        found.append({"apiVersion": version.removeprefix("core/"), "kind": kind, **resource.inputs})
    return found


@pytest.fixture(scope="module")
def pods(manifests: list[dict[str, Any]]) -> dict[str, Pod]:
    """`team/workload` → its pods."""
    made = [m for m in manifests if m["kind"] in ("Deployment", "StatefulSet", "CronJob")]
    return {f"{m['metadata']['labels']['handrail.dev/team']}/{m['metadata']['name']}": Pod.of(m) for m in made}


@pytest.fixture(scope="module")
def ports(plans: list[StackPlan]) -> dict[str, int]:
    """`team/workload` → the port it listens on; a job listens nowhere, so any will do."""
    fixed = {"GpuInferenceEndpoint": 8443, "NotebookEnv": 4180, "BatchJob": 80}
    return {
        f"{plan.context.team}/{p.name}": fixed.get(p.definition.name) or p.workload.spec.port
        for plan in plans
        if plan.file
        for p in plan.prepared
    }


def judge(manifests: list[dict[str, Any]], traffics: list[Traffic], acme: Organisation) -> list[bool]:
    """Whether each traffic passes all of acme's policies."""
    policies = [m for m in manifests if m["kind"] == "NetworkPolicy"]
    namespaces = [m for m in manifests if m["kind"] == "Namespace"]
    others = {
        "kube-system",
        "gateway-system",
        "monitoring",
        "default",
        *(s.namespace for s in acme.services.named().values()),
    }
    namespaces += [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(others)]
    return allowed(policies, namespaces, traffics)


def test_every_declared_path_is_open_and_every_other_shut(
    plans: list[StackPlan],
    manifests: list[dict[str, Any]],
    pods: dict[str, Pod],
    ports: dict[str, int],
    acme: Organisation,
) -> None:
    """Between all pairs of workloads, over teams: open just where the caller calls and the callee lets it."""
    calls, callers = set(), set()
    for plan in plans:
        for prepared in plan.prepared if plan.file else ():
            me, spec = f"{plan.context.team}/{prepared.name}", prepared.workload.spec
            calls |= {(me, "/".join(team_and_name(peer, plan.context.team))) for peer in spec.calls}
            callees = getattr(spec, "callers", [])  # nobody calls a job or a notebook
            callers |= {("/".join(team_and_name(peer, plan.context.team)), me) for peer in callees}
    pairs = [(a, b) for a, b in product(pods, pods) if a != b]
    found = judge(manifests, [Traffic(pods[a], pods[b], ports[b]) for a, b in pairs], acme)
    assert {pair for pair, is_open in zip(pairs, found, strict=True) if is_open} == calls & callers
    assert len(calls & callers) == len(calls) == 14


def test_only_the_declared_port_is_open(
    manifests: list[dict[str, Any]], pods: dict[str, Pod], ports: dict[str, int], acme: Organisation
) -> None:
    """A declared caller reaches no other port."""
    a, b = pods["payments/checkout"], pods["payments/ledger"]
    traffics = [
        Traffic(a, b, ports["payments/ledger"]),
        Traffic(a, b, 22),
        Traffic(a, b, ports["payments/ledger"], "UDP"),
    ]
    assert judge(manifests, traffics, acme) == [True, False, False]


def test_dns_and_the_organisations_services_are_open_to_all(
    manifests: list[dict[str, Any]], pods: dict[str, Pod], acme: Organisation
) -> None:
    """Names resolve, and telemetry, tracking, lineage and the object store are reached, on their ports alone."""
    for pod in pods.values():
        assert judge(manifests, [Traffic(pod, KUBE_DNS, 53, "UDP"), Traffic(pod, KUBE_DNS, 53)], acme) == [True, True]
        services = acme.services.named().values()
        assert judge(manifests, [Traffic(pod, Pod(s.namespace, {}), s.port) for s in services], acme) == [True] * 4
        assert judge(manifests, [Traffic(pod, Pod(s.namespace, {}), 1) for s in services], acme) == [False] * 4


def test_from_outside_only_the_gateway_and_the_scrapers(
    manifests: list[dict[str, Any]], pods: dict[str, Pod], ports: dict[str, int], acme: Organisation
) -> None:
    """What is routed is open to the gateway, services to the scrapers, nothing to a stranger or the internet."""
    gateway, scraper, stranger = (Pod(n, {"app": "x"}) for n in ("gateway-system", "monitoring", "default"))
    routed = {"payments/checkout", "storefront/web", "storefront/catalogue", "churn/explore", "churn/deep-dive"}
    services = {
        "payments/checkout", "payments/ledger", "payments/refunds",
        "storefront/web", "storefront/catalogue", "storefront/search",
    }  # fmt: skip
    for name, pod in pods.items():
        traffics = [Traffic(source, pod, ports[name]) for source in (gateway, scraper, stranger, "203.0.113.9")]
        assert judge(manifests, traffics, acme) == [name in routed, name in services, False, False]


def test_an_endpoint_is_reached_through_its_proxy_alone(
    manifests: list[dict[str, Any]], pods: dict[str, Pod], acme: Organisation
) -> None:
    """Not at the model server's own port, but for the scrapers where it shows its metrics there."""
    web, assistant, scorer = pods["storefront/web"], pods["assist/assistant"], pods["churn/churn-scorer"]
    scraper = Pod("monitoring", {"app": "x"})
    traffics = [
        Traffic(web, assistant, 8443), Traffic(web, assistant, 8080),
        Traffic(scraper, assistant, 8080), Traffic(scraper, assistant, 8443),
        Traffic(web, scorer, 8443), Traffic(web, scorer, 8080), Traffic(scraper, scorer, 8080),
        Traffic(assistant, "10.0.0.1", 6443), Traffic(assistant, "10.0.0.1", 443),
    ]  # fmt: skip
    assert judge(manifests, traffics, acme) == [True, False, True, False, True, False, False, True, False]


def test_a_notebook_reaches_the_internet_and_no_metadata_service(
    manifests: list[dict[str, Any]], pods: dict[str, Pod], acme: Organisation
) -> None:
    """Public addresses, the API server and the sign-in; no private, link-local or shared address."""
    explore = pods["churn/explore"]
    ends = ["198.51.100.7", "169.254.169.254", "10.9.9.9", "172.20.0.1", "192.168.1.1", "100.100.100.200"]
    found = judge(manifests, [Traffic(explore, ip, 443) for ip in ends], acme)
    assert found == [True, False, False, False, False, False]
    assert judge(manifests, [Traffic(explore, "10.0.0.1", 6443)], acme) == [True]


def test_egress_is_shut_but_for_declared_blocks(
    manifests: list[dict[str, Any]], pods: dict[str, Pod], acme: Organisation
) -> None:
    """The metadata service and the internet are out of reach; the checkout database is not."""
    checkout = pods["payments/checkout"]
    ends = [
        ("10.20.0.7", 5432),
        ("10.20.0.7", 5433),
        ("10.20.1.7", 5432),
        ("169.254.169.254", 80),
        ("203.0.113.9", 443),
    ]
    assert judge(manifests, [Traffic(checkout, ip, port) for ip, port in ends], acme) == [
        True,
        False,
        False,
        False,
        False,
    ]
