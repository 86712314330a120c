"""State in a bucket, by environment; two writers; a writer that was killed; Pulumi Cloud's address."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from e2e.spine.faults import engine_of, rendered, started, until
from e2e.spine.little import acme_copy, deployed
from moto.server import ThreadedMotoServer
from spine import ORGANISATION, Checkout, stable

from handrail.engine import _cache

pytestmark = pytest.mark.engine
__all__ = ["acme_copy", "deployed"]
ACCESS = {"AWS_ACCESS_KEY_ID": "writer", "AWS_SECRET_ACCESS_KEY": "canary-of-the-bucket", "AWS_REGION": "eu-west-1"}


@dataclass(frozen=True)
class Bucket:
    """A bucket of an S3 on loopback."""

    endpoint: str
    name: str
    client: Any

    @property
    def url(self) -> str:
        """Its address as a state backend."""
        return f"s3://{self.name}?endpoint={self.endpoint}&use_path_style=true"

    def keys(self, part: str = "") -> list[str]:
        """The names of its objects that hold `part`."""
        listed = self.client.list_objects_v2(Bucket=self.name).get("Contents", ())
        return [each["Key"] for each in listed if part in each["Key"]]


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """An S3 server."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(storage: str, request: pytest.FixtureRequest) -> Bucket:
    """An empty bucket."""
    client = boto3.client(
        "s3", endpoint_url=storage, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    client.create_bucket(Bucket=name)
    return Bucket(storage, name, client)


@pytest.fixture
def copy(acme_copy: Callable[[], Checkout]) -> Checkout:
    """A copy of acme whose person may write to the bucket."""
    made = acme_copy()
    return Checkout(made.root, {**made.environment, **ACCESS})


def keep(copy: Checkout, environment: str, **backend: str) -> None:
    """Have organisation.yaml say where an environment's state is kept."""
    file = copy.root / ORGANISATION
    line = re.compile(rf"^(  {environment}: \{{.*)\}}$", re.MULTILINE)
    text, count = line.subn(rf"\1, backend: {json.dumps(backend)}}}", file.read_text())
    assert count == 1
    file.write_text(text)


def test_each_environment_has_its_own_backend(copy: Checkout, bucket: Bucket, deployed: Checkout) -> None:
    """dev in a bucket, staging where Pulumi.yaml says: in one command, with the same files and the same state."""
    keep(copy, "dev", url=bucket.url)
    said = copy.handrail("up", "--yes", "payments-dev", "payments-staging").stderr
    assert "up: 2 of 2" in said
    assert bucket.keys("stacks/acme/payments-dev.json")
    assert not bucket.keys("payments-staging")
    assert not bucket.keys("locks/")
    files = [str(file.relative_to(copy.root)) for file in (copy.root / ".state").rglob("*.json")]
    assert any("stacks/acme/payments-staging.json" in file for file in files)
    assert not any("payments-dev" in file for file in files)
    assert copy.manifests("payments-dev") == deployed.manifests("payments-dev")
    there = Checkout(copy.root, {**copy.environment, "PULUMI_BACKEND_URL": bucket.url})
    assert stable(there.state("payments-dev")) == stable(deployed.state("payments-dev"))
    written = "".join(file.read_text() for file in copy.root.rglob("*.yaml") if ".venv" not in file.parts)
    assert ACCESS["AWS_SECRET_ACCESS_KEY"] not in said + json.dumps(there.state("payments-dev")) + written
    removed = copy.handrail("destroy", "--yes", "payments-dev").stderr
    assert "Traceback" not in removed
    assert copy.manifests("payments-dev") == {}


def test_the_history_in_a_bucket_is_read(copy: Checkout, bucket: Bucket) -> None:
    """What was deployed, by the name that it has in organisation.yaml; without credentials, what to check is said."""
    keep(copy, "dev", url=bucket.url)
    copy.handrail("up", "--yes", "payments-dev")
    today = ("status", "payments-dev", "--at", datetime.now(UTC).date().isoformat())
    (found,) = json.loads(copy.handrail(*today, "--json").stdout)
    assert [(each["workload"], each["image"], each["since"]["version"]) for each in found["workloads"]] == [
        ("refunds", "registry.acme.test/payments/refunds:0.9.3", 1)
    ]
    keep_away = Checkout(copy.root, {**copy.environment, "PULUMI_BACKEND_URL": bucket.url.replace(bucket.name, "gone")})
    done = keep_away.handrail(*today, ok=False)
    assert done.returncode == 1
    assert "the history of stack payments-dev cannot be read" in done.stdout
    assert "check the backend's address and network, and its credentials" in done.stdout
    assert ACCESS["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr


def test_the_environment_variable_holds_and_that_is_said(copy: Checkout, bucket: Bucket) -> None:
    """As for Pulumi itself, whose own commands know nothing of organisation.yaml."""
    keep(copy, "dev", url="s3://elsewhere")
    chosen = Checkout(copy.root, {**copy.environment, "PULUMI_BACKEND_URL": bucket.url})
    said = chosen.handrail("up", "--yes", "churn-dev").stderr
    assert "PULUMI_BACKEND_URL is set: its backend is used, and not organisation.yaml's s3://elsewhere" in said
    assert bucket.keys("stacks/acme/churn-dev.json")


def test_of_two_writers_one_is_refused(copy: Checkout, bucket: Bucket) -> None:
    """It says who writes, one stack at a time or with others; the first goes on undisturbed."""
    keep(copy, "dev", url=bucket.url)
    with started(copy, "up", "--yes", "platform-dev") as first:
        until(lambda: bucket.keys("locks/"))
        engine = engine_of(copy)
        engine.suspend()
        try:
            alone = copy.handrail("up", "--yes", "platform-dev", ok=False)
            among = copy.handrail("up", "--yes", "platform-dev", "churn-dev", ok=False)
        finally:
            engine.resume()
        for done in (alone, among):
            assert done.returncode == 1
            assert f"stack platform-dev is being deployed by process {engine.pid} of " in done.stderr
            assert "wait until it has ended" in done.stderr
            assert "Traceback" not in done.stderr
        assert "up: 1 of 2" in among.stderr
        _, said = first.communicate(timeout=120)
        assert first.returncode == 0, said
    assert not bucket.keys("locks/")


@pytest.mark.parametrize("others", [(), ("churn-dev",)], ids=["alone", "with others"])
def test_after_a_kill_the_next_up_completes(
    others: tuple[str, ...], copy: Checkout, bucket: Bucket, deployed: Checkout
) -> None:
    """The dead lock is removed from the bucket, and said so; the end is as if nothing had been."""
    keep(copy, "dev", url=bucket.url)
    with started(copy, "up", "--yes", "platform-dev") as first:
        until(lambda: rendered(copy, "platform-dev"))
        engine = engine_of(copy)
        engine.kill()
        _, said = first.communicate(timeout=120)
    assert first.returncode == 1
    assert "run it again: what was begun goes on (handrail up platform-dev)" in said
    again = copy.handrail("up", "--yes", "platform-dev", *others).stderr
    assert f"removed the lock of process {engine.pid}, which ran on this machine and is dead" in again
    assert not bucket.keys("locks/")
    assert copy.manifests("platform-dev") == deployed.manifests("platform-dev")
    there = Checkout(copy.root, {**copy.environment, "PULUMI_BACKEND_URL": bucket.url})
    assert stable(there.state("platform-dev")) == stable(deployed.state("platform-dev"))


def test_a_lock_of_another_machine_is_never_touched(copy: Checkout, bucket: Bucket) -> None:
    """Whoever wrote it may live: its name and what to do are said."""
    keep(copy, "dev", url=bucket.url)
    lock = {"pid": 4, "username": "ci", "hostname": "runner-7", "timestamp": "2026-01-01T00:00:00Z"}
    key = ".pulumi/locks/organization/acme/churn-dev/1.json"
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=json.dumps(lock).encode())
    done = copy.handrail("up", "--yes", "churn-dev", ok=False)
    assert done.returncode == 1
    assert "stack churn-dev is being deployed by process 4 of ci on runner-7 since 2026-01-01T00:00:00Z" in done.stderr
    assert "if runner-7 is gone for good: `pulumi cancel --stack churn-dev`" in done.stderr
    assert bucket.keys("locks/") == [key]


@pytest.mark.parametrize("fault", ["no bucket", "no server", "no credentials"])
def test_a_bucket_that_does_not_answer_is_a_sentence(fault: str, copy: Checkout, bucket: Bucket) -> None:
    """What to check stands in it; nothing was written."""
    urls = {
        "no bucket": bucket.url.replace(bucket.name, "no-such-bucket"),
        "no server": "s3://state?endpoint=http://127.0.0.1:9&use_path_style=true",
        "no credentials": "s3://state?region=eu-west-1",
    }
    keep(copy, "dev", url=urls[fault])
    unknown = {key: value for key, value in copy.environment.items() if not key.startswith("AWS_")}
    home = {"HOME": str(copy.root), "HANDRAIL_CACHE": str(_cache.root())}
    nobody = {**unknown, **home, "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1"}
    who = Checkout(copy.root, nobody) if fault == "no credentials" else copy
    done = who.handrail("up", "--yes", "churn-dev", ok=False)
    assert done.returncode == 1
    assert "the state backend does not answer" in done.stderr
    assert "    do: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (copy.root / "rendered").exists()


class _Cloud(BaseHTTPRequestHandler):
    """Something at Pulumi Cloud's address that knows nobody."""

    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization")))
        body = json.dumps({"code": 401, "message": "Unauthorized"}).encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


def test_pulumi_clouds_address_is_asked_with_the_persons_token(copy: Checkout) -> None:
    """And a token that it does not know is a sentence."""
    asked: list[tuple[str, str | None]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Cloud", (_Cloud,), {"asked": asked}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        keep(copy, "dev", url=f"http://127.0.0.1:{server.server_port}", organization="acme")
        who = Checkout(copy.root, {**copy.environment, "PULUMI_ACCESS_TOKEN": "pul-canary"})
        done = who.handrail("up", "--yes", "churn-dev", ok=False)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 1
    assert asked
    assert {token for _, token in asked} <= {"token pul-canary", None}
    assert ("/api/user", "token pul-canary") in asked
    assert "PULUMI_ACCESS_TOKEN" in done.stderr
    assert "pul-canary" not in done.stderr
    assert "Traceback" not in done.stderr
