"""GpuInferenceEndpoint as data: what it plans, and what it refuses."""

from dataclasses import replace
from typing import Any

import pytest
from network_policies import Pod, Traffic, allowed
from planned import having, parts, without

from handrail.components import scalable_service
from handrail.components._definition import Prepared, prepare
from handrail.components.gpu_inference_endpoint import COMPONENT
from handrail.core.errors import DocumentError
from handrail.core.resources import Given
from handrail.organisation import Capability, Context, RequestMetrics

IMAGE = "registry.acme.test/fraud/scoring:3.4.0"
SMALL: dict[str, Any] = {"model": "models:/fraud-scorer/7", "accelerator": "l4", "image": IMAGE}
WHOLE: dict[str, Any] = {
    "server": "vllm",
    "model": "s3://acme-models/fraud-scorer",
    "accelerator": "l4",
    "accelerators": 2,
    "model_size": "20GiB",
    "model_cache": "50GiB",
    "scale": {"min": 2, "max": 4, "queue": 8},
    "rollout": "availability",
    "drain": "90s",
    "cpu": 4,
    "memory": "16GiB",
    "env": {"LOG_LEVEL": "info"},
    "secrets": {"API_KEY": "fraud/scorer/api-key"},
    "datasets": ["s3://acme-lake/transactions"],
    "calls": ["payments/ledger"],
    "callers": ["payments/checkout", "backfill"],
    "egress": ["10.20.0.0/24:5432"],
    "objective": {"availability": "99.9%", "latency_p99": "300ms"},
    "model_card": "https://models.acme.test/fraud-scorer",
    "evaluation": "https://mlflow.acme.test/#/experiments/3/runs/c41e7b8d02f94a56b3d1e8f76a905c2b",
    "training_run": "c41e7b8d02f94a56b3d1e8f76a905c2b",
    "data_classification": "confidential",
}
QUEUE_LABELS = {"kueue.x-k8s.io/queue-name": "default", "kueue.x-k8s.io/priority-class": "serving"}


@pytest.fixture
def fraud(context: Context) -> Context:
    """acme's fraud-staging, where everything is there."""
    return replace(context, team="fraud", environment="staging", stack="fraud-staging")


def prepared(args: dict[str, Any], context: Context) -> Prepared:
    """The endpoint `fraud-scorer` with these arguments, whatever the standards say of them."""
    return prepare(COMPONENT, "fraud-scorer", args, context, refuses=False)


def pod_of(found: Prepared) -> dict[str, Any]:
    """The pod's spec."""
    spec: dict[str, Any] = parts(found)["deployment"]["spec"]["template"]["spec"]
    return spec


def variables(found: Prepared) -> dict[str, Any]:
    """The server's plain environment variables."""
    return {each["name"]: each.get("value") for each in pod_of(found)["containers"][0]["env"]}


def counted_by(context: Context, source: RequestMetrics) -> Context:
    """`context` where requests are counted by `source`."""
    telemetry = context.organisation.telemetry.model_copy(update={"requests": source})
    return having(context, telemetry=telemetry)


def refusal(args: dict[str, Any], context: Context) -> str:
    """The error that these arguments end in."""
    with pytest.raises(DocumentError) as caught:
        prepared(args, context)
    return str(caught.value)


@pytest.mark.parametrize("args", [SMALL, WHOLE], ids=["small", "whole"])
def test_manifests(args: dict[str, Any], fraud: Context, manifests: Any) -> None:
    """The manifests of the smallest and of a full endpoint, as golden files."""
    assert [dict(resource.inputs) for resource in prepared(args, fraud).plan.resources] == manifests


