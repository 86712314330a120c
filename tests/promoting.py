"""A copy of the sample company in a git repository, with registries of the test's own: what promotions are tried on.

company = Company.at(tmp_path)
company.promote("checkout", "dev")
company.commit("first")
"""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spine import ORGANISATION, copy_acme

from handrail.core.project import Project
from handrail.organisation import load_organisation
from handrail.promotion import Asked, Outcome, Record, Resolvers, promote, rollback
from handrail.releases import Release, read_releases
from handrail.standards import contract

ME = "mei@acme.test"


def digest(text: str) -> str:
    """What a text's digest is here."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Version:
    """A model's version."""

    uri: str
    digest: str | None


@dataclass(frozen=True)
class Broken:
    """One change of an API."""

    text: str
    breaking: bool = True

    def __str__(self) -> str:
        return self.text


@dataclass
class Company:
    """The company, and what its registries say.

    Args:
        tags: image name → what it means now; default: a digest of its name.
        aliases: model URI → version URI.
        asked: every name that was resolved, in order.
    """

    root: Path
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, folder: Path) -> Company:
        """A fresh copy, one commit old."""
        copy_acme(folder)
        company = cls(folder)
        company.git("init", "-qb", "main")
        company.git("config", "user.email", ME)
        company.git("config", "user.name", "Mei")
        company.commit("first")
        return company

    def git(self, *words: str) -> str:
        """Git in the company's repository."""
        command = ["git", "-C", str(self.root), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything; the commit."""
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a file by hand."""
        path = self.root / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
        load_organisation.cache_clear()  # each is read once in a process
        contract._KNOWN.clear()

    def workloads(self, team: str, old: str, new: str) -> None:
        """Change a team's workloads.yaml by hand."""
        self.edit(f"stacks/acme/{team}/workloads.yaml", old, new)

    def organisation(self, old: str, new: str) -> None:
        """Change organisation.yaml by hand."""
        self.edit(ORGANISATION, old, new)

    @property
    def resolvers(self) -> Resolvers:
        """The company's registries; an OpenAPI document here is a list of operations, one a line."""
        return Resolvers(image=self._image, model=self._model, breaks=_breaks, digest=_document_digest)

    def _image(self, reference: str) -> str:
        self.asked.append(reference)
        if "@" in reference:
            return reference
        repository = reference.rpartition(":")[0]
        return f"{repository}@{self.tags.get(reference, digest(reference))}"

    def _model(self, uri: str, tracking: str) -> Version:
        self.asked.append(f"{uri} at {tracking}")
        found = self.aliases.get(uri, uri)
        return Version(found, digest(found))

    def promote(self, name: str, to: str, **more: Any) -> Outcome:
        """Promote."""
        asked = Asked(*(more.pop(word, None) for word in ("image", "model", "incident")))
        more.setdefault("record", Record(incident=asked.incident))
        return promote(Project.find(self.root), name, to, asked=asked, resolvers=self.resolvers, **more)

    def rollback(self, name: str, environment: str, **more: Any) -> Outcome:
        """Go back."""

        def refuse(*_: object) -> Any:
            raise AssertionError("a registry was asked")

        down = Resolvers(image=refuse, model=refuse, breaks=_breaks, digest=_document_digest)
        return rollback(Project.find(self.root), name, environment, resolvers=down, **more)

    def released(self, environment: str, team: str, name: str) -> Release:
        """What is pinned."""
        return read_releases(self.root, environment, team)[name]

    def through(self, name: str, *environments: str) -> None:
        """Promote through environments, one after the other."""
        for environment in environments:
            self.promote(name, environment)


def _breaks(old: bytes, new: bytes, names: tuple[str, str]) -> tuple[Broken, ...]:
    gone = [line for line in old.decode().splitlines() if line not in new.decode().splitlines()]
    return tuple(Broken(f"{line}: it is gone") for line in gone)


def _document_digest(document: bytes) -> str:
    return digest(document.decode())
