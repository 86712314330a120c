"""organisation.yaml from a directory or an installed package, with the checks that span fields."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from handrail.core.documents import Document, dotted, load
from handrail.core.errors import DocumentError, Problem
from handrail.core.models import read, unknown_word
from handrail.core.project import Project
from handrail.core.resources import Path as FieldPath
from handrail.organisation.model import Capability, Organisation

FILE = "organisation.yaml"
RESERVED_TEAM = "platform"
_NEEDS = {
    Capability.GATEWAY_API: "gateway",
    Capability.EXTERNAL_SECRETS: "secret_store",
    Capability.CERT_MANAGER: "certificate_issuer",
}
_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


def locate(reference: str, root: Path) -> Path:
    """The organisation's directory.

    Args:
        reference: a path (it holds a `/` or starts with `.`), relative to `root`; else an importable package.
        root: the directory of the stack's Pulumi.yaml.

    Raises:
        DocumentError: there is no such directory or package, or it holds no organisation.yaml.
    """
    if _PACKAGE.fullmatch(reference):
        try:
            spec = importlib.util.find_spec(reference)
        except ImportError:
            spec = None
        folders = list(spec.submodule_search_locations or ()) if spec else []
        if not folders:
            raise DocumentError(
                Problem(
                    f"there is no package {reference}",
                    "handrail:organisation",
                    given=reference,
                    allowed="an installed package, or a path as ./organisation",
                    remedy=f"add {reference} to the project's dependencies, or write ./{reference} for a directory",
                )
            )
        directory = Path(folders[0])
    else:
        directory = (root / reference).resolve()
    if not (directory / FILE).is_file():
        raise DocumentError(
            Problem(
                f"has no {FILE}",
                "handrail:organisation",
                given=reference,
                remedy=f"name the directory that holds {FILE}, relative to {root}",
            )
        )
    return directory


def find_organisation(project: Project | None, named: str | None, start: Path) -> Path | None:
    """The directory of the organisation that a person named, or that a project's stacks name; None: there is none.

    Args:
        named: a directory, relative to `start`.

    Raises:
        DocumentError: it is not there.
    """
    if named:
        return locate(named if named.startswith(("/", ".")) else f"./{named}", start)
    configs = (project.stack(stack).config for stack in project.stacks()) if project else ()
    reference = next((found for config in configs if (found := config.get("handrail:organisation"))), None)
    return locate(reference, project.root) if project and reference else None


@lru_cache(maxsize=8)
def load_organisation(directory: Path) -> Organisation:
    """The organisation of a directory.

    Raises:
        DocumentError: every problem of its organisation.yaml.
    """
    document = load(directory / FILE)
    organisation = read(document, Organisation)
    problems = list(_problems(organisation, document))
    if problems:
        raise DocumentError(problems)
    return organisation


def _problems(organisation: Organisation, document: Document) -> Iterator[Problem]:
    """What no single field can tell: references, and pairs that need each other."""

    def reference(path: FieldPath, word: str, allowed: object) -> Iterator[Problem]:
        if word not in allowed:  # type: ignore[operator]
            yield unknown_word(word, allowed, dotted(path), document.where(path), noun="name")  # type: ignore[arg-type]

    for name, environment in organisation.environments.items():
        yield from reference(("environments", name, "cluster"), environment.cluster, organisation.clusters)
    for name, team in organisation.teams.items():
        path: FieldPath = ("teams", name)
        if name == RESERVED_TEAM:
            yield Problem("is the platform team's own name", dotted(path), document.where(path, key=True))
        for kind in team.quota.accelerators:
            yield from reference((*path, "quota", "accelerators", kind), kind, organisation.accelerators)
        for index, chosen in enumerate(team.notebook_profiles or ()):
            yield from reference((*path, "notebook_profiles", index), chosen, organisation.notebook_profiles)
    for name, profile in organisation.notebook_profiles.items():
        if profile.accelerator:
            at: FieldPath = ("notebook_profiles", name, "accelerator")
            yield from reference(at, profile.accelerator, organisation.accelerators)
    for name, cluster in organisation.clusters.items():
        path = ("clusters", name)
        if (cluster.render is None) == (cluster.context is None):
            yield Problem("needs exactly one of render and context", dotted(path), document.where(path, key=True))
        for capability, word in _NEEDS.items():
            if cluster.has(capability) and getattr(cluster, word) is None:
                yield Problem(
                    f"has the capability {capability} and no {word}",
                    dotted(path),
                    document.where(path, key=True),
                    remedy=f"write {word}, or take {capability} out of capabilities",
                )
