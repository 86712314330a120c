"""A program that uses most of what a registration can carry; also run under the real engine."""

from pathlib import Path
from typing import Any

import pulumi

HERE = Path(__file__).parent


def manifest(name: str, **rest: object) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "shop"}, **rest}


class Shop(pulumi.ComponentResource):
    def __init__(self, name: str, args: dict[str, object], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shop:index:Shop", name, args, opts)
        own = pulumi.ResourceOptions(parent=self)
        password = pulumi.Output.secret("correct horse")
        self.config: Any = pulumi.CustomResource(
            "kubernetes:core/v1:ConfigMap",
            f"{name}-config",
            manifest(f"{name}-config", data={"password": password, "url": pulumi.Output.concat("db://", password)}),
            own,
        )
        self.deployment = pulumi.CustomResource(
            "kubernetes:apps/v1:Deployment",
            f"{name}-deployment",
            manifest(
                f"{name}-deployment",
                spec={
                    "replicas": 2,
                    "ratio": 0.25,
                    "large": 1e21,
                    "selector": {"matchLabels": {"app": name}},
                    "template": {
                        "metadata": {"labels": {"app": name}, "annotations": {"config": self.config.id}},
                        "spec": {"containers": [{"name": "main", "image": "i", "env": [None, {"name": "A"}]}]},
                    },
                },
            ),
            pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(depends_on=[self.config])),
        )
        self.inner = Inner(f"{name}-inner", own)
        self.register_outputs({"id": self.deployment.id, "password": password, "names": [name, None]})


class Inner(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("shop:index:Inner", name, None, opts)
        pulumi.CustomResource(
            "kubernetes:core/v1:Service",
            f"{name}-service",
            manifest(name, spec={"ports": []}),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


kubernetes = pulumi.ProviderResource("kubernetes", "cluster", {"renderYamlToDirectory": "rendered"})
first = Shop("first", {"size": 3, "text": "ü"}, pulumi.ResourceOptions(providers=[kubernetes], protect=True))
second = Shop(
    "second",
    {"other": first.deployment.id, "secret": pulumi.Output.secret({"a": [1]})},
    pulumi.ResourceOptions(providers={"kubernetes": kubernetes}, depends_on=[first]),
)
options = pulumi.CustomResource(
    "kubernetes:core/v1:ConfigMap",
    "options",
    manifest("options", data={"first": first.config.metadata["name"], "urn": second.urn}, immutable=False),
    pulumi.ResourceOptions(
        provider=kubernetes,
        aliases=[
            "urn:pulumi:dev::shop::kubernetes:core/v1:ConfigMap::former",
            pulumi.Alias(name="older"),
            pulumi.Alias(type_="kubernetes:core/v1:Secret", parent=None),
            pulumi.Alias(parent=first),
        ],
        delete_before_replace=True,
        ignore_changes=["data.a", "metadata"],
        replace_on_changes=["data"],
        retain_on_delete=True,
        additional_secret_outputs=["data"],
        custom_timeouts=pulumi.CustomTimeouts(create="5m", delete="30s"),
        deleted_with=first.deployment,
        depends_on=[second, first.config],
        protect=False,
    ),
)
pulumi.CustomResource(
    "kubernetes:core/v1:Namespace",
    "assets",
    {
        "metadata": {"name": "assets"},
        "file": pulumi.FileAsset(str(HERE / "__main__.py")),
        "text": pulumi.StringAsset("text"),
        "archive": pulumi.AssetArchive({"a": pulumi.StringAsset("b")}),
        "reference": first.config,
        "component": first,
    },
    pulumi.ResourceOptions(provider=kubernetes),
)
pulumi.log.info("about shop", options)
pulumi.log.warn("careful")
pulumi.export("id", options.id)
pulumi.export("secret", pulumi.Output.secret("correct horse"))
pulumi.export("list", [1, "two", {"three": first.urn}])
