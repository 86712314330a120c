"""What a tag means now, asked of a real registry: Debian's docker-registry, with logins and a token server of its own."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from registry import PASSWORD, USER, push, push_index, running_registry

from handrail.core.errors import ResolveError
from handrail.releases.registry import resolve_image

BASIC = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """A registry that asks nobody who they are."""
    with running_registry() as host:
        yield host


@pytest.fixture(scope="module")
def closed() -> Iterator[str]:
    """A registry that asks for a login, with an image."""
    with running_registry(login=True) as host:
        push(host, "payments/checkout", "2.7.1", headers={"Authorization": BASIC})
        yield host


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's config.json of the tests' own, and a folder on PATH for credential helpers."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "config.json"


def auth(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    """An entry of config.json, as `docker login` writes it."""
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def helper(file: Path, *lines: str) -> None:
    """A credential helper; it keeps what it was asked for."""
    file.write_text("\n".join(("#!/bin/sh", f"cat > {file}.asked", *lines, "")))
    file.chmod(0o755)


def refused(reference: str) -> str:
    """Why a reference is not resolved."""
    with pytest.raises(ResolveError) as caught:
        resolve_image(reference)
    return str(caught.value)


def test_a_tag_is_what_it_means_now(registry: str) -> None:
    """And something else after the next push, while what was resolved stays."""
    name = f"{registry}/payments/checkout"
    first = push(registry, "payments/checkout", "2.7.1", revision="a")
    assert resolve_image(f"{name}:2.7.1") == f"{name}@{first}"
    second = push(registry, "payments/checkout", "2.7.1", revision="b")
    assert resolve_image(f"{name}:2.7.1") == f"{name}@{second}"
    assert first != second
    for pinned in (f"{name}@{first}", f"{name}:2.7.1@{first}"):
        assert resolve_image(pinned) == pinned


def test_no_tag_is_latest(registry: str) -> None:
    """As everywhere; `localhost` is this machine as well."""
    digest = push(registry, "payments/latest", "latest")
    local = registry.replace("127.0.0.1", "localhost")
    assert resolve_image(f"{registry}/payments/latest") == f"{registry}/payments/latest@{digest}"
    assert resolve_image(f"{local}/payments/latest") == f"{local}/payments/latest@{digest}"


def test_an_image_of_several_platforms_keeps_the_digest_of_its_index(registry: str) -> None:
    """Each node gets its own from it."""
    images = {each: push(registry, "payments/both", each) for each in ("amd64", "arm64")}
    index = push_index(registry, "payments/both", "1.0", images)
    assert resolve_image(f"{registry}/payments/both:1.0") == f"{registry}/payments/both@{index}"
    assert index not in images.values()


def test_a_tag_that_is_not_there(registry: str) -> None:
    """The nearest are named; where none is near, the newest by their numbers."""
    for tag in ("2.8.0", "2.9.0", "2.10.0", "2.11.0", "2.12.0", "2.13.0"):
        push(registry, "payments/many", tag)
    near, far = f"{registry}/payments/many:2.13.1", f"{registry}/payments/many:main"
    assert refused(near).startswith(
        f"{registry} has no tag 2.13.1 of payments/many\n    given:   {near}\n    allowed: 2.13.0, "
    )
    assert "    allowed: 2.9.0, 2.10.0, 2.11.0, 2.12.0, 2.13.0 (of 6)\n    do:      name one of these" in refused(far)


def test_a_repository_or_a_digest_that_is_not_there(registry: str) -> None:
    """Is told, with what to do."""
    assert f"{registry} has no repository payments/none with tags" in refused(f"{registry}/payments/none:1")
    push(registry, "payments/some", "1")
    missing = f"{registry}/payments/some@sha256:{'0' * 64}"
    assert f"{registry} has no such digest\n    given:   {missing}\n    do: " in refused(missing)


def test_a_registry_that_is_not_there() -> None:
    """Is told within seconds."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        started = time.monotonic()
        assert f"{host} is not reached: it takes no connection\n" in refused(f"{host}/payments/checkout:1")
        assert time.monotonic() - started < 10


def test_a_registry_that_asks_for_a_login(closed: str, docker: Path) -> None:
    """Is told which login, before there is one and when it is wrong; a right one is used."""
    reference = f"{closed}/payments/checkout:2.7.1"
    assert f"{closed} asks for a login, and there is none for it" in refused(reference)
    assert f"do:      docker login {closed}, as somebody who may pull payments/checkout" in refused(reference)
    docker.write_text(json.dumps({"auths": {closed: auth(password="wrong")}}))
    assert f"{closed} refuses the login of alice from {docker}, or has no repository" in refused(reference)
    assert "wrong" not in refused(reference)
    docker.write_text(json.dumps({"auths": {f"https://{closed}/v1/": auth(), "other.test": auth("bob")}}))
    assert resolve_image(reference).startswith(f"{closed}/payments/checkout@sha256:")
    assert f"{closed} has no tag 3 of payments/checkout" in refused(f"{closed}/payments/checkout:3")


