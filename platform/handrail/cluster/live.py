"""What a cluster says of a stack's workloads: one list call for each kind that matters, with bounded time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from handrail.cluster._connect import connect
from handrail.cluster._intent import step_of
from handrail.cluster._model import NO_WORKLOADS, Place, Status, Wanted
from handrail.cluster._objects import Object
from handrail.cluster.status import rows, unknown, wanted_of
from handrail.components._definition import Prepared
from handrail.core.clock import now
from handrail.core.errors import HandrailError, Problem
from handrail.core.project import Project
from handrail.core.selection import Target
from handrail.organisation import Capability, Context, read_context
from handrail.personas._stack import PLATFORM, StackPlan, is_plain, plan_stack
from handrail.releases import read_releases

_SECONDS = (3.0, 10.0)  # to connect, to answer
_AT_ONCE = 8
_PAGE = 500
_APPS, _BATCH, _CORE = "AppsV1Api", "BatchV1Api", "CoreV1Api"
_BUILT_IN = {
    "Deployment": (_APPS, "deployment"),
    "StatefulSet": (_APPS, "stateful_set"),
    "ReplicaSet": (_APPS, "replica_set"),
    "CronJob": (_BATCH, "cron_job"),
    "Job": (_BATCH, "job"),
    "Pod": (_CORE, "pod"),
    "Event": (_CORE, "event"),
}
"""Kind → the client's class and its word for it."""
_CUSTOM = {
    "HTTPRoute": (Capability.GATEWAY_API, "gateway.networking.k8s.io", "v1", "httproutes"),
    "ScaledObject": (Capability.KEDA, "keda.sh", "v1alpha1", "scaledobjects"),
}
"""Kind → what the cluster has it by, group, version and plural."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A stack whose status is asked for.

    Args:
        context: what it is deployed into; None where its config cannot be read.
        wanted: its workloads, as planned.
        complete: whether these are all; a program of a team's own is known by its labels in the cluster alone.
        problems: why it could not be planned.
    """

    place: Place
    context: Context | None
    persona: str
    wanted: tuple[Wanted, ...] = ()
    complete: bool = True
    problems: tuple[Problem, ...] = ()


def ask(project: Project, targets: Iterable[Target]) -> tuple[Asked, ...]:
    """The workloads of the selected stacks; one that cannot be planned hides no other."""
    plain = is_plain(project.program)
    return tuple(_asked(project, target, plain=plain) for target in targets)


def _asked(project: Project, target: Target, *, plain: bool) -> Asked:
    config, stack = project.stack(target.stack).config, target.stack
    try:
        context = read_context(config, root=project.root, stack=stack)
    except HandrailError as error:
        place = Place(stack, target.team, target.environment, "")
        return Asked(place, None, PLATFORM, complete=False, problems=error.problems)
    place = Place(stack, context.team, context.environment, context.namespace)
    if context.is_platform:
        return Asked(place, context, PLATFORM)
    if not plain:
        return Asked(place, context, context.owner.persona, complete=False)
    try:
        plan = plan_stack(config, root=project.root, stack=stack)
    except HandrailError as error:
        return Asked(place, context, context.owner.persona, complete=False, problems=error.problems)
    wanted, problems = _with_steps(project, plan, [(each, wanted_of(each)) for each in plan.prepared])
    return Asked(place, context, plan.persona, wanted, problems=problems)


def _with_steps(
    project: Project, plan: StackPlan, found: Iterable[tuple[Prepared, Wanted | None]]
) -> tuple[tuple[Wanted, ...], tuple[Problem, ...]]:
    """Each workload with what it needs to be in the next environment that the team has, and what hides that."""
    known = [(prepared, wanted) for prepared, wanted in found if wanted]
    context = plan.context
    environments = list(context.organisation.environments)
    later = environments[environments.index(context.environment) + 1 :]
    following = next((each for each in later if f"{context.team}-{each}" in project.stacks()), None)
    if following is None:
        return tuple(wanted for _, wanted in known), ()
    try:
        releases = read_releases(project.root, following, context.team)
    except HandrailError as error:
        return tuple(wanted for _, wanted in known), error.problems
    steps = [step_of(prepared, following, context, releases) for prepared, _ in known]
    return tuple(
        replace(wanted, intent=replace(wanted.intent, step=step))
        for (_, wanted), step in zip(known, steps, strict=True)
    ), ()


