"""What a model's alias means now, by the word of an MLflow tracking server.

    resolve_model("models:/fraud-scorer@champion", "https://mlflow.acme.test").uri  # models:/fraud-scorer/12

**The digest** of a version is the SHA-256 of two things that the server tells: the SHA-256 of the version's file
`MLmodel`, and the path and size of each of its files. `MLmodel` holds the flavours, the signature, the requirements
and, as MLflow writes it, the model's own id and the time it was logged, so two logged models never share a digest,
equal though their weights be. Where the server keeps artifacts in a store that it does not serve itself
(`--no-serve-artifacts`), it lists no version's files, and the digest is of `MLmodel` alone.

What it does not see: a file that somebody overwrites in the store, past MLflow, with other bytes of the same length.
MLflow keeps no checksum of artifacts, and fetching gigabytes to compute one is no part of a promotion; who may write
there is for the store's own permissions. Tags, aliases and descriptions are no content: they change no digest.

Nothing but MLflow's registry has versions that stay: a bucket's objects and a Hugging Face branch may be overwritten,
so their URIs are refused, with how to register them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from handrail.core.documents import shown
from handrail.core.errors import Problem, ResolveError
from handrail.releases._mlflow import API, Server, address, content_digest, dicts, login

_ALLOWED = "models:/NAME@ALIAS or models:/NAME/VERSION"
_MODEL = re.compile(r"models:/(?P<name>[^\s/:@]+)(?:@(?P<alias>[^\s/@]+)|/(?P<version>[0-9]{1,18}|latest))")

# what names a model, but no version that stays: a pattern, what it is, and how it comes to have versions
_REGISTER = 'mlflow.register_model("{uri}", "NAME")'
_UNVERSIONED = (
    (r"runs:/.+", "names what a run left, not a version of a registered model", _REGISTER),
    (r"models:/m-[0-9a-f]{32}", "names a logged model that is registered under no name", _REGISTER),
    (r"models:/[^\s/:@]+/[A-Za-z]+", "names a stage, which MLflow no longer keeps", "give the version an alias"),
    (r"models:/[^\s/:@]+", "names no version and no alias", "add the one that is meant"),
    (r"[a-z0-9]+://\S+", "is a place, where what lies may be overwritten", _REGISTER),
    (r"[\w.-]+/[\w.-]+", "is a Hugging Face id, whose files may change", "log it to MLflow once, register that"),
)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model.

    Args:
        uri: as `models:/fraud-scorer/12`.
        digest: `sha256:…` of its content, as far as the server tells (see above).
        run_id: of the run that logged it; None where the registry knows none.
        tags: of the version.
    """

    uri: str
    digest: str
    run_id: str | None
    tags: Mapping[str, str]


def resolve_model(uri: str, tracking_uri: str) -> ModelVersion:
    """The version that an alias, `latest` (the highest number) or a number names now.

    Args:
        uri: `models:/NAME@ALIAS`, `models:/NAME/12` or `models:/NAME/latest`.
        tracking_uri: of the MLflow server, as `https://mlflow.acme.test`. MLFLOW_TRACKING_USERNAME and _PASSWORD, else
            MLFLOW_TRACKING_TOKEN, are sent to it alone.

    Raises:
        ResolveError: the URI has no version that stays, there is no such model, alias or version, the version is not
            ready or empty, or the server does not answer, or not to this person.
    """
    match = _MODEL.fullmatch(uri)
    if match is None:
        raise _unversioned(uri)
    server = Server(address(tracking_uri), login(), uri)
    name = match["name"]
    found = _version(server, name, match["alias"], match["version"])
    version = str(found.get("version"))
    if not version.isdecimal() or found.get("name") != name:
        raise server.error(f"{server.host} answers with another model's version", "ask who runs it")
    if found.get("status", "READY") != "READY":
        message = f"version {version} of {name} is not ready: {shown(found['status'])}"
        raise server.error(message, "wait until it is registered, or register it again")
    digest = content_digest(server, name, version)
    tags = {str(tag.get("key")): str(tag.get("value", "")) for tag in dicts(found.get("tags"))}
    return ModelVersion(f"models:/{name}/{version}", digest, str(found.get("run_id") or "") or None, tags)


def _unversioned(uri: str) -> ResolveError:
    for pattern, what, remedy in _UNVERSIONED:
        if re.fullmatch(pattern, uri):
            do = f"{remedy.format(uri=shown(uri))}, and write models:/NAME@ALIAS"
            return ResolveError(Problem(what, given=shown(uri), allowed=_ALLOWED, remedy=do))
    return ResolveError(Problem("is no model of a registry", given=shown(uri), allowed=_ALLOWED))


def _version(server: Server, name: str, alias: str | None, version: str | None) -> dict[str, Any]:
    """The registry's entry of a version."""
    if alias:
        found = server.read(f"{API}/registered-models/alias", name=name, alias=alias)
    elif version == "latest":
        return _latest(server, name) or _raise(_no_model(server, name))
    else:
        found = server.read(f"{API}/model-versions/get", name=name, version=str(version))
    entry = found.get("model_version") if found else None
    if isinstance(entry, dict):
        return entry
    model = (server.read(f"{API}/registered-models/get", name=name) or {}).get("registered_model")
    if not isinstance(model, dict):
        raise _no_model(server, name)
    if alias:
        known = sorted(str(each.get("alias")) for each in dicts(model.get("aliases")))
        remedy = "name one of these, or set the alias in MLflow" if known else "set the alias in MLflow"
        raise server.error(f"{name} has no alias {alias}", remedy, _few(alias, known))
    newest = (_latest(server, name) or {}).get("version")
    there = f"at most {shown(newest)}" if newest else "none: it has no versions"
    raise server.error(f"{name} has no version {version}", "name one that is there", there)


def _latest(server: Server, name: str) -> dict[str, Any] | None:
    quote_mark = '"' if "'" in name else "'"
    query = {"filter": f"name={quote_mark}{name}{quote_mark}", "order_by": "version_number DESC", "max_results": "1"}
    entries = dicts((server.read(f"{API}/model-versions/search", **query) or {}).get("model_versions"))
    return entries[0] if entries else None


def _raise(error: ResolveError) -> Any:
    raise error


def _no_model(server: Server, name: str) -> ResolveError:
    listed = server.read(f"{API}/registered-models/search", max_results="200") or {}
    known = sorted(str(each.get("name")) for each in dicts(listed.get("registered_models")))
    remedy = "name one of these, or register the model" if known else "register the model"
    return server.error(f"{server.host} has no model {name} with versions", remedy, _few(name, known))


def _few(name: str, known: list[str]) -> str | None:
    return ", ".join(map(shown, get_close_matches(name, known, n=5, cutoff=0.4) or known[:5])) or None
