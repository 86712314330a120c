"""From RegisterResource requests, in protobuf's JSON form, to registrations; of the child and of the engine's log."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import unquote, urlsplit

from handrail.recorder.model import Registration, paths

# Field of the request → the word of pulumi.ResourceOptions.
_OPTIONS = {
    "protect": "protect",
    "ignoreChanges": "ignore_changes",
    "replaceOnChanges": "replace_on_changes",
    "retainOnDelete": "retain_on_delete",
    "additionalSecretOutputs": "additional_secret_outputs",
    "customTimeouts": "custom_timeouts",
    "deletedWith": "deleted_with",
    "replaceWith": "replace_with",
    "replacementTrigger": "replacement_trigger",
    "hideDiffs": "hide_diffs",
    "hooks": "hooks",
    "importId": "import_",
    "pluginDownloadURL": "plugin_download_url",
    "providers": "providers",
    "packageRef": "package_ref",
    "envVarMappings": "env_var_mappings",
}


def registration(
    request: Mapping[str, Any],
    urn: str,
    inputs: Mapping[str, Any],
    unknown: Iterable[Iterable[str | int]],
    secret: Iterable[Iterable[str | int]],
    root: FilePath,
) -> Registration:
    """The registration that a request makes.

    Args:
        request: the request's fields, without its inputs.
        urn: the URN that it was answered with.
        inputs: its inputs, with markers.
        unknown: the paths of unknown inputs.
        secret: the paths of secret inputs.
        root: the project's root, which source positions are relative to.
    """
    by_property = {
        key: tuple(sorted(item.get("urns", ()))) for key, item in request.get("propertyDependencies", {}).items()
    }
    dependencies = tuple(sorted(request.get("dependencies", ())))
    # Unset and empty look the same in protobuf's JSON, and mean the same.
    options = {word: request[name] for name, word in _OPTIONS.items() if request.get(name) not in (None, "", [], {})}
    if request.get("deleteBeforeReplaceDefined") or request.get("deleteBeforeReplace"):
        options["delete_before_replace"] = request.get("deleteBeforeReplace", False)
    explained = {item for urns in by_property.values() for item in urns}
    if unexplained := [item for item in dependencies if item not in explained]:
        options["depends_on"] = unexplained
    return Registration(
        type=request["type"],
        name=request["name"],
        urn=urn,
        custom=request.get("custom", False),
        remote=request.get("remote", False),
        parent=request.get("parent", ""),
        provider=request.get("provider", ""),
        version=request.get("version", ""),
        inputs=inputs,
        unknown=paths(unknown),
        secret=paths(secret),
        dependencies=dependencies,
        property_dependencies={key: by_property[key] for key in sorted(by_property)},
        aliases=tuple(_alias(alias) for alias in request.get("aliases", ())),
        options=options,
        source_position=_position(request.get("sourcePosition"), root),
    )


def _alias(alias: Mapping[str, Any]) -> str | Mapping[str, Any]:
    if "urn" in alias:
        return str(alias["urn"])
    return {key: value for key, value in alias.get("spec", {}).items() if value}


def _position(position: Mapping[str, Any] | None, root: FilePath) -> str:
    if not position or not position.get("uri"):
        return ""
    return shown(f"{unquote(urlsplit(position['uri']).path)}:{position.get('line', 0)}", root)


def shown(where: str, root: FilePath) -> str:
    """`file:line` relative to the project's root; empty if the file lies elsewhere."""
    relative = os.path.relpath(os.path.realpath(where), os.path.realpath(root))
    return "" if relative.startswith("..") else relative
