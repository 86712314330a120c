"""What a team repository requires: distributions, from where they are installed here, pinned in its uv.lock."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname


@dataclass(frozen=True, slots=True)
class Requirement:
    """A line of `dependencies`, and a line of `[tool.uv.sources]` where the distribution comes from no index."""

    line: str
    source: str = ""


def requirement(distribution: str, folder: Path) -> Requirement:
    """The requirement of a distribution.

    Args:
        distribution: its name; one that is not installed is required without a version.
        folder: the repository, which paths are seen from.
    """
    try:
        installed = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return Requirement(distribution)
    origin = installed.read_text("direct_url.json")  # PEP 610: there where no index was asked
    if origin is None:
        return Requirement(f"{distribution}=={installed.version}")
    fields = ", ".join(f"{key} = {json.dumps(value)}" for key, value in _source(json.loads(origin), folder).items())
    return Requirement(distribution, f"{distribution} = {{ {fields} }}")


def distribution_of(package: str) -> str:
    """The name that a package is published under; for one that is not installed, the usual one."""
    return next(iter(metadata.packages_distributions().get(package, ())), package.replace("_", "-"))


def lock(folder: Path) -> str | None:
    """Pin everything that a repository requires in its uv.lock; why that cannot be, where it cannot."""
    uv = shutil.which("uv")
    if uv is None:
        return "there is no uv here: install it, and run `uv lock`"
    # the environment that this runs in is not the repository's
    variables = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(  # noqa: S603
        [uv, "lock", "--quiet", "--project", str(folder)], env=variables, capture_output=True, text=True, check=False
    )
    return f"{done.stderr.strip()}\nmend that, and run `uv lock`" if done.returncode else None


def _source(origin: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A source as uv writes it, of an origin as PEP 610 does."""
    url = origin["url"]
    below = {"subdirectory": origin["subdirectory"]} if "subdirectory" in origin else {}
    if "vcs_info" in origin:
        return {origin["vcs_info"]["vcs"]: url, "rev": origin["vcs_info"]["commit_id"], **below}
    if not url.startswith("file:"):
        return {"url": url, **below}
    path = os.path.relpath(url2pathname(urlsplit(url).path), folder.resolve())
    editable = {"editable": True} if origin.get("dir_info", {}).get("editable") else {}
    return {"path": path, **editable}
