"""NotebookEnv as data: what it plans, and what it refuses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from network_policies import Pod, Traffic, allowed
from planned import having, parts, without

from handrail.components import _start_notebook
from handrail.components._definition import Prepared, prepare
from handrail.components.notebook_env import COMPONENT
from handrail.core.errors import DocumentError
from handrail.core.resources import Given
from handrail.organisation import Capability, Context

IMAGE = "registry.acme.test/churn/science:2.1.0"
SMALL: dict[str, Any] = {"image": IMAGE}
WHOLE: dict[str, Any] = {
    "image": IMAGE,
    "size": "gpu",
    "storage": "50GiB",
    "idle_stop": "90m",
    "run_time_cap": "8h",
    "datasets": ["s3://acme-lake/customers", "s3://acme-lake/events"],
    "env": {"LOG_LEVEL": "info"},
    "secrets": {"WAREHOUSE_PASSWORD": "churn/warehouse/password"},
    "calls": ["churn-scorer"],
    "egress": ["10.20.0.0/24:5432"],
    "internet": False,
}


@pytest.fixture
def churn(context: Context) -> Context:
    """acme's churn-dev."""
    return replace(context, team="churn", stack="churn-dev")


def prepared(args: dict[str, Any], context: Context) -> Prepared:
    """The notebook `explore` with these arguments."""
    return prepare(COMPONENT, "explore", args, context)


def pod_of(found: Prepared) -> dict[str, Any]:
    """The pod's spec."""
    spec: dict[str, Any] = parts(found)["stateful-set"]["spec"]["template"]["spec"]
    return spec


def command(found: Prepared) -> list[str]:
    """What the notebook's container starts."""
    words: list[str] = pod_of(found)["containers"][0]["command"]
    return words


def flags(found: Prepared) -> dict[str, str]:
    """JupyterLab's settings."""
    words = (word.removeprefix("--").partition("=") for word in command(found) if word.startswith("--"))
    return {name: value for name, _, value in words}


def team_with(context: Context, **words: Any) -> Context:
    """`context` with other settings of its team."""
    teams = context.organisation.teams
    return having(context, teams={**teams, context.team: teams[context.team].model_copy(update=words)})


def refusal(args: dict[str, Any], context: Context) -> str:
    """The error that these arguments end in."""
    with pytest.raises(DocumentError) as caught:
        prepared(args, context)
    return str(caught.value)


@pytest.mark.parametrize("args", [SMALL, WHOLE], ids=["small", "whole"])
def test_manifests(args: dict[str, Any], churn: Context, manifests: Any) -> None:
    """The manifests of the smallest and of a full notebook, as golden files; but for the script that starts it."""
    resources = prepared(args, churn).plan.resources
    shown = [
        {**r.inputs, "data": {"start.py": "the script"}} if r.name == "explore-start" else dict(r.inputs)
        for r in resources
    ]
    assert shown == manifests


def test_manifests_without_sign_in(churn: Context, manifests: Any) -> None:
    """Where people come by port-forward, as a golden file."""
    resources = prepared(SMALL, having(churn, sign_in=None)).plan.resources
    assert [dict(r.inputs) for r in resources if r.name != "explore-start"] == manifests


def test_names_types_and_order(churn: Context) -> None:
    """Pulumi names and types are part of the contract: a change would replace what runs."""
    found = prepared(WHOLE, churn).plan.resources
    assert [(r.name, r.type) for r in found] == [
        ("explore-service-account", "kubernetes:core/v1:ServiceAccount"),
        ("explore-network-policy", "kubernetes:networking.k8s.io/v1:NetworkPolicy"),
        ("explore-external-secret", "kubernetes:external-secrets.io/v1:ExternalSecret"),
        ("explore-stop-role", "kubernetes:rbac.authorization.k8s.io/v1:Role"),
        ("explore-stop", "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"),
        ("explore-start", "kubernetes:core/v1:ConfigMap"),
        ("explore-home", "kubernetes:core/v1:PersistentVolumeClaim"),
        ("explore-people", "kubernetes:core/v1:ConfigMap"),
        ("explore-sign-in-secret", "kubernetes:external-secrets.io/v1:ExternalSecret"),
        ("explore-service", "kubernetes:core/v1:Service"),
        ("explore-route", "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"),
        ("explore-stateful-set", "kubernetes:apps/v1:StatefulSet"),
        ("explore-pod-monitor", "kubernetes:monitoring.coreos.com/v1:PodMonitor"),
        ("explore-dashboard", "kubernetes:core/v1:ConfigMap"),
    ]
    names = [resource.name for resource in found]
    assert all(names.index(before) < names.index(r.name) for r in found for before in r.after)