def test_names_types_and_order(fraud: Context) -> None:
    """Pulumi names and types are part of the contract: a change would replace what runs."""
    found = prepared(WHOLE, fraud).plan.resources
    assert [(r.name, r.type) for r in found] == [
        ("fraud-scorer-service-account", "kubernetes:core/v1:ServiceAccount"),
        ("fraud-scorer-network-policy", "kubernetes:networking.k8s.io/v1:NetworkPolicy"),
        ("fraud-scorer-external-secret", "kubernetes:external-secrets.io/v1:ExternalSecret"),
        ("fraud-scorer-callers-config", "kubernetes:core/v1:ConfigMap"),
        ("fraud-scorer-callers-role", "kubernetes:rbac.authorization.k8s.io/v1:Role"),
        ("fraud-scorer-callers", "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"),
        ("fraud-scorer-certificate", "kubernetes:cert-manager.io/v1:Certificate"),
        ("fraud-scorer-model-cache", "kubernetes:core/v1:PersistentVolumeClaim"),
        ("fraud-scorer-deployment", "kubernetes:apps/v1:Deployment"),
        ("fraud-scorer-service", "kubernetes:core/v1:Service"),
        ("fraud-scorer-autoscaler", "kubernetes:keda.sh/v1alpha1:ScaledObject"),
        ("fraud-scorer-disruption-budget", "kubernetes:policy/v1:PodDisruptionBudget"),
        ("fraud-scorer-pod-monitor", "kubernetes:monitoring.coreos.com/v1:PodMonitor"),
        ("fraud-scorer-alerts", "kubernetes:monitoring.coreos.com/v1:PrometheusRule"),
        ("fraud-scorer-dashboard", "kubernetes:core/v1:ConfigMap"),
    ]
    names = [resource.name for resource in found]
    assert all(names.index(before) < names.index(r.name) for r in found for before in r.after)


def test_outputs_are_known_before_anything_runs(fraud: Context) -> None:
    """The address follows from names, and its path from the server."""
    assert prepared(WHOLE, fraud).plan.outputs == {
        "url": "https://fraud-scorer.fraud-staging.svc/v1/chat/completions",
        "namespace": "fraud-staging",
        "service_account": "fraud-scorer",
    }


