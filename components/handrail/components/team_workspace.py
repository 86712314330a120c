"""TeamWorkspace: what a team gets in one environment before it deploys anything."""

from collections.abc import Iterator
from typing import Any

from handrail.components._definition import Definition, Plan, Spec, Workload
from handrail.components._labels import PREFIX
from handrail.components.resource_flavors import DEFAULT_FLAVOR
from handrail.core.resources import Resource
from handrail.core.units import Cpu, Memory
from handrail.organisation import Capability, Context, Team
from handrail.organisation.model import Quota
from handrail.standards import KUBERNETES_VERSION

_READ = ["get", "list", "watch"]
_WORKLOADS = {
    "apps": ["deployments", "replicasets", "statefulsets"],
    "batch": ["cronjobs", "jobs"],
    "autoscaling": ["horizontalpodautoscalers"],
    "": ["pods", "pods/log", "services", "events", "configmaps", "persistentvolumeclaims", "resourcequotas"],
    "networking.k8s.io": ["networkpolicies"],
    "gateway.networking.k8s.io": ["httproutes"],
    "external-secrets.io": ["externalsecrets"],
    "kueue.x-k8s.io": ["localqueues", "workloads"],
    "keda.sh": ["scaledobjects"],
    "monitoring.coreos.com": ["servicemonitors", "podmonitors", "prometheusrules"],
    "cert-manager.io": ["certificates"],
}
# Objects besides cpu, memory and accelerators that a namespace may hold, in ResourceQuota's spelling; a team's quota
# raises or lowers each. Load balancers and node ports open a way past the gateway.
_OBJECTS = {
    "pods": 200,
    "services": 100,
    "services.loadbalancers": 0,
    "services.nodeports": 0,
    "persistentvolumeclaims": 50,
    "configmaps": 500,
    "secrets": 200,
    "count/jobs.batch": 500,
    "count/cronjobs.batch": 100,
}
# What a persona may do by hand beyond reading: deploying is the pipeline's, so no one writes workloads here.
_BY_HAND: dict[str, list[tuple[str, str, list[str]]]] = {
    "app-developer": [("", "pods/portforward", ["create"]), ("batch", "jobs", ["create", "delete"])],
    "ml-engineer": [("", "pods/portforward", ["create"]), ("batch", "jobs", ["create", "delete"])],
    "data-scientist": [
        ("", "pods/portforward", ["create"]),
        ("batch", "jobs", ["create", "delete"]),
        ("apps", "statefulsets/scale", ["get", "patch", "update"]),  # a notebook that stopped itself is started again
    ],
}


class TeamWorkspaceSpec(Spec):
    """A team's namespace with its quota, defaults, shut network and access rights."""

    owner: str
    """The team, one of the organisation's."""
    cpu: Cpu = Cpu.parse("200m")
    """Requested cpu of a container that says nothing; default 200m (Kyverno's add-ns-quota)."""
    cpu_limit: Cpu = Cpu.parse("500m")
    """Most cpu of a container that says nothing; default 500m (Kyverno's add-ns-quota)."""
    memory: Memory = Memory.parse("256MiB")
    """Requested memory of a container that says nothing; default 256MiB (Kyverno's add-ns-quota)."""
    memory_limit: Memory = Memory.parse("1GiB")
    """Most memory of a container that says nothing; default 1GiB (Kyverno's add-ns-quota)."""

    def team(self, context: Context) -> str:
        """The team that the workspace is for; the stack is the platform team's."""
        return self.owner


def plan(workload: Workload[TeamWorkspaceSpec]) -> Plan:
    """The workspace's resources."""
    namespace = _namespace(workload)
    inside = [
        _quota(workload),
        _limits(workload),
        _default_deny(workload),
        *_access(workload),
        *_reviews(workload),
        *_queues(workload),
    ]
    advisories = [] if _team(workload).members else [f"team {workload.context.team} has no members: nobody gets access"]
    return Plan((namespace, *inside), {"namespace": workload.namespace}, tuple(advisories))


COMPONENT = Definition(
    name="TeamWorkspace",
    spec=TeamWorkspaceSpec,
    plan=plan,
    outputs={"namespace": "The team's Kubernetes namespace in this environment, <team>-<environment>."},
)


def _team(workload: Workload[TeamWorkspaceSpec]) -> Team:
    return workload.context.organisation.teams[workload.spec.owner]


def _namespace(workload: Workload[TeamWorkspaceSpec]) -> Resource:
    # the version is pinned, so that raising the cluster's does not change what is admitted
    labels = {
        f"pod-security.kubernetes.io/{mode}{suffix}": value
        for mode in ("enforce", "audit", "warn")
        for suffix, value in (("", "restricted"), ("-version", f"v{KUBERNETES_VERSION}"))
    }
    budget, currency = _team(workload).monthly_budget, workload.context.organisation.prices.currency
    notes = {} if budget is None else {"annotations": {f"{PREFIX}/monthly-budget": f"{budget:.10g} {currency}"}}
    manifest = {"metadata": {"name": workload.namespace, "labels": labels, **notes}}
    return Resource(f"{workload.name}-namespace", "kubernetes:core/v1:Namespace", manifest)


def _inside(workload: Workload[Any], role: str, type_: str, name: str, **body: Any) -> Resource:
    metadata = {"name": name, "namespace": workload.namespace}
    return Resource(
        f"{workload.name}-{role}",
        f"kubernetes:{type_}",
        {"metadata": metadata, **body},
        (f"{workload.name}-namespace",),
    )


