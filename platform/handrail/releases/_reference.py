"""Image references, taken apart as Docker and Kubernetes do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from handrail.core.documents import shown
from handrail.core.errors import Problem, ResolveError
from handrail.releases._http import is_loopback

HUB = "docker.io"

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?P<host>{_HOST})/)?(?P<path>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference, taken apart.

    Args:
        written: as it was given.
        name: its repository, as it was written.
        host: of its registry, as `docker login` names it.
        path: of its repository in the registry's API.
        tag: the mutable name.
        digest: empty where there is only a tag.
    """

    written: str
    name: str
    host: str
    path: str
    tag: str
    digest: str

    @property
    def api(self) -> str:
        """The address of its repository."""
        host = "registry-1.docker.io" if self.host == HUB else self.host
        return f"{'http' if is_loopback(host) else 'https'}://{host}/v2/{self.path}"


def parse_image(reference: str) -> Image:
    """A reference taken apart; `nginx` is docker.io/library/nginx, and the tag is latest where none is written.

    Raises:
        ResolveError: it is none.
    """
    match = _REFERENCE.fullmatch(reference) if len(reference) <= 1000 else None
    if match is None or not _is_host(match["host"] or ""):
        raise ResolveError(
            Problem(
                "is no image reference", given=shown(reference), allowed="registry.acme.test/payments/checkout:2.7.1"
            )
        )
    host, path, tag, digest = match["host"], match["path"], match["tag"] or "latest", match["digest"] or ""
    if host and host != "localhost" and not re.search("[.:A-Z]", host):
        host, path = None, f"{host}/{path}"  # a folder, as in `library/nginx`
    name = f"{host}/{path}" if host else path
    if host in (None, "index.docker.io", HUB):
        host, path = HUB, path if "/" in path else f"library/{path}"
    return Image(reference, name, host, path, tag, digest)


def _is_host(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").port != 0
    except ValueError:  # a port beyond 65535, or no address between brackets
        return False
