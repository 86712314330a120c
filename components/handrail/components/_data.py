"""What workloads that work on data are told: tracking, lineage, object store, their datasets by URI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from handrail.components._telemetry.environment import opentelemetry

if TYPE_CHECKING:
    from handrail.components._definition import Workload


def data_environment(workload: Workload[Any], reads: Iterable[str] = (), writes: Iterable[str] = ()) -> dict[str, str]:
    """Environment variables of MLflow, OpenLineage and AWS' SDKs, each in its own spelling; and the datasets."""
    services = workload.context.organisation.services
    found = opentelemetry(workload)
    if services.tracking:
        found |= {"MLFLOW_TRACKING_URI": services.tracking.url, "MLFLOW_EXPERIMENT_NAME": workload.context.team}
    if services.lineage:
        found |= {"OPENLINEAGE_URL": services.lineage.url, "OPENLINEAGE_NAMESPACE": workload.namespace}
    if services.object_store:
        found |= dict.fromkeys(("AWS_ENDPOINT_URL_S3", "MLFLOW_S3_ENDPOINT_URL"), services.object_store.url)
    for name, uris in (("DATASETS_READ", list(reads)), ("DATASETS_WRITTEN", list(writes))):
        if uris:
            found[name] = " ".join(uris)
    return found
