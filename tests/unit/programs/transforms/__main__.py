"""Transforms on a resource, on a component and on the stack; also run under the real engine."""

from typing import Any

import pulumi


def label(key: str) -> pulumi.ResourceTransform:
    async def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if not args.type_.startswith("kubernetes:"):
            return None
        props: Any = args.props
        metadata: dict[str, Any] = dict(props.get("metadata") or {})
        metadata["labels"] = {**metadata.get("labels", {}), key: str(len(metadata.get("labels", {})))}
        return pulumi.ResourceTransformResult({**props, "metadata": metadata}, args.opts)

    return transform


def protect(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
    return pulumi.ResourceTransformResult(
        args.props, pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(protect=True))
    )


class Group(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("shop:index:Group", name, None, opts)
        config: Any = pulumi.CustomResource(
            "kubernetes:core/v1:ConfigMap",
            f"{name}-config",
            {"metadata": {"name": name}, "data": {"password": pulumi.Output.secret("correct horse")}},
            pulumi.ResourceOptions(parent=self, transforms=[label("own"), protect]),
        )
        pulumi.CustomResource(
            "kubernetes:core/v1:ConfigMap",
            f"{name}-after",
            {"metadata": {"name": f"{name}-after"}, "data": {"id": config.id, "name": config.metadata["name"]}},
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


kubernetes = pulumi.ProviderResource("kubernetes", "cluster", {"renderYamlToDirectory": "rendered"})
pulumi.CustomResource(
    "kubernetes:core/v1:Namespace",
    "before",
    {"metadata": {"name": "before"}},
    pulumi.ResourceOptions(provider=kubernetes),
)
pulumi.runtime.register_resource_transform(label("stack"))
Group("group", pulumi.ResourceOptions(providers=[kubernetes], transforms=[label("group")]))