@pytest.mark.parametrize(
    ("size", "amounts"),
    [
        ("small", {"cpu": "1", "memory": "4Gi"}),
        ("large", {"cpu": "8", "memory": "32Gi"}),
        ("gpu", {"cpu": "4", "memory": "24Gi", "nvidia.com/gpu": "1"}),
    ],
)
def test_a_size_is_a_machine(size: str, amounts: dict[str, str], churn: Context) -> None:
    """Requests and limits alike: what a notebook has is not lent to others."""
    resources = pod_of(prepared(SMALL | {"size": size}, churn))["containers"][0]["resources"]
    assert resources == {"requests": amounts, "limits": amounts}


def test_an_accelerator_is_placed_and_queued(churn: Context) -> None:
    """On its nodes alone, and in the queue, before jobs; a notebook without one waits for nothing."""
    pod = pod_of(prepared(SMALL | {"size": "gpu"}, churn))
    product = {"key": "nvidia.com/gpu.product", "operator": "In", "values": ["NVIDIA-L4"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [product]}]}
    assert pod["affinity"] == {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]

    def queue(args: dict[str, Any], context: Context) -> dict[str, str]:
        labels = parts(prepared(args, context))["stateful-set"]["metadata"]["labels"]
        return {key.partition("/")[2]: value for key, value in labels.items() if "kueue" in key}

    assert queue(SMALL | {"size": "gpu"}, churn) == {"queue-name": "default", "priority-class": "interactive"}
    assert queue(SMALL, churn) == queue(SMALL | {"size": "gpu"}, without(churn, Capability.KUEUE)) == {}
    assert not {"affinity", "tolerations"} & pod_of(prepared(SMALL, churn)).keys()


def test_a_size_that_the_team_may_not_choose_is_refused_with_those_it_may(churn: Context) -> None:
    """Those its quota has the accelerator for, or those that the platform team wrote down for it."""
    payments = replace(churn, team="payments", stack="payments-dev")
    assert refusal(SMALL | {"size": "gpu"}, payments) == (
        "explore.size: is no notebook profile of team payments that may stand here\n"
        "    given:   gpu\n"
        "    allowed: large, medium, small"
    )
    assert refusal(SMALL | {"size": "smal"}, team_with(churn, notebook_profiles=("small", "gpu"))) == (
        "explore.size: is no notebook profile of team churn that may stand here\n"
        "    given:   smal\n"
        "    allowed: gpu, small\n"
        "    do:      did you mean small?"
    )


def test_a_size_whose_accelerator_the_quota_lacks_is_refused(churn: Context) -> None:
    """Though the platform team lets the team choose it."""
    payments = team_with(replace(churn, team="payments"), notebook_profiles=("gpu",))
    assert refusal(SMALL | {"size": "gpu"}, payments).startswith(
        "explore.size: asks for more l4 than the quota of team payments has\n"
    )


@pytest.mark.parametrize(
    ("args", "idle", "cap", "derived"),
    [
        ({}, 6 * 3600, 24 * 3600, {"idle_stop": "6h", "run_time_cap": "1d"}),
        ({"size": "large"}, 3 * 3600, 24 * 3600, {"idle_stop": "3h", "run_time_cap": "1d"}),
        ({"size": "gpu"}, 2 * 3600, 12 * 3600, {"idle_stop": "2h", "run_time_cap": "12h"}),
        ({"idle_stop": "30m"}, 1800, 24 * 3600, {"run_time_cap": "1d"}),
        ({"idle_stop": "1h", "run_time_cap": "1h"}, 3600, 3600, {}),
    ],
)
def test_it_stops_itself(args: dict[str, Any], idle: int, cap: int, derived: dict[str, str], churn: Context) -> None:
    """The profile's times or shorter ones; kernels and terminals that do nothing are ended first."""
    found = prepared(SMALL | args, churn)
    assert command(found)[:6] == ["python", "/opt/handrail/start.py", str(idle), str(cap), "jupyter", "lab"]
    assert (
        flags(found).items()
        >= {
            "MappingKernelManager.cull_idle_timeout": str(idle),
            "MappingKernelManager.cull_connected": "True",
            "TerminalManager.cull_inactive_timeout": str(idle),
        }.items()
    )
    assert "MappingKernelManager.cull_busy" not in flags(found)
    assert {word: told.value for word, told in found.plan.derived.items()} == derived
    size = args.get("size", "small")
    assert {told.reason for told in found.plan.derived.values()} <= {f"notebook profile {size}"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            {"run_time_cap": "2d"},
            "explore.run_time_cap: is longer than small may run\n    given:   2d\n    allowed: at most 1d",
        ),
        (
            {"size": "gpu", "run_time_cap": "13h"},
            "explore.run_time_cap: is longer than gpu may run\n    given:   13h\n    allowed: at most 12h",
        ),
        (
            {"idle_stop": "3h", "run_time_cap": "2h"},
            "explore.idle_stop: is longer than it may run at all\n    given:   3h\n    allowed: at most 2h",
        ),
        ({"idle_stop": "30s"}, "explore: idle_stop (30s) is less than 1m"),
        ({"run_time_cap": "30s"}, "explore: run_time_cap (30s) is less than 1m"),
    ],
)
def test_times_that_make_no_sense_are_refused(args: dict[str, Any], message: str, churn: Context) -> None:
    """A profile's cap is the platform team's."""
    assert refusal(SMALL | args, churn) == message


