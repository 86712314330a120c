"""The API that a service offers at the gateway: its versions, and the route that leads to them."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from handrail.components._definition import Found, Spec, Workload
from handrail.components._parts import resource
from handrail.components._released import CANARY
from handrail.core.clock import now
from handrail.core.errors import Problem
from handrail.core.resources import Resource
from handrail.organisation import Capability, Requirement
from handrail.releases import Pin

Major = Annotated[str, StringConstraints(pattern=r"^v[1-9][0-9]*$")]
_NOTICE = timedelta(days=30)


class ApiSpec(Spec):
    """The API that the service offers at the organisation's gateway."""

    version: Major
    """The API's major version, as v2: it is the first part of every path."""
    openapi: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Its OpenAPI document, as a path from workloads.yaml; a promotion compares it with the one that serves. Default:
    it has none."""
    previous: dict[Major, date] = Field(default={}, max_length=5)
    """Older versions that are still served, each until the end of a day, as `v1: 2027-01-31`; default: none. The
    release that each is served by is pinned beside the current one."""

    @model_validator(mode="after")
    def _older(self) -> Self:
        for version in self.previous:
            if _number(version) >= _number(self.version):
                raise ValueError(f"{version} in previous is not older than {self.version}, the current version")
        return self


def _number(version: str) -> int:
    return int(version[1:])


def is_routed(workload: Workload[Any]) -> bool:
    """Whether a route leads from the gateway to the workload."""
    return workload.spec.api is not None and workload.context.cluster.has(Capability.GATEWAY_API)


def _current(workload: Workload[Any]) -> str:
    """The version that the stable release offers: as its pin says it, so that a path never leads to what lacks it."""
    pinned = workload.release.api
    return pinned.version if pinned else str(workload.spec.api.version)


# Older versions


def check_versions(workload: Workload[Any]) -> Found:
    """Pinned versions that the team's file does not declare; declared ones without a release where one is required.

    And releases that offer another version than the path that would lead to them.
    """
    yield from _check_offers(workload)
    declared = workload.spec.api.previous if workload.spec.api else {}
    pinned = workload.release.previous
    for version in pinned.keys() - declared.keys():
        yield (
            ("previous", version),
            Problem(
                "is no older version that the service declares",
                allowed=", ".join(declared) or "none",
                remedy=f"write it with its end below api, as `previous: {{{version}: 2027-01-31}}`, or take it out",
            ),
        )
    if workload.context.settings.releases is Requirement.REQUIRED:
        for version in _serving(workload) - pinned.keys():
            yield (
                ("previous", version),
                Problem(
                    f"has no release in {workload.context.environment}, which deploys nothing else",
                    remedy=f"pin the release that last offered {version}, or take {version} out of api.previous",
                ),
            )


def _check_offers(workload: Workload[Any]) -> Found:
    release = workload.release
    if workload.spec.api and release.canary and release.canary.api:
        version, offered = _current(workload), release.canary.api.version
        if offered != version:
            yield (
                (CANARY, "api", "version"),
                Problem(
                    f"is another version than the {version} that its share of requests asks for",
                    given=offered,
                    remedy=f"promote it without --weight, with {version} in api.previous of workloads.yaml",
                ),
            )
    for version, pin in release.previous.items():
        if workload.spec.api and _number(version) >= _number(_current(workload)):
            yield (
                ("previous", version),
                Problem(
                    f"is not older than {_current(workload)}, which the stable release offers", remedy="take it out"
                ),
            )
        if pin.api and pin.api.version != version:
            yield ("previous", version, "api", "version"), Problem(
                f"is not the {version} that it is pinned for", given=pin.api.version,
                remedy=f"pin the release that last offered {version}",
            )  # fmt: skip


def served_versions(workload: Workload[Any]) -> dict[str, Pin]:
    """The older versions that are served today: declared, pinned, not ended, behind a gateway."""
    if not is_routed(workload):
        return {}
    return {version: pin for version, pin in workload.release.previous.items() if version in _serving(workload)}


def offered_versions(workload: Workload[Any]) -> list[str]:
    """Every version that answers today, oldest first; none for what has no API."""
    if getattr(workload.spec, "api", None) is None:
        return []
    return sorted({_current(workload), *served_versions(workload)}, key=_number)


def _serving(workload: Workload[Any]) -> set[str]:
    return {version for version, end in _older(workload).items() if now().date() <= end}


def _older(workload: Workload[Any]) -> dict[str, date]:
    """The declared versions that are older than what the stable release offers."""
    api = workload.spec.api
    declared = api.previous if api else {}
    return {version: end for version, end in declared.items() if _number(version) < _number(_current(workload))}


def versions_told(workload: Workload[Any]) -> Iterator[str]:
    """What one must know of versions, as advisories: that one ends or has ended, that one is not served."""
    environment, api = workload.context.environment, workload.spec.api
    if api and api.version != (offered := _current(workload)):
        yield (
            f"{workload.name} offers {offered}, not {api.version}, in {environment}: so does the release that is "
            f"pinned there; handrail promote {workload.name} --to {environment} brings another"
        )
    for version, end in _older(workload).items():
        named = f"{version} of {workload.name}"
        if version not in _serving(workload):
            yield f"{named} is no longer served: its end was {end}; take it out of api.previous and of the release"
        elif version not in workload.release.previous:
            yield f"{named} is not served: no release of it is pinned in {environment}"
        elif not is_routed(workload):
            yield f"{named} is not served: without gateway-api there is no path to tell versions by"
        elif end - now().date() <= _NOTICE:
            yield f"{named} is served until {end}: whoever still calls it must have changed by then"


# The route


def route(workload: Workload[Any], after: tuple[str, ...]) -> Resource:
    """The way from the gateway to each version, and to a canary its share.

    Args:
        after: what must be ready before requests are sent to it.
    """
    api, gateway = workload.spec.api, workload.context.cluster.gateway
    assert api and gateway, "a route is planned only with both"
    canary = workload.release.canary
    weight = canary.weight if canary else 0
    shares = {workload.name: 100 - weight, **({f"{workload.name}-{CANARY}": weight} if weight else {})}
    rules = {_current(workload): shares}
    rules |= {version: {f"{workload.name}-{version}": 100} for version in served_versions(workload)}
    return resource(
        workload,
        "route",
        "gateway.networking.k8s.io/v1:HTTPRoute",
        after,
        spec={
            "parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}],
            "hostnames": [_host(workload)],
            "rules": [_rule(version, backends) for version, backends in rules.items()],
        },
    )


def _rule(version: str, backends: dict[str, int]) -> dict[str, Any]:
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": f"/{version}"}}],
        "backendRefs": [{"name": name, "port": 80, "weight": weight} for name, weight in backends.items()],
    }


def _host(workload: Workload[Any]) -> str:
    gateway = workload.context.cluster.gateway
    return f"{workload.name}-{workload.namespace}.{gateway.domain if gateway else ''}"


def url(workload: Workload[Any]) -> str:
    """Where the service is reached: at the gateway where there is a route, else inside the cluster."""
    if is_routed(workload):
        return f"https://{_host(workload)}/{_current(workload)}"
    return f"http://{workload.name}.{workload.namespace}.svc"
