"""A Pulumi project in a folder of its own, for tests that run the real engine."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail.core.project import Project
from handrail.core.resources import Resource
from handrail.personas._stack import plan_stack

ROOT = Path(__file__).parents[1]
ORGANISATION = "stacks/acme/platform/acme_platform/organisation.yaml"
STACKS = [
    f"{team}-{environment}"
    for team in ("platform", "payments", "storefront", "fraud", "assist", "churn")
    for environment in ("dev", "staging", "prod")
]


def copy_acme(folder: Path) -> Path:
    """The sample company, copied into a folder."""
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    shutil.copytree(ROOT / "stacks", folder / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@dataclass(frozen=True)
class Checkout:
    """A Pulumi project in a folder of its own, with a state of its own."""

    root: Path
    environment: dict[str, str]

    def run(self, *command: str | Path, ok: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; a failure shows its output."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.root,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=600,  # against a hang: a whole company takes half of it on two busy cores
        )
        if ok:
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def handrail(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """`handrail ARGUMENTS`; a deployment goes without the engine's preview before it, which takes as long again."""
        if arguments[0] in ("up", "destroy") and "--yes" in arguments:
            arguments = (*arguments, "--skip-preview")
        return self.run(sys.executable, "-m", "handrail.cli", *arguments, ok=ok)

    def pulumi(self, *arguments: str, ok: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """`pulumi ARGUMENTS`."""
        return self.run("pulumi", *arguments, "--non-interactive", ok=ok, **more)

    def state(self, stack: str) -> list[dict[str, Any]]:
        """The resources in a stack's state."""
        exported = json.loads(self.pulumi("stack", "export", "--stack", stack).stdout)
        resources: list[dict[str, Any]] = exported["deployment"].get("resources", [])
        return resources

    def manifests(self, stack: str) -> dict[str, str]:
        """The files rendered for a stack, by name."""
        folder = self.root / "rendered" / stack
        return {str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*.yaml"))}


def planned(root: Path, stack: str) -> list[Resource]:
    """What the plan of a stack registers."""
    config = Project.find(root).stack(stack).config
    return [
        resource for each in plan_stack(config, root=root, stack=stack).prepared for resource in each.plan.resources
    ]


_PER_RUN = ("created", "modified", "id", "__fieldManager", "sourcePosition", "stackTrace")


def stable(state: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A state without what differs from run to run: times, generated ids, where the SDK was called, the order of sets."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: sorted(item) if key == "dependencies" else clean(item)
                for key, item in value.items()
                if key not in _PER_RUN
            }
        if isinstance(value, list):
            return [clean(item) for item in value]
        is_reference = isinstance(value, str) and value.startswith("urn:pulumi:") and value.count("::") == 4
        return value.rpartition("::")[0] if is_reference else value

    return sorted((clean(resource) for resource in state), key=lambda resource: str(resource["urn"]))
