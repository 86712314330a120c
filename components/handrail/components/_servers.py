"""Model servers: how each is started, asked whether it is well, measured, and which models it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from handrail.components._telemetry.dashboards import Panel
from handrail.components._telemetry.indicators import Indicator, durations

PORT = 8080
"""The port that every server answers at; only the proxy before it and the organisation's scrapers may connect."""
MODELS = "/models"
"""Where a server keeps the model that it fetched."""


class ModelServer(StrEnum):
    """The servers there are."""

    MLFLOW = "mlflow"
    MLSERVER = "mlserver"
    TRITON = "triton"
    VLLM = "vllm"


@dataclass(frozen=True, slots=True)
class Server:
    """One server's preset; `$model` and `$name` stand for the model's URI and the endpoint's name.

    Args:
        command: what starts it, on PORT.
        models: what the URI of a model that it reads begins with; "" is a Hugging Face id, as `org/model`.
        alive, ready: its health paths.
        path: where predictions are asked for.
        metrics_port: the port of its metrics; None where it shows none.
        queue: PromQL of the requests that wait, over all replicas but `$others`; None where it tells none.
        target: how many may wait per replica before another one is added.
        indicator: how its requests are counted; None leaves that to the organisation's source.
        env: environment variables.
        panels: what its people ask for on the dashboard.
        shared_memory: whether its processes talk through /dev/shm.
        caches: whether it finds again what it once fetched into MODELS.
    """

    command: tuple[str, ...]
    models: tuple[str, ...]
    alive: str
    ready: str
    path: str
    metrics_port: int | None = None
    queue: str | None = None
    target: int = 4
    indicator: Indicator | None = None
    env: Mapping[str, str] | None = None
    panels: tuple[Panel, ...] = ()
    shared_memory: bool = False
    caches: bool = False


_MINE = 'job="$namespace/$name"'  # a PodMonitor's job label is its own namespace and name
_STORES = ("s3://", "gs://")
_ALL = "0.0.0.0"  # noqa: S104  inside the pod, behind its network policy


def _sum(metric: str) -> str:
    return f"sum({metric}{{{_MINE}}})"


def _queue(metric: str) -> str:
    return f"sum({metric}{{{_MINE}$others}})"


def _rate(metric: str, by: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{_MINE}}}[5m]))"


SERVERS = {
    # mlflow's scoring server shows no metrics of its own: its requests are counted by the organisation's source
    ModelServer.MLFLOW: Server(
        command=("mlflow", "models", "serve", "--model-uri", "$model", "--host", _ALL, "--port", str(PORT),
                 "--env-manager", "local"),
        models=("models:/", "runs:/", *_STORES),
        alive="/ping",
        ready="/ping",
        path="/invocations",
        env={"TMPDIR": MODELS},  # where it fetches the model to
    ),
    ModelServer.MLSERVER: Server(
        command=("mlserver", "start", MODELS),
        models=("models:/", "runs:/", *_STORES),
        alive="/v2/health/live",
        ready="/v2/health/ready",
        path="/v2/models/$name/infer",
        metrics_port=8082,
        queue=_queue("rest_server_requests_in_progress"),  # its own queue metrics are histograms
        indicator=Indicator(
            selector=_MINE,
            requests=("rest_server_requests_total",),
            errors=(("rest_server_requests_total", 'status_code=~"5.."'),),
            latency="rest_server_request_duration_seconds",
            buckets=durations("5 10 25 50 75 100 250 500 750 1000 2500 5000 7500 10000", "ms"),
        ),
        env={
            "MLSERVER_HTTP_PORT": str(PORT),
            "MLSERVER_METRICS_PORT": "8082",
            "MLSERVER_METRICS_DIR": "/tmp/metrics",  # noqa: S108  inside the container
            "MLSERVER_ENVIRONMENTS_DIR": "/tmp/environments",  # noqa: S108
            "MLSERVER_MODEL_NAME": "$name",
            "MLSERVER_MODEL_URI": "$model",
            "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_mlflow.MLflowRuntime",
        },
        panels=(Panel("Predictions", "reqps", {"predictions": _rate("model_infer_request_success_total")}),),
    ),
    ModelServer.TRITON: Server(
        command=("tritonserver", "--model-repository=$model", f"--http-port={PORT}", "--metrics-port=8002",
                 "--allow-grpc=false", "--exit-timeout-secs=25"),
        models=(*_STORES, "as://"),
        alive="/v2/health/live",
        ready="/v2/health/ready",
        path="/v2/models/$name/infer",
        metrics_port=8002,
        queue=_queue("nv_inference_pending_request_count"),
        indicator=Indicator(
            selector=_MINE,
            requests=("nv_inference_request_success", "nv_inference_request_failure"),
            errors=(("nv_inference_request_failure", ""),),
        ),
        panels=(
            Panel("Predictions", "reqps", {"predictions": _rate("nv_inference_count")}),
            Panel("Waiting requests", "short", {"waiting": _sum("nv_inference_pending_request_count")}),
        ),
        shared_memory=True,
    ),
    ModelServer.VLLM: Server(
        command=("vllm", "serve", "$model", "--host", _ALL, "--port", str(PORT), "--served-model-name", "$name",
                 "--tensor-parallel-size", "$accelerators"),
        models=("", *_STORES),
        alive="/health",
        ready="/health",
        path="/v1/chat/completions",
        metrics_port=PORT,
        queue=_queue("vllm:num_requests_waiting"),
        indicator=Indicator(
            selector=_MINE,
            requests=("http_requests_total",),
            errors=(("http_requests_total", 'status="5xx"'),),
            latency="vllm:e2e_request_latency_seconds",
            buckets=durations(
                "0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680", "s"
            ),
        ),
        env={"HF_HOME": MODELS, "VLLM_CACHE_ROOT": f"{MODELS}/.vllm", "HOME": MODELS, "VLLM_NO_USAGE_STATS": "1"},
        panels=(
            Panel("Tokens", "short", {
                "generated a second": _rate("vllm:generation_tokens_total"),
                "read a second": _rate("vllm:prompt_tokens_total"),
            }),
            Panel("Time to first token", "s", {
                "p95": f"histogram_quantile(0.95, {_rate('vllm:time_to_first_token_seconds_bucket', by='le')})",
            }),
            Panel("Requests in the server", "short", {
                "running": _sum("vllm:num_requests_running"),
                "waiting": _sum("vllm:num_requests_waiting"),
            }),
        ),
        shared_memory=True,
        caches=True,
    ),
}  # fmt: skip
"""Server → its preset."""