def test_an_accelerator_is_a_limit_and_a_place(fraud: Context) -> None:
    """Requested and limited alike; its nodes required, not preferred; its taint tolerated."""
    pod = pod_of(prepared(WHOLE, fraud))
    assert pod["containers"][0]["resources"] == {
        side: {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "2"} for side in ("requests", "limits")
    }
    product = {"key": "nvidia.com/gpu.product", "operator": "In", "values": ["NVIDIA-L4"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [product]}]}
    assert pod["affinity"] == {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    labels = parts(prepared(WHOLE, fraud))["deployment"]["spec"]["template"]["metadata"]["labels"]
    assert labels["handrail.dev/accelerator"] == "l4"


def test_an_unknown_accelerator_is_refused_with_those_there_are(fraud: Context) -> None:
    """And with the nearest."""
    assert refusal(SMALL | {"accelerator": "l40"}, fraud) == (
        "fraud-scorer.accelerator: is no accelerator of the organisation that may stand here\n"
        "    given:   l40\n"
        "    allowed: a100, l4\n"
        "    do:      did you mean l4?"
    )


def test_more_accelerators_than_the_quota_need_a_queue_to_borrow_in(fraud: Context) -> None:
    """A ResourceQuota lends nothing; in Kueue's cohort what other teams leave idle may be borrowed."""
    args = SMALL | {"accelerators": 7}
    assert refusal(args, without(fraud, Capability.KUEUE)) == (
        "fraud-scorer.accelerator: asks for more l4 than the quota of team fraud has\n"
        "    given:   7 l4\n"
        "    allowed: at most 6\n"
        "    do:      ask for fewer, or have teams.fraud.quota.accelerators.l4 raised in organisation.yaml"
    )
    limits = pod_of(prepared(args, fraud))["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/gpu"] == "7"


def test_the_smallest_number_of_replicas_must_fit_the_quota(fraud: Context) -> None:
    """Replicas that can never run are no replicas; those of the largest number may wait."""
    alone = without(fraud, Capability.KUEUE)
    args = SMALL | {"accelerators": 2}
    assert "given:   8 l4\n    allowed: at most 6\n" in refusal(args | {"scale": {"min": 4}}, alone)
    assert prepared(args | {"scale": {"min": 3, "max": 4}}, alone)


def test_the_queue_admits_what_it_manages(fraud: Context) -> None:
    """The Deployment names the queue, its pods do not; without Kueue nothing does."""
    deployment = parts(prepared(SMALL, fraud))["deployment"]
    assert deployment["metadata"]["labels"].items() >= QUEUE_LABELS.items()
    alone = parts(prepared(SMALL, without(fraud, Capability.KUEUE)))["deployment"]
    for labels in (deployment["spec"]["template"]["metadata"]["labels"], alone["metadata"]["labels"]):
        assert [key for key in labels if "kueue" in key] == []


SERVERS: dict[str, dict[str, Any]] = {
    "mlflow": {
        "model": "models:/m/1",
        "command": "mlflow models serve --model-uri $(MODEL_URI) --host 0.0.0.0 --port 8080 --env-manager local",
        "probes": ("/ping", "/ping"),
        "ports": {"http": 8080, "https": 8443},
        "monitored": None,
        "path": "/invocations",
        "env": {"MODEL_URI": "models:/m/1", "TMPDIR": "/models"},
    },
    "mlserver": {
        "model": "models:/m/1",
        "command": "mlserver start /models",
        "probes": ("/v2/health/ready", "/v2/health/live"),
        "ports": {"http": 8080, "metrics": 8082, "https": 8443},
        "monitored": "metrics",
        "path": "/v2/models/fraud-scorer/infer",
        "env": {"MLSERVER_MODEL_NAME": "fraud-scorer", "MLSERVER_MODEL_URI": "models:/m/1"},
    },
    "triton": {
        "model": "s3://acme-models/m",
        "command": "tritonserver --model-repository=$(MODEL_URI) --http-port=8080 --metrics-port=8002 --allow-grpc=false --exit-timeout-secs=25",
        "probes": ("/v2/health/ready", "/v2/health/live"),
        "ports": {"http": 8080, "metrics": 8002, "https": 8443},
        "monitored": "metrics",
        "path": "/v2/models/fraud-scorer/infer",
        "env": {"MODEL_URI": "s3://acme-models/m"},
    },
    "vllm": {
        "model": "org/model",
        "command": "vllm serve $(MODEL_URI) --host 0.0.0.0 --port 8080 --served-model-name fraud-scorer --tensor-parallel-size 2",
        "probes": ("/health", "/health"),
        "ports": {"http": 8080, "https": 8443},
        "monitored": "http",
        "path": "/v1/chat/completions",
        "env": {"MODEL_URI": "org/model", "HOME": "/models", "HF_HOME": "/models"},
    },
}


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_is_started_asked_and_measured_in_its_own_way(server: str, fraud: Context) -> None:
    """Command, variables, probes, ports, monitor and address."""
    expected = SERVERS[server]
    found = prepared(SMALL | {"server": server, "model": expected["model"], "accelerators": 2}, fraud)
    main, proxy = pod_of(found)["containers"]
    ready, alive = expected["probes"]
    assert " ".join(main["command"]) == expected["command"]
    assert variables(found).items() >= expected["env"].items()
    assert [main[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")] == [
        ready, ready, alive,
    ]  # fmt: skip
    ports = {port["name"]: port["containerPort"] for port in [*main["ports"], *proxy["ports"]]}
    assert ports == {**expected["ports"], "callers-health": 8643}
    monitor = parts(found).get("pod-monitor")
    assert (monitor["spec"]["podMetricsEndpoints"][0]["port"] if monitor else None) == expected["monitored"]
    assert found.plan.outputs["url"] == f"https://fraud-scorer.fraud-staging.svc{expected['path']}"
    shared = [volume["name"] for volume in pod_of(found)["volumes"] if volume.get("emptyDir") == {"medium": "Memory"}]
    assert shared == (["shared-memory"] if server in ("triton", "vllm") else [])


URIS = ["models:/m/1", "runs:/0a1b/model", "s3://acme-models/m", "gs://acme-models/m", "as://acme/m", "org/model", "m"]


@pytest.mark.parametrize(
    ("server", "read"),
    [
        ("mlflow", [True, True, True, True, False, False, False]),
        ("mlserver", [True, True, True, True, False, False, False]),
        ("triton", [False, False, True, True, True, False, False]),
        ("vllm", [False, False, True, True, False, True, False]),
    ],
)
def test_a_server_reads_its_own_models(server: str, read: list[bool], fraud: Context) -> None:
    """What it cannot fetch is refused before anything runs."""

    def accepted(uri: str) -> bool:
        try:
            prepared(SMALL | {"server": server, "model": uri}, fraud)
        except DocumentError as error:
            assert str(error).startswith(f"fraud-scorer.model: is no model that {server} reads\n    given:   {uri}\n")
            return False
        return True

    assert [accepted(uri) for uri in URIS] == read


def test_a_model_that_no_server_reads_is_refused_with_what_it_reads(fraud: Context) -> None:
    """And with what to do."""
    assert refusal(SMALL | {"server": "vllm", "model": "models:/m/1"}, fraud) == (
        "fraud-scorer.model: is no model that vllm reads\n"
        "    given:   models:/m/1\n"
        "    allowed: a Hugging Face id, as org/model, s3://…, gs://…\n"
        "    do:      choose another server, or register the model where this one reads it"
    )


def test_the_image_is_the_organisations_where_none_is_named(fraud: Context) -> None:
    """For a server that the organisation has no image for, one is required."""
    args = {"model": "models:/m/1", "accelerator": "l4"}
    found = prepared(args | {"server": "mlserver"}, fraud)
    assert pod_of(found)["containers"][0]["image"] == "registry.acme.test/ml/mlserver:1.7.1"
    assert refusal(args, fraud) == (
        "fraud-scorer.image: is required: organisation.yaml names no image for mlflow\n"
        "    do:      write image, or have the platform team write images.servers.mlflow"
    )


@pytest.mark.parametrize(
    ("size", "start", "reason"),
    [
        ({"model_size": "1GiB"}, 120, "the model's 1Gi at 100 MiB a second, and a minute for the server"),
        ({"model_size": "50GiB"}, 580, "the model's 50Gi at 100 MiB a second, and a minute for the server"),
        ({}, 310, "the accelerators' memory, so at most 24Gi at 100 MiB a second, and a minute for the server"),
        (
            {"accelerators": 4},
            1050,
            "the accelerators' memory, so at most 96Gi at 100 MiB a second, and a minute for the server",
        ),
    ],
)
def test_a_larger_model_may_take_longer_to_start(size: dict[str, Any], start: int, reason: str, fraud: Context) -> None:
    """In tries every 10 s; the rollout waits longer than a start takes, and the plan says why."""
    found = prepared(SMALL | size, fraud)
    probe = pod_of(found)["containers"][0]["startupProbe"]
    assert (probe["periodSeconds"], probe["failureThreshold"]) == (10, start // 10)
    assert parts(found)["deployment"]["spec"]["progressDeadlineSeconds"] == max(600, start + 60)
    told = found.plan.derived["start"]
    assert (told.value, told.reason) == (f"{start // 60}m" if start % 60 == 0 else f"{start}s", reason)


def test_fetched_models_are_kept_where_volumes_can_be_shared(fraud: Context) -> None:
    """One volume for all replicas; without a shared storage class it is refused; by default nothing is kept."""

    def models(args: dict[str, Any]) -> dict[str, Any]:
        return next(volume for volume in pod_of(prepared(args, fraud))["volumes"] if volume["name"] == "models")

    cached = SMALL | {"server": "vllm", "model": "org/model", "model_cache": "50GiB"}
    assert parts(prepared(cached, fraud))["model-cache"]["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "shared",
        "resources": {"requests": {"storage": "50Gi"}},
    }
    assert models(cached) == {"name": "models", "persistentVolumeClaim": {"claimName": "fraud-scorer-models"}}
    assert models(SMALL) == {"name": "models", "emptyDir": {}}
    assert refusal(cached, having(fraud, {"shared_storage_class": None})) == (
        "fraud-scorer.model_cache: needs volumes that several pods write, and cluster staging has no "
        "shared_storage_class\n"
        "    do:      leave model_cache out, or have clusters.staging.shared_storage_class written"
    )


@pytest.mark.parametrize(
    ("args", "steps", "derived"),
    [
        (
            {"scale": {"min": 5}},
            (1, 0),
            ("availability", "the quota of 6 l4 has room for a replica more"),
        ),
        (
            {"scale": {"min": 6}},
            (0, 1),
            ("resource-aware", "a replica more would need 7 l4, the quota is 6"),
        ),
        (
            {"scale": {"min": 2, "max": 6}},
            (0, 1),
            ("resource-aware", "a replica more would need 7 l4, the quota is 6"),
        ),
        (
            {"accelerators": 4},
            (0, 1),
            (
                "resource-aware",
                "a replica more would need 8 l4, the quota is 6; the only replica is down meanwhile",
            ),
        ),
        ({"scale": {"min": 6}, "rollout": "availability"}, (1, 0), None),
        ({"rollout": "resource-aware"}, (0, 1), None),
    ],
)
def test_a_rollout_takes_an_accelerator_more_only_where_there_is_one(
    args: dict[str, Any], steps: tuple[int, int], derived: tuple[str, str] | None, fraud: Context
) -> None:
    """maxSurge and maxUnavailable, and why so; what is written is what happens."""
    found = prepared(SMALL | args, fraud)
    surge, unavailable = steps
    assert parts(found)["deployment"]["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
    }
    told = found.plan.derived.get("rollout")
    assert (told and (told.value, told.reason)) == derived


def test_the_number_of_replicas_follows_the_queue(fraud: Context) -> None:
    """KEDA asks Prometheus for the server's queue, and owns the number that the Deployment leaves out."""
    found = parts(prepared(WHOLE, fraud))
    assert "replicas" not in found["deployment"]["spec"]
    assert found["autoscaler"]["spec"] == {
        "scaleTargetRef": {"name": "fraud-scorer"},
        "minReplicaCount": 2,
        "maxReplicaCount": 4,
        "triggers": [
            {
                "type": "prometheus",
                "metadata": {
                    "serverAddress": "http://prometheus.monitoring.svc:9090",
                    "query": 'sum(vllm:num_requests_waiting{job="fraud-staging/fraud-scorer"})',
                    "threshold": "8",
                },
            }
        ],
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}}}},
    }


