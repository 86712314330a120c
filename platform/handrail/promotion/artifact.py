"""What is promoted: resolved once, now, for the first environment; for a later one what the one before it has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handrail.components._definition import Prepared
from handrail.core.errors import DocumentError, Problem
from handrail.promotion import apis, records
from handrail.promotion.places import Place
from handrail.promotion.resolvers import Resolvers
from handrail.releases import Pin, Release

TRACKING = "MLFLOW_TRACKING_URI"
_REGISTERED = "models:/"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked to have promoted, beyond what the files say.

    Args:
        image: a name of an image, of which the digest is to be found.
        model: the URI of a model, of which the version is to be found.
        incident: what it answers, as INC-123: an image or a model of one's own may go into any environment then.
    """

    image: str | None = None
    model: str | None = None
    incident: str | None = None

    @property
    def anything(self) -> bool:
        """Whether an artifact was named."""
        return self.image is not None or self.model is not None


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact by its immutable names, and the document of its API.

    Args:
        pin: its own fields of a pin.
        document: its OpenAPI document; None: it has none.
        notes: what is worth telling of it.
    """

    pin: Pin
    document: bytes | None = None
    notes: tuple[str, ...] = ()


def artifact_for(places: Mapping[str, Place], target: Place, asked: Asked, resolvers: Resolvers) -> Artifact:
    """What is promoted into an environment.

    Raises:
        HandrailError: there is nothing to promote, it may not be promoted from there, or a name cannot be resolved.
    """
    source = source_of(places, target)
    if source is None:
        return _resolved(target, asked, resolvers, base=None)
    release = source.releases().get(target.workload)
    if asked.anything:
        if asked.incident is None:
            option = "--image" if asked.image else "--model"
            raise DocumentError(
                Problem(
                    f"{target.environment} gets what {source.environment} has: it is built once, and tested there",
                    option, given=asked.image or asked.model,
                    remedy=f"handrail promote {target.workload} --to {next(iter(places))} {option} …, and on from "
                    "there; a hotfix names the incident that it answers, as --incident INC-123",
                )
            )  # fmt: skip
        return _resolved(target, asked, resolvers, base=target.releases().get(target.workload) or release)
    if release is None or not release.pins:
        raise DocumentError(
            Problem(
                f"has no release in {source.environment}, from which {target.environment} gets it", target.address,
                remedy=f"handrail promote {target.workload} --to {source.environment}",
            )
        )  # fmt: skip
    fields = {word: getattr(release, word) for word in ("image", "model", "digest", "api", "named", "commit")}
    return Artifact(Pin(**fields, source=source.environment), apis.copy_of(source, release, resolvers.digest))


def source_of(places: Mapping[str, Place], target: Place) -> Place | None:
    """The environment before the target that has the workload; None: it is the first one."""
    before = list(places)[: list(places).index(target.environment)]
    return places[before[-1]] if before else None


def _resolved(target: Place, asked: Asked, resolvers: Resolvers, base: Release | None) -> Artifact:
    """What names mean now.

    Args:
        base: what stands in for what was not asked for; None: what workloads.yaml names.
    """
    _fits(target, asked)
    prepared = _unpinned(target, asked, base)
    spec = prepared.workload.spec
    names = {"image": _image_name(prepared), **({"model": str(spec.model)} if hasattr(spec, "model") else {})}
    fields: dict[str, str | None] = {}
    notes: list[str] = []
    fields["image"] = base.image if base and base.image and not asked.image else resolvers.image(names["image"])
    if "model" in names:
        if base and base.model and not asked.model:
            fields |= {"model": base.model, "digest": base.digest}
        elif names["model"].startswith(_REGISTERED):
            version = resolvers.model(names["model"], _tracking(target))
            fields |= {"model": version.uri, "digest": version.digest}
        else:
            fields["model"] = names["model"]
            notes.append(f"{names['model']} is pinned by its address alone: nothing tells when its files change")
    api, document = apis.offered(target, prepared, resolvers.digest)
    named = ", ".join(
        names[word] for word in reversed(names) if getattr(asked, word) or not (base and base.pins.get(word))
    )
    pin = Pin.model_validate({**fields, "api": api, "named": named or None, "commit": records.head(target.root)})
    return Artifact(pin, document, tuple(notes))


def _fits(target: Place, asked: Asked) -> None:
    """End here where a workload has no artifact, or not one of the kind that was named.

    Raises:
        DocumentError: which, and what to leave out.
    """
    definition = target.definition()
    if definition is None:
        return  # planning it tells what is wrong with the file
    wrong = [
        Problem(f"a {definition.name} has no {word}", f"--{word}", given=value, remedy=f"leave --{word} out")
        for word in ("image", "model")
        if (value := getattr(asked, word)) is not None and word not in definition.spec.model_fields
    ]
    if wrong:
        raise DocumentError(wrong)


def _unpinned(target: Place, asked: Asked, base: Release | None) -> Prepared:
    """The workload as its file has it, with what was asked for, and with nothing pinned but the rest of `base`."""
    known = base.pins if base else {}
    fields: dict[str, Any] = {word: getattr(asked, word) or known.get(word) for word in ("image", "model")}
    release = Release.model_construct(**fields)  # a name that is to be resolved is no pin yet
    return target.planned({**target.releases(), target.workload: release})[1]


def _image_name(prepared: Prepared) -> str:
    """The image that is named: its own, or the organisation's for the model's server."""
    spec = prepared.workload.spec
    if spec.image is not None:
        return str(spec.image)
    return prepared.workload.context.organisation.images.servers[spec.server]


def _tracking(target: Place) -> str:
    """Where the model registry is: as MLflow's own variable says, else where pods of the organisation reach it."""
    service = target.context.organisation.services.tracking
    found = os.environ.get(TRACKING) or (service.url if service else None)
    if found is None:
        raise DocumentError(
            Problem(
                "the organisation names no tracking server, so nobody can say which version a model is",
                f"{target.workload}.model", remedy=f"set {TRACKING}, or have services.tracking written",
            )
        )  # fmt: skip
    return found
