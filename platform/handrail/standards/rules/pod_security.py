"""The restricted Pod Security Standard as upstream defines it for Kubernetes 1.37, on every kind with a pod template.

It includes the baseline standard; where restricted asks more of a field, only the stricter control is here. Ids and
relaxations are upstream's: a Windows pod has no Linux fields to set, and a pod in a user namespace (`hostUsers: false`)
may run as root inside it. Custom kinds that carry a pod template of their own are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from handrail.core.resources import Path, Token
from handrail.standards._fields import ABSENT, EACH, read_one
from handrail.standards.evidence import POD_SPECS, Evidence, Subject
from handrail.standards.findings import Verdict
from handrail.standards.rules._breach import Breach
from handrail.standards.rules._controls import (
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

TEMPLATES = {token: where[:-1] for token, where in POD_SPECS.items()}
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
    ("appArmorProfile", Control(apparmor_annotations, frozenset({"metadata", "annotations"})), None),
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
    ("restrictedVolumes", Control(volumes, frozenset({"volumes"})), None),
    ("allowPrivilegeEscalation", needed("no process may gain more privileges than its parent",
                                        (SECURITY, "allowPrivilegeEscalation"), (False,), inherits=False), _WINDOWS),
    ("capabilities_restricted", Control(drop_all), _WINDOWS),
    ("capabilities_restricted", optional("no capability but NET_BIND_SERVICE may be added",
                                         (SECURITY, "capabilities", "add", EACH), ("NET_BIND_SERVICE",)), _WINDOWS),
    ("seccompProfile_restricted", needed("every container needs a seccomp profile",
                                         (SECURITY, "seccompProfile", "type"), ("RuntimeDefault", "Localhost"),
                                         inherits=True), _WINDOWS),
    ("runAsNonRoot", needed("no container may run as root", (SECURITY, "runAsNonRoot"), (True,), inherits=True),
     _USER_NAMESPACE),
    ("runAsUser", Control(run_as_user, frozenset({"runAsUser"})), _USER_NAMESPACE),
)  # fmt: skip


def restricted(_: Evidence, about: Sequence[Subject], __: Mapping[str, Any]) -> Iterator[Breach]:
    """Every control that pods violate and, once a field, what only the engine's value will decide."""
    for subject in about:
        yield from _of(subject)


def _of(subject: Subject) -> Iterator[Breach]:
    path, template = read_one(subject.resource.inputs, TEMPLATES[subject.resource.type])
    spec_path, spec = read_one(template, ("spec",), path)
    pod = Pod(template, path, spec, spec_path)
    undecided: set[Path] = set()
    for control, check, exemption in CONTROLS:
        if subject.words is not None and not check.words <= subject.words:
            continue
        faults = list(check.faults(pod))
        waits = None
        if faults and exemption is not None:
            pattern, exempt = exemption
            exemption_path, value = read_one(spec, pattern, spec_path)
            if isinstance(value, Token):
                waits = exemption_path
            elif value is not ABSENT and value == exempt:
                continue
        for fault in faults:
            unknown = fault.path if isinstance(fault.value, Token) else waits
            said = f"{control}: {fault.message}"
            if unknown is None:
                given = None if fault.value is ABSENT else _shown(fault.value)
                yield Breach(subject, fault.path, said, given=given, remedy=fault.remedy)
            elif unknown not in undecided:
                undecided.add(unknown)
                said = f"{said}, and the engine alone knows this value"
                yield Breach(subject, unknown, said, Verdict.UNKNOWN, remedy=fault.remedy)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
