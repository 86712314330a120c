"""The pipeline of a repository, one text for each forge: what a team's own has, what an organisation shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from string import Template
from typing import Final

_TEMPLATES = Path(__file__).parent / "templates"
ACTIONS: Final[Mapping[str, str]] = {
    "checkout": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "setup_uv": "astral-sh/setup-uv@c18668ad3cf93ea998bef934396af7bb5c839dc7 # v10.2.0",
    "upload": "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1",
    "download": "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
}
"""Others' actions by commit: a tag can be moved."""

_INPUTS: Final = """\
      workload: {type: string, REQUIRED description: "what is promoted, as checkout or team/checkout"}
      to: {type: string, REQUIRED description: the environment}
      weight: {type: string, description: "a canary's share in per cent, or auto; default: all of it"}
      incident: {type: string, description: "the incident that it answers, as INC-123"}
"""
_OWN: Final[Mapping[str, str]] = {
    "handrail.yml": """\
  pull_request:
  pull_request_review:
    types: [submitted, dismissed]
  push:
    branches: [main]
  workflow_dispatch:
    inputs:
"""
    + _INPUTS.replace("REQUIRED", "required: true,").rstrip(),
    "handrail-comment.yml": "  workflow_run:\n    workflows: [handrail]\n    types: [completed]",
}
_SHARED: Final[Mapping[str, str]] = {
    "handrail.yml": """\
  workflow_call:
    inputs:
      environments: {type: string, required: true, description: "in their order, as JSON: [\\"dev\\", \\"prod\\"]"}
"""
    + _INPUTS.replace("REQUIRED ", "").rstrip()
    + """
    secrets:
      PULUMI_CONFIG_PASSPHRASE: {required: false}
      KUBECONFIG: {required: false}
      HANDRAIL_PROMOTE_TOKEN: {required: false}""",
    "handrail-comment.yml": "  workflow_call:",
}
"""What starts a workflow: a team's own by its events, a shared one by the workflow of a team that calls it."""


class Forge(StrEnum):
    """Where pull requests are."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


def pipeline(forge: Forge, environments: Sequence[str]) -> dict[str, str]:
    """The files of a team repository's pipeline, path → text.

    Args:
        environments: in the order that they are deployed in.
    """
    if forge is Forge.GITHUB:
        return _github(_OWN, f"[{', '.join(environments)}]")
    return {".gitlab-ci.yml": _gitlab(environments)} if forge is Forge.GITLAB else {}


def shared() -> dict[str, str]:
    """The reusable workflows, which an organisation's repositories call."""
    return _github(_SHARED, "${{ fromJSON(inputs.environments) }}")


def _github(triggers: Mapping[str, str], environments: str) -> dict[str, str]:
    return {
        f".github/workflows/{name}": _text(f"github/{name}", triggers=text, environments=environments, **ACTIONS)
        for name, text in triggers.items()
    }


def _gitlab(environments: Sequence[str]) -> str:
    jobs = [
        _text(
            "gitlab/deployment.yml",
            job=f"up {environment}",
            needs=f'  needs: ["up {environments[index - 1]}"]\n' if index else "",
            environment=environment,
        )
        for index, environment in enumerate(environments)
    ]
    return _text("gitlab/gitlab-ci.yml", deployments="".join(jobs))


def _text(name: str, **words: str) -> str:
    return Template((_TEMPLATES / name).read_text("utf-8")).substitute(words)
