"""What an image's tag means now, by the registry's own word (the OCI distribution API).

    resolve_image("registry.acme.test/payments/checkout:2.7.1")  # registry.acme.test/payments/checkout@sha256:…

The digest is that of the manifest's bytes, computed here: it holds whatever the registry's headers say. A tag of
several platforms keeps the digest of its index, so that every node gets its own. Logins are those of `docker login`.
Plain HTTP is spoken to this machine alone (localhost, 127.0.0.0/8, ::1), never TLS there.
"""

from __future__ import annotations

import hashlib
import re
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlencode
from urllib.request import parse_http_list, parse_keqv_list

from handrail.core.documents import shown
from handrail.core.errors import Problem, ResolveError
from handrail.releases._docker_config import Login, login
from handrail.releases._http import Answer, ask, is_secure
from handrail.releases._reference import HUB, Image, parse_image

_KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_OBSOLETE = "application/vnd.docker.distribution.manifest.v1"


def resolve_image(reference: str) -> str:
    """`repository@sha256:…`: what a tag (default: latest) means in its registry now.

    A reference that has a digest already is returned as it is, once the registry has shown that it has it.

    Raises:
        ResolveError: there is no such tag or digest, the registry does not let this person see it, does not answer, or
            is none; or the reference is none.
    """
    image = parse_image(reference)
    answer, found = _ask(image, f"/manifests/{image.digest or image.tag}", {"Accept": ", ".join(_KINDS)})
    if answer.status != 200:
        raise _refused(image, answer, found)
    _must_be_manifest(image, answer)
    digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    told = image.digest or answer.headers.get("docker-content-digest", digest)
    if told != digest:
        remedy = "push it again, and ask who runs the registry or its proxy"
        raise ResolveError(
            Problem(
                f"{image.host} sends another image than it says: {digest}, not {shown(told)}",
                given=reference,
                remedy=remedy,
            )
        )
    return reference if image.digest else f"{image.name}@{digest}"


def _must_be_manifest(image: Image, answer: Answer) -> None:
    manifest = answer.json()
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    if isinstance(manifest, dict) and (kind in _KINDS or manifest.get("mediaType") in _KINDS):
        return
    if kind.startswith(_OBSOLETE):
        raise ResolveError(
            Problem(
                "is kept in a format of 2016 that clusters no longer pull",
                given=image.written,
                remedy="build and push it again",
            )
        )
    raise _no_registry(image, answer)


def _ask(image: Image, path: str, headers: dict[str, str]) -> tuple[Answer, Login | None]:
    """The registry's answer, and the login that it was given; credentials are looked up when it asks for them."""
    answer = ask(image.api + path, headers, of=image.written)
    if answer.status != 401:
        return answer, None
    found = login("index.docker.io" if image.host == HUB else image.host)
    scheme, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
    if scheme.lower() == "bearer":
        authorization = _token(image, parse_keqv_list(_pairs(rest)), found)
    else:
        authorization = found.basic if found and found.user else ""
    if not authorization:
        return answer, found
    return ask(image.api + path, {**headers, "Authorization": authorization}, of=image.written), found


def _pairs(text: str) -> list[str]:
    return [each for each in parse_http_list(text) if each.partition("=")[2]]


def _token(image: Image, challenge: dict[str, str], found: Login | None) -> str:
    """The Authorization header that the registry's token server gives; empty where it gives none."""
    realm = challenge.get("realm", "")
    if not is_secure(realm):
        message = f"{image.host} sends logins to a server without TLS: {shown(realm) or 'it names none'}"
        raise ResolveError(Problem(message, given=image.written, remedy="ask who runs it"))
    asked = {
        "service": challenge.get("service", ""),
        "scope": challenge.get("scope") or f"repository:{image.path}:pull",
    }
    if found and found.identity:
        form = {**asked, "grant_type": "refresh_token", "client_id": "handrail", "refresh_token": found.identity}
        answer = ask(realm, of=image.written, fields=form)
    else:
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(asked)}"
        answer = ask(url, {"Authorization": found.basic} if found else {}, of=image.written)
    given: Any = answer.json() if answer.status == 200 else None
    token = (given.get("token") or given.get("access_token")) if isinstance(given, dict) else None
    return f"Bearer {token}" if isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]+", token) else ""


def _refused(image: Image, answer: Answer, found: Login | None) -> ResolveError:
    """Why there is no manifest, with what to do."""
    if answer.status in (401, 403):
        return _not_authorised(image, found)
    codes = _codes(answer)
    if answer.status == 404 and codes:
        if image.digest:
            remedy = "it was deleted, or never pushed here: push it again, or name another"
            return ResolveError(Problem(f"{image.host} has no such digest", given=image.written, remedy=remedy))
        return _no_such_tag(image)
    if answer.status == 404:
        return _no_registry(image, answer)
    if answer.status == 429:
        remedy = f"wait, or log in, which allows more: docker login {image.host}"
        return ResolveError(Problem(f"{image.host} was asked too often", given=image.written, remedy=remedy))
    said = f"{image.host} answers {answer.status}{': ' + ', '.join(codes) if codes else ''}"
    return ResolveError(Problem(said, given=image.written, remedy="try again later, or ask who runs it"))


def _not_authorised(image: Image, found: Login | None) -> ResolveError:
    if found is None:
        message = f"{image.host} asks for a login, and there is none for it"
    else:
        who = f"the login of {shown(found.user)}" if found.user else "the login"
        message = f"{image.host} refuses {who} from {found.source}, or has no repository {image.path}"
    remedy = f"docker login {image.host}, as somebody who may pull {image.path}"
    return ResolveError(Problem(message, given=image.written, remedy=remedy))


def _no_such_tag(image: Image) -> ResolveError:
    answer, _ = _ask(image, "/tags/list?n=1000", {})
    body = answer.json() if answer.status == 200 else None
    listed = body.get("tags") if isinstance(body, dict) else None
    tags = [tag for tag in listed if isinstance(tag, str)] if isinstance(listed, list) else []
    if not tags:
        remedy = "push the image, or mend its name"
        return ResolveError(
            Problem(f"{image.host} has no repository {image.path} with tags", given=image.written, remedy=remedy)
        )
    nearest = get_close_matches(image.tag, tags, n=5, cutoff=0.4) or sorted(tags, key=_natural)[-5:]
    return ResolveError(
        Problem(
            f"{image.host} has no tag {image.tag} of {image.path}",
            given=image.written,
            allowed=f"{', '.join(map(shown, nearest))}{f' (of {len(tags)})' if len(tags) > len(nearest) else ''}",
            remedy="name one of these, or push the image",
        )
    )


def _natural(tag: str) -> list[tuple[int, str]]:
    """2.10 after 2.9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]{1,9})", tag)]


def _codes(answer: Answer) -> list[str]:
    """The codes of an error as the distribution API writes it, as NAME_UNKNOWN."""
    body = answer.json()
    errors = body.get("errors") if isinstance(body, dict) else None
    return (
        [shown(each["code"]) for each in errors if isinstance(each, dict) and "code" in each]
        if isinstance(errors, list)
        else []
    )


def _no_registry(image: Image, answer: Answer) -> ResolveError:
    kind = answer.headers.get("content-type", "nothing")
    message = f"{image.host} does not answer as an image registry: {answer.status}, {shown(kind)}"
    return ResolveError(Problem(message, given=image.written, remedy="check the registry's address, port and proxy"))
