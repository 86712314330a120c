"""Who somebody is to an image registry: Docker's config.json and its helpers, as `docker login` fills them."""

from __future__ import annotations

import json
import os
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.core.documents import display, shown
from handrail.core.errors import Position, Problem, ResolveError

_HELPER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Login:
    """A login at one registry.

    Args:
        user: its name; empty where there is an identity token alone.
        password: or a token that stands for it.
        identity: a token that a token server changes for others (OAuth 2); empty where there is none.
        source: where it was found, as errors show it.
    """

    user: str
    password: str = field(repr=False)
    identity: str = field(repr=False)
    source: str

    @property
    def basic(self) -> str:
        """The Authorization header of HTTP's basic scheme."""
        return f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


def login(host: str) -> Login | None:
    """The login for a registry: of its own helper, of the helper for all, or of the file; None where there is none.

    Raises:
        ResolveError: config.json is broken, or a helper that it names is.
    """
    file = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    config = _config(file)
    found = [(key, value) for key, value in _mapping(config, "auths").items() if _host_of(key) == host]
    helpers = _mapping(config, "credHelpers")
    helper = next((name for key, name in helpers.items() if _host_of(key) == host), config.get("credsStore"))
    if isinstance(helper, str) and helper:
        # a helper keeps a login by the name that the file has
        answer = _from_helper(helper, found[0][0] if found else host, file)
        if answer:
            return answer
    return next((told for _, entry in found if (told := _from_file(entry, file))), None)


def _config(file: Path) -> Mapping[str, Any]:
    try:
        config = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        where = Position(display(file), getattr(error, "lineno", 1), getattr(error, "colno", 1))
        reason = error.strerror if isinstance(error, OSError) else "is not JSON"
        raise ResolveError(
            Problem(f"cannot be read: {reason}", where=where, remedy="mend it, or log in again")
        ) from None
    return config if isinstance(config, dict) else {}


def _mapping(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _host_of(key: str) -> str:
    """Docker writes `registry.acme.test`, and at times `https://registry.acme.test/v1/`."""
    return key.partition("://")[2].partition("/")[0] if "://" in key else key.partition("/")[0]


def _from_file(entry: Any, file: Path) -> Login | None:
    if not isinstance(entry, dict):
        return None
    try:
        user, _, password = b64decode(str(entry.get("auth") or ""), validate=True).decode().partition(":")
    except ValueError:
        remedy = "log in again: docker login"
        raise ResolveError(
            Problem("holds a login that is not base64", where=Position(display(file), 1), remedy=remedy)
        ) from None
    identity = str(entry.get("identitytoken") or "")
    return Login(user, password, identity, display(file)) if user or identity else None


def _from_helper(name: str, key: str, file: Path) -> Login | None:
    """Ask docker-credential-NAME; it says by its exit code that it has none."""
    command = f"docker-credential-{name}"
    try:
        done = subprocess.run(  # noqa: S603
            [command, "get"], input=key.encode(), capture_output=True, timeout=_HELPER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = "takes too long" if isinstance(error, subprocess.TimeoutExpired) else "does not run"
        remedy = f"install it, or take it out of {display(file)}"
        problem = Problem(f"{shown(command)} {reason}", where=Position(display(file), 1), given=key, remedy=remedy)
        raise ResolveError(problem) from None
    try:
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
        user, secret = str(answer.get("Username") or ""), str(answer.get("Secret") or "")
    except (ValueError, AttributeError):
        return None
    if not secret:
        return None
    return Login("", "", secret, command) if user == "<token>" else Login(user, secret, "", command)
