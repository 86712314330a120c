"""NotebookEnv: JupyterLab with a volume, for a team's own people, that stops itself when nobody works in it."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import StringConstraints, model_validator

from handrail.components import _start_notebook
from handrail.components._accelerators import (
    accelerator_labels,
    accelerator_of,
    check_accelerator,
    limits,
    placement,
    queue_labels,
)
from handrail.components._api_server import ACCOUNT, account_volume, api_server_egress, check_api_server
from handrail.components._data import data_environment
from handrail.components._definition import Definition, Derived, Found, Plan, Text, Workload
from handrail.components._labels import selector
from handrail.components._network import egress, ingress, namespace_peer, tcp
from handrail.components._parts import external_secret, network_policy, resource, service_account
from handrail.components._pod_spec import ConnectedSpec, DatasetUri, check_pod
from handrail.components._pods import container, pod
from handrail.components._sign_in import METRICS_PORT, host, sign_in_proxy, sign_in_resources, signs_in
from handrail.components._sign_in import PORT as SIGN_IN_PORT
from handrail.components._telemetry.dashboards import gpu_panels, notebook_panels, resource_panels
from handrail.components._telemetry.monitors import pod_monitor
from handrail.components._telemetry.observe import observe
from handrail.components.workload_priorities import Priority
from handrail.core.addresses import block_and_port
from handrail.core.errors import Problem
from handrail.core.models import unknown_word
from handrail.core.resources import Resource
from handrail.core.units import Duration, Memory
from handrail.organisation import NotebookProfile

_PORT = 8888
_OWN_PORT = {
    "ports": [{"name": "http", "containerPort": _PORT, "protocol": "TCP"}],
    "readinessProbe": {"httpGet": {"path": "/api", "port": "http"}, "periodSeconds": 5},
}
_HOME, _START = "/home/jovyan", "/opt/handrail"  # jupyter/docker-stacks' own home
# everything but private, link-local and shared addresses: the metadata service is among them (z2jh's default)
_PUBLIC = {
    "0.0.0.0/0": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"],
    "::/0": ["fc00::/7", "fe80::/10"],
}


class NotebookEnvSpec(ConnectedSpec):
    """A JupyterLab of the team's own: StatefulSet, volume, sign-in, idle stop, tracking and lineage settings."""

    image: Text
    """The container image with JupyterLab and the team's libraries; its jobs and endpoints can use the same one."""
    size: Annotated[str, StringConstraints(min_length=1)] = "small"
    """The size of its machine, one of the organisation's notebook profiles: cpu, memory, accelerator; default small."""
    storage: Memory = Memory.parse("10GiB")
    """The volume at /home/jovyan that outlives every stop; default 10GiB (z2jh)."""
    idle_stop: Duration | None = None
    """Stopped when no kernel and no terminal did anything for so long; default: the profile's, 6h, with an accelerator
    2h."""
    run_time_cap: Duration | None = None
    """Stopped after so long whatever runs, at most the profile's; default: the profile's, 24h, with an accelerator
    12h."""
    datasets: list[DatasetUri] = []
    """The datasets that it works on, by URI, as s3://acme-lake/customers."""
    internet: bool = True
    """Whether it may reach public addresses, to install packages; never private ones or the metadata service; default
    true (z2jh)."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.idle_stop is not None and self.idle_stop.seconds < 60:
            raise ValueError(f"idle_stop ({self.idle_stop}) is less than 1m")
        if self.run_time_cap is not None and self.run_time_cap.seconds < 60:
            raise ValueError(f"run_time_cap ({self.run_time_cap}) is less than 1m")
        return self


def profiles_of(workload: Workload[NotebookEnvSpec]) -> dict[str, NotebookProfile]:
    """The profiles that the team may choose."""
    context = workload.context
    chosen = getattr(context.owner, "notebook_profiles", None)
    quota = getattr(context.owner, "quota", None)
    has = quota.accelerators if quota else {}
    return {
        name: profile
        for name, profile in context.organisation.notebook_profiles.items()
        if (name in chosen if chosen is not None else not profile.accelerator or has.get(profile.accelerator))
    }


def check(workload: Workload[NotebookEnvSpec]) -> Found:
    """What needs the organisation to tell."""
    spec, profiles = workload.spec, profiles_of(workload)
    yield from check_pod(workload)
    yield from check_api_server(workload, "stops itself through the API server")
    if spec.size not in profiles:
        noun = f"notebook profile of team {workload.context.team}"
        yield ("size",), unknown_word(spec.size, profiles, "", None, noun=noun)
        return
    profile = profiles[spec.size]
    yield from check_accelerator(workload, profile.accelerator, profile.accelerators, "size")
    cap = spec.run_time_cap or profile.cap
    if cap > profile.cap:
        yield (
            ("run_time_cap",),
            Problem(f"is longer than {spec.size} may run", given=str(cap), allowed=f"at most {profile.cap}"),
        )
    if spec.idle_stop and spec.idle_stop > cap:
        yield (
            ("idle_stop",),
            Problem("is longer than it may run at all", given=str(spec.idle_stop), allowed=f"at most {cap}"),
        )


def plan(workload: Workload[NotebookEnvSpec]) -> Plan:
    """The notebook's resources."""
    spec, context = workload.spec, workload.context
    profile = profiles_of(workload)[spec.size]
    signed_in = signs_in(workload)
    port, scraped = (SIGN_IN_PORT, [METRICS_PORT]) if signed_in else (_PORT, None)
    inbound = ingress(context, port, [], routed=signed_in, scraped=scraped)
    resources = [service_account(workload), network_policy(workload, inbound, _outbound(workload, signed_in=signed_in))]
    resources += [*external_secret(workload), *_stop_access(workload), *_files(workload)]
    resources += sign_in_resources(workload) if signed_in else []
    after = tuple(found.name for found in resources)
    resources.append(_stateful_set(workload, profile, after, signed_in=signed_in))

    panels = [*notebook_panels(), *(gpu_panels() if profile.accelerator else []), *resource_panels()]
    monitor = pod_monitor(workload, "metrics" if signed_in else "http", "/metrics")
    observed, left_out = observe(workload, [monitor], [], panels)
    forward = f"kubectl port-forward --namespace {workload.namespace} statefulset/{workload.name} {_PORT}"
    outputs = {
        "url": f"https://{host(workload)}" if signed_in else forward,
        "namespace": workload.namespace,
        "service_account": workload.name,
    }
    found = {"idle_stop": profile.idle, "run_time_cap": profile.cap}
    derived = {
        word: Derived(str(amount), f"notebook profile {spec.size}")
        for word, amount in found.items()
        if getattr(spec, word) is None
    }
    return Plan((*resources, *observed), outputs, tuple(left_out), derived)


