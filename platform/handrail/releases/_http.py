"""Questions to a registry over HTTP: bounded in time, size and attempts; no answer is a sentence with what to do."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from handrail.core.documents import shown
from handrail.core.errors import Problem, ResolveError

MAX_BYTES = 4 * 1024 * 1024
"""The largest answer that is read: what the distribution specification allows a manifest."""
SECONDS = 60
"""How long one answer may take to arrive."""

_RETRY = urllib3.Retry(
    total=8,
    connect=2,
    read=1,
    status=2,
    redirect=0,
    other=0,
    backoff_factor=0.3,
    status_forcelist=(429, 502, 503, 504),
    raise_on_status=False,
    retry_after_max=10,
)
_REDIRECTS = (301, 302, 303, 307, 308)
_HOPS = 4
_TIMEOUT = urllib3.Timeout(connect=5, read=20)

# why there is no answer: the first whose kind fits and whose text holds the word
_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str, str], ...] = (
    (NameResolutionError, "", "its name is not known here", "check the name, and the network or VPN that knows it"),
    (ProxyError, "", "the proxy does not let it through", "check HTTPS_PROXY and NO_PROXY"),
    (SSLError, "CERTIFICATE", "its certificate is not trusted here", "name its authority's file in SSL_CERT_FILE"),
    (SSLError, "", "it does not speak TLS", "check its address and port"),
    (NewConnectionError, "", "it takes no connection", "check that it runs, and its port"),
    (ConnectTimeoutError, "", "it takes no connection in time", "check the network, its firewall and its proxy"),
    ((ReadTimeoutError, TimeoutError), "", "it does not answer in time", "try again later, or ask who runs it"),
    (ProtocolError, "", "it breaks off, or does not speak HTTP", "check its address and port"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body read from JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def ask(
    url: str, headers: Mapping[str, str] | None = None, *, of: str, fields: Mapping[str, str] | None = None
) -> Answer:
    """GET a URL, wherever it is redirected to, or POST a form to it; any status is an answer.

    A login is not sent on to another server, and what is kept behind TLS is not looked for without it.

    Args:
        of: the name that is resolved, which errors show.
        fields: of the form.

    Raises:
        ResolveError: there is no answer, it is too large, or it leads to a server that nobody can be sure of.
    """
    sent = dict(headers or {})
    for _ in range(_HOPS):
        answer = _ask(url, sent, of, fields)
        place = answer.headers.get("location") if answer.status in _REDIRECTS and not fields else None
        if place is None:
            return answer
        following = _following(url, place, of)
        if urlsplit(following)[:2] != urlsplit(url)[:2]:
            sent.pop("Authorization", None)
        url = following
    message = f"{urlsplit(url).netloc} is not reached: it sends every question elsewhere"
    raise ResolveError(Problem(message, given=of, remedy="check its address"))


def _ask(url: str, headers: Mapping[str, str], of: str, fields: Mapping[str, str] | None) -> Answer:
    host = urlsplit(url).netloc
    method, form = ("POST", {"fields": dict(fields), "encode_multipart": False}) if fields else ("GET", {})
    arguments: dict[str, Any] = {"headers": headers, "preload_content": False, "redirect": False, **form}
    started = time.monotonic()
    body = bytearray()
    try:
        with closing(_pool(_proxy(url)).request(method, url, **arguments)) as response:
            while chunk := response.read1(64 * 1024):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ResolveError(Problem(f"{host} answers more than {MAX_BYTES // 1024**2} MiB", given=of))
                if time.monotonic() - started > SECONDS:
                    raise _no_answer(host, TimeoutError("it is still sending"), of)
    except HTTPError as error:
        raise _no_answer(host, error, of) from None
    return Answer(response.status, {name.lower(): text for name, text in response.headers.items()}, bytes(body))


def _following(url: str, place: str, of: str) -> str:
    """Where a redirection leads."""
    try:
        following = urljoin(url, place)
        parts = urlsplit(following)
        if parts.hostname and parts.scheme in ({"https"} if url.startswith("https:") else {"http", "https"}):
            return following
    except ValueError:
        pass
    message = f"{urlsplit(url).netloc} sends to a server without TLS, or nowhere: {shown(place)}"
    raise ResolveError(Problem(message, given=of, remedy="ask who runs it"))


def is_secure(url: str) -> bool:
    """Whether a login may be sent there: over TLS, or to this machine."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.netloc))
        )
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _no_answer(host: str, error: Exception, of: str) -> ResolveError:
    reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    said, remedy = next(
        ((said, do) for kind, word, said, do in _REASONS if isinstance(reason, kind) and word in str(reason)),
        (shown(str(reason), 200), "check its address, the network and its proxy"),
    )
    return ResolveError(Problem(f"{host} is not reached: {said}", given=of, remedy=remedy))


def _proxy(url: str) -> str | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return None if is_loopback(parts.netloc) or proxy_bypass(host) else getproxies().get(parts.scheme)


@cache
def _pool(proxy: str | None) -> urllib3.PoolManager:
    if proxy:
        return urllib3.ProxyManager(proxy, retries=_RETRY, timeout=_TIMEOUT)
    return urllib3.PoolManager(retries=_RETRY, timeout=_TIMEOUT)
