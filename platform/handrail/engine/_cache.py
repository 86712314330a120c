"""Built binaries, outside any checkout: one entry per versions and sources, whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from handrail.engine import _versions

_MANIFEST = "manifest.json"
SOURCES = Path(__file__).parent / "go"
VERSIONS = {
    "pulumi": _versions.PULUMI, "kubernetes": _versions.KUBERNETES, "yaml": _versions.YAML,
    "cluster": _versions.CLUSTER, "oasdiff": _versions.OASDIFF,
}  # fmt: skip
"""What is built, each part on its own: the engine with its Python language host, the Kubernetes provider, and, where
they are asked for, the YAML language host, a control plane and oasdiff."""


def root() -> Path:
    """Where binaries are kept: HANDRAIL_CACHE, else the user's cache directory."""
    override = os.environ.get("HANDRAIL_CACHE")
    if override:
        return Path(override)
    from platformdirs import user_cache_path  # programs that only ask for a version need not wait for it

    return user_cache_path("handrail")


def entry(part: str) -> Path:
    """The entry of the version and Go sources of `part` (a key of VERSIONS) that this Handrail builds."""
    digest = hashlib.sha256()
    for file in sorted(path for path in (SOURCES / part).rglob("*") if path.suffix in (".go", ".mod", ".sum")):
        digest.update(file.read_bytes())
    system = f"{platform.system()}-{platform.machine()}".lower()
    return root() / "engine" / f"{part}-{VERSIONS[part]}-{system}-{digest.hexdigest()[:12]}"


def complete(folder: Path, *, thorough: bool = False) -> bool:
    """Whether an entry holds every binary in full: by size, or by content where `thorough` or where it was touched."""
    try:
        made = (folder / _MANIFEST).stat().st_mtime_ns
        manifest = json.loads((folder / _MANIFEST).read_text())
        return all(_matches(folder / name, facts, made, thorough) for name, facts in manifest.items())
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return False


def _matches(file: Path, facts: dict[str, object], made: int, thorough: bool) -> bool:
    found = file.stat()
    touched = thorough or found.st_mtime_ns > made  # the manifest is written last
    return found.st_size == facts["size"] and (not touched or _digest(file) == facts["sha256"])


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fill(folder: Path, make: Callable[[Path], None], say: Callable[[str], None]) -> None:
    """Make `folder` complete, once however many ask at the same time; a broken entry is made anew.

    Args:
        folder: the entry.
        make: puts the binaries into the empty folder it is given.
        say: told when another process is waited for.
    """
    from filelock import FileLock, Timeout

    folder.parent.mkdir(parents=True, exist_ok=True)
    lock, builder = FileLock(f"{folder}.lock"), Path(f"{folder}.pid")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another process{_told(builder)} is building {folder.name}: waiting for it")
        lock.acquire()
    try:
        if complete(folder, thorough=True):
            return
        builder.write_text(str(os.getpid()))
        for left in (folder, *folder.parent.glob(f"{folder.name}.*/")):  # also what a killed build left behind
            shutil.rmtree(left, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        try:
            make(made)
            files = sorted(path for path in made.rglob("*") if path.is_file())
            facts = {
                str(file.relative_to(made)): {"size": file.stat().st_size, "sha256": _digest(file)} for file in files
            }
            (made / _MANIFEST).write_text(json.dumps(facts, indent=2))
            made.chmod(0o755)
            made.rename(folder)  # whole or absent: a reader never sees half an entry
        finally:
            shutil.rmtree(made, ignore_errors=True)
    finally:
        builder.unlink(missing_ok=True)
        lock.release()


def _told(builder: Path) -> str:
    try:
        return f" (pid {builder.read_text()})"
    except OSError:  # it has only just begun
        return ""
