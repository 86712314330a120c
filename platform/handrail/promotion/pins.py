"""What a promotion makes of a release: pure, from the pins alone."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from handrail.releases import Canary, Pin, Release

ARTIFACT = ("image", "model", "digest", "api", "named", "source", "commit")
"""The fields of a pin that are the artifact's own; the rest is the record of how it came to be here."""
WHOLE = 100


def artifact_of(pin: Pin) -> dict[str, Any]:
    """The artifact's own fields."""
    return {word: getattr(pin, word) for word in ARTIFACT}


def same(one: Pin | None, other: Pin | None) -> bool:
    """Whether two pins are of one artifact, however each was named."""
    if one is None or other is None:
        return one is other
    return (one.pins, one.digest, one.api) == (other.pins, other.digest, other.api)


def pinned(current: Release | None, pin: Pin, weight: int | None, kept: Container[str] = ()) -> Release:
    """The release with `pin` in it: as what serves, or as a canary beside it.

    Args:
        current: what is there now; None: nothing.
        weight: the canary's share in per cent; None or 100: it serves alone.
        kept: the older API versions that go on being served.
    """
    fields = {word: getattr(pin, word) for word in Pin.model_fields}
    if weight is not None and weight < WHOLE:
        assert current is not None
        return current.model_copy(update={"canary": Canary(**fields, weight=weight)})
    return Release(**fields, previous=_previous(current, pin, kept))


def _previous(current: Release | None, pin: Pin, kept: Container[str]) -> dict[str, Pin]:
    """The older API versions that are still served, each by the release that last offered it."""
    found = dict(current.previous) if current else {}
    if current and current.api:
        found[current.api.version] = Pin(**{word: getattr(current, word) for word in Pin.model_fields})
    now = pin.api.version if pin.api else None
    return {version: each for version, each in sorted(found.items()) if version != now and version in kept}


def without_canary(current: Release) -> Release:
    """The release alone."""
    return current.model_copy(update={"canary": None})


def told(pin: Pin | None) -> str:
    """A pin in a few words: what it is, and by which name people know it."""
    if pin is None or not pin.pins:
        return "no release"
    names = [short(each) for each in (pin.named or "").split(", ") if each]
    found = [short(value) for value in reversed(pin.pins.values()) if value is not None]
    known = [name for name in names if name not in found]
    return " with ".join(found) + (f" (named {', '.join(known)})" if known else "")


def short(reference: str) -> str:
    """An image without its registry's path, its digest by the first digits; a model's URI as it is."""
    if ":/" in reference:
        return reference
    repository, at, digest = reference.partition("@sha256:")
    name = repository.rpartition("/")[2]
    return f"{name}@{digest[:12]}" if at else name