@pytest.mark.parametrize("config", [{"credHelpers": {"HOST": "vault"}}, {"credsStore": "vault"}])
def test_a_credential_helper(config: dict[str, Any], closed: str, docker: Path) -> None:
    """Is asked for the registry; one that has no login leaves the file's, and one that does not run is named."""
    reference = f"{closed}/payments/checkout:2.7.1"
    docker.write_text(json.dumps(config).replace("HOST", closed))
    assert "docker-credential-vault does not run" in refused(reference)
    program = docker.with_name("docker-credential-vault")
    helper(program, f"echo '{json.dumps({'ServerURL': closed, 'Username': USER, 'Secret': PASSWORD})}'")
    assert resolve_image(reference).startswith(f"{closed}/payments/checkout@sha256:")
    assert Path(f"{program}.asked").read_text() == closed
    helper(program, "echo credentials not found in native keychain", "exit 1")
    assert f"{closed} asks for a login, and there is none for it" in refused(reference)
    docker.write_text(json.dumps({**config, "auths": {closed: auth()}}).replace("HOST", closed))
    assert resolve_image(reference).startswith(f"{closed}/payments/checkout@sha256:")


class Tokens:
    """A token server: what it was asked, and a certificate by which the registry knows its tokens."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[dict[str, str]] = []
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder(name, name, self.key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, SHA256())
        )
        (folder / "ca.pem").write_bytes(self.certificate.public_bytes(Encoding.PEM))
        self.bundle = str(folder / "ca.pem")

    def token(self, repository: str, *actions: str) -> str:
        """Whoever has it may do these things with a repository."""
        now = int(time.time())
        chain = [base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()]
        claims = {
            "iss": "tests", "aud": "registry", "sub": USER, "nbf": now - 5, "exp": now + 60, "jti": str(now),
            "access": [{"type": "repository", "name": repository, "actions": list(actions)}],
        }  # fmt: skip
        return jwt.encode(claims, self.key, "ES256", {"x5c": chain})

    def answer(self, asked: dict[str, str], authorization: str) -> dict[str, str] | None:
        """A token for what was asked, for alice and for her identity token."""
        self.asked.append(asked)
        if authorization != BASIC and asked.get("refresh_token") != "a-long-one":
            return None
        _, repository, action = asked["scope"].split(":")
        return {"access_token" if "refresh_token" in asked else "token": self.token(repository, action)}


@contextmanager
def token_server(tokens: Tokens) -> Iterator[str]:
    """Its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self.reply(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def reply(self, form: str) -> None:
            asked = {key: values[0] for key, values in parse_qs(form).items()}
            given = tokens.answer(asked, self.headers.get("Authorization", ""))
            self.send_response(200 if given else 401)
            self.end_headers()
            self.wfile.write(json.dumps(given or {}).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()


def test_a_registry_with_a_token_server(docker: Path, tmp_path: Path) -> None:
    """The login, or the identity token, goes to that server, and its token to the registry."""
    tokens = Tokens(tmp_path)
    with token_server(tokens) as realm:
        settings = {"realm": realm, "service": "registry", "issuer": "tests", "rootcertbundle": tokens.bundle}
        with running_registry(auth={"token": settings}) as host:
            pushing = {"Authorization": f"Bearer {tokens.token('fraud/scorer', 'pull', 'push')}"}
            expected = f"{host}/fraud/scorer@{push(host, 'fraud/scorer', '7', headers=pushing)}"
            assert f"{host} asks for a login" in refused(f"{host}/fraud/scorer:7")
            docker.write_text(json.dumps({"auths": {host: auth()}}))
            assert resolve_image(f"{host}/fraud/scorer:7") == expected
            assert tokens.asked[-1] == {"service": "registry", "scope": "repository:fraud/scorer:pull"}
            assert "allowed: 7\n" in refused(f"{host}/fraud/scorer:8")
            docker.write_text(json.dumps({"auths": {host: {"identitytoken": "a-long-one"}}}))
            assert resolve_image(f"{host}/fraud/scorer:7") == expected
            assert tokens.asked[-1]["grant_type"] == "refresh_token"
            docker.write_text(json.dumps({"auths": {host: {"identitytoken": "an-old-one"}}}))
            assert f"{host} refuses the login from {docker}" in refused(f"{host}/fraud/scorer:7")
