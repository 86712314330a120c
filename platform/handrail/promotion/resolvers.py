"""Who is asked what a name means now, and what a new version of an API breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class ModelVersion(Protocol):
    """A model's version, as a registry tells it."""

    @property
    def uri(self) -> str:
        """As models:/scorer/12."""
        ...

    @property
    def digest(self) -> str | None:
        """Of its files; None: the registry tells none."""
        ...


class Break(Protocol):
    """One change of an API that breaks clients, or may."""

    @property
    def breaking(self) -> bool:
        """Whether clients break; otherwise it is advice."""
        ...


def _image(reference: str) -> str:
    from handrail.releases.registry import resolve_image

    return resolve_image(reference)


def _model(uri: str, tracking: str) -> ModelVersion:
    from handrail.releases.model_registry import resolve_model

    return resolve_model(uri, tracking)


def _breaks(old: bytes, new: bytes, names: tuple[str, str]) -> tuple[Break, ...]:
    from handrail.releases.api import breaking_changes

    return breaking_changes(old, new, names)


def _digest(document: bytes) -> str:
    from handrail.releases.api import api_digest

    return api_digest(document)


@dataclass(frozen=True, slots=True)
class Resolvers:
    """What is asked of others; a test has its own.

    Args:
        image: an image's name → the same by digest.
        model: a model's URI, the tracking server's address → its version.
        breaks: the earlier and the new OpenAPI document, their names → what is broken.
        digest: an OpenAPI document → the digest of what it says.
    """

    image: Callable[[str], str] = _image
    model: Callable[[str, str], ModelVersion] = _model
    breaks: Callable[[bytes, bytes, tuple[str, str]], tuple[Break, ...]] = _breaks
    digest: Callable[[bytes], str] = _digest
