"""A stack of workloads.yaml, or the platform team's, as prepared components, for the engine and for a preview."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from handrail.components._catalogue import definitions
from handrail.components._definition import Prepared, prepare, prepare_all
from handrail.components.admission_policies import holds
from handrail.organisation import Capability, Context, read_context
from handrail.personas._workloads import read_workloads
from handrail.releases import Release, read_releases

CONFIG_KEYS = ("organisation", "team", "environment", "workloads")
PLATFORM = "platform-engineer"
"""Who reads Kubernetes' own words."""
_PLAIN = ast.dump(ast.parse("from handrail.personas import deploy\ndeploy()"))


@dataclass(frozen=True, slots=True)
class StackPlan:
    """Everything a stack registers, validated, planned and judged.

    Args:
        context: what it is deployed into.
        prepared: its components, in order.
        file: the workloads.yaml it was read from; None for the platform team's stack.
        persona: whose words the file is in.
    """

    context: Context
    prepared: tuple[Prepared, ...]
    file: Path | None = None
    persona: str = PLATFORM


def plan_stack(
    config: Mapping[str, str],
    *,
    root: Path,
    stack: str,
    refuses: bool = True,
    releases: Mapping[str, Release] | None = None,
    released: bool = True,
) -> StackPlan:
    """The plan of a stack.

    Args:
        config: `namespace:key` → text; `handrail:workloads` (default workloads.yaml) is relative to `root`.
        root: the directory of Pulumi.yaml.
        stack: the Pulumi stack's name.
        refuses: whether a standard that is violated ends it; otherwise it is a finding of its component's.
        releases: what is pinned, in place of what the team's releases file says.
        released: whether a workload that lacks a release which the environment requires ends it.

    Raises:
        HandrailError: every problem of its files and plans, at once.
    """
    context = read_context(config, root=root, stack=stack)
    if context.is_platform:
        return StackPlan(context, _platform(context, refuses))
    file = root / (config.get("handrail:workloads") or "workloads.yaml")
    if releases is None:
        releases = read_releases(root, context.environment, context.team)
    persona, prepared = read_workloads(file, context, releases, refuses=refuses, released=released)
    return StackPlan(context, prepared, file, persona.name)


def _platform(context: Context, refuses: bool) -> tuple[Prepared, ...]:
    """A workspace for each team, and what they share."""
    wanted = [("TeamWorkspace", team, {"owner": team}) for team in context.organisation.teams]
    if context.organisation.admission or holds(context):
        wanted.append(("AdmissionPolicies", "admission", {}))
    if context.cluster.has(Capability.KUEUE) and _is_first_of_cluster(context):
        wanted = [("ResourceFlavors", "flavors", {}), ("WorkloadPriorities", "priorities", {}), *wanted]
    return prepare_all(
        partial(prepare, definitions()[component], name, args, context, refuses=refuses)
        for component, name, args in wanted
    )


def _is_first_of_cluster(context: Context) -> bool:
    """Whether no environment before this one has the same cluster: what a whole cluster shares is made once."""
    environments = context.organisation.environments
    cluster = context.settings.cluster
    return context.environment == next(name for name, each in environments.items() if each.cluster == cluster)


def is_plain(program: Path) -> bool:
    """Whether a program does nothing but `deploy()`, so that its plan is all it registers."""
    file = program / "__main__.py" if program.is_dir() else program
    try:
        tree = ast.parse(file.read_text("utf-8"))
    except (OSError, ValueError, SyntaxError):
        return False
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    return ast.dump(tree) == _PLAIN
