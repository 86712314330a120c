"""What a stack requests and costs: acme's own workloads, reckoned by hand, and manifests of any shape."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import acme
from risky import RESOURCES, deployment
from spine import ROOT, planned

from handrail.core.resources import Given, Ref, Resource
from handrail.preview._quantities import quantity
from handrail.preview._schedules import runs_per_month
from handrail.preview.cost import HOURS, Cost, Usage, budget_row, cost_of, quota_rows, total

CPU, MEMORY, L4, A100 = 0.035, 0.004, 0.80, 3.70
"""acme's prices for an hour."""


def cost(*resources: Resource) -> Cost:
    """With acme's prices and catalogue."""
    return cost_of(resources, acme())


def about(cpu: float, memory_gib: float) -> Usage:
    """A usage of cpu and memory alone, as exact as floating point is."""
    return Usage(cpu=round(cpu, 9), memory_gib=round(memory_gib, 9))


def rounded(usage: Usage) -> Usage:
    """The same with amounts as exact as floating point is."""
    return replace(usage, cpu=round(usage.cpu, 9), memory_gib=round(usage.memory_gib, 9))


def test_services_cost_their_requests_between_the_fewest_and_the_most_replicas() -> None:
    """payments: checkout 2 to 20 and ledger 2 to 6, both 200m; refunds once; 256 MiB, ledger 512."""
    found = cost_of(planned(ROOT, "payments-prod"), acme())
    assert rounded(found.usage) == about(5 * 0.2, 2 * 0.25 + 2 * 0.5 + 0.25)
    assert rounded(found.most) == about(27 * 0.2, 20 * 0.25 + 6 * 0.5 + 0.25)
    assert found.monthly == pytest.approx((1.0 * CPU + 1.75 * MEMORY) * 730)
    assert found.at_most == pytest.approx((5.4 * CPU + 8.25 * MEMORY) * 730)
    assert (found.currency, found.unpriced) == ("EUR", ())


def test_endpoints_cost_their_accelerators_and_jobs_their_dates_until_the_deadline() -> None:
    """fraud: fraud-scorer 2 to 4 and transaction-embedder 1 to 2, each on one l4; retrain on Mondays for up to 6 h."""
    found = cost_of(planned(ROOT, "fraud-prod"), acme())
    assert found.usage.accelerators == {"l4": 3}
    assert found.most.accelerators == {"l4": 4 + 2 + 1}
    # an endpoint: 2 cores and 8 GiB by default, with a proxy of 20m and 32 MiB; retrain: 8 cores, 32 GiB
    pod_cpu, pod_memory = 2 + 0.02, 8 + 32 / 1024
    pod = pod_cpu * CPU + pod_memory * MEMORY + L4
    assert found.monthly == pytest.approx(3 * pod * 730)
    retrain = (8 * CPU + 32 * MEMORY + L4) * 6 * 52 / 12  # 52 Mondays in the year that is counted
    assert found.at_most == pytest.approx(6 * pod * 730 + retrain)
    # backfill-scores is on demand: its 8 pods count for the quota, not for the bill
    assert found.most.cpu == pytest.approx(6 * pod_cpu + 8 + 8 * 2)


def test_a_notebook_costs_while_it_runs_and_its_volume_has_no_price() -> None:
    """churn: explore (2 cores, 8 GiB) and deep-dive (4, 24, an l4) stop themselves; train nightly for up to 24 h."""
    found = cost_of(planned(ROOT, "churn-prod"), acme())
    endpoint = (2.02 * CPU + (8 + 32 / 1024) * MEMORY + L4) * 730
    assert found.monthly == pytest.approx(endpoint)
    proxies = found.most.cpu - (2.02 + 2 + 4 + 1)
    assert proxies == pytest.approx(2 * 0.02)  # each notebook has its sign-in
    notebooks = (6.04 * CPU + (32 + 2 * 32 / 1024) * MEMORY + L4) * 730
    train = (1 * CPU + 16 * MEMORY + L4) * min(24 * 365 / 12, 730)
    assert found.at_most == pytest.approx(endpoint + notebooks + train)
    assert found.usage.storage_gib == 10 + 50
    assert found.unpriced == ("storage is counted and not priced: organisation.yaml has no price for it",)