@pytest.mark.parametrize(
    ("server", "model", "queue"),
    [
        ("mlflow", "models:/m/1", 'sum(http_server_active_requests{job="fraud-staging/fraud-scorer"})'),
        ("triton", "s3://m/m", 'sum(nv_inference_pending_request_count{job="fraud-staging/fraud-scorer"})'),
        ("vllm", "org/model", 'sum(vllm:num_requests_waiting{job="fraud-staging/fraud-scorer"})'),
    ],
)
def test_each_server_has_a_queue_of_its_own(server: str, model: str, queue: str, fraud: Context) -> None:
    """Above 4 waiting requests per replica, where nothing else is written, another one is added."""
    found = prepared(SMALL | {"server": server, "model": model, "scale": {"min": 1, "max": 3}}, fraud)
    metadata = parts(found)["autoscaler"]["spec"]["triggers"][0]["metadata"]
    assert (metadata["query"], metadata["threshold"]) == (queue, "4")


def test_without_what_scaling_needs_the_smallest_number_stays_and_it_says_so(fraud: Context) -> None:
    """KEDA, Prometheus' address, a server or a source of request metrics that tells the queue."""
    args = SMALL | {"scale": {"min": 2, "max": 4}}
    unaddressed = fraud.organisation.telemetry.model_copy(update={"prometheus": None})
    for context, missing in (
        (without(fraud, Capability.KEDA), "cluster staging lacks keda"),
        (
            having(fraud, telemetry=unaddressed),
            "organisation.yaml names no telemetry.prometheus to read the queue from",
        ),
        (
            counted_by(fraud, RequestMetrics.ENVOY_GATEWAY),
            "mlflow tells no queue, and the organisation's request metrics do not either",
        ),
    ):
        found = prepared(args, context)
        assert f"fixed at 2, not scaled from 2 to 4: {missing}" in found.plan.advisories
        assert parts(found)["deployment"]["spec"]["replicas"] == 2
        assert "autoscaler" not in parts(found)
    fixed = prepared(SMALL | {"scale": {"min": 2}}, without(fraud, Capability.KEDA))
    assert [each for each in fixed.plan.advisories if each.startswith("fixed")] == []