def test_people_sign_in_before_they_reach_it(churn: Context) -> None:
    """The team's members alone, by the organisation's provider; JupyterLab itself listens to nobody else."""
    found = prepared(SMALL, churn)
    notebook, proxy = pod_of(found)["containers"]
    url = "https://explore-churn-dev.dev.acme.test"
    assert found.plan.outputs["url"] == url
    assert proxy["image"] == "registry.acme.test/mirror/oauth2-proxy:v7.12.0"
    assert set(proxy["args"]) >= {
        "--provider=oidc",
        "--oidc-issuer-url=https://login.acme.test",
        f"--redirect-url={url}/oauth2/callback",
        "--authenticated-emails-file=/etc/sign-in/people",
        "--upstream=http://127.0.0.1:8888",
    }
    assert [arg for arg in proxy["args"] if "email-domain" in arg] == []
    assert parts(found)["people"]["data"] == {"people": "lena@acme.test\nsam@acme.test\n"}
    assert {name: flags(found)[name] for name in ("ServerApp.ip", "IdentityProvider.token")} == {
        "ServerApp.ip": "127.0.0.1",
        "IdentityProvider.token": "",
    }
    assert "ports" not in notebook
    assert parts(found)["route"]["spec"]["rules"][0]["backendRefs"] == [{"name": "explore", "port": 80}]
    assert parts(found)["service"]["spec"]["ports"][0]["targetPort"] == "http"
    assert {port["name"]: port["containerPort"] for port in proxy["ports"]} == {"http": 4180, "metrics": 44180}


def test_the_providers_secrets_are_references(churn: Context) -> None:
    """Out of the organisation's store, into the proxy alone."""
    found = prepared(SMALL, churn)
    assert parts(found)["sign-in-secret"]["spec"]["data"] == [
        {"secretKey": word, "remoteRef": {"key": "platform/notebooks/sign-in", "property": part}}
        for word, part in (
            ("CLIENT_ID", "client-id"),
            ("CLIENT_SECRET", "client-secret"),
            ("COOKIE_SECRET", "cookie-secret"),
        )
    ]
    notebook, proxy = pod_of(found)["containers"]
    assert [each["name"] for each in proxy["env"]] == [
        "OAUTH2_PROXY_CLIENT_ID", "OAUTH2_PROXY_CLIENT_SECRET", "OAUTH2_PROXY_COOKIE_SECRET",
    ]  # fmt: skip
    assert [each for each in notebook["env"] if "valueFrom" in each] == []


def test_without_a_sign_in_people_come_by_port_forward(churn: Context) -> None:
    """No provider, no gateway, or no store for its secrets: JupyterLab keeps its token, and nothing is routed."""
    forward = "kubectl port-forward --namespace churn-dev statefulset/explore 8888"
    for context in (
        having(churn, sign_in=None),
        without(churn, Capability.GATEWAY_API),
        without(churn, Capability.EXTERNAL_SECRETS),
    ):
        found = prepared(SMALL, context)
        assert found.plan.outputs["url"] == forward
        assert not {"people", "route", "service", "sign-in-secret"} & parts(found).keys()
        (notebook,) = pod_of(found)["containers"]
        assert notebook["ports"] == [{"name": "http", "containerPort": 8888, "protocol": "TCP"}]
        assert flags(found)["ServerApp.ip"] == "0.0.0.0"
        assert [name for name in flags(found) if "token" in name or "password" in name] == []