COMPONENT = Definition(
    name="NotebookEnv",
    spec=NotebookEnvSpec,
    plan=plan,
    outputs={
        "url": "Where it is opened: at the gateway with the organisation's sign-in, else the command that forwards it.",
        "namespace": "The Kubernetes namespace it runs in, <team>-<environment>.",
        "service_account": "The name of its Kubernetes ServiceAccount.",
    },
    check=check,
)


def _outbound(workload: Workload[NotebookEnvSpec], *, signed_in: bool) -> list[dict[str, Any]]:
    spec, context = workload.spec, workload.context
    rules = [*egress(context, spec.calls, spec.egress), *api_server_egress(workload)]
    if spec.internet:
        rules += [{"to": [{"ipBlock": {"cidr": block, "except": closed}}]} for block, closed in _PUBLIC.items()]
    if signed_in and context.organisation.sign_in:
        for block, port in map(block_and_port, context.organisation.sign_in.addresses):
            rules.append({"to": [{"ipBlock": {"cidr": block}}], "ports": [tcp(port)]})
        if context.cluster.gateway:  # the issuer is often behind the same gateway
            rules.append({"to": [namespace_peer(context.cluster.gateway.namespace)], "ports": [tcp(443)]})
    return rules


def _stop_access(workload: Workload[NotebookEnvSpec]) -> list[Resource]:
    """The right to scale itself, and nothing else: that is how it stops."""
    rbac, name = "rbac.authorization.k8s.io", f"{workload.name}-stop"
    rule = {
        "apiGroups": ["apps"],
        "resources": ["statefulsets/scale"],
        "resourceNames": [workload.name],
        "verbs": ["patch"],
    }
    account = {"kind": "ServiceAccount", "name": workload.name, "namespace": workload.namespace}
    return [
        resource(workload, "stop-role", f"{rbac}/v1:Role", name=name, rules=[rule]),
        resource(
            workload,
            "stop",
            f"{rbac}/v1:RoleBinding",
            (f"{workload.name}-stop-role",),
            name=name,
            roleRef={"apiGroup": rbac, "kind": "Role", "name": name},
            subjects=[account],
        ),
    ]