def test_the_kind_of_an_accelerator_is_told_by_the_nodes() -> None:
    """assist's endpoint asks for the nodes of the a100; l4 is the same extended resource."""
    found = cost_of(planned(ROOT, "assist-dev"), acme())
    assert found.usage.accelerators == {"a100": 1}
    pod: dict[str, Any] = {"resources": {"limits": {"nvidia.com/gpu": "2"}}}
    by_hand = deployment(pod, replicas=3, spec={"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"}})
    assert cost(by_hand).usage.accelerators == {"l4": 6}
    assert cost(by_hand).monthly == pytest.approx(6 * L4 * 730)
    unclear = cost(deployment(pod))
    assert unclear.usage.accelerators == {"a100": 2}
    assert unclear.unpriced == ("which of l4, a100 is used (the dearest is counted) of web is not known",)


def test_a_pod_requests_what_the_scheduler_counts() -> None:
    """Limits stand for requests that are left out; what starts first counts where it needs more; sidecars add up."""
    main = {"name": "main", "resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": 2, "memory": "1Gi"}}}
    first = {"name": "migrate", "resources": {"requests": {"cpu": "3", "memory": "256Mi"}}}
    beside = {"name": "proxy", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}
    found = cost(deployment(main, spec={"initContainers": [beside, first]}))
    assert rounded(found.usage) == about(3.1, 1 + 64 / 1024)
    whole = cost(deployment(main, spec={"resources": {"requests": {"cpu": "4"}}, "overhead": {"memory": "1Gi"}}))
    assert whole.usage == Usage(cpu=4, memory_gib=2)


@pytest.mark.parametrize(
    ("autoscaler", "fewest", "most"),
    [
        (("autoscaling/v2:HorizontalPodAutoscaler", {"minReplicas": 2, "maxReplicas": 8}), 2, 8),
        (("autoscaling/v2:HorizontalPodAutoscaler", {"maxReplicas": 8}), 1, 8),
        (("keda.sh/v1alpha1:ScaledObject", {"minReplicaCount": 1, "maxReplicaCount": 3}), 1, 3),
        (("keda.sh/v1alpha1:ScaledObject", {}), 0, 100),
    ],
)
def test_an_autoscaler_of_any_kind_stands_for_the_replicas(autoscaler: Any, fewest: int, most: int) -> None:
    """With each kind's own defaults; it is found by what it scales."""
    kind, spec = autoscaler
    spec = {**spec, "scaleTargetRef": {"name": "web", "kind": "Deployment"}}
    metadata = {"name": "scaler", "namespace": "team-dev"}
    scaler = Resource("scaler", f"kubernetes:{kind}", {"metadata": metadata, "spec": spec})
    web = deployment({"resources": {"requests": {"cpu": "1"}}})
    found = cost(web, scaler)
    assert (found.usage.cpu, found.most.cpu) == (fewest, most)
    elsewhere = Resource("scaler", scaler.type, {**scaler.inputs, "metadata": {**metadata, "namespace": "other"}})
    assert cost(web, elsewhere).most.cpu == 1


def cron_job(schedule: Any, **spec: Any) -> Resource:
    """A CronJob of one core."""
    container = {"name": "run", "resources": {"requests": {"cpu": "1"}}}
    job = {"activeDeadlineSeconds": 3600, "template": {"spec": {"containers": [container]}}, **spec.pop("job", {})}
    inputs = {"metadata": {"name": "run"}, "spec": {"schedule": schedule, "jobTemplate": {"spec": job}, **spec}}
    return Resource("run", "kubernetes:batch/v1:CronJob", inputs)


def test_a_job_costs_its_dates_until_its_deadline() -> None:
    """Nothing on demand; never more than a whole month where runs do not overlap; without a deadline, that is said."""
    hourly = cost(cron_job("@hourly"))
    assert hourly.monthly == 0
    assert hourly.at_most == pytest.approx(8760 / 12 * CPU)
    assert hourly.usage.cpu == 0
    assert hourly.most.cpu == 1
    assert cost(cron_job("* * * * *", concurrencyPolicy="Forbid")).at_most == pytest.approx(730 * CPU)
    assert cost(cron_job("* * * * *")).at_most == pytest.approx(60 * 730 * CPU)
    assert cost(cron_job("@hourly", suspend=True)).at_most == 0
    endless = cost(cron_job("@daily", job={"activeDeadlineSeconds": None, "parallelism": 4}))
    assert endless.at_most == pytest.approx(4 * 730 * CPU)
    assert endless.unpriced == ("how long a run of run may take: it has no deadline is not known",)


