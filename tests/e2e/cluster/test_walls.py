"""Walls between teams, asked of the real API server: each refusal has the reason that was meant."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
import urllib3
from go_tools import built
from spine import Checkout

from handrail.engine.api_server import ApiServer
from handrail.engine.control_plane import CONTEXT, ControlPlane, free_ports, kubeconfig
from handrail.standards.examples import merged
from handrail.standards.samples import sample

pytestmark = pytest.mark.engine
OURS, THEIRS = "payments-dev", "fraud-dev"


@pytest.fixture
def member(live: Checkout, cluster: ControlPlane) -> ApiServer:
    """Somebody of the payments team."""
    return cluster.api.for_user("mei@acme.test")


@pytest.fixture
def account(live: Checkout, cluster: ControlPlane) -> Callable[..., str]:
    """Gives a workload's token, for an audience."""

    def token(namespace: str, name: str, *audiences: str) -> str:
        spec = {"audiences": list(audiences), "expirationSeconds": 600}
        code, found = cluster.api.request(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec},
        )
        assert code == 201, found
        return str(found["status"]["token"])

    return token


def refused(answer: tuple[int, Any], *reasons: str) -> None:
    """A request was refused, for these reasons."""
    code, found = answer
    assert code == 403, found
    for reason in reasons:
        assert reason in found["message"]


