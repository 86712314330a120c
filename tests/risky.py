"""Resources that tests of risk and cost are made of: small manifests, and such of any shape."""

import copy
import random
from functools import cache
from typing import Any

from hypothesis import strategies as st
from spine import ROOT, STACKS, planned

from handrail.core.resources import Given, Ref, Resource

MAIN = {"name": "main", "image": "registry.acme.test/web:1"}


def deployment(container: dict[str, Any] | None = None, /, spec: dict[str, Any] | None = None, **more: Any) -> Resource:
    """A Deployment `web` in team-dev: fields of its container, of its pod's spec, of its own spec."""
    return workload("apps/v1:Deployment", container, spec, **more)


def workload(
    kind: str, container: dict[str, Any] | None = None, spec: dict[str, Any] | None = None, **more: Any
) -> Resource:
    """The same of another kind with a pod template."""
    pod = {"containers": [{**MAIN, **(container or {})}], **(spec or {})}
    body = {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod},
        **more,
    }
    return made(kind, spec=body)


def made(kind: str, name: str = "web", **body: Any) -> Resource:
    """A resource of Kubernetes in team-dev."""
    metadata = {"name": name, "namespace": "team-dev", **body.pop("metadata", {})}
    return Resource(name, f"kubernetes:{kind}", {"metadata": metadata, **body})


@cache
def samples() -> list[Resource]:
    """A planned resource of each kind that the sample company has in one environment, and some of a cloud."""
    found = [resource for stack in STACKS if stack.endswith("-staging") for resource in planned(ROOT, stack)]
    cloud: list[tuple[str, dict[str, Any]]] = [
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", {"blockPublicAcls": True}),
        (
            "aws:iam/policy:Policy",
            {"policy": '{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'},
        ),
        ("aws:ec2/securityGroup:SecurityGroup", {"ingress": [{"cidrBlocks": ["10.0.0.0/8"], "fromPort": 443}]}),
        ("aws:rds/instance:Instance", {"engine": "postgres", "storageEncrypted": True}),
    ]
    kinds = {resource.type: resource for resource in found}
    return [*kinds.values(), *(Resource("cloud", kind, inputs) for kind, inputs in cloud)]


_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=3), st.just(object),
    st.just(Given(None)), st.just(Ref("other", "metadata.name")), st.just([]), st.just({}), st.just([{}]),
    st.sampled_from(["*", "1", "100m", "Delete", "{", "0.0.0.0/0", "LoadBalancer", "cluster-admin"]),
)  # fmt: skip
ODD = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "spec", "containers", "rules", ""]) | st.integers(), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn, resource: Resource) -> Resource:
    """`resource` with other values in place of some of its own, or without them."""
    inputs = copy.deepcopy(dict(resource.inputs))
    for _ in range(draw(st.integers(1, 3))):
        holder, key = _somewhere(inputs, draw(st.randoms(use_true_random=False)))
        if draw(st.booleans()):
            holder[key] = copy.deepcopy(draw(ODD))
        elif isinstance(holder, dict):
            holder.pop(key, None)
    return Resource(resource.name, resource.type, inputs)


def _somewhere(data: Any, place: random.Random) -> tuple[Any, Any]:
    """A mapping or list of the data and one of its keys, at any depth."""
    holder: Any = {"": data}
    key: Any = ""
    while isinstance(holder[key], dict | list) and holder[key] and (key == "" or place.random() < 0.8):
        holder = holder[key]
        key = place.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    return (holder, key) if key != "" else ({"": None}, "")


SAMPLES = st.deferred(lambda: st.sampled_from(samples()))
_SHAPELESS = st.builds(
    lambda kind, inputs: Resource("odd", kind, inputs),
    SAMPLES.map(lambda resource: resource.type) | st.text(max_size=10),
    st.dictionaries(st.sampled_from(["metadata", "spec", "rules", "data", "policy"]), ODD, max_size=4),
)
RESOURCES = SAMPLES | SAMPLES.flatmap(mutated) | _SHAPELESS
"""A planned resource of acme, one with odd values in it, or one of any shape."""
