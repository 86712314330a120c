"""Images resolved without a registry: references, logins, and servers that answer otherwise than a registry does."""

import hashlib
import json
import ssl
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Reply, scripted

from handrail.core.errors import ResolveError
from handrail.releases import _http
from handrail.releases._docker_config import login
from handrail.releases._http import is_loopback
from handrail.releases._reference import Image, parse_image
from handrail.releases.registry import resolve_image

ZEROS = f"sha256:{'0' * 64}"
KIND = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
BODY = b'{"schemaVersion": 2}'
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No login, and no wait between attempts."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(_http._RETRY, "backoff_factor", 0)


@pytest.mark.parametrize(
    ("reference", "name", "host", "path", "tag", "digest"),
    [
        ("nginx", "nginx", "docker.io", "library/nginx", "latest", ""),
        ("acme/checkout:2", "acme/checkout", "docker.io", "acme/checkout", "2", ""),
        ("docker.io/nginx:1.27", "docker.io/nginx", "docker.io", "library/nginx", "1.27", ""),
        ("registry.acme.test/a/b/c", "registry.acme.test/a/b/c", "registry.acme.test", "a/b/c", "latest", ""),
        ("localhost/a:1", "localhost/a", "localhost", "a", "1", ""),
        ("build:5000/a:v1_2.3-x", "build:5000/a", "build:5000", "a", "v1_2.3-x", ""),
        ("[::1]:5000/a", "[::1]:5000/a", "[::1]:5000", "a", "latest", ""),
        (f"r.test/a@{ZEROS}", "r.test/a", "r.test", "a", "latest", ZEROS),
        (f"r.test/a:1@{ZEROS}", "r.test/a", "r.test", "a", "1", ZEROS),
    ],
)
def test_a_reference_is_taken_apart(reference: str, name: str, host: str, path: str, tag: str, digest: str) -> None:
    """As Docker does."""
    assert parse_image(reference) == Image(reference, name, host, path, tag, digest)


@pytest.mark.parametrize(
    "reference",
    ["", "Nginx", "a b", "r.test/A", "r.test/a:", "r.test/a@sha256:12", "r.test/a@md5:1", "r.test//a", "-a", "a/", "/a",
     "https://r.test/a", "r.test/a:1:2", "r.test/../a", "a\n", "r.test/a?x=1", "r.test/a:" + "1" * 129, "a" * 2000, "r.test:99999/a", "r.test:0/a", "[1]:5000/a", "[:]/a"],
)  # fmt: skip
def test_what_is_no_reference(reference: str) -> None:
    """Is refused before anybody is asked."""
    with pytest.raises(ResolveError, match=r"is no image reference\n +given: .*\n +allowed: registry\.acme\.test/"):
        resolve_image(reference)


@given(st.text(string.printable, max_size=80))
def test_any_text_is_a_reference_or_an_error_for_people(text: str) -> None:
    """Whose parts, put together, are the text again."""
    try:
        image = parse_image(text)
    except ResolveError:
        return
    assert image.written == text
    rest = text.removeprefix(image.name)
    assert rest in {f"{tag}{digest}" for tag in ("", f":{image.tag}") for digest in ("", f"@{image.digest}")}


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost:5000", True), ("127.0.0.1", True), ("127.9.9.9:1", True), ("[::1]:5000", True), ("10.0.0.1", False),
     ("localhost.acme.test", False), ("127.0.0.1.acme.test", False), ("registry.acme.test", False), ("0.0.0.0", False)],
)  # fmt: skip
def test_plain_http_is_for_this_machine_alone(host: str, expected: bool) -> None:
    """Whatever a name looks like."""
    assert is_loopback(host) is expected
    assert parse_image(f"{host}/a").api == f"{'http' if expected else 'https'}://{host}/v2/a"


def reason(reference: str) -> str:
    """Why a reference is not resolved."""
    with pytest.raises(ResolveError) as caught:
        resolve_image(reference)
    return str(caught.value)


