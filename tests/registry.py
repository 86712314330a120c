"""A registry of images on this machine, for tests: Debian's docker-registry, which is CNCF distribution.

with running_registry() as host:  # as 127.0.0.1:41231
    digest = push(host, "payments/checkout", "2.7.1")
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from debian_tools import unpacked

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
USER, PASSWORD = "alice", "open-sesame"
_HTPASSWD = f"{USER}:$2b$04$abcdefghijklmnopqrstuuXcjcm5avyCiJoD2uS24xa2lb6fjMB3G\n"  # of PASSWORD
_HTTP = urllib3.PoolManager(retries=False)


@contextmanager
def running_registry(*, login: bool = False, auth: Mapping[str, Any] | None = None) -> Iterator[str]:
    """An empty registry; its host and port.

    Args:
        login: whether it asks for USER and PASSWORD.
        auth: its own settings of `auth`, in place of these.
    """
    with tempfile.TemporaryDirectory(prefix="registry-") as name:
        folder = Path(name)
        (folder / "htpasswd").write_text(_HTPASSWD)
        basic = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
        config = {
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
            "http": {"addr": "127.0.0.1:0", "secret": "tests"},
            "auth": auth or (basic if login else {}),
        }
        (folder / "config.json").write_text(json.dumps({key: value for key, value in config.items() if value}))
        log = folder / "log"
        with log.open("wb") as stream:
            command = [str(unpacked("docker-registry", "docker-registry")), "serve", str(folder / "config.json")]
            process = subprocess.Popen(command, stdout=stream, stderr=stream)
        try:
            yield _listening(process, log)
        finally:
            process.terminate()
            process.wait(10)


def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text()):
            return found[1]
        time.sleep(0.02)
    raise RuntimeError(f"the registry does not start:\n{log.read_text()}")


def push(host: str, repository: str, tag: str, *, revision: str = "", headers: Mapping[str, str] | None = None) -> str:
    """Push a small image; its digest.

    Args:
        revision: what it is built of: another one is another image.
        headers: of each request, as an Authorization.
    """
    url = f"http://{host}/v2/{repository}"
    sent = dict(headers or {})
    layer = _blob(url, b"layer", sent)
    labels = {"org.opencontainers.image.version": tag, "org.opencontainers.image.revision": revision}
    config = {
        "architecture": "amd64", "os": "linux", "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }  # fmt: skip
    image = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **_blob(url, json.dumps(config).encode(), sent)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer}],
    }  # fmt: skip
    return _manifest(url, tag, image, MANIFEST, sent)


def push_index(host: str, repository: str, tag: str, images: Mapping[str, str]) -> str:
    """Push an index of images that were pushed to the same repository, by architecture → digest; its own digest."""
    url = f"http://{host}/v2/{repository}"
    manifests = []
    for architecture, digest in images.items():
        answer = _HTTP.request("GET", f"{url}/manifests/{digest}", headers={"Accept": MANIFEST})
        platform = {"os": "linux", "architecture": architecture}
        manifests.append({"mediaType": MANIFEST, "digest": digest, "size": len(answer.data), "platform": platform})
    return _manifest(url, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, INDEX, {})


def _manifest(url: str, tag: str, content: Any, kind: str, headers: dict[str, str]) -> str:
    body = json.dumps(content).encode()
    answer = _HTTP.request("PUT", f"{url}/manifests/{tag}", body=body, headers={**headers, "Content-Type": kind})
    assert answer.status == 201, answer.data
    return _digest(body)


def _blob(url: str, content: bytes, headers: dict[str, str]) -> dict[str, Any]:
    digest = _digest(content)
    begun = _HTTP.request("POST", f"{url}/blobs/uploads/", headers=headers)
    assert begun.status == 202, begun.data
    place = begun.headers["Location"]
    sent = {**headers, "Content-Type": "application/octet-stream"}
    answer = _HTTP.request("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", body=content, headers=sent)
    assert answer.status == 201, answer.data
    return {"digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
