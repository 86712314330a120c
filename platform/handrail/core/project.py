"""A Pulumi project as its files say it: Pulumi.yaml and the config of its stacks, read without Pulumi."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.core.documents import display, load
from handrail.core.errors import DocumentError, Position, Problem
from handrail.core.models import nearest

_NAMES = ("Pulumi.yaml", "Pulumi.yml")


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack's config.

    Args:
        name: as `payments-dev`.
        file: its config file, which need not exist.
        config: `namespace:key` → the text that the engine would hand to the program.
        encrypted: the keys whose values cannot be read without the stack's passphrase or key.
        positions: `namespace:key` → where it is set.
    """

    name: str
    file: Path
    config: Mapping[str, str] = field(default_factory=dict)
    encrypted: frozenset[str] = frozenset()
    positions: Mapping[str, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """A Pulumi project.

    Args:
        root: the directory of Pulumi.yaml.
        name: the project's name.
        program: the directory (or file) of the program.
        stack_directory: where the stacks' config files lie.
        defaults: config that Pulumi.yaml sets for every stack.
        python: the interpreter of the project's virtual environment, if Pulumi.yaml names one.
        backend: the address of the state backend that Pulumi.yaml names; empty where it names none.
    """

    root: Path
    name: str
    program: Path
    stack_directory: Path
    defaults: Mapping[str, str] = field(default_factory=dict)
    python: Path | None = None
    backend: str = ""

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The project of `start` (default: the working directory) or the nearest directory above it.

        Raises:
            DocumentError: there is none, or its Pulumi.yaml is wrong.
        """
        file = project_file(start)
        if file:
            return cls.read(file)
        where = (start or Path.cwd()).resolve()
        raise DocumentError(
            Problem(
                f"no {_NAMES[0]} in {where} or above it", remedy="change into a Pulumi project, or name one with --cwd"
            )
        )

    @classmethod
    def read(cls, file: Path) -> Project:
        """The project of one Pulumi.yaml; raises DocumentError."""
        document = load(file)
        data = _mapping(document.data, document.where(()))
        name = data.get("name")
        if not isinstance(name, str):
            raise DocumentError(
                Problem("is required", "name", document.where(()), remedy="write name: the project's name")
            )
        root = file.parent.resolve()
        runtime = data.get("runtime")
        options = runtime.get("options") or {} if isinstance(runtime, dict) else {}
        virtualenv = options.get("virtualenv")
        config = _mapping(data.get("config"), document.where(("config",)))
        defaults = {
            key: value["value"] if isinstance(value, dict) and "value" in value else value
            for key, value in config.items()
        }
        return cls(
            root=root,
            name=name,
            program=root / str(data.get("main") or "."),
            stack_directory=root / str(data.get("stackConfigDir") or "."),
            defaults={
                _full(key, name): _text(value)
                for key, value in defaults.items()
                if not (isinstance(value, dict) and {"type", "description", "default", "secret"} & value.keys())
            },
            python=root / virtualenv / "bin" / "python" if virtualenv else None,
            backend=str(_mapping(data.get("backend"), document.where(("backend",))).get("url") or ""),
        )

    def stacks(self) -> list[str]:
        """The names of the stacks that have a config file, sorted."""
        return sorted(
            path.name.removeprefix("Pulumi.").rpartition(".")[0]
            for pattern in ("Pulumi.*.yaml", "Pulumi.*.yml")
            for path in self.stack_directory.glob(pattern)
        )

    def stack(self, name: str) -> Stack:
        """The config of stack `name`, with the project's defaults below it.

        Raises:
            DocumentError: it has no config file, or one that is wrong.
        """
        name = name.rpartition("/")[2]
        file = next(
            (f for end in ("yaml", "yml") if (f := self.stack_directory / f"Pulumi.{name}.{end}").is_file()), None
        )
        if file is None:
            known = self.stacks()
            near = nearest(name, known)
            raise DocumentError(
                Problem(
                    f"no stack {name}: {display(self.stack_directory)} has no Pulumi.{name}.yaml",
                    allowed=", ".join(known) or None,
                    remedy=f"did you mean {near}?" if near else "write that file, or name one of the stacks that exist",
                )
            )
        document = load(file)
        data = _mapping(document.data, document.where(()))
        entries = _mapping(data.get("config"), document.where(("config",)))
        config, encrypted, positions = dict(self.defaults), set(), {}
        for key, value in entries.items():
            full = _full(key, self.name)
            positions[full] = document.where(("config", key))
            config[full] = _text(value)
            if _has_secret(value):
                encrypted.add(full)
        return Stack(name, file, config, frozenset(encrypted), positions)


def project_file(start: Path | None = None) -> Path | None:
    """The Pulumi.yaml of `start` (default: the working directory) or of the nearest directory above it."""
    start = (start or Path.cwd()).resolve()
    files = (directory / name for directory in (start, *start.parents) for name in _NAMES)
    return next((file for file in files if file.is_file()), None)


def relative(path: Path, start: Path) -> str:
    """`path` seen from `start`, so that no state or manifest carries a machine's own folders."""
    return os.path.relpath(path, start)


def _mapping(value: Any, where: Position) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DocumentError(Problem("must be a mapping", where=where))
    return value


def _full(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _text(value: Any) -> str:
    """A config value as the engine hands it to a program: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(_has_secret(item) for item in value.values())
    return isinstance(value, list) and any(_has_secret(item) for item in value)