def test_a_digest_is_of_the_content_whatever_the_header_says() -> None:
    """No header is needed, and a wrong one is an error."""
    for headers, expected in (
        ({}, ""),
        ({"Docker-Content-Digest": DIGEST}, ""),
        ({"Docker-Content-Digest": ZEROS}, ZEROS),
    ):
        with scripted({"/v2/a/manifests/1": Reply(200, BODY, {**KIND, **headers})}) as server:
            if expected:
                assert f"sends another image than it says: {DIGEST}, not {ZEROS}" in reason(f"{server.host}/a:1")
            else:
                assert resolve_image(f"{server.host}/a:1") == f"{server.host}/a@{DIGEST}"
    with scripted({f"/v2/a/manifests/{ZEROS}": Reply(200, BODY, KIND)}) as server:
        assert "sends another image than it says" in reason(f"{server.host}/a@{ZEROS}")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(404, b"<html>"), "does not answer as an image registry: 404, nothing"),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), "does not answer as an image registry: 200, text/html"),
        (Reply(200, b"{}", {"Content-Type": "application/json"}), "does not answer as an image registry: 200, appl"),
        (Reply(200, b"[" * 100_000, KIND), "does not answer as an image registry"),
        (Reply(200, BODY, {"Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"}), "a format of 2016"),
        (Reply(200, b" " * (5 * 1024**2), KIND), "answers more than 4 MiB"),
        (Reply(403), "asks for a login, and there is none for it"),
        (Reply(401), "asks for a login, and there is none for it"),
        (Reply(401, b"", {"WWW-Authenticate": 'Bearer realm="http://auth.acme.test/t"'}), "sends logins to a server without TLS"),
        (Reply(401, b"", {"WWW-Authenticate": "Bearer"}), "sends logins to a server without TLS"),
        (Reply(401, b"", {"WWW-Authenticate": 'Bearer "'}), "sends logins to a server without TLS"),
        (Reply(401, b"", {"WWW-Authenticate": "Bearer realm="}), "without TLS: it names none"),
        (Reply(401, b"", {"WWW-Authenticate": 'Bearer realm="https://["'}), "without TLS: https://["),
        (Reply(401, b"", {"WWW-Authenticate": 'Bearer realm="https://a:b/"'}), "a:b is not reached"),
        (Reply(401, b"", {"WWW-Authenticate": 'Bearer realm="https:/x"'}), "without TLS: https:/x"),
        (Reply(307, b"", {"Location": "http://["}), "sends to a server without TLS, or nowhere: http://["),
        (Reply(429, b"", {"Retry-After": "0"}), "was asked too often"),
        (Reply(500, b'{"errors": [{"code": "UNKNOWN"}]}'), "answers 500: UNKNOWN"),
        (Reply(503), "answers 503"),
        (Reply(302, b"", {"Location": "ftp://a.test/"}), "sends to a server without TLS, or nowhere: ftp://a.test/"),
        (Reply(307, b"", {"Location": "/v2/a/manifests/1"}), "is not reached: it sends every question elsewhere"),
        (Reply(200, b"short", {"Content-Length": "99", **KIND}), "is not reached: it breaks off"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_image(reply: Reply, said: str) -> None:
    """Is a sentence with the reference and what to do."""
    with scripted({"/v2/a/manifests/1": reply}) as server:
        told = reason(f"{server.host}/a:1")
    assert said in told
    assert f"given:   {server.host}/a:1" in told


def test_a_server_that_does_not_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is given up, also while it is still sending."""
    monkeypatch.setattr(_http, "SECONDS", 0)
    with scripted({"/v2/a/manifests/1": Reply(200, BODY, KIND)}) as server:
        assert "is not reached: it does not answer in time" in reason(f"{server.host}/a:1")


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[str]:
    """A server with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "both.pem").write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    with scripted({"/": Reply()}, self_signed_context(tmp_path)) as server:
        yield server.host.replace("127.0.0.1", "localhost")