def read(asked: Sequence[Asked]) -> tuple[Status, ...]:
    """The status of each stack; what cannot be known is said in it, and nothing is raised."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(pool.map(_status, asked))


def _status(asked: Asked) -> Status:
    context, place = asked.context, asked.place
    if context is None:
        return Status(place, "", asked.persona, now(), problems=asked.problems)
    cluster, moment = context.settings.cluster, now()
    if context.is_platform:
        return Status(place, cluster, asked.persona, moment, note=NO_WORKLOADS, problems=asked.problems)
    if context.cluster.context is None:
        note = _rendered(context)
        return Status(place, cluster, asked.persona, moment, unknown(asked.wanted, place), note, asked.problems)
    try:
        live = _live(context)
    except HandrailError as error:
        problems = (*asked.problems, *error.problems)
        return Status(place, cluster, asked.persona, moment, unknown(asked.wanted, place), problems=problems)
    found = rows(asked.wanted, live, place, moment, complete=asked.complete)
    return Status(place, cluster, asked.persona, moment, found, problems=asked.problems)


def _rendered(context: Context) -> str:
    """What is known of a stack whose cluster is a folder."""
    folder = f"{context.cluster.render}/{context.stack}"
    count = sum(1 for _ in (context.root / folder).rglob("*.yaml"))
    done = f"{count} files are rendered to {folder}" if count else f"nothing is rendered to {folder} yet"
    return f"{done}; its cluster has no context, so nothing is known of what runs"


def _live(context: Context) -> Mapping[str, Sequence[Object]]:
    """The objects of the stack's namespace that tell of its workloads; raises HandrailError."""
    cluster, namespace = _Cluster(context), context.namespace
    found: dict[str, Sequence[Object]] = {}
    for kind in ("Deployment", "StatefulSet", "CronJob"):
        found[kind] = cluster.list(kind, namespace)
    for kind, of in {"ReplicaSet": "Deployment", "Job": "CronJob"}.items():
        found[kind] = cluster.list(kind, namespace) if found[of] else ()
    if any(found.values()):
        found["Pod"] = cluster.list("Pod", namespace)
        found["Event"] = cluster.list("Event", namespace, field_selector="type=Warning")
    for kind, (capability, *_) in _CUSTOM.items():
        if (found["Deployment"] or found["StatefulSet"]) and context.cluster.has(capability):
            found[kind] = cluster.list(kind, namespace)
    return found


class _Cluster:
    """The cluster of a context, asked by the kubeconfig context that it names; every error is a sentence."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client = connect(context.cluster.context or "")

    def list(self, kind: str, namespace: str, **more: str) -> list[Object]:
        """Every object of a kind in a namespace; none where the cluster has no such kind."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        cluster = self._context.settings.cluster
        try:
            return [*self._pages(kind, namespace, more)]
        except ApiException as error:
            if error.status == 404 and kind in _CUSTOM:
                return []
            raise HandrailError(self._refusal(error, kind)) from None
        except HTTPError as error:
            remedy = "check your network or VPN, and that the cluster is up"
            raise HandrailError(
                Problem(f"cluster {cluster} does not answer", given=str(error), remedy=remedy)
            ) from None
        except ValueError:
            remedy = "check the server's address in your kubeconfig; a proxy may be in the way"
            raise HandrailError(Problem(f"cluster {cluster} answers no JSON", remedy=remedy)) from None

    def _pages(self, kind: str, namespace: str, more: Mapping[str, str]) -> Iterator[Object]:
        """A kind's objects, a page at a time, so that no answer grows without bound."""
        from kubernetes import client

        settings: dict[str, Any] = {**more, "limit": _PAGE, "_preload_content": False, "_request_timeout": _SECONDS}
        while True:
            if kind in _CUSTOM:
                _, group, version, plural = _CUSTOM[kind]
                api: Any = client.CustomObjectsApi(self._client)
                answer = api.list_namespaced_custom_object(group, version, namespace, plural, **settings)
            else:
                owner, word = _BUILT_IN[kind]
                api = getattr(client, owner)(self._client)
                answer = getattr(api, f"list_namespaced_{word}")(namespace, **settings)
            page = answer.json()
            if not isinstance(page, dict):
                raise ValueError(page)
            yield from (each for each in page.get("items") or () if isinstance(each, dict))
            settings["_continue"] = (page.get("metadata") or {}).get("continue")
            if not settings["_continue"]:
                return

    def _refusal(self, error: Any, kind: str) -> Problem:
        context, cluster = self._context, self._context.settings.cluster
        if error.status == 401:
            return Problem(
                f"cluster {cluster} does not know you: you are not signed in, or no longer",
                remedy=f"sign in again, so that `kubectl get pods --context {context.cluster.context}` answers",
            )
        if error.status == 403:
            return Problem(
                f"cluster {cluster} does not let you read {kind}s in {context.namespace}",
                remedy=f"only members of {context.team} read there: teams.{context.team}.members in organisation.yaml; "
                f"a namespace comes with `handrail up platform-{context.environment}`",
            )
        return Problem(f"cluster {cluster} refuses to list {kind}s: {error.status} {error.reason}")
