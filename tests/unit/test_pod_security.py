"""The restricted Pod Security Standard: every control with a pod it refuses and one it accepts, on every kind."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import only

from handrail.core.errors import RefusedError
from handrail.core.resources import Given, Ref, Resource
from handrail.standards import Finding, Severity, Verdict, evidence, judge, refuse
from handrail.standards.rules.pod_security import CONTROLS, TEMPLATES

POD = "kubernetes:core/v1:Pod"
CONTRACT = only("pod-security-restricted")
TOKEN = Given(object())

SAFE: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
POD_SAFE: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def pod(container: dict[str, Any] | None = None, spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A restricted pod, changed: fields of its container, of its spec, of its metadata."""
    return {
        "metadata": {"name": "x", **metadata},
        "spec": {
            "securityContext": POD_SAFE,
            "containers": [{"name": "main", "image": "i", "securityContext": SAFE, **(container or {})}],
            **(spec or {}),
        },
    }


def secured(**context: Any) -> dict[str, Any]:
    """A container's fields with a changed security context."""
    return {"securityContext": {**SAFE, **context}}


def pod_secured(**context: Any) -> dict[str, Any]:
    """A pod's fields with a changed security context."""
    return {"securityContext": {**POD_SAFE, **context}}


def without(context: dict[str, Any], field: str) -> dict[str, Any]:
    """A security context, as a container's or pod's field, without one of its fields."""
    return {"securityContext": {key: value for key, value in context.items() if key != field}}


def found(inputs: dict[str, Any], token: str = POD) -> list[tuple[str, str, str]]:
    """Verdict, control and path of each finding."""
    return [
        (str(finding.verdict), finding.message.partition(":")[0], finding.path)
        for finding in judge([Resource("x", token, inputs)], CONTRACT)
    ]


C = "spec.containers[0]"
CS = f"{C}.securityContext"
PS = "spec.securityContext"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/main"
UNCONFINED = {"type": "Unconfined"}
BAD_SELINUX = {"type": "spc_t", "user": "u", "role": "r"}

REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("hostNamespaces", pod(spec={"hostNetwork": True}), ["spec.hostNetwork"]),
    ("hostNamespaces", pod(spec={"hostPID": True, "hostIPC": True}), ["spec.hostPID", "spec.hostIPC"]),
    (
        "windowsHostProcess",
        pod(secured(windowsOptions={"hostProcess": True}), pod_secured(windowsOptions={"hostProcess": True})),
        [f"{PS}.windowsOptions.hostProcess", f"{CS}.windowsOptions.hostProcess"],
    ),
    ("privileged", pod(secured(privileged=True)), [f"{CS}.privileged"]),
    ("hostPorts", pod({"ports": [{"containerPort": 1}, {"hostPort": 80}]}), [f"{C}.ports[1].hostPort"]),
    (
        "hostProbesAndHostLifecycle",
        pod({"livenessProbe": {"httpGet": {"host": "a"}}, "lifecycle": {"preStop": {"tcpSocket": {"host": "b"}}}}),
        [f"{C}.livenessProbe.httpGet.host", f"{C}.lifecycle.preStop.tcpSocket.host"],
    ),
    (
        "appArmorProfile",
        pod(secured(appArmorProfile={"type": "Unconfined"}), pod_secured(appArmorProfile={"type": "Unconfined"})),
        [f"{PS}.appArmorProfile.type", f"{CS}.appArmorProfile.type"],
    ),
    ("appArmorProfile", pod(annotations={APPARMOR: "unconfined"}), [f"metadata.annotations.{APPARMOR}"]),
    (
        "seLinuxOptions",
        pod(secured(seLinuxOptions=BAD_SELINUX)),
        [f"{CS}.seLinuxOptions.type", f"{CS}.seLinuxOptions.user", f"{CS}.seLinuxOptions.role"],
    ),
    ("procMount_restricted", pod(secured(procMount="Unmasked"), {"hostUsers": False}), [f"{CS}.procMount"]),
    ("sysctls", pod(spec=pod_secured(sysctls=[{"name": "kernel.msgmax", "value": "1"}])), [f"{PS}.sysctls[0].name"]),
    (
        "restrictedVolumes",
        pod(spec={"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]}),
        ["spec.volumes[1].hostPath"],
    ),
    ("restrictedVolumes", pod(spec={"volumes": [{"name": "a", "nfs": {}}]}), ["spec.volumes[0].nfs"]),
    (
        "allowPrivilegeEscalation",
        pod(without(SAFE, "allowPrivilegeEscalation")),
        [f"{CS}.allowPrivilegeEscalation"],
    ),
    ("allowPrivilegeEscalation", pod(secured(allowPrivilegeEscalation=True)), [f"{CS}.allowPrivilegeEscalation"]),
    ("capabilities_restricted", pod(without(SAFE, "capabilities")), [f"{CS}.capabilities.drop"]),
    ("capabilities_restricted", pod(secured(capabilities={"drop": ["KILL"]})), [f"{CS}.capabilities.drop"]),
    (
        "capabilities_restricted",
        pod(secured(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "CHOWN"]})),
        [f"{CS}.capabilities.add[1]"],
    ),
    ("seccompProfile_restricted", pod(spec=without(POD_SAFE, "seccompProfile")), [f"{CS}.seccompProfile.type"]),
    ("seccompProfile_restricted", pod(spec=pod_secured(seccompProfile=UNCONFINED)), [f"{PS}.seccompProfile.type"]),
    ("seccompProfile_restricted", pod(secured(seccompProfile=UNCONFINED)), [f"{CS}.seccompProfile.type"]),
    ("runAsNonRoot", pod(spec=without(POD_SAFE, "runAsNonRoot")), [f"{CS}.runAsNonRoot"]),
    ("runAsNonRoot", pod(spec=pod_secured(runAsNonRoot=False)), [f"{PS}.runAsNonRoot"]),
    ("runAsNonRoot", pod(secured(runAsNonRoot=False)), [f"{CS}.runAsNonRoot"]),
    ("runAsUser", pod(secured(runAsUser=0), pod_secured(runAsUser=0)), [f"{PS}.runAsUser", f"{CS}.runAsUser"]),
]  # fmt: skip

ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("hostNamespaces", pod(spec={"hostNetwork": False, "hostPID": None})),
    ("windowsHostProcess", pod(secured(windowsOptions={"hostProcess": False}))),
    ("privileged", pod(secured(privileged=False))),
    ("hostPorts", pod({"ports": [{"containerPort": 1, "hostPort": 0}]})),
    ("hostProbesAndHostLifecycle", pod({"livenessProbe": {"httpGet": {"host": "", "port": 1}}})),
    ("appArmorProfile", pod(secured(appArmorProfile={"type": "Localhost"}), annotations={APPARMOR: "localhost/a"})),
    ("seLinuxOptions", pod(secured(seLinuxOptions={"type": "container_engine_t", "level": "s0", "user": ""}))),
    ("procMount_restricted", pod(secured(procMount="Default"))),
    ("sysctls", pod(spec=pod_secured(sysctls=[{"name": "net.ipv4.tcp_rmem", "value": "1"}]))),
    ("restrictedVolumes", pod(spec={"volumes": [{"name": "a"}, {"name": "b", "image": {}}, {"name": "c", "csi": {}}]})),
    ("allowPrivilegeEscalation", pod()),
    ("capabilities_restricted", pod(secured(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}))),
    (
        "seccompProfile_restricted",
        pod(secured(seccompProfile={"type": "Localhost"}), without(POD_SAFE, "seccompProfile")),
    ),
    ("runAsNonRoot", pod(secured(runAsNonRoot=True), without(POD_SAFE, "runAsNonRoot"))),
    ("runAsNonRoot", pod(secured(runAsNonRoot=False), {"hostUsers": False})),
    ("runAsUser", pod(secured(runAsUser=1000))),
    ("runAsUser", pod(secured(runAsUser=0), {"hostUsers": False})),
    (
        "allowPrivilegeEscalation",
        pod({"securityContext": {}}, {"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": True}}),
    ),
]


