"""Rules about Amazon Web Services that read JSON policies, or a bucket and what stands beside it in the stack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handrail.core.documents import dotted
from handrail.core.resources import Path, Ref, Token, leaves
from handrail.standards._fields import ABSENT, EACH, read
from handrail.standards.evidence import Evidence, Subject
from handrail.standards.findings import Verdict
from handrail.standards.rules._breach import Breach

_ROLE = "aws:iam/role:Role"
_ACCOUNT_BLOCK = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
_BLOCKS = frozenset({"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"})
_ENCRYPTIONS = frozenset(
    {
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
    }
)
_ALGORITHMS = frozenset({"AES256", "aws:kms", "aws:kms:dsse"})
_OF_S3 = "AES256"  # what S3 does where nothing is configured, since January 2023
_DEFAULT = ("applyServerSideEncryptionByDefault", "sseAlgorithm")
_RULES = ("rules", EACH, *_DEFAULT)
_LATER = "decided at up, when it is known"


def wildcards(_: Evidence, about: Sequence[Subject], params: Mapping[str, Any]) -> Iterator[Breach]:
    """Statements of IAM policies that allow every action, or every action of a service."""
    for subject in about:
        inline = ("inlinePolicies", EACH, "policy")
        for path, statement in _statements(subject, inline if subject.resource.type == _ROLE else ("policy",)):
            if not isinstance(statement, Mapping):
                yield _unread(subject, path, statement)
                continue
            if statement.get("Effect") != "Allow":
                continue
            if "NotAction" in statement:
                given = ", ".join(_texts(statement["NotAction"]))
                said = f"{_named(statement)} allows every action but {given}"
                yield Breach(subject, path, said, given=f"NotAction: {given}")
            for action in _texts(statement.get("Action")):
                if not action.rpartition(":")[2].strip("*") and action not in params["allowed"]:
                    yield Breach(subject, path, f"{_named(statement)} allows {action}", given=action)


def public_policies(_: Evidence, about: Sequence[Subject], __: Mapping[str, Any]) -> Iterator[Breach]:
    """Statements of resource policies that let everybody in, on no condition."""
    for subject in about:
        field = "assumeRolePolicy" if subject.resource.type == _ROLE else "policy"
        for path, statement in _statements(subject, (field,)):
            if not isinstance(statement, Mapping):
                yield _unread(subject, path, statement)
            elif statement.get("Effect") == "Allow" and not statement.get("Condition"):
                principal = statement.get("Principal")
                accounts = principal.get("AWS") if isinstance(principal, Mapping) else principal
                actions = ", ".join(_texts(statement.get("Action"))) or "everything"
                if "NotPrincipal" in statement:
                    yield Breach(subject, path, f"{_named(statement)} allows everybody but some {actions}")
                elif "*" in _texts(accounts):
                    yield Breach(subject, path, f"{_named(statement)} allows everybody {actions}", given="Principal: *")


def s3_encrypted(evidence: Evidence, about: Sequence[Subject], params: Mapping[str, Any]) -> Iterator[Breach]:
    """Buckets whose new objects are encrypted otherwise than the organisation asks."""
    for bucket in about:
        beside, unclear = _beside(bucket, evidence, _ENCRYPTIONS)
        inline = ("serverSideEncryptionConfiguration", "rule", *_DEFAULT)
        found = [
            *((path, value) for path, value in read(bucket.resource.inputs, inline) if value is not ABSENT),
            *((inline[:1], value) for each in beside for _, value in read(each.resource.inputs, _RULES)),
        ]
        if not found and unclear:
            if not set(params["algorithms"]) >= _ALGORITHMS:
                said = f"whether an encryption configuration in the stack is this bucket's is {_LATER}"
                yield Breach(bucket, inline[:1], said, Verdict.UNKNOWN)
            continue
        for path, value in found or [(inline[:1], _OF_S3)]:
            algorithm = _OF_S3 if value is ABSENT else value
            if isinstance(algorithm, Token):
                yield Breach(bucket, path, f"how its objects are encrypted is {_LATER}", Verdict.UNKNOWN)
            elif algorithm not in params["algorithms"]:
                by_default = "" if found else ", as S3 does where nothing is configured"
                said = f"new objects of {_bucket(bucket)} are encrypted with {algorithm}{by_default}"
                yield Breach(bucket, path, said, given=str(algorithm))


def s3_block_beside(evidence: Evidence, about: Sequence[Subject], _: Mapping[str, Any]) -> Iterator[Breach]:
    """Buckets whose public access block the stack does not say."""
    if any(each.resource.type == _ACCOUNT_BLOCK for each in evidence.all):
        return
    for bucket in about:
        beside, unclear = _beside(bucket, evidence, _BLOCKS)
        if not beside and unclear:
            said = f"whether a public access block in the stack is this bucket's is {_LATER}"
            yield Breach(bucket, ("bucket",), said, Verdict.UNKNOWN)
        elif not beside:
            yield Breach(bucket, ("bucket",), f"no BucketPublicAccessBlock stands beside {_bucket(bucket)}")


def _beside(bucket: Subject, evidence: Evidence, types: frozenset[str]) -> tuple[list[Subject], bool]:
    """What is configured of a bucket, and whether something else in the stack may be of it as well."""
    name = bucket.resource.inputs.get("bucket")
    found, unclear = [], False
    for each in evidence.all:
        if each.resource.type not in types:
            continue
        of = each.resource.inputs.get("bucket")
        if isinstance(of, Ref):
            found += [each] if of.resource == bucket.resource.name else []
        elif isinstance(of, Token) or not isinstance(name, str):
            unclear = True
        elif of == name:
            found.append(each)
    return found, unclear


def _bucket(bucket: Subject) -> str:
    name = bucket.resource.inputs.get("bucket")
    return name if isinstance(name, str) else bucket.resource.name


def _statements(subject: Subject, pattern: tuple[str, ...]) -> Iterator[tuple[Path, Any]]:
    """Each statement of a policy; where one cannot be read, a token or the text."""
    for path, value in read(subject.resource.inputs, pattern):
        if value is ABSENT:
            continue
        document = value
        if isinstance(value, str):
            try:
                document = json.loads(value)
            except ValueError:
                document = value
        statements = document.get("Statement") if isinstance(document, Mapping) else document
        for each in statements if isinstance(statements, list) else [statements]:
            token = next((leaf for _, leaf in leaves(each) if isinstance(leaf, Token)), None)
            if each is not None:
                yield path, each if token is None else token


def _unread(subject: Subject, path: Path, found: Any) -> Breach:
    if isinstance(found, Token):
        return Breach(subject, path, f"what {dotted(path)} allows is {_LATER}", Verdict.UNKNOWN)
    return Breach(subject, path, f"{dotted(path)} is no policy in JSON", given=str(found)[:80])


def _named(statement: Mapping[str, Any]) -> str:
    sid = statement.get("Sid")
    return f"statement {sid}" if sid else "a statement"


def _texts(value: Any) -> list[str]:
    """One text or a list of texts, as policies write both."""
    return [str(each) for each in value] if isinstance(value, list) else [] if value is None else [str(value)]
