"""What every component is: a Spec, a plan, outputs; and the walk from arguments to a judged plan. No Pulumi here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from handrail.components._labels import labelled
from handrail.components._released import check_release, file_of, no_tracks, pins_of
from handrail.core.documents import dotted
from handrail.core.errors import DocumentError, HandrailError, PlanError, Position, Problem
from handrail.core.models import Locate, Model, problems_of
from handrail.core.resources import Given, Path, Resource
from handrail.organisation import Context
from handrail.releases import Release
from handrail.standards import Finding, contract_of, judge, refuse, schemas

Text = str | Given
"""Text that may come from another resource: in Python, a Pulumi output may stand here."""

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LONGEST_LABEL = 63  # of a DNS name: a route's host is <name>-<namespace>


class Spec(Model):
    """The one schema of a component: human units in, typed values out."""

    def team(self, context: Context) -> str:
        """The team that the component belongs to: the stack's, unless the Spec says otherwise."""
        return context.team


S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from: a position in a file, or words such as `default of ScalableService`.

    `chosen` tells a value that someone wrote from one that nobody did.
    """

    text: str
    where: Position | None = None
    chosen: bool = True

    def __str__(self) -> str:
        return str(self.where) if self.where else self.text


@dataclass(frozen=True, slots=True)
class Workload(Generic[S]):
    """All that a plan may read.

    Args:
        name: the workload's name, unique in its team.
        spec: its validated settings.
        context: organisation, team and environment.
        release: what is pinned for it in this environment.
        track: which of its Deployments: empty for the stable one, canary, or an older API version as v2.
    """

    name: str
    spec: S
    context: Context
    release: Release = field(default_factory=Release)
    track: str = ""

    @property
    def deployed(self) -> str:
        """The name of what it is deployed as: its own, beside it <name>-<track>."""
        return f"{self.name}-{self.track}" if self.track else self.name

    @property
    def namespace(self) -> str:
        """The namespace it runs in."""
        return self.context.namespace


@dataclass(frozen=True, slots=True)
class Derived:
    """A setting that nobody wrote and that follows from others: its value, and from what."""

    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a component registers, as data.

    Args:
        resources: in an order in which each follows what it names in `after`.
        outputs: the component's outputs by name: JSON values, `Given` or `Ref`.
        advisories: what was left out, and why.
        derived: settings that were reckoned, by dotted path; a path need not be a field of the Spec.
    """

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    advisories: tuple[str, ...] = ()
    derived: Mapping[str, Derived] = field(default_factory=dict)


Found = Iterator[tuple[Path, Problem]]
"""Problems of a workload in its context, each with the path of the field it is about."""


def _nothing_to_check(_: Workload[Any]) -> Found:
    return iter(())


def token_of(name: str) -> str:
    """The Pulumi type token of a component."""
    return f"handrail:index:{name}"


@dataclass(frozen=True, slots=True)
class Definition(Generic[S]):
    """A component.

    Args:
        name: its class name; its Pulumi type token is `handrail:index:<name>`.
        spec: its schema; the docstrings of the fields are the users' documentation.
        plan: a pure function of a Workload.
        outputs: output name → its documentation; the plan gives a value for each.
        check: what the Spec alone cannot tell, as a team that the organisation lacks.
        check_release: what of a release cannot be beside the stable one; paths begin below the workload's name.
        aliases: class names that it had before: what was deployed under one of them is taken over, not replaced.
    """

    name: str
    spec: type[S]
    plan: Callable[[Workload[S]], Plan]
    outputs: Mapping[str, str]
    check: Callable[[Workload[S]], Found] = _nothing_to_check
    check_release: Callable[[Workload[S]], Found] = no_tracks
    aliases: tuple[str, ...] = ()

    @property
    def token(self) -> str:
        """The Pulumi type token."""
        return token_of(self.name)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A component that is validated, planned and judged, and only waits to be registered."""

    definition: Definition[Any]
    workload: Workload[Any]
    plan: Plan
    sources: Mapping[str, Source]
    findings: tuple[Finding, ...] = ()
    """What the standards say of it, besides that it keeps them."""

    @property
    def name(self) -> str:
        """The workload's name."""
        return self.workload.name

    @property
    def where(self) -> Position | None:
        """The first of its settings in its file; None where no file has it."""
        return min((source.where for source in self.sources.values() if source.where), default=None)