def test_it_may_stop_itself_and_nothing_else(churn: Context) -> None:
    """Its account may scale its own StatefulSet; the script that does so is mounted, and told which that is."""
    found = prepared(SMALL, churn)
    assert parts(found)["stop-role"]["rules"] == [
        {
            "apiGroups": ["apps"],
            "resources": ["statefulsets/scale"],
            "resourceNames": ["explore"],
            "verbs": ["patch"],
        }
    ]
    assert parts(found)["stop"]["subjects"] == [{"kind": "ServiceAccount", "name": "explore", "namespace": "churn-dev"}]
    notebook, proxy = pod_of(found)["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in notebook["volumeMounts"]}
    assert mounts["account"] == str(_start_notebook.ACCOUNT)
    assert [mount["name"] for mount in proxy["volumeMounts"]] == ["people"]
    script = Path(_start_notebook.__file__).read_text(encoding="utf-8")
    assert parts(found)["start"]["data"] == {"start.py": script}
    told = {each["name"]: each.get("value") for each in notebook["env"]}
    assert (
        told.items()
        >= {
            "API_SERVER": "https://kubernetes.default.svc",
            "NAMESPACE": "churn-dev",
            "STATEFULSET": "explore",
        }.items()
    )


def test_an_api_server_that_nobody_wrote_down_is_refused(churn: Context) -> None:
    """It could not stop itself."""
    assert refusal(SMALL, having(churn, {"api_server": None})) == (
        "explore: stops itself through the API server, and organisation.yaml does not say where that of cluster dev "
        "is\n"
        "    do:      have the platform team write clusters.dev.api_server, as 10.0.0.1/32:443"
    )


def test_what_stopped_stays_stopped(churn: Context) -> None:
    """No deployment starts it again: the number of replicas is nowhere stated."""
    assert "replicas" not in parts(prepared(WHOLE, churn))["stateful-set"]["spec"]


def test_the_volume_outlives_it(churn: Context) -> None:
    """A claim of its own, which can grow, and no template of the StatefulSet."""
    found = parts(prepared(WHOLE, churn))
    assert found["home"]["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "50Gi"}},
    }
    assert "volumeClaimTemplates" not in found["stateful-set"]["spec"]
    volumes = found["stateful-set"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "home", "persistentVolumeClaim": {"claimName": "explore-home"}} in volumes


PUBLIC, CLOSED = (
    ["198.51.100.7", "2001:db8::7"],
    [
        "169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200",  # metadata services
        "10.9.9.9", "172.20.0.1", "192.168.1.1",
    ],
)  # fmt: skip


@pytest.mark.parametrize("internet", [True, False])
def test_where_it_may_connect_to(internet: bool, churn: Context) -> None:
    """The internet where it may, the sign-in, the API server; never a private address or a metadata service."""
    found = prepared(SMALL | {"internet": internet}, churn)
    policy = {"kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1", **parts(found)["network-policy"]}
    me = Pod.of({"kind": "StatefulSet", **parts(found)["stateful-set"]})
    names = ("churn-dev", "gateway-system", "monitoring", "mlflow")
    namespaces = [{"kind": "Namespace", "metadata": {"name": name}} for name in names]
    gateway, scraper, stranger = Pod("gateway-system"), Pod("monitoring"), Pod("churn-dev")
    expected = [
        *((Traffic(me, address, 443), internet) for address in PUBLIC),
        *((Traffic(me, address, port), False) for address in CLOSED for port in (80, 443)),
        (Traffic(me, "10.0.0.1", 6443), True),
        (Traffic(me, "203.0.113.10", 443), True),
        (Traffic(me, Pod("mlflow"), 5000), True),
        (Traffic(gateway, me, 4180), True),
        (Traffic(gateway, me, 8888), False),
        (Traffic(scraper, me, 44180), True),
        (Traffic(scraper, me, 4180), False),
        (Traffic(stranger, me, 4180), False),
    ]
    traffics = [traffic for traffic, _ in expected]
    assert list(zip(traffics, allowed([policy], namespaces, traffics), strict=True)) == expected


def test_what_it_is_told(churn: Context) -> None:
    """Tracking, lineage and the object store, its datasets, its own variables, its callees; secrets as references."""
    (found, _) = pod_of(prepared(WHOLE, churn))["containers"]
    told = {each["name"]: each.get("value") for each in found["env"]}
    assert (
        told.items()
        >= {
            "HOME": "/home/jovyan",
            "MLFLOW_TRACKING_URI": "http://mlflow.mlflow.svc:5000",
            "MLFLOW_EXPERIMENT_NAME": "churn",
            "OPENLINEAGE_URL": "http://lineage.lineage.svc:5000",
            "OPENLINEAGE_NAMESPACE": "churn-dev",
            "AWS_ENDPOINT_URL_S3": "http://object-store.object-store.svc:9000",
            "DATASETS_READ": "s3://acme-lake/customers s3://acme-lake/events",
            "LOG_LEVEL": "info",
            "CHURN_SCORER_HOST": "churn-scorer.churn-dev.svc",
            "WAREHOUSE_PASSWORD": None,
        }.items()
    )


def test_an_image_that_only_the_engine_knows(churn: Context) -> None:
    """It is one leaf of the plan."""
    image = Given(object())
    assert pod_of(prepared({"image": image}, churn))["containers"][0]["image"] is image