def test_scale_is_ordered(fraud: Context) -> None:
    """The largest number is not below the smallest."""
    found = refusal(SMALL | {"scale": {"min": 3, "max": 2}}, fraud)
    assert found == "fraud-scorer.scale: max (2) is less than min (3)"


def test_only_its_callers_may_ask(fraud: Context) -> None:
    """A right to the endpoint by its name, for the callers' accounts; nobody's where nobody is named."""
    found, name = parts(prepared(WHOLE, fraud)), "fraud-scorer-callers"
    assert found["callers-role"]["rules"] == [
        {
            "apiGroups": ["handrail.dev"],
            "resources": ["gpuinferenceendpoints"],
            "resourceNames": ["fraud-scorer"],
            "verbs": ["create", "get"],
        }
    ]
    assert found["callers"]["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    assert found["callers"]["subjects"] == [
        {"kind": "ServiceAccount", "name": "checkout", "namespace": "payments-staging"},
        {"kind": "ServiceAccount", "name": "backfill", "namespace": "fraud-staging"},
    ]
    assert "callers" not in parts(prepared(SMALL, fraud))


def test_the_proxy_asks_who_calls(fraud: Context) -> None:
    """Before the server, on the organisation's image, with the endpoint's own certificate."""
    proxy = pod_of(prepared(SMALL, fraud))["containers"][1]
    assert proxy["image"] == "registry.acme.test/mirror/kube-rbac-proxy:v0.22.1"
    assert proxy["args"] == [
        "--secure-listen-address=0.0.0.0:8443",
        "--upstream=http://127.0.0.1:8080/",
        "--auth-token-audiences=fraud-scorer.fraud-staging.svc",
        "--config-file=/etc/kube-rbac-proxy/config.yaml",
        "--proxy-endpoints-port=8643",
        "--tls-cert-file=/etc/tls/tls.crt",
        "--tls-private-key-file=/etc/tls/tls.key",
    ]
    config = parts(prepared(SMALL, fraud))["callers-config"]["data"]["config.yaml"]
    assert config == (
        '{"authorization": {"resourceAttributes": {"apiGroup": "handrail.dev", "apiVersion": "v1", '
        '"resource": "gpuinferenceendpoints", "namespace": "fraud-staging", "name": "fraud-scorer"}}}'
    )


