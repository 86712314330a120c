"""The restricted Pod Security Standard as upstream defines it for Kubernetes 1.37, on every kind with a pod template.

It includes the baseline standard; where restricted asks more of a field, only the stricter control is here. Ids and
relaxations are upstream's: a Windows pod has no Linux fields to set, and a pod in a user namespace (`hostUsers: false`)
may run as root inside it. Custom kinds that carry a pod template of their own are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from handrail.core.resources import Path, Resource, Token
from handrail.standards._controls import (
    SECURITY,
    Control,
    Pod,
    apparmor_annotations,
    drop_all,
    needed,
    optional,
    run_as_user,
    volumes,
)
from handrail.standards._fields import ABSENT, EACH, read_one
from handrail.standards.findings import Finding, Severity, Verdict

STANDARD: Final = "pod-security-restricted"

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "kubernetes:core/v1:Pod": (),
    "kubernetes:core/v1:PodTemplate": ("template",),
    "kubernetes:core/v1:ReplicationController": ("spec", "template"),
    "kubernetes:apps/v1:DaemonSet": ("spec", "template"),
    "kubernetes:apps/v1:Deployment": ("spec", "template"),
    "kubernetes:apps/v1:ReplicaSet": ("spec", "template"),
    "kubernetes:apps/v1:StatefulSet": ("spec", "template"),
    "kubernetes:batch/v1:Job": ("spec", "template"),
    "kubernetes:batch/v1:CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Where each kind keeps its pod's metadata and spec."""

_SYSCTLS = (
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_notsent_lowat", "net.ipv4.tcp_rmem", "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
)  # fmt: skip

Exemption: TypeAlias = tuple[tuple[str, ...], object]
_WINDOWS: Exemption = (("os", "name"), "windows")
_USER_NAMESPACE: Exemption = (("hostUsers",), False)

_HANDLERS = [
    (*handler, action, "host")
    for handler in (
        ("livenessProbe",), ("readinessProbe",), ("startupProbe",),
        ("lifecycle", "postStart"), ("lifecycle", "preStop"),
    )
    for action in ("httpGet", "tcpSocket")
]  # fmt: skip

CONTROLS: tuple[tuple[str, Control, Exemption | None], ...] = (
    *(
        ("hostNamespaces", optional("a pod may not share a namespace of its node", (field,), (False,), pod=True,
                                    containers=False), None)
        for field in ("hostNetwork", "hostPID", "hostIPC")
    ),
    ("windowsHostProcess", optional("no Windows process may run on the host",
                                    (SECURITY, "windowsOptions", "hostProcess"), (False,), pod=True), None),
    ("privileged", optional("no container may be privileged", (SECURITY, "privileged"), (False,)), None),
    ("hostPorts", optional("no port of the node may be taken", ("ports", EACH, "hostPort"), (0,)), None),
    *(
        ("hostProbesAndHostLifecycle", optional("a probe or hook may only ask its own pod", handler, ("",)), None)
        for handler in _HANDLERS
    ),
    ("appArmorProfile", optional("an AppArmor profile may not be switched off",
                                 (SECURITY, "appArmorProfile", "type"), ("RuntimeDefault", "Localhost"), pod=True),
     None),
    ("appArmorProfile", apparmor_annotations, None),
    ("seLinuxOptions", optional("only SELinux types made for containers are allowed",
                                (SECURITY, "seLinuxOptions", "type"),
                                ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"),
                                pod=True), None),
    *(
        ("seLinuxOptions", optional(f"no SELinux {field} may be set", (SECURITY, "seLinuxOptions", field), ("",),
                                    pod=True), None)
        for field in ("user", "role")
    ),
    ("procMount_restricted", optional("/proc must keep its default mask", (SECURITY, "procMount"), ("Default",)),
     None),
    ("sysctls", optional("only sysctls that stay inside the pod are allowed", (SECURITY, "sysctls", EACH, "name"),
                         _SYSCTLS, pod=True, containers=False), None),
    ("restrictedVolumes", volumes, None),
    ("allowPrivilegeEscalation", needed("no process may gain more privileges than its parent",
                                        (SECURITY, "allowPrivilegeEscalation"), (False,), inherits=False), _WINDOWS),
    ("capabilities_restricted", drop_all, _WINDOWS),
    ("capabilities_restricted", optional("no capability but NET_BIND_SERVICE may be added",
                                         (SECURITY, "capabilities", "add", EACH), ("NET_BIND_SERVICE",)), _WINDOWS),
    ("seccompProfile_restricted", needed("every container needs a seccomp profile",
                                         (SECURITY, "seccompProfile", "type"), ("RuntimeDefault", "Localhost"),
                                         inherits=True), _WINDOWS),
    ("runAsNonRoot", needed("no container may run as root", (SECURITY, "runAsNonRoot"), (True,), inherits=True),
     _USER_NAMESPACE),
    ("runAsUser", run_as_user, _USER_NAMESPACE),
)  # fmt: skip


def restricted(resource: Resource) -> Iterator[Finding]:
    """Every control that a resource's pods violate and, once a field, what only the engine's value will decide."""
    where = TEMPLATES.get(resource.type)
    if where is None:
        return
    path, template = read_one(resource.inputs, where)
    spec_path, spec = read_one(template, ("spec",), path)
    pod = Pod(template, path, spec, spec_path)
    undecided: set[Path] = set()
    for control, check, exemption in CONTROLS:
        waits = None
        if exemption is not None:
            pattern, exempt = exemption
            exemption_path, value = read_one(spec, pattern, spec_path)
            if isinstance(value, Token):
                waits = exemption_path
            elif value is not ABSENT and value == exempt:
                continue
        for breach in check(pod):
            unknown = breach.path if isinstance(breach.value, Token) else waits
            if unknown is None:
                given = None if breach.value is ABSENT else _shown(breach.value)
                yield _finding(
                    resource, Verdict.VIOLATION, breach.path, f"{control}: {breach.message}", given, breach.remedy
                )
            elif unknown not in undecided:
                undecided.add(unknown)
                message = f"{control}: {breach.message}, and the engine alone knows this value"
                yield _finding(resource, Verdict.UNKNOWN, unknown, message, None, breach.remedy)


def _finding(resource: Resource, verdict: Verdict, path: Path, message: str, given: str | None, remedy: str) -> Finding:
    from handrail.core.documents import dotted  # with YAML: only where there is something to say

    return Finding(STANDARD, verdict, resource.name, dotted(path), message, given, remedy, Severity.REQUIRED)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