def pod(name: str, container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A pod that keeps the standards, with changes."""
    sound = sample("kubernetes:core/v1:Pod")["spec"]
    main = {**sound["containers"][0], **(container or {})}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": OURS},
        "spec": {**sound, "serviceAccountName": "ledger", "containers": [main], **spec},
    }  # fmt: skip


def test_a_member_sees_the_own_workloads(member: ApiServer) -> None:
    """Pods, deployments, jobs and quota, so that nobody has to be asked."""
    for path in (
        f"/api/v1/namespaces/{OURS}/pods", f"/apis/apps/v1/namespaces/{OURS}/deployments",
        f"/apis/batch/v1/namespaces/{OURS}/jobs", f"/api/v1/namespaces/{OURS}/resourcequotas/quota",
    ):  # fmt: skip
        assert member.request("GET", path)[0] == 200, path


@pytest.mark.parametrize("namespace", [OURS, THEIRS])
def test_nobody_reads_secrets(namespace: str, member: ApiServer) -> None:
    """Neither another team's nor the own: they are in the organisation's store."""
    reason = f'User "mei@acme.test" cannot list resource "secrets" in API group "" in the namespace "{namespace}"'
    refused(member.request("GET", f"/api/v1/namespaces/{namespace}/secrets"), reason)


def test_another_teams_workloads_are_not_seen(member: ApiServer) -> None:
    """Nor reached through a port of theirs."""
    refused(member.request("GET", f"/api/v1/namespaces/{THEIRS}/pods"), 'cannot list resource "pods"')
    refused(
        member.request("POST", f"/api/v1/namespaces/{THEIRS}/pods/x/portforward"), "cannot create", "pods/portforward"
    )


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("DELETE", f"/api/v1/namespaces/{OURS}", 'cannot delete resource "namespaces"'),
        ("PATCH", f"/api/v1/namespaces/{OURS}/resourcequotas/quota", 'cannot patch resource "resourcequotas"'),
        ("DELETE", f"/api/v1/namespaces/{OURS}/resourcequotas/quota", 'cannot delete resource "resourcequotas"'),
        ("PATCH", f"/api/v1/namespaces/{OURS}/limitranges/limits", 'cannot patch resource "limitranges"'),
        ("DELETE", f"/apis/networking.k8s.io/v1/namespaces/{OURS}/networkpolicies/default-deny", "cannot delete"),
        ("PATCH", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{OURS}/rolebindings/members", "cannot patch"),
        ("POST", f"/api/v1/namespaces/{OURS}/serviceaccounts/default/token", "cannot create", ),
        ("POST", f"/api/v1/namespaces/{OURS}/serviceaccounts/checkout/token", "cannot create"),
        ("PATCH", f"/apis/apps/v1/namespaces/{OURS}/deployments/checkout", 'cannot patch resource "deployments"'),
        ("PATCH", "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/payments-dev", 'cannot patch resource "clusterqueues"'),
    ],
)  # fmt: skip
def test_a_member_cannot_move_the_walls(method: str, path: str, what: str, member: ApiServer) -> None:
    """The workspace is the platform team's, and deploying is the pipeline's."""
    content = "application/merge-patch+json" if method == "PATCH" else "application/json"
    refused(member.request(method, path, {"spec": {}}, content), 'User "mei@acme.test"', what)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (pod("x", {"securityContext": {"privileged": True}}), "privileged"),
        (pod("x", volumes=[{"name": "host", "hostPath": {"path": "/"}}]), 'restricted volume types (volume "host"'),
        (pod("x", hostNetwork=True), "host namespaces (hostNetwork=true)"),
        (pod("x", securityContext={}), "runAsNonRoot != true"),
        (pod("x", {"securityContext": {}}), "unrestricted capabilities"),
    ],
    ids=["privileged", "host path", "host network", "root", "capabilities"],
)
def test_even_the_administrators_pod_is_restricted(
    wrong: dict[str, Any], reason: str, live: Checkout, cluster: ControlPlane
) -> None:
    """In a team's namespace: the namespace decides, not who asks."""
    answer = cluster.api.request("POST", f"/api/v1/namespaces/{OURS}/pods", wrong)
    refused(answer, 'violates PodSecurity "restricted:v1.37"', reason)


def test_a_job_by_hand_is_restricted_too(member: ApiServer, cluster: ControlPlane) -> None:
    """A member may start a job; a pod of it that breaks the rules is never made, and the job's events say why."""
    template = pod("x", {"securityContext": {"privileged": True}}, restartPolicy="Never")
    job = {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "breakout", "namespace": OURS},
        "spec": {"activeDeadlineSeconds": 60, "template": {"spec": template["spec"]}},
    }  # fmt: skip
    code, found = member.request("POST", f"/apis/batch/v1/namespaces/{OURS}/jobs", job)
    assert code == 201, found
    try:
        said = ""
        deadline = time.monotonic() + 30
        while "violates PodSecurity" not in said and time.monotonic() < deadline:
            events = member.request("GET", f"/api/v1/namespaces/{OURS}/events")[1]["items"]
            said = " ".join(each["message"] for each in events if each["involvedObject"]["name"] == "breakout")
            time.sleep(0.2)
        assert 'violates PodSecurity "restricted:v1.37": privileged' in said
        pods = member.request("GET", f"/api/v1/namespaces/{OURS}/pods?labelSelector=job-name=breakout")[1]["items"]
        assert pods == []
    finally:
        cluster.api.request("DELETE", f"/apis/batch/v1/namespaces/{OURS}/jobs/breakout")


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_policy_holds_for_what_comes_another_way(environment: str, member: ApiServer) -> None:
    """A member may start jobs by hand: one that ends is admitted, one that may run for ever is not."""
    path = f"/apis/batch/v1/namespaces/payments-{environment}/jobs?dryRun=All"
    sound = sample("kubernetes:batch/v1:Job")["spec"]["template"]
    template = merged(sound, {"spec": {"serviceAccountName": "ledger"}})

    def start(**more: Any) -> tuple[int, Any]:
        job = {"metadata": {"name": "by-hand"}, "spec": {"template": template, **more}}
        return member.request("POST", path, {"apiVersion": "batch/v1", "kind": "Job", **job})

    code, found = start()
    assert code in (403, 422), found
    assert re.search(
        rf"ValidatingAdmissionPolicy '\S+-{environment}' .* denied request: .*deadline", found["message"], re.I
    )
    code, found = start(activeDeadlineSeconds=600)
    assert code == 201, found


def test_a_policy_is_for_team_namespaces_alone(live: Checkout, cluster: ControlPlane) -> None:
    """What runs beside, as a monitoring stack, is its owner's."""
    job = {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "by-hand"},
        "spec": {"template": {"spec": pod("x", restartPolicy="Never")["spec"]}},
    }  # fmt: skip
    code, found = cluster.api.request("POST", "/apis/batch/v1/namespaces/default/jobs?dryRun=All", job)
    assert code == 201, found


def test_quota_is_the_servers(live: Checkout, cluster: ControlPlane) -> None:
    """What is more than the team's is refused, with what is used and what is allowed."""
    big = pod("big", {"resources": {"requests": {"cpu": "100"}, "limits": {"cpu": "100", "memory": "1Gi"}}})
    answer = cluster.api.request("POST", f"/api/v1/namespaces/{OURS}/pods", big)
    refused(answer, "exceeded quota: quota", "requests.cpu=100", "limited: limits.cpu=40,requests.cpu=40")