def _files(workload: Workload[NotebookEnvSpec]) -> list[Resource]:
    """What starts it, and the volume that outlives it: a claim of its own can grow, one of a StatefulSet cannot."""
    script = Path(_start_notebook.__file__).read_text(encoding="utf-8")
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": str(workload.spec.storage)}},
    }
    return [
        resource(workload, "start", "core/v1:ConfigMap", name=f"{workload.name}-start", data={"start.py": script}),
        resource(workload, "home", "core/v1:PersistentVolumeClaim", name=f"{workload.name}-home", spec=claim),
    ]


def _stateful_set(
    workload: Workload[NotebookEnvSpec], profile: NotebookProfile, after: tuple[str, ...], *, signed_in: bool
) -> Resource:
    spec = workload.spec
    accelerator = accelerator_of(workload, profile.accelerator)
    sizes = {"cpu": str(profile.cpu), "memory": str(profile.memory)}
    main = container(
        workload,
        spec.image,
        limits({"requests": sizes, "limits": sizes}, accelerator, profile.accelerators),
        {**data_environment(workload, spec.datasets), **_own_environment(workload)},
        command=_command(spec, profile, signed_in=signed_in),
        workingDir=_HOME,
        **({} if signed_in else _OWN_PORT),
        volumeMounts=[
            {"name": "home", "mountPath": _HOME},
            {"name": "start", "mountPath": _START, "readOnly": True},
            {"name": "account", "mountPath": ACCOUNT, "readOnly": True},
        ],
    )
    containers, volumes = (
        [main],
        [
            {"name": "home", "persistentVolumeClaim": {"claimName": f"{workload.name}-home"}},
            {"name": "start", "configMap": {"name": f"{workload.name}-start"}},
            account_volume("account"),
        ],
    )
    if signed_in:
        sidecar, people = sign_in_proxy(workload, _PORT)
        containers.append(sidecar)
        volumes.append(people)
    body = {
        # no replicas: a notebook that stopped stays so until somebody starts it, whatever is deployed meanwhile
        "serviceName": workload.name,
        "selector": {"matchLabels": selector(workload)},
        "template": {
            "metadata": {"labels": accelerator_labels(profile.accelerator)},
            "spec": pod(workload, containers, volumes, **placement(accelerator)),
        },
    }
    labels = queue_labels(workload, Priority.INTERACTIVE) if accelerator else {}
    return resource(workload, "stateful-set", "apps/v1:StatefulSet", after, metadata={"labels": labels}, spec=body)


def _own_environment(workload: Workload[NotebookEnvSpec]) -> dict[str, str]:
    return {
        "HOME": _HOME,
        "API_SERVER": "https://kubernetes.default.svc",
        "NAMESPACE": workload.namespace,
        "STATEFULSET": workload.name,
        "JUPYTER": f"http://127.0.0.1:{_PORT}",
    }


def _command(spec: NotebookEnvSpec, profile: NotebookProfile, *, signed_in: bool) -> list[str]:
    idle = (spec.idle_stop or profile.idle).seconds
    cap = (spec.run_time_cap or profile.cap).seconds
    settings: dict[str, object] = {
        # behind the sign-in only the proxy reaches it; by port-forward it asks for the token that its log shows
        "ServerApp.ip": "127.0.0.1" if signed_in else "0.0.0.0",  # noqa: S104  behind its network policy
        "ServerApp.port": _PORT,
        "ServerApp.root_dir": _HOME,
        "ServerApp.open_browser": False,
        "ServerApp.allow_remote_access": True,
        **({"IdentityProvider.token": ""} if signed_in else {"ServerApp.authenticate_prometheus": False}),
        "MappingKernelManager.cull_idle_timeout": idle,
        "MappingKernelManager.cull_interval": 60,
        "MappingKernelManager.cull_connected": True,  # an idle kernel gives its memory back before the whole stops
        "TerminalManager.cull_inactive_timeout": idle,
        "TerminalManager.cull_interval": 60,
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return ["python", f"{_START}/start.py", str(idle), str(cap), "jupyter", "lab", *flags]