def caller(fraud: Context) -> Prepared:
    """payments' checkout, which calls the endpoint."""
    args = {"image": "registry.acme.test/payments/checkout:1", "port": 8080, "calls": ["fraud/fraud-scorer"]}
    payments = replace(fraud, team="payments", stack="payments-staging")
    return prepare(scalable_service.COMPONENT, "checkout", args, payments)


def test_a_callers_token_is_for_the_audience_that_the_proxy_asks_for(fraud: Context) -> None:
    """What the service mounts for this callee is what the endpoint takes."""
    volumes = {volume["name"]: volume for volume in pod_of(caller(fraud))["volumes"]}
    (source,) = volumes["tokens"]["projected"]["sources"]
    assert source["serviceAccountToken"]["path"] == "fraud/fraud-scorer"
    args = pod_of(prepared(SMALL, fraud))["containers"][1]["args"]
    assert f"--auth-token-audiences={source['serviceAccountToken']['audience']}" in args


def test_the_token_for_the_api_server_is_the_proxys_alone(fraud: Context) -> None:
    """The model's code, which may be anybody's, never sees it."""
    pod = pod_of(prepared(WHOLE, fraud))
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    mounts = {c["name"]: {m["name"]: m["mountPath"] for m in c["volumeMounts"]} for c in pod["containers"]}
    assert mounts["callers"]["reviews"] == account
    assert account not in mounts["fraud-scorer"].values()
    assert "reviews" not in mounts["fraud-scorer"]
    assert pod["automountServiceAccountToken"] is False
    for_api_server = [
        volume["name"]
        for volume in pod["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        if "serviceAccountToken" in source and "audience" not in source["serviceAccountToken"]
    ]
    assert for_api_server == ["reviews"]


def test_an_api_server_that_nobody_wrote_down_is_refused(fraud: Context) -> None:
    """The network policy could not open to it."""
    assert refusal(SMALL, having(fraud, {"api_server": None})) == (
        "fraud-scorer: has its callers checked by the API server, and organisation.yaml does not say where that of "
        "cluster staging is\n"
        "    do:      have the platform team write clusters.staging.api_server, as 10.0.0.1/32:443"
    )


def test_who_may_connect(fraud: Context) -> None:
    """Callers to the proxy's port, scrapers to the metrics' port, the pod to the API server; nothing else."""

    def policy(found: Prepared) -> dict[str, Any]:
        return {"kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1", **parts(found)["network-policy"]}

    def pod(found: Prepared) -> Pod:
        return Pod.of({"kind": "Deployment", **parts(found)["deployment"]})

    args = SMALL | {"server": "mlserver", "callers": ["payments/checkout"]}
    endpoint, service = prepared(args, fraud), caller(fraud)
    scorer, checkout = pod(endpoint), pod(service)
    scraper, stranger = Pod("monitoring"), Pod("payments-staging", {"app.kubernetes.io/name": "other"})
    expected = [
        (Traffic(checkout, scorer, 8443), True),
        (Traffic(checkout, scorer, 8080), False),
        (Traffic(checkout, scorer, 8082), False),
        (Traffic(checkout, scorer, 8643), False),
        (Traffic(scraper, scorer, 8082), True),
        (Traffic(scraper, scorer, 8443), False),
        (Traffic(stranger, scorer, 8443), False),
        (Traffic("203.0.113.7", scorer, 8443), False),
        (Traffic(scorer, "10.1.0.1", 6443), True),
        (Traffic(scorer, "10.1.0.1", 22), False),
        (Traffic(scorer, "203.0.113.7", 443), False),
    ]
    names = ("fraud-staging", "payments-staging", "monitoring")
    namespaces = [{"kind": "Namespace", "metadata": {"name": name}} for name in names]
    traffics = [traffic for traffic, _ in expected]
    found = allowed([policy(endpoint), policy(service)], namespaces, traffics)
    assert list(zip(traffics, found, strict=True)) == expected


def test_a_server_without_metrics_opens_nothing_to_scrapers(fraud: Context) -> None:
    """Without callers either, nobody may connect at all."""
    assert "ingress" not in parts(prepared(SMALL, fraud))["network-policy"]["spec"]


def test_its_certificate_is_the_organisations(fraud: Context) -> None:
    """For both of its names; without cert-manager it is self-signed, and it says so."""
    assert parts(prepared(SMALL, fraud))["certificate"]["spec"] == {
        "secretName": "fraud-scorer-tls",
        "dnsNames": ["fraud-scorer.fraud-staging.svc", "fraud-scorer.fraud-staging.svc.cluster.local"],
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "acme-internal"},
    }
    found = prepared(SMALL, without(fraud, Capability.CERT_MANAGER))
    assert "certificate" not in parts(found)
    assert [arg for arg in pod_of(found)["containers"][1]["args"] if "tls" in arg] == []
    assert [volume["name"] for volume in pod_of(found)["volumes"]] == ["tmp", "models", "callers", "reviews"]
    assert found.plan.advisories[0] == (
        "callers cannot verify the endpoint's certificate: without cert-manager in the cluster it is self-signed"
    )