@pytest.mark.parametrize(
    ("schedule", "runs"),
    [
        ("0 2 * * *", 365 / 12), ("*/5 * * * *", 12 * 730), ("0 3 * * 1", 52 / 12), ("@monthly", 1), ("@yearly", 1 / 12),
        ("0 0 31 2 *", None), ("0 0 13 * 5", (53 + 12 - 1) / 12), ("nonsense", None), ("", None), (None, None), (7, None),
    ],
)  # fmt: skip
def test_the_dates_of_a_month(schedule: Any, runs: float | None) -> None:
    """A year's by twelve; a day of the month or of the week, where both are written."""
    assert runs_per_month(schedule) == (None if runs is None else pytest.approx(runs))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("250m", 0.25), ("2", 2), (2, 2), (0.5, 0.5), ("1.5", 1.5), ("16Gi", 16 * 1024**3), ("1k", 1000), ("1e3", 1000),
        ("100Mi", 100 * 1024**2), ("1E", 1e18), (".5", 0.5), ("5.", 5), ("", None), ("Gi", None), ("1GiB", None),
        (True, None), (None, None), (float("nan"), None), (Given(None), None), ("1 Gi", None), ("1ee3", None), ("-1", None), ("+2", 2),
    ],
)  # fmt: skip
def test_quantities_are_read_as_kubernetes_reads_them(text: Any, number: float | None) -> None:
    """And what is none is none."""
    assert quantity(text) == (None if number is None else pytest.approx(number))


def test_quotas_and_the_budget_before_and_after() -> None:
    """Over the limit at the fewest, or at the most; a kind that the quota lacks has the limit 0."""
    team = acme().teams["fraud"]
    before, after = (cost_of(planned(ROOT, stack), acme()) for stack in ("fraud-dev", "fraud-prod"))
    rows = {row.resource: row for row in quota_rows(before, after, team)}
    assert list(rows) == ["cpu", "memory", "storage", "l4"]
    l4 = rows["l4"]
    assert (l4.before, l4.after, l4.limit, l4.at_most) == (3, 3, 6, 7)
    assert not l4.over
    assert l4.may_exceed  # while the weekly training runs at both endpoints' most
    assert rows["memory"].limit == 320
    big = cost(deployment({"resources": {"requests": {"cpu": "61"}, "limits": {"nvidia.com/gpu": "1"}}}))
    over = {row.resource for row in quota_rows(before, big, team) if row.over}
    assert over == {"cpu", "a100"}
    three = total([cost_of(planned(ROOT, f"fraud-{each}"), acme()) for each in ("dev", "staging", "prod")])
    budget = budget_row(three, three, team)
    assert (budget.resource, budget.limit) == ("budget", 9000)
    assert budget.after == pytest.approx(3 * after.monthly)
    assert not budget.over
    assert budget.may_exceed is (three.at_most > 9000)


def test_what_has_no_price_is_said() -> None:
    """Never left out of the sum in silence."""
    balancer = Resource(
        "in", "kubernetes:core/v1:Service", {"metadata": {"name": "in"}, "spec": {"type": "LoadBalancer"}}
    )
    database = Resource("db", "aws:rds/instance:Instance", {})
    later = deployment({"resources": {"requests": {"cpu": Ref("a", "b"), "memory": Given(None)}}}, replicas=Given(None))
    daemon = Resource("agent", "kubernetes:apps/v1:DaemonSet", {"metadata": {"name": "agent"}})
    free = Resource("role", "aws:iam/role:Role", {})
    assert cost(balancer, database, later, daemon, free).unpriced == (
        "Service in: organisation.yaml has no price for a load balancer",
        "Instance db: organisation.yaml has no price for aws:rds",
        "how much cpu main requests of web is not known",
        "how much memory main requests of web is not known",
        "how many pods web has is not known",
        "agent runs on every node, and how many there are is not known here",
    )


@settings(deadline=None)
@given(st.lists(RESOURCES, max_size=4))
def test_no_shape_is_too_odd(resources: list[Resource]) -> None:
    """A cost for anything that a program may register, the same for the same, and never less than nothing."""
    found = cost(*resources)
    assert found == cost(*copy.deepcopy(resources))
    assert 0 <= found.monthly <= found.at_most + 1e-6
    assert HOURS == 730
