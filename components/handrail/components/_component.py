"""The base class of every component: the one border between a plan and the Pulumi engine."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pulumi
from pulumi.runtime import settings

from handrail.components._decide import decide, gated
from handrail.components._definition import Definition, Prepared, prepare, token_of
from handrail.components._released import unreleased
from handrail.core.errors import DocumentError, HandrailError
from handrail.core.project import Project, relative
from handrail.core.resources import Given, Ref, Resource, replace_leaves
from handrail.engine import provider_version
from handrail.organisation import Context, read_context
from handrail.releases import read_releases
from handrail.standards import Verdict

T = TypeVar("T")


def current_context() -> Context:
    """The Context of the running stack.

    Raises:
        DocumentError: the stack's config does not name one.
    """
    config = pulumi.Config("handrail")
    values = {f"handrail:{key}": config.get(key) or "" for key in ("organisation", "team", "environment")}
    return read_context(values, root=_root(), stack=pulumi.get_stack())


def _root() -> Path:
    """The directory of the stack's Pulumi.yaml; a component plugin is not told, but starts in the program's."""
    told = pulumi.runtime.get_root_directory()
    return Path(told) if told else Project.find(Path.cwd()).root


class Component(pulumi.ComponentResource):
    """A component that validates, plans and judges before it registers anything.

    Raises:
        pulumi.RunError: the arguments are wrong, or a standard refuses the plan; all problems at once.
    """

    def __init__(
        self,
        definition: Definition[Any],
        name: str,
        args: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        try:
            prepared = args if isinstance(args, Prepared) else _prepare(definition, name, args)
        except HandrailError as error:
            raise pulumi.RunError(str(error)) from None
        before = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=token_of(each)) for each in definition.aliases])
        super().__init__(definition.token, name, {}, pulumi.ResourceOptions.merge(before, opts))
        for advisory in prepared.plan.advisories:
            pulumi.log.warn(advisory, self)
        self._register(prepared)

    def _register(self, prepared: Prepared) -> None:
        context = prepared.workload.context
        version = _once("version", provider_version)
        registered: dict[str, pulumi.CustomResource] = {}

        def output(leaf: Any) -> Any:
            if isinstance(leaf, Given):
                return _refuse_secret(leaf.output, prepared.name, context) if context.cluster.render else leaf.output
            if isinstance(leaf, Ref):
                return _output_of(registered[leaf.resource], leaf.property)
            return leaf

        for resource in prepared.plan.resources:
            opts = pulumi.ResourceOptions(
                parent=self,
                version=version,
                depends_on=[registered[name] for name in resource.after],
                provider=self.get_provider(resource.type) or _cluster_provider(context, self, prepared.name),
                aliases=[pulumi.Alias(name=each) for each in resource.aliases],
            )
            inputs = replace_leaves(resource.inputs, output)
            found = [finding for finding in prepared.findings if finding.resource == resource.name]
            if any(finding.verdict is Verdict.UNKNOWN for finding in found):
                inputs = gated(inputs, partial(decide, prepared, resource))
            registered[resource.name] = _custom_resource(resource, inputs, opts)
            for finding in found:
                pulumi.log.warn(finding.remark, registered[resource.name])
        outputs = {name: replace_leaves(value, output) for name, value in prepared.plan.outputs.items()}
        for name, value in outputs.items():
            setattr(self, name, pulumi.Output.from_input(value))
        self.register_outputs(outputs)


def _prepare(definition: Definition[Any], name: str, args: Mapping[str, Any]) -> Prepared:
    context = current_context()
    releases = read_releases(context.root, context.environment, context.team)
    if missing := list(unreleased(definition, name, context, releases)):
        raise DocumentError(missing)
    given = replace_leaves(args, lambda leaf: Given(leaf) if isinstance(leaf, pulumi.Output) else leaf)
    return prepare(definition, name, given, context, release=releases.get(name))


def _custom_resource(resource: Resource, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """One registration under the SDK's own type token; apiVersion and kind follow from it, as in the typed SDK."""
    _, version, kind = resource.type.split(":")
    api_version = version.removeprefix("core/")
    return pulumi.CustomResource(
        resource.type, resource.name, {"apiVersion": api_version, "kind": kind, **inputs}, opts
    )


def _output_of(resource: pulumi.CustomResource, path: str) -> pulumi.Output[Any]:
    head, *rest = path.split(".")
    value: pulumi.Output[Any] = getattr(resource, head)
    for part in rest:
        value = value[part]
    return value


def _refuse_secret(output: pulumi.Output[Any], name: str, context: Context) -> pulumi.Output[Any]:
    """`output`, which fails if it is a secret: a render cluster would write it into a file in plain text."""

    async def value() -> Any:
        if await output.is_secret():
            raise pulumi.RunError(
                f"{name}: a Pulumi secret would be written in plain text into {context.cluster.render}\n"
                f"    do:      put it into the organisation's secret store and name it under secrets"
            )
        return await output.future(with_unknowns=True)

    import asyncio

    return pulumi.Output(output.resources(), asyncio.ensure_future(value()), output.is_known(), output.is_secret())


def _once(key: str, make: Callable[[], T]) -> T:
    """What `make` gave when this program first asked: it lives as long as the program's monitor."""
    known: dict[str, Any] = settings.get_monitor().__dict__.setdefault("_handrail", {})
    if key not in known:
        known[key] = make()
    found: T = known[key]
    return found


def _cluster_provider(context: Context, component: pulumi.ComponentResource, name: str) -> pulumi.ProviderResource:
    """The provider of the stack's cluster: one per program; in a component plugin one per component."""
    version, cluster = _once("version", provider_version), context.settings.cluster
    inputs = provider_inputs(context, Path.cwd())
    if not pulumi.runtime.get_root_directory():
        own = pulumi.ResourceOptions(parent=component, version=version)
        return _once("provider", lambda: pulumi.ProviderResource("kubernetes", f"{name}-{cluster}", inputs, own))
    opts = pulumi.ResourceOptions(version=version)
    return _once("provider", lambda: pulumi.ProviderResource("kubernetes", cluster, inputs, opts))


def provider_inputs(context: Context, program: Path) -> dict[str, Any]:
    """The Kubernetes provider's inputs for a context.

    Args:
        program: the directory that the engine runs providers in; paths in the state are relative to it.
    """
    cluster = context.cluster
    if cluster.render:
        return {"renderYamlToDirectory": relative(context.root / cluster.render / context.stack, program)}
    # Kubernetes' own advice to whoever owns an object: a change by hand is set back, not a conflict
    return {"context": cluster.context, "enablePatchForce": True}
