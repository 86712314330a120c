"""What Kubernetes accepts as a name, a label or an annotation's key; no schema says it.

The table follows the validation code of the pinned version: since 1.37 a Service's name is an RFC 1123 label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from handrail.core.resources import Path

_PART = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"


@dataclass(frozen=True, slots=True)
class Form:
    """A form of text: its pattern, its longest length, and how to say it."""

    pattern: re.Pattern[str]
    longest: int
    said: str

    def fits(self, text: str) -> bool:
        """Whether `text` has this form."""
        return len(text) <= self.longest and self.pattern.fullmatch(text) is not None


LABEL = Form(re.compile(_PART), 63, "an RFC 1123 label: a-z, 0-9 and -, at most 63, no - at either end")
SUBDOMAIN = Form(
    re.compile(rf"{_PART}(\.{_PART})*"), 253, "an RFC 1123 subdomain: a-z, 0-9, - and ., at most 253, no - at an end"
)
SEGMENT = Form(re.compile(r"(?!\.{1,2}$)[^/%]+", re.DOTALL), 253, "a path segment: no / and no %, and not . or ..")
LABEL_VALUE = Form(
    re.compile(rf"({_WORD})?"), 63, "A-Z, a-z, 0-9, -, _ and ., at most 63, a letter or digit at the ends"
)
_KEY_NAME = Form(re.compile(_WORD), 63, "")
KEY = "[prefix/]name: the prefix a DNS subdomain, the name A-Z, a-z, 0-9, -, _ and ., at most 63"


def _at_most(form: Form, longest: int) -> Form:
    return Form(form.pattern, longest, form.said.replace(str(form.longest), str(longest)))


_NAMES: Mapping[str, Form] = {
    "kubernetes:core/v1:Namespace": LABEL,
    "kubernetes:core/v1:Service": LABEL,
    "kubernetes:apps/v1:StatefulSet": LABEL,
    "kubernetes:batch/v1:Job": _at_most(SUBDOMAIN, 63),  # it becomes a label of its pods
    "kubernetes:batch/v1:CronJob": _at_most(SUBDOMAIN, 52),  # its Jobs' names get eleven characters more
    "kubernetes:certificates.k8s.io/v1:CertificateSigningRequest": SEGMENT,
    "kubernetes:networking.k8s.io/v1:IPAddress": SEGMENT,
    **{
        f"kubernetes:rbac.authorization.k8s.io/v1:{kind}": SEGMENT
        for kind in ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
    },
}

# Keys whose value is a mapping of labels wherever a built-in kind has them, except `labels`, which needs `metadata`.
LABELLED = frozenset({"labels", "annotations", "matchLabels", "nodeSelector"})


def form_of_name(token: str) -> Form:
    """The form of `metadata.name` for a type token."""
    return _NAMES.get(token, SUBDOMAIN)


def is_labels(path: Path, *, custom: bool) -> bool:
    """Whether the mapping at `path`, whose last part is one of `LABELLED`, holds labels or annotations.

    Args:
        custom: the kind is a custom one, which may use these words for something else inside its spec.
    """
    if custom:
        return path[:-1] == ("metadata",)
    return path[-1] in ("matchLabels", "nodeSelector") or path[-2:-1] == ("metadata",)


def wrong(path: Path, labels: Mapping[str, Any]) -> Iterator[tuple[Path, str, str, str]]:
    """Every key and value of a mapping of labels that Kubernetes refuses: path, message, given, allowed."""
    annotations = path[-1] == "annotations"
    for key, value in labels.items():
        if not _key_fits(key.lower() if annotations else key):
            yield (*path, key), "is not a valid key", key, KEY
        if not annotations and isinstance(value, str) and not _value_fits(value):
            yield (*path, key), "is not a valid label value", value, LABEL_VALUE.said


@lru_cache(4096)
def _key_fits(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    return _KEY_NAME.fits(name) and (not slash or SUBDOMAIN.fits(prefix))


@lru_cache(4096)
def _value_fits(value: str) -> bool:
    return LABEL_VALUE.fits(value)