def test_a_container_that_says_nothing_gets_the_limits(live: Checkout, cluster: ControlPlane) -> None:
    """The LimitRange's: so nothing runs without limits."""
    path = f"/api/v1/namespaces/{OURS}/pods"
    code, made = cluster.api.request("POST", f"{path}?dryRun=All", pod("quiet", {"resources": {}}))
    assert code == 201, made
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "200m", "memory": "256Mi"},
    }  # fmt: skip


def test_a_workloads_own_account_may_do_nothing(account: Callable[..., str], cluster: ControlPlane) -> None:
    """Its token is for being known, not for acting; the default account has no more."""
    for name in ("checkout", "default"):
        own = cluster.api.with_token(account(OURS, name))
        for path in (f"/api/v1/namespaces/{OURS}/pods", f"/api/v1/namespaces/{OURS}/secrets", "/api/v1/nodes"):
            refused(own.request("GET", path), f'User "system:serviceaccount:{OURS}:{name}"')


def test_no_pod_has_a_token_that_it_did_not_ask_for(live: Checkout, cluster: ControlPlane) -> None:
    """Neither of its own account nor of the default one, which no pod runs as."""
    pods = cluster.api.request("GET", f"/api/v1/namespaces/{OURS}/pods")[1]["items"]
    assert pods
    for each in pods:
        assert each["spec"]["serviceAccountName"] != "default"
        assert each["spec"]["automountServiceAccountToken"] is False
        assert not [
            volume for volume in each["spec"].get("volumes", ()) if volume["name"].startswith("kube-api-access")
        ]


AUDIENCE = "fraud-scorer.fraud-dev.svc"


@pytest.fixture
def proxy(account: Callable[..., str], cluster: ControlPlane) -> ApiServer:
    """What the proxy before an endpoint asks with: the endpoint's own account."""
    return cluster.api.with_token(account(THEIRS, "fraud-scorer"))


def reviewed(proxy: ApiServer, token: str, audience: str) -> dict[str, Any]:
    """TokenReview, as the proxy asks for it."""
    code, found = proxy.request(
        "POST",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [audience]},
        },
    )
    assert code == 201, found
    status: dict[str, Any] = found["status"]
    return status


def may_call(proxy: ApiServer, user: str) -> bool:
    """SubjectAccessReview, as the proxy's config has it asked."""
    attributes = {
        "group": "handrail.dev", "version": "v1", "resource": "gpuinferenceendpoints", "verb": "create",
        "namespace": THEIRS, "name": "fraud-scorer",
    }  # fmt: skip
    spec = {"user": user, "resourceAttributes": attributes}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    code, found = proxy.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    assert code == 201, found
    return bool(found["status"]["allowed"])


def deployed_proxy(cluster: ControlPlane) -> dict[str, str]:
    """The flags that the deployed proxy is started with."""
    path = f"/apis/apps/v1/namespaces/{THEIRS}/deployments/fraud-scorer"
    containers = cluster.api.request("GET", path)[1]["spec"]["template"]["spec"]["containers"]
    (proxy,) = (each for each in containers if each["name"] == "callers")
    return {flag: value for flag, _, value in (argument.partition("=") for argument in proxy["args"])}


def audience_of(cluster: ControlPlane) -> str:
    """The audience that the deployed proxy is given."""
    return deployed_proxy(cluster)["--auth-token-audiences"]


def again(cluster: ControlPlane, token: str, **claims: int) -> str:
    """A token with other claims, signed with the API server's own key."""
    changed = {**jwt.decode(token, options={"verify_signature": False}), **claims}
    headers = {"kid": jwt.get_unverified_header(token)["kid"]}
    return jwt.encode(changed, (cluster.folder / "sa.key").read_text(), "RS256", headers)


def expired(cluster: ControlPlane, token: str) -> str:
    """The same token, whose hour is over for an hour."""
    now = int(time.time())
    return again(cluster, token, iat=now - 7200, nbf=now - 7200, exp=now - 3600)


def test_a_declared_caller_passes_and_no_other(
    account: Callable[..., str], proxy: ApiServer, cluster: ControlPlane
) -> None:
    """By the reviews that the proxy asks for, of the real API server; another workload of the same team does not."""
    audience = audience_of(cluster)
    for name, allowed in (("checkout", True), ("ledger", False)):
        status = reviewed(proxy, account(OURS, name, audience), audience)
        assert status["authenticated"] is True
        user = status["user"]["username"]
        assert user == f"system:serviceaccount:{OURS}:{name}"
        assert may_call(proxy, user) is allowed


