"""A team repository that previews clean at once; and again later, without touching what the team edited."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from string import Template

from handrail.core.errors import DocumentError, Problem
from handrail.core.models import nearest
from handrail.organisation import Organisation, load_organisation, locate
from handrail.personas._persona import personas
from handrail.personas._pipeline import Forge, pipeline
from handrail.personas._requirement import distribution_of, requirement
from handrail.personas._schema import organisation_schema, workloads_schema

_TEMPLATES = Path(__file__).parent / "templates"
_RECORD = Path(".handrail") / "init.json"
_ENGINES = re.compile(r"^(?:encryptionsalt|encryptedkey|secretsprovider):.*\n?", re.MULTILINE)
"""What the engine itself writes into a stack's config: no edit of the team's, and never lost."""
# what is written where; workloads.yaml and a file per environment come beside
_FILES = {
    "Pulumi.yaml": "Pulumi.yaml",
    "__main__.py": "__main__.py.txt",
    "pyproject.toml": "pyproject.toml.txt",
    "tests/test_workloads.py": "test_workloads.py.txt",
    "README.md": "README.md",
    ".gitignore": "gitignore",
    ".vscode/settings.json": "vscode.json",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One file: what would be written, and how that stands to what is there.

    `state` is new, unchanged, outdated (as it was written by an earlier one), edited (by the team) or removed (by it).
    """

    path: str
    text: str
    state: str
    diff: str = ""


def repository(
    persona: str, name: str, team: str, reference: str, folder: Path, forge: Forge = Forge.GITHUB
) -> dict[str, str]:
    """The files of a team repository, path → text.

    Args:
        persona, team: whose; the organisation must have the team.
        reference: the organisation: an installed package, or a path relative to `folder`.
        folder: where the repository is.
        forge: where its pull requests are, which says how its pipeline is written.

    Raises:
        DocumentError: there is no such persona, organisation or team.
    """
    organisation = load_organisation(locate(reference, folder))
    problems = list(_problems(persona, team, organisation))
    if problems:
        raise DocumentError(problems)
    package = "/" not in reference and not reference.startswith(".")
    needed = [requirement(each, folder) for each in ("handrail", *([distribution_of(reference)] if package else []))]
    sources = [each.source for each in needed if each.source]
    words = {
        "name": name, "team": team, "persona": persona, "organisation": reference,
        "registry": organisation.registries[0], "first": next(iter(organisation.environments)),
        "dependencies": ", ".join(json.dumps(each.line) for each in needed),
        "sources": "\n".join(["", "[tool.uv.sources]", *sources, ""]) if sources else "",
    }  # fmt: skip
    found = {path: _text(template, words) for path, template in _FILES.items()}
    found["workloads.yaml"] = _text(f"{persona}.yaml", words)
    for environment in organisation.environments:
        found[f"Pulumi.{team}-{environment}.yaml"] = _text("stack.yaml", {**words, "environment": environment})
    for file, schema in (("workloads", workloads_schema(personas()[persona])), ("organisation", organisation_schema())):
        found[f"schemas/{file}.schema.json"] = json.dumps(schema, indent=2) + "\n"
    return {**found, **pipeline(forge, list(organisation.environments))}


def changes(files: Mapping[str, str], folder: Path) -> list[Change]:
    """How `files` stand to what is in `folder`."""
    record = _record(folder)
    return [_change(path, text, folder, record) for path, text in sorted(files.items())]


def write(found: list[Change], folder: Path) -> None:
    """Write what is new or outdated, and remember it; what the team edited or removed is left alone."""
    record = _record(folder)
    for change in found:
        if change.state in ("new", "outdated"):
            file = folder / change.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(change.text, "utf-8")
        if change.state in ("new", "outdated", "unchanged"):
            record[change.path] = _digest(change.text)
    (folder / _RECORD).parent.mkdir(exist_ok=True)
    (folder / _RECORD).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", "utf-8")


def _problems(persona: str, team: str, organisation: Organisation) -> Iterator[Problem]:
    for what, word, allowed in (("persona", persona, personas()), ("team", team, organisation.teams)):
        if word not in allowed:
            near = nearest(word, allowed)
            remedy = f"did you mean {near}?" if near else None
            yield Problem(f"no {what} {word}", allowed=", ".join(allowed), remedy=remedy)


def _change(path: str, text: str, folder: Path, record: Mapping[str, str]) -> Change:
    file = folder / path
    if not file.exists():
        return Change(path, text, "removed" if path in record else "new")
    there = file.read_text("utf-8")
    if _digest(there) == _digest(text):
        return Change(path, text, "unchanged")
    text += "".join(_ENGINES.findall(there))
    diff = "".join(unified_diff(there.splitlines(True), text.splitlines(True), f"{path} (yours)", f"{path} (new)"))
    return Change(path, text, "outdated" if record.get(path) == _digest(there) else "edited", diff)


def _text(template: str, words: Mapping[str, str]) -> str:
    return Template((_TEMPLATES / template).read_text("utf-8")).safe_substitute(words)


def _record(folder: Path) -> dict[str, str]:
    file = folder / _RECORD
    try:
        found = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise DocumentError(
            Problem("is no JSON", given=str(file), remedy="restore it from git, or remove it")
        ) from None
    return {str(path): str(digest) for path, digest in found.items()}


def _digest(text: str) -> str:
    return hashlib.sha256(_ENGINES.sub("", text).encode()).hexdigest()