def prepare(
    definition: Definition[S],
    name: str,
    args: Mapping[str, Any],
    context: Context,
    *,
    release: Release | None = None,
    sources: Mapping[str, Source] | None = None,
    prefix: Path = (),
    locate: Locate | None = None,
    refuses: bool = True,
) -> Prepared:
    """Validate, plan, label and judge one component; nothing is registered here.

    Args:
        args: the arguments, `Given` where a value is a Pulumi output.
        release: what is pinned for it, in place of what the arguments say.
        sources: where values came from, by dotted field path; the rest are the Spec's defaults.
        prefix: the path of `args` in the file it was read from.
        locate: field path → position in that file.
        refuses: whether a standard ends it here; otherwise its findings are the Prepared's.

    Raises:
        DocumentError: the arguments are wrong.
        PlanError: a planned resource is not valid Kubernetes.
        RefusedError: a standard refuses the plan.
    """
    pins = pins_of(definition, name, context, release)
    args, sources = {**args, **pins}, {**(sources or {}), **dict.fromkeys(pins, Source(file_of(context)))}
    try:
        spec = definition.spec.model_validate(args)
    except ValidationError as error:
        raise DocumentError(problems_of(error, definition.spec, args, prefix or (name,), locate)) from None
    context = replace(context, team=spec.team(context))
    workload = Workload(name, spec, context, release or Release())
    found = [*_check_name(workload), *_check_team(workload)] or [*definition.check(workload)]
    if found:
        raise DocumentError(_placed(found, prefix or (name,), locate))
    if wrong := check_release(definition, workload, args):
        raise DocumentError(wrong)
    plan = definition.plan(workload)
    plan = replace(plan, resources=tuple(labelled(resource, workload, definition.name) for resource in plan.resources))
    if invalid := schemas.problems(plan.resources):
        raise PlanError(invalid)
    findings = judge(plan.resources, contract_of(context))
    if refuses:
        refuse(findings)
    default = Source(f"default of {definition.name}", chosen=False)
    told = {path: sources.get(path, default) for path in setting_paths(spec)}
    return Prepared(definition, workload, plan, told, tuple(findings))


def prepare_all(calls: Iterable[Callable[[], Prepared]], problems: Iterable[Problem] = ()) -> tuple[Prepared, ...]:
    """The results of several `prepare` calls, or the problems of all of them at once.

    Args:
        problems: what was found wrong before.

    Raises:
        HandrailError: with every problem; of the one kind that was raised, where it was one.
    """
    found = list(problems)
    kinds: set[type[HandrailError]] = {DocumentError} if found else set()
    prepared = []
    for call in calls:
        try:
            prepared.append(call())
        except HandrailError as error:
            found += error.problems
            kinds.add(type(error))
    if found:
        raise (kinds.pop() if len(kinds) == 1 else HandrailError)(found)
    return tuple(prepared)


def setting_paths(spec: Model, prefix: str = "") -> Iterator[str]:
    """The dotted path of each setting of a Spec, nested ones included."""
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        path = f"{prefix}{name}"
        if isinstance(value, Model):
            yield from setting_paths(value, f"{path}.")
        else:
            yield path


def setting(spec: Model, path: str) -> Any:
    """The value of a dotted setting path."""
    value: Any = spec
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _check_name(workload: Workload[Any]) -> Found:
    name, longest = workload.name, _LONGEST_LABEL - len(workload.namespace) - 1
    if not _NAME.fullmatch(name):
        yield (), Problem("is no name", given=name, allowed="lower-case letters, digits, dashes; a letter first")
    elif len(name) > longest:
        message = f"is too long: with the namespace {workload.namespace} it must fit a host name's 63 characters"
        yield (), Problem(message, given=f"{len(name)} characters", allowed=f"at most {longest}")


def _check_team(workload: Workload[Any]) -> Found:
    context = workload.context
    if not context.is_platform and context.team not in context.organisation.teams:
        yield (
            (),
            Problem(
                "belongs to no team of the organisation",
                given=context.team,
                allowed=", ".join(sorted(context.organisation.teams)),
                remedy="set handrail:team in the stack's config to the team that owns it",
            ),
        )


def _placed(found: Iterable[tuple[Path, Problem]], prefix: Path, locate: Locate | None) -> list[Problem]:
    return [
        replace(
            problem, path=dotted((*prefix, *path)), where=locate((*prefix, *path), key=not path) if locate else None
        )
        for path, problem in found
    ]