@pytest.mark.parametrize(("control", "inputs", "paths"), REFUSED)
def test_a_refused_pod(control: str, inputs: dict[str, Any], paths: list[str]) -> None:
    """Exactly the fields in question, each under its control."""
    assert found(inputs) == [("violation", control, path) for path in paths]


@pytest.mark.parametrize(("control", "inputs"), ACCEPTED)
def test_an_accepted_pod(control: str, inputs: dict[str, Any]) -> None:
    """What a control allows is no finding."""
    assert found(inputs) == []


def test_every_control_has_both_cases() -> None:
    """A new control comes with its fixtures."""
    controls = {control for control, _, _ in CONTROLS}
    assert {control for control, _, _ in REFUSED} == controls
    assert {control for control, _ in ACCEPTED} == controls


def nested(path: tuple[str, ...], template: dict[str, Any]) -> dict[str, Any]:
    """A manifest that has `template` at `path`."""
    manifest = template
    for step in reversed(path):
        manifest = {step: manifest}
    return manifest


@pytest.mark.parametrize(("token", "path"), TEMPLATES.items())
def test_every_kind_with_a_pod_template(token: str, path: tuple[str, ...]) -> None:
    """The same pod, wherever a kind keeps it."""
    where = ".".join([*path, CS, "privileged"])
    assert found(nested(path, pod(secured(privileged=True))), token) == [("violation", "privileged", where)]
    assert found(nested(path, pod()), token) == []


@pytest.mark.parametrize("kind", ["initContainers", "ephemeralContainers"])
def test_every_kind_of_container(kind: str) -> None:
    """A container that starts first, or is added later, is as able as the others."""
    inputs = pod(spec={kind: [{"name": "other", "securityContext": {**SAFE, "privileged": True}}]})
    assert found(inputs) == [("violation", "privileged", f"spec.{kind}[0].securityContext.privileged")]