def self_signed_context(folder: Path) -> ssl.SSLContext:
    """Of that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


def test_a_certificate_that_nobody_vouches_for(self_signed: str) -> None:
    """Is told apart from a server without TLS."""
    with pytest.raises(ResolveError, match=r"certificate is not trusted here\n.*\n.*SSL_CERT_FILE"):
        _http.ask(f"https://{self_signed}/", of="a")
    with scripted({"/": Reply()}) as server, pytest.raises(ResolveError, match="it does not speak TLS"):
        _http.ask(f"https://{server.host}/", of="a")


def test_a_passing_fault_is_asked_about_again() -> None:
    """Three times in all."""
    replies = iter([Reply(503), Reply(502), Reply(200, BODY, KIND)])
    with scripted(lambda _: next(replies)) as server:
        assert resolve_image(f"{server.host}/a:1") == f"{server.host}/a@{DIGEST}"
        assert len(server.asked) == 3


def test_a_redirection_is_followed_without_the_login(tmp_path: Path) -> None:
    """Registries keep manifests elsewhere; the login is for the registry alone."""
    with scripted({"/there": Reply(200, BODY, KIND)}) as other:

        def registry(asked: object) -> Reply:
            headers = getattr(asked, "headers", {})
            if "authorization" not in headers:
                return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
            return Reply(307, b"", {"Location": f"{other.url}/there"})

        with scripted(registry) as server:
            (tmp_path / "config.json").write_text(json.dumps({"auths": {server.host: {"auth": "YTpi"}}}))
            assert resolve_image(f"{server.host}/a:1") == f"{server.host}/a@{DIGEST}"
            assert "authorization" not in other.asked[0].headers


def test_a_redirection_away_from_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, self_signed: str) -> None:
    """Is not believed: anybody could have answered there."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
    _http._pool.cache_clear()
    with scripted({"/there": Reply(200, BODY, KIND)}) as other:
        replies = {"/": Reply(307, b"", {"Location": f"{other.url}/there"})}
        with scripted(replies, self_signed_context(tmp_path)) as server:
            url = f"https://{server.host.replace('127.0.0.1', 'localhost')}/"
            with pytest.raises(ResolveError, match="sends to a server without TLS, or nowhere: http://127"):
                _http.ask(url, of="a")
    _http._pool.cache_clear()


def test_no_login_is_sent_before_it_is_asked_for(tmp_path: Path) -> None:
    """Most images are anybody's."""
    with scripted({"/v2/a/manifests/1": Reply(200, BODY, KIND)}) as server:
        (tmp_path / "config.json").write_text(json.dumps({"auths": {server.host: {"auth": "YTpi"}}}))
        resolve_image(f"{server.host}/a:1")
        assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("config", "user"),
    [
        ({}, None),
        ({"auths": {"r.test": {"auth": "YTpiOmM="}}}, "a"),
        ({"auths": {"https://r.test/v1/": {"auth": "YTpi"}}}, "a"),
        ({"auths": {"r.test": {}}}, None),
        ({"auths": {"r.test": "x"}}, None),
        ({"auths": {"r.test.evil.test": {"auth": "YTpi"}}}, None),
        ({"auths": [], "credHelpers": "x", "credsStore": 3}, None),
        ([], None),
    ],
)
def test_a_login_in_dockers_file(config: object, user: str | None, tmp_path: Path) -> None:
    """Is found by the registry's name, however Docker wrote it, and shows no secret."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = login("r.test")
    assert (found.user if found else None) == user
    assert "b" not in repr(found).partition("source=")[0].replace("Login(", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "config.json:1:2: cannot be read: is not JSON"), ('{"auths": {"r.test": {"auth": "?"}}}', "is not base64")],
)
def test_a_broken_file_of_dockers(text: str, said: str, tmp_path: Path) -> None:
    """Is told with its place."""
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ResolveError) as caught:
        login("r.test")
    assert said in str(caught.value)
    assert "log in again" in str(caught.value)


def test_a_registry_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is asked through it; this machine and what NO_PROXY names are not."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "inside.acme.test")
    assert _http._proxy("https://registry.acme.test/v2/") == "http://127.0.0.1:9"
    assert _http._proxy("https://inside.acme.test/v2/") is None
    assert _http._proxy("https://localhost:5000/v2/") is None
    assert "registry.acme.test is not reached: the proxy does not let it through" in reason("registry.acme.test/a:1")
