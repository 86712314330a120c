"""What of the caller's environment the program gets to see: an allowlist, so that no credential can slip through."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

_ALLOWED = frozenset({"PATH", "LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}) | {
    f"PYTHON{name}"
    for name in ("PATH", "HOME", "UTF8", "IOENCODING", "WARNINGS", "DONTWRITEBYTECODE", "PYCACHEPREFIX", "NOUSERSITE")
}

_NAMING = (
    "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CONFIG_DIR", "AZURE_FEDERATED_TOKEN_FILE", "CLOUDSDK_CONFIG", "DOCKER_CONFIG", "GNUPGHOME",
    "GOOGLE_APPLICATION_CREDENTIALS", "KUBECONFIG", "NETRC", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_HOME",
    "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
)  # fmt: skip


def child_environment(
    home: Path, config: Mapping[str, str], encrypted: Collection[str], extra: Mapping[str, str]
) -> dict[str, str]:
    """The environment of the child.

    Args:
        home: an empty directory that stands in for the user's home, and for temporary files.
        config: the stack's config.
        encrypted: the keys in it that cannot be decrypted.
        extra: variables that the caller vouches for.
    """
    kept = {name: value for name, value in os.environ.items() if name in _ALLOWED or name.startswith("LC_")}
    readable = {**config, **{key: _placeholder(key, config.get(key, "")) for key in encrypted}}
    return {
        # Packages that a user installed for themselves lie in their home; only that place is told.
        "PYTHONUSERBASE": os.environ.get("PYTHONUSERBASE") or str(Path.home() / ".local"),
        **kept,
        **extra,
        "HOME": str(home),
        "TMPDIR": str(home),
        # A program that iterates over a set must register the same things each time it is recorded.
        "PYTHONHASHSEED": "0",
        "PULUMI_CONFIG": json.dumps(readable),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(sorted(encrypted)),
    }


def homes() -> set[Path]:
    """Where the caller's credentials lie: $HOME, and the home that the system knows of."""
    found = {Path.home()}
    if sys.platform != "win32":
        import pwd

        with contextlib.suppress(KeyError):  # a container's user of whom the system knows nothing
            found.add(Path(pwd.getpwuid(os.getuid()).pw_dir))
    return found


def places() -> set[Path]:
    """Where else they lie: what the variables of clouds, clusters and Pulumi name."""
    named = [part for name in _NAMING for part in os.environ.get(name, "").split(os.pathsep)]
    return {Path(part).absolute() for part in named if part}


def _placeholder(key: str, text: str) -> str:
    """A text in place of an encrypted value; within structured config, only the encrypted parts are replaced."""
    stand_in = f"[encrypted {key}]"
    try:
        data = json.loads(text)
    except ValueError:
        return stand_in
    if not isinstance(data, dict | list) or _is_encrypted(data):
        return stand_in
    replaced = _replace(data, stand_in)
    return stand_in if replaced == data else json.dumps(replaced, separators=(",", ":"))


def _is_encrypted(data: Any) -> bool:
    return isinstance(data, dict) and data.keys() == {"secure"}


def _replace(data: Any, stand_in: str) -> Any:
    if _is_encrypted(data):
        return stand_in
    if isinstance(data, dict):
        return {key: _replace(item, stand_in) for key, item in data.items()}
    return [_replace(item, stand_in) for item in data] if isinstance(data, list) else data