def test_a_resource_without_a_pod_has_no_finding() -> None:
    """The standard is about pods."""
    assert judge([Resource("x", "kubernetes:core/v1:ConfigMap", {"spec": {"hostNetwork": True}})], CONTRACT) == []


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (pod({"image": TOKEN, "env": TOKEN, "resources": {"limits": TOKEN}}, name=TOKEN), []),
        (pod(secured(privileged=TOKEN)), [("unknown", "privileged", f"{CS}.privileged")]),
        (pod(spec=pod_secured(runAsNonRoot=TOKEN)), [("unknown", "runAsNonRoot", f"{PS}.runAsNonRoot")]),
        (pod(secured(runAsNonRoot=True), pod_secured(runAsNonRoot=TOKEN)), []),
        (pod(secured(capabilities={"drop": ["KILL", TOKEN]})),
         [("unknown", "capabilities_restricted", f"{CS}.capabilities.drop")]),
        (pod(secured(capabilities={"drop": [TOKEN, "ALL"]})), []),
        (pod(spec={"volumes": [TOKEN]}), [("unknown", "restrictedVolumes", "spec.volumes[0]")]),
        (pod(spec={"volumes": [{"name": "a", "hostPath": TOKEN}]}),
         [("unknown", "restrictedVolumes", "spec.volumes[0].hostPath")]),
        (pod(secured(runAsUser=0), {"hostUsers": TOKEN}), [("unknown", "runAsUser", "spec.hostUsers")]),
        (pod(spec={"hostUsers": TOKEN}), []),
        (pod(annotations={APPARMOR: TOKEN}), [("unknown", "appArmorProfile", f"metadata.annotations.{APPARMOR}")]),
    ],
)  # fmt: skip
def test_a_token_is_unknown_only_where_a_control_reads_it(
    inputs: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    """Unknown follows from what is read; elsewhere a token changes nothing."""
    assert found(inputs) == expected


@pytest.mark.parametrize(
    ("inputs", "where"),
    [
        ({"spec": TOKEN}, "spec"),
        (pod(spec={"containers": Ref("a", "b")}), "spec.containers"),
        (pod(spec={"containers": [TOKEN]}), "spec.containers[0]"),
        (pod({"securityContext": TOKEN}), CS),
    ],
)
def test_a_token_for_a_whole_object_is_one_unknown(inputs: dict[str, Any], where: str) -> None:
    """Many controls read it; a person reads it once."""
    assert [(verdict, path) for verdict, _, path in found(inputs)] == [("unknown", where)]


def test_a_finding_says_everything() -> None:
    """Its whole text, as `check` and the error print it."""
    (finding,) = judge([Resource("checkout", POD, pod(secured(privileged=True)))], CONTRACT)
    assert finding == Finding(
        standard="pod-security-restricted",
        verdict=Verdict.VIOLATION,
        resource="checkout",
        path=f"{CS}.privileged",
        message="privileged: no container may be privileged",
        given="true",
        remedy="leave privileged out, or use false",
        severity=Severity.REQUIRED,
        workload="x",
    )


def test_refuse_raises_every_violation_at_once() -> None:
    """Unknowns and advice refuse nothing."""
    violations = judge([Resource("x", POD, pod(secured(privileged=True), {"hostPID": True}))], CONTRACT)
    unknown = Finding("s", Verdict.UNKNOWN, "x", "a", "m")
    advice = Finding("s", Verdict.VIOLATION, "x", "b", "m", severity=Severity.ADVISORY)
    refuse([unknown, advice])
    with pytest.raises(RefusedError) as error:
        refuse([unknown, *violations, advice])
    assert [problem.path for problem in error.value.problems] == ["x: spec.hostPID", f"x: {CS}.privileged"]
    assert "(pod-security-restricted, required)" in str(error.value)


def test_judging_changes_nothing() -> None:
    """A rule is a pure function of the resource."""
    inputs = pod(secured(privileged=True))
    before = deepcopy(inputs)
    judge([Resource("x", POD, inputs)], CONTRACT)
    assert inputs == before


PARTS = sorted(
    {word for _, each, _ in CONTROLS for word in each.words} | {"containers", "initContainers", "os", "name"}
)
FIELDS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 1) | st.sampled_from(["", "windows", "Unconfined"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(PARTS), inner, max_size=4),
    max_leaves=25,
)


@given(spec=FIELDS, metadata=FIELDS)
@settings(max_examples=200, deadline=None)
def test_a_control_whose_words_are_absent_would_find_nothing(spec: Any, metadata: Any) -> None:
    """What is not read for it is what it would not have found."""
    inputs = nested(TEMPLATES[POD], {"spec": spec, "metadata": metadata})
    found = judge([Resource("x", POD, inputs)], CONTRACT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "words_in", lambda _: {word for _, each, _ in CONTROLS for word in each.words})
        assert judge([Resource("x", POD, inputs)], CONTRACT) == found


WORDS = st.sampled_from(["spec", "template", "containers", "securityContext", "capabilities", "drop", "volumes", "os"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(TOKEN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=25,
)


@given(token=st.sampled_from(sorted(TEMPLATES)), spec=JSON, template=JSON)
@settings(max_examples=200, deadline=None)
def test_no_shape_of_a_manifest_raises(token: str, spec: Any, template: Any) -> None:
    """The schema refuses nonsense; the standard must survive it."""
    for inputs in ({"spec": spec, "metadata": template}, nested(TEMPLATES[token], {"spec": spec})):
        for finding in judge([Resource("x", token, inputs)], CONTRACT):
            assert finding.verdict in (Verdict.VIOLATION, Verdict.UNKNOWN)