def test_a_stopping_replica_ends_what_it_began(fraud: Context) -> None:
    """Server and proxy wait alike, and the pod is given more time than they take."""
    pod = pod_of(prepared(SMALL | {"drain": "2m"}, fraud))
    assert [each["lifecycle"]["preStop"]["sleep"]["seconds"] for each in pod["containers"]] == [120, 120]
    assert pod["terminationGracePeriodSeconds"] == 150
    assert refusal(SMALL | {"drain": "0s"}, fraud) == "fraud-scorer: drain is less than 1s"


def test_an_alias_is_not_pinned_and_says_so(fraud: Context) -> None:
    """It means another version tomorrow."""
    alias = "models:/fraud-scorer@champion is an alias: a replica takes the version that it means when it starts; "
    found = prepared(SMALL | {"model": "models:/fraud-scorer@champion"}, fraud).plan.advisories
    assert found[0] == f"{alias}name a version to pin it"
    assert [each for each in prepared(SMALL, fraud).plan.advisories if "alias" in each] == []


def test_a_server_that_counts_no_requests_says_so(fraud: Context) -> None:
    """Measured by its image's instrumentation, by the mesh, or not at all."""
    counts = [each for each in prepared(SMALL, fraud).plan.advisories if "counts no requests itself" in each]
    assert len(counts) == 1
    assert prepared(SMALL, counted_by(fraud, RequestMetrics.ISTIO)).plan.advisories == ()
    unseen = counted_by(fraud, RequestMetrics.ENVOY_GATEWAY)
    assert prepared(SMALL, unseen).plan.advisories == ("no objective: no source of request metrics sees fraud-scorer",)
    assert refusal(SMALL | {"objective": {"availability": "99%"}}, unseen) == (
        "fraud-scorer.objective: cannot be measured: the organisation counts requests at its gateway, which endpoints "
        "do not pass: leave the objective out"
    )