def test_a_token_for_something_else_is_nobodys(
    account: Callable[..., str], proxy: ApiServer, cluster: ControlPlane
) -> None:
    """Of another audience, expired, or of somebody else's key."""
    audience = audience_of(cluster)
    good = account(OURS, "checkout", audience)
    assert reviewed(proxy, again(cluster, good), audience)["authenticated"] is True
    wrong = {
        "another audience": account(OURS, "checkout", "ledger.payments-dev.svc"),
        "the API server's": account(OURS, "checkout"),
        "expired": expired(cluster, good),
        "of another key": good[:-8] + "AAAAAAAA",
    }
    for why, token in wrong.items():
        assert not reviewed(proxy, token, audience).get("authenticated"), why


class Upstream(BaseHTTPRequestHandler):
    """The model server behind the proxy: answers everything."""

    def do_POST(self) -> None:
        """A prediction."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a prediction")

    do_GET = do_DELETE = do_POST  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def through_proxy(
    live: Checkout, account: Callable[..., str], cluster: ControlPlane, tmp_path: Path
) -> Iterator[Callable[..., int]]:
    """Calls the endpoint through the proxy itself, which runs here as the deployed pod has it."""
    config = cluster.api.request("GET", f"/api/v1/namespaces/{THEIRS}/configmaps/fraud-scorer-callers")[1]
    (tmp_path / "config.yaml").write_text(config["data"]["config.yaml"])
    own = kubeconfig(cluster.url, cluster.folder / "ca.crt", account(THEIRS, "fraud-scorer"), [CONTEXT])
    (tmp_path / "kubeconfig").write_text(json.dumps(own))
    (port,) = free_ports(1)
    with HTTPServer(("127.0.0.1", 0), Upstream) as upstream:
        Thread(target=upstream.serve_forever, daemon=True).start()
        here = {
            "--secure-listen-address": f"127.0.0.1:{port}", "--upstream": f"http://127.0.0.1:{upstream.server_port}/",
            "--config-file": str(tmp_path / "config.yaml"), "--proxy-endpoints-port": "0",
            "--tls-cert-file": "", "--tls-private-key-file": "", "--kubeconfig": str(tmp_path / "kubeconfig"),
        }  # fmt: skip
        line = [f"{flag}={value}" for flag, value in {**deployed_proxy(cluster), **here}.items() if value]
        with (tmp_path / "log").open("w") as log, subprocess.Popen(
            [built("kube-rbac-proxy", "github.com/brancz/kube-rbac-proxy/cmd/kube-rbac-proxy"), *line], stdout=log, stderr=log
        ) as process:  # fmt: skip
            pool = urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False)

            def call(token: str, method: str = "POST") -> int:
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                return int(pool.request(method, f"https://127.0.0.1:{port}/v2/models", headers=headers).status)

            try:
                deadline = time.monotonic() + 30
                while True:
                    with suppress(urllib3.exceptions.HTTPError):
                        call("")
                        break
                    assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
                    time.sleep(0.05)
                yield call
            finally:
                process.kill()
                upstream.shutdown()


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_the_proxy_lets_declared_callers_through(
    through_proxy: Callable[..., int], account: Callable[..., str], cluster: ControlPlane
) -> None:
    """kube-rbac-proxy itself, with the deployed arguments and config; only its addresses and certificate are others."""
    audience = audience_of(cluster)
    good = account(OURS, "checkout", audience)
    assert (through_proxy(good), through_proxy(good, "GET")) == (200, 200)
    assert through_proxy(good, "DELETE") == 403  # a caller asks for predictions, and may do no more
    assert through_proxy(account(OURS, "ledger", audience)) == 403
    for token in (
        "",
        "nonsense",
        expired(cluster, good),
        account(OURS, "checkout"),
        account(OURS, "checkout", "ledger"),
    ):
        assert through_proxy(token) == 401


def test_only_the_proxys_account_may_ask_for_reviews(account: Callable[..., str], cluster: ControlPlane) -> None:
    """A service has no endpoint before which it would stand."""
    own = cluster.api.with_token(account(OURS, "checkout"))
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "x"}}
    answer = own.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)
    refused(answer, 'cannot create resource "tokenreviews"')
