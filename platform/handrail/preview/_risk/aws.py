"""What opens things of Amazon Web Services: public access, wildcards in policies, encryption that is off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from handrail.core.resources import Resource
from handrail.preview._risk.model import Fact, Facts
from handrail.preview._risk.reading import at, entries, equals, fields, text

_ANYWHERE: Final = ("0.0.0.0/0", "::/0")

_BLOCK: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_BLOCKS: Final = (
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",
)
_ENCRYPTED: Final[Mapping[str, str]] = {
    "aws:rds/instance:Instance": "storageEncrypted",
    "aws:rds/cluster:Cluster": "storageEncrypted",
    "aws:ebs/volume:Volume": "encrypted",
    "aws:efs/fileSystem:FileSystem": "encrypted",
    "aws:kms/key:Key": "enableKeyRotation",
}
_POLICIES: Final = (
    "aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy", "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy", "aws:s3/bucketPolicy:BucketPolicy", "aws:sqs/queuePolicy:QueuePolicy",
    "aws:sns/topicPolicy:TopicPolicy", "aws:ecr/repositoryPolicy:RepositoryPolicy", "aws:iam/role:Role",
    "aws:kms/key:Key",
)  # fmt: skip
_DATABASES: Final = ("aws:rds/instance:Instance", "aws:rds/clusterInstance:ClusterInstance")
_GROUPS: Final = ("aws:ec2/securityGroup:SecurityGroup",)
_GROUP_RULES: Final = (
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
)
_REPOSITORY: Final = "aws:ecr/repository:Repository"
_BUCKETS: Final = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2", "aws:s3/bucketAcl:BucketAcl")


def blocked(resource: Resource) -> Iterator[Fact]:
    """The ways to the public that a block shuts."""
    for field in _BLOCK:
        if at(resource.inputs, field) is True:
            yield Fact((field,), f"the bucket may be public: {field} is off", field)


def kept_secret(resource: Resource) -> Iterator[Fact]:
    """What is encrypted, or what a key does for that."""
    field = _ENCRYPTED[resource.type]
    if at(resource.inputs, field) is True:
        yield Fact((field,), f"{resource.name} is less safe: {field} is off", field)


def public_database(resource: Resource) -> Iterator[Fact]:
    """A database that the internet reaches."""
    if at(resource.inputs, "publiclyAccessible") is True:
        said = f"the database {resource.name} has a public address"
        yield Fact(("public",), said, "publiclyAccessible", anew=True)


def public_bucket(resource: Resource) -> Iterator[Fact]:
    """A canned ACL that lets in more than its owner."""
    acl = text(at(resource.inputs, "acl"))
    if acl.startswith("public-") or acl == "authenticated-read":
        yield Fact(("acl", acl), f"{resource.name} has the ACL {acl}", "acl", anew=True)


def open_group(resource: Resource) -> Iterator[Fact]:
    """Rules of a security group that let in everybody."""
    rules = entries(resource.inputs, "ingress") if resource.type in _GROUPS else [resource.inputs]
    for rule in rules:
        if text(at(rule, "type"), "ingress") != "ingress":
            continue
        blocks = [
            *entries(rule, "cidrBlocks"),
            *entries(rule, "ipv6CidrBlocks"),
            at(rule, "cidrIpv4"),
            at(rule, "cidrIpv6"),
        ]
        for block in map(text, blocks):
            if block in _ANYWHERE:
                ports = f"{text(at(rule, 'fromPort'), 'any')} to {text(at(rule, 'toPort'), 'any')}"
                yield Fact(
                    ("open", block, ports), f"everybody ({block}) gets in at ports {ports}", "ingress", anew=True
                )


def moving_tags(resource: Resource) -> Iterator[Fact]:
    """That what a tag names stays the same."""
    if equals(at(resource.inputs, "imageTagMutability"), "IMMUTABLE"):
        said = f"a tag of {resource.name} may name another image tomorrow: it is mutable"
        yield Fact(("immutable",), said, "imageTagMutability")


def granted(resource: Resource) -> Iterator[Fact]:
    """Each wildcard that a policy's statements allow, as an action or as a principal."""
    for field in ("policy", "assumeRolePolicy"):
        for statement in _statements(at(resource.inputs, field)):
            if text(at(statement, "Effect")) != "Allow":
                continue
            for action in _list(at(statement, "Action")):
                if action.endswith("*"):
                    said = f"{resource.name} allows {action} on {', '.join(_list(at(statement, 'Resource'))) or 'it'}"
                    yield Fact(("action", field, action), said, field, anew=action.rpartition(":")[2] == "*")
            if "*" in _principals(at(statement, "Principal")):
                said = f"{resource.name} lets in everybody"
                if (condition := at(statement, "Condition")) is not None:
                    said += f" who meets {text(condition)}"
                yield Fact(("everybody", field, text(condition)), said, field, anew=condition is None)


def _statements(policy: Any) -> list[Any]:
    """The statements of a policy document, as JSON or as data; none of one that cannot be read."""
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except (ValueError, RecursionError):
            return []
    found = fields(policy).get("Statement")
    return list(found) if isinstance(found, list | tuple) else [found]


def _list(value: Any) -> list[str]:
    return (
        [text(each) for each in value]
        if isinstance(value, list | tuple)
        else [text(value)]
        if value is not None
        else []
    )


def _principals(value: Any) -> list[str]:
    return [each for item in value.values() for each in _list(item)] if isinstance(value, Mapping) else _list(value)


OPENS: Final[Mapping[str, Facts]] = {
    **dict.fromkeys(_POLICIES, granted),
    **dict.fromkeys(_DATABASES, public_database),
    **dict.fromkeys(_BUCKETS, public_bucket),
    **dict.fromkeys((*_GROUPS, *_GROUP_RULES), open_group),
}
SHUTS: Final[Mapping[str, Facts]] = {
    **dict.fromkeys(_BLOCKS, blocked),
    **dict.fromkeys(_ENCRYPTED, kept_secret),
    _REPOSITORY: moving_tags,
}
