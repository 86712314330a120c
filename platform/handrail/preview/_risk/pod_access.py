"""What pods may do to their node and to others: the Pod Security Standard, tokens, secrets in the open, images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from handrail.core.documents import dotted
from handrail.core.resources import Path, Resource, Token
from handrail.organisation.model import Tier
from handrail.preview._risk.model import Fact, Facts
from handrail.preview._risk.reading import at, containers, entries, pod_path, text
from handrail.standards.evidence import POD_SPECS, Evidence, Subject
from handrail.standards.findings import Verdict
from handrail.standards.rules.pod_security import restricted

# as the standard no-literal-secrets reads names and values
_SECRET: Final = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|_PWD|(^|_)(SECRET|TOKEN|API_?KEY|PRIVATE_KEY|ACCESS_KEY|SECRET_KEY)$"
)
_HARMLESS: Final = re.compile(r"^$|[$][(]|^<.*>$|^(?i:true|false|yes|no|on|off|0|1)$")
_NODE: Final = frozenset({"hostNamespaces", "windowsHostProcess", "privileged", "hostPorts", "restrictedVolumes"})
"""Controls whose violation reaches the node itself: said of new pods as well."""
_NO_EVIDENCE: Final = Evidence((), "", Tier.DEVELOPMENT)
_DOCKER_HUB: Final = "docker.io"


def opened(resource: Resource) -> Iterator[Fact]:
    """What its pods may do that a restricted pod may not, hold, or run."""
    yield from _unrestricted(resource)
    yield from _tokens(resource)
    for path, name, container in containers(resource):
        yield from _secrets(path, name, container)
        yield from _registry(path, name, container)


def _unrestricted(resource: Resource) -> Iterator[Fact]:
    """Each control of the restricted Pod Security Standard that the pods do not meet."""
    for breach in restricted(_NO_EVIDENCE, [Subject(resource)], {}):
        if breach.verdict is Verdict.VIOLATION:
            control, _, what = breach.message.partition(": ")
            where = dotted(_named(resource.inputs, breach.path))
            given = f", and it is {breach.given}" if breach.given is not None else ""
            yield Fact(("pod", control, where), f"{what}{given} ({control})", where, anew=control in _NODE)


def _named(value: Any, path: Path) -> Path:
    """A path with the names of list entries in place of their numbers, so that another order is no change."""
    found: list[str | int] = []
    for part in path:
        items = value if isinstance(value, list | tuple) else ()
        value = items[part] if isinstance(part, int) and part < len(items) else at(value, str(part))
        name = at(value, "name")
        found.append(f"{name}" if isinstance(part, int) and isinstance(name, str) else part)
    return tuple(found)


def _tokens(resource: Resource) -> Iterator[Fact]:
    path = pod_path(resource) or ()
    spec = at(resource.inputs, *path)
    where = dotted(path)
    if at(spec, "automountServiceAccountToken") is not False:
        said = "its pods hold a token for the API server: automountServiceAccountToken is not false"
        yield Fact(("token",), said, f"{where}.automountServiceAccountToken")
    account = text(at(spec, "serviceAccountName"), "default")
    yield Fact(("account", account), f"its pods have the rights of {account}", f"{where}.serviceAccountName")


def _secrets(path: str, name: str, container: Any) -> Iterator[Fact]:
    """Variables that are called as secrets are, with a value that everybody reads."""
    for variable in entries(container, "env"):
        called, value = at(variable, "name"), at(variable, "value")
        if not isinstance(called, str) or value is None or isinstance(value, Token):
            continue
        if _SECRET.search(called.upper()) and not _HARMLESS.search(text(value)):
            said = f"{called} of {name} stands in the manifest as a literal"
            yield Fact(("literal", name, called), said, f"{path}.env.{called}", anew=True)


def _registry(path: str, name: str, container: Any) -> Iterator[Fact]:
    image = at(container, "image")
    if isinstance(image, str) and image:
        host, slash, _ = image.partition("/")
        registry = host if slash and ("." in host or ":" in host or host == "localhost") else _DOCKER_HUB
        yield Fact(("registry", name, registry), f"the image of {name} comes from {registry}", f"{path}.image")


def literals(before: Resource, after: Resource) -> Iterator[Fact]:
    """Variables that were read from a Secret and now stand in the manifest, whatever they are called."""
    read = {
        (name, text(at(variable, "name")))
        for _, name, container in containers(before)
        for variable in entries(container, "env")
        if at(variable, "valueFrom", "secretKeyRef") is not None
    }
    for path, name, container in containers(after):
        for variable in entries(container, "env"):
            called = text(at(variable, "name"))
            if (name, called) in read and isinstance(at(variable, "value"), str):
                said = f"{called} of {name} stands in the manifest as a literal; it was read from a Secret"
                yield Fact(("literal", name, called), said, f"{path}.env.{called}")


OPENS: Final[Mapping[str, Facts]] = dict.fromkeys(POD_SPECS, opened)