def test_a_latency_that_a_server_does_not_tell_is_refused(fraud: Context) -> None:
    """triton counts requests and tells no latency."""
    args = {"server": "triton", "model": "s3://m/m", "objective": {"latency_p95": "250ms"}}
    assert refusal(SMALL | args, fraud) == (
        "fraud-scorer.objective.latency_p95: cannot be measured: triton counts requests and tells no latency: promise "
        "availability alone, or choose another server\n"
        "    given:   250ms"
    )


@pytest.mark.parametrize("server", ["mlflow", "mlserver", "triton", "vllm"])
def test_a_model_and_an_image_that_only_the_engine_knows(server: str, fraud: Context) -> None:
    """Each is one leaf of the plan, and no part of a text."""
    model, image = Given(object()), Given(object())
    found = prepared(SMALL | {"server": server, "model": model, "image": image}, fraud)
    assert pod_of(found)["containers"][0]["image"] is image
    assert variables(found)["MODEL_URI"] is model
    if server == "mlserver":
        assert variables(found)["MLSERVER_MODEL_URI"] is model


def test_what_is_known_of_the_model_stands_on_its_deployment(fraud: Context) -> None:
    """On the Deployment alone: a new link restarts no pod."""
    deployment, bare = (parts(prepared(args, fraud))["deployment"] for args in (WHOLE, SMALL))
    assert deployment["metadata"]["annotations"] == {
        "handrail.dev/model-card": WHOLE["model_card"],
        "handrail.dev/evaluation": WHOLE["evaluation"],
        "handrail.dev/training-run": WHOLE["training_run"],
    }
    assert "annotations" not in bare["metadata"]
    assert "annotations" not in deployment["spec"]["template"]["metadata"]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("model_card", "wiki/fraud"),
        ("evaluation", "http://mlflow.acme.test/"),
        ("evaluation", "https:///runs"),
        ("training_run", "c41e7b8d"),
        ("data_classification", "secret"),
    ],
)
def test_what_is_no_link_and_no_run_is_refused(word: str, value: str, fraud: Context) -> None:
    """With the field."""
    assert refusal(SMALL | {word: value}, fraud).startswith(f"fraud-scorer.{word}: ")


def test_the_data_classification_is_a_label_of_everything(fraud: Context) -> None:
    """Pods included; internal where nothing is said."""
    found = parts(prepared(WHOLE, fraud))
    labels = [each["metadata"]["labels"]["handrail.dev/data-classification"] for each in found.values()]
    assert set(labels) == {"confidential"}
    template = found["deployment"]["spec"]["template"]["metadata"]["labels"]
    assert template["handrail.dev/data-classification"] == "confidential"
    small = parts(prepared(SMALL, fraud))["deployment"]["metadata"]["labels"]
    assert small["handrail.dev/data-classification"] == "internal"


def test_what_the_model_is_told(fraud: Context) -> None:
    """Tracking, lineage and the object store, its datasets, its own variables and its callees."""
    found = variables(prepared(WHOLE, fraud))
    assert (
        found.items()
        >= {
            "MLFLOW_TRACKING_URI": "http://mlflow.mlflow.svc:5000",
            "AWS_ENDPOINT_URL_S3": "http://object-store.object-store.svc:9000",
            "DATASETS_READ": "s3://acme-lake/transactions",
            "LOG_LEVEL": "info",
            "LEDGER_HOST": "ledger.payments-staging.svc",
        }.items()
    )
    assert found["API_KEY"] is None  # a reference


@pytest.mark.parametrize("server", ["mlflow", "mlserver", "triton"])
def test_a_cache_that_would_not_be_used_is_refused(server: str, fraud: Context) -> None:
    """These servers fetch their model anew at each start; a volume beside them would only fill up."""
    model = "s3://acme-models/m"
    said = refusal(SMALL | {"server": server, "model": model, "image": "r/x:1", "model_cache": "50GiB"}, fraud)
    assert f"model_cache: would be of no use: {server} fetches its model anew at each start" in said
    assert "leave model_cache out; vllm finds again what it fetched" in said
