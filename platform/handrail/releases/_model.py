"""A release: which immutable artifact a workload runs in one environment, and the record of how it came to be there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from handrail.core.models import Model

Image = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@sha256:[0-9a-f]{64}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[^@\s]+$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40,64}$")]
Major = Annotated[str, StringConstraints(pattern=r"^v[1-9][0-9]*$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
Link = Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[^\s]+$")]


class Api(Model):
    """The API that a release offers."""

    version: Major
    """Its major version, as v2: the first part of every path."""
    openapi: Digest | None = None
    """The digest of its OpenAPI document, whose copy stands beside the releases; default: it has none."""


class Gates(Model):
    """What the standards said of the very resources that the release makes."""

    judged: Annotated[int, Field(ge=0)]
    """How many resources were judged."""
    advisories: Annotated[int, Field(ge=0)] = 0
    """How many advisories stood."""
    waived: tuple[Line, ...] = ()
    """The standards that were violated under a waiver, each with the waiver's id: `two-replicas by W-12`."""


class Pin(Model):
    """An artifact by an immutable name, and the record of its promotion."""

    image: Image | None = None
    """Its image by digest, in place of the one in workloads.yaml. As registry.acme.test/payments/checkout@sha256:… ."""
    model: Version | None = None
    """An endpoint's model by version, never by alias, in place of the one in workloads.yaml. As models:/scorer/12."""
    digest: Digest | None = None
    """The digest of the model's files, as the model registry told it."""
    api: Api | None = None
    """The API that it offers; default: none."""
    named: Line | None = None
    """The name that it was promoted by, as registry.acme.test/payments/checkout:2.7.1 or models:/scorer@champion."""
    source: Line | None = None
    """The environment that it came from; default: it was resolved from `named`."""
    by: Line | None = None
    """Who promoted it."""
    at: datetime | None = None
    """When, with its time zone."""
    commit: Commit | None = None
    """The commit that it was built from, or that was checked out when it was promoted."""
    pull_request: Link | None = None
    """The pull request that brought it."""
    contract: Line | None = None
    """The version of the catalogue of standards that it was judged by."""
    gates: Gates | None = None
    """What they said."""
    incident: Line | None = None
    """The incident that it answers, as INC-123."""

    @property
    def pins(self) -> dict[str, str]:
        """The settings that it decides, by name."""
        return {word: value for word in ("image", "model") if (value := getattr(self, word)) is not None}


class Canary(Pin):
    """The next release, beside the one that serves, with a share of its requests."""

    weight: Annotated[int, Field(ge=0, le=99)]
    """Its share in per cent, 0 (dark: it runs and gets nothing) to 99."""


class Release(Pin):
    """What one workload runs in one environment."""

    canary: Canary | None = None
    """What is tried beside it; default: nothing."""
    previous: dict[Major, Pin] = {}
    """Older API versions that are still served, each by the release that last offered it."""