def _quota(workload: Workload[TeamWorkspaceSpec]) -> Resource:
    quota, catalogue = _team(workload).quota, workload.context.organisation.accelerators
    hard = {
        f"{side}.{what}": str(amount)
        for side in ("requests", "limits")
        for what, amount in (("cpu", quota.cpu), ("memory", quota.memory))
    }
    hard |= {"requests.storage": str(quota.storage)}
    hard |= {kind: str(count) for kind, count in {**_OBJECTS, **quota.objects}.items()}
    # Kueue does not look at ResourceQuota: with it, accelerators are counted in the ClusterQueue alone
    if not workload.context.cluster.has(Capability.KUEUE):
        counts: dict[str, int] = {f"requests.{kind.resource}": 0 for kind in catalogue.values()}
        for kind, count in quota.accelerators.items():
            counts[f"requests.{catalogue[kind].resource}"] += count
        hard |= {resource: str(count) for resource, count in counts.items()}
    return _inside(workload, "quota", "core/v1:ResourceQuota", "quota", spec={"hard": hard})


def _limits(workload: Workload[TeamWorkspaceSpec]) -> Resource:
    spec = workload.spec
    limit = {
        "type": "Container",
        "defaultRequest": {"cpu": str(spec.cpu), "memory": str(spec.memory)},
        "default": {"cpu": str(spec.cpu_limit), "memory": str(spec.memory_limit)},
    }
    return _inside(workload, "limits", "core/v1:LimitRange", "limits", spec={"limits": [limit]})


def _default_deny(workload: Workload[TeamWorkspaceSpec]) -> Resource:
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return _inside(workload, "default-deny", "networking.k8s.io/v1:NetworkPolicy", "default-deny", spec=spec)


def _access(workload: Workload[TeamWorkspaceSpec]) -> Iterator[Resource]:
    owner = _team(workload)
    rules: list[dict[str, Any]] = [
        {"apiGroups": [group], "resources": resources, "verbs": _READ} for group, resources in _WORKLOADS.items()
    ]
    rules += [
        {"apiGroups": [group], "resources": [resource], "verbs": verbs}
        for group, resource, verbs in _BY_HAND.get(owner.persona, [])
    ]
    group = "rbac.authorization.k8s.io"
    yield _inside(workload, "role", f"{group}/v1:Role", owner.persona, rules=rules)
    if owner.members:
        yield _inside(
            workload,
            "role-binding",
            f"{group}/v1:RoleBinding",
            "members",
            roleRef={"apiGroup": group, "kind": "Role", "name": owner.persona},
            subjects=[{"apiGroup": group, "kind": "User", "name": member} for member in owner.members],
        )


def _reviews(workload: Workload[TeamWorkspaceSpec]) -> Iterator[Resource]:
    """Endpoints' proxies may ask the API server who calls and whether they may."""
    if not _team(workload).quota.accelerators:
        return
    group, name = "rbac.authorization.k8s.io", f"{workload.namespace}-auth-delegator"
    accounts = {"apiGroup": group, "kind": "Group", "name": f"system:serviceaccounts:{workload.namespace}"}
    yield Resource(
        f"{workload.name}-auth-delegator",
        f"kubernetes:{group}/v1:ClusterRoleBinding",
        {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "system:auth-delegator"},
            "subjects": [accounts],
        },
    )


def _queues(workload: Workload[TeamWorkspaceSpec]) -> Iterator[Resource]:
    """The team's ClusterQueue, and LocalQueue `default` before it: Kueue takes it where a workload names none."""
    context = workload.context
    if not context.cluster.has(Capability.KUEUE):
        return
    queue = workload.namespace
    metadata = {"name": queue}
    spec = {
        "cohortName": f"{context.organisation.name}-{context.environment}",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": workload.namespace}},
        "resourceGroups": _resource_groups(_team(workload).quota, context),
    }
    yield Resource(
        f"{workload.name}-cluster-queue",
        "kubernetes:kueue.x-k8s.io/v1beta2:ClusterQueue",
        {"metadata": metadata, "spec": spec},
    )
    local = {"metadata": {"name": "default", "namespace": workload.namespace}, "spec": {"clusterQueue": queue}}
    yield Resource(
        f"{workload.name}-queue",
        "kubernetes:kueue.x-k8s.io/v1beta2:LocalQueue",
        local,
        (f"{workload.name}-namespace", f"{workload.name}-cluster-queue"),
    )


def _resource_groups(quota: Quota, context: Context) -> list[dict[str, Any]]:
    """One group for cpu, memory and accelerators: in separate groups Kueue admits what no one node can hold."""
    catalogue = context.organisation.accelerators
    resources = sorted({kind.resource for kind in catalogue.values()})
    flavors = [(DEFAULT_FLAVOR, None), *((name, name) for name in quota.accelerators)]

    def nominal(resource: str, accelerator: str | None) -> str:
        if resource in ("cpu", "memory"):
            return str(getattr(quota, resource))
        counted = accelerator is not None and catalogue[accelerator].resource == resource
        return str(quota.accelerators[accelerator]) if counted and accelerator else "0"

    covered = ["cpu", "memory", *resources]
    return [
        {
            "coveredResources": covered,
            "flavors": [
                {"name": flavor, "resources": [{"name": r, "nominalQuota": nominal(r, accelerator)} for r in covered]}
                for flavor, accelerator in flavors
            ],
        }
    ]
