"""BatchJob as data: what it plans, and what it refuses."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planned import without

from handrail.components._definition import Prepared, prepare
from handrail.components.batch_job import COMPONENT, NEVER
from handrail.core.errors import DocumentError
from handrail.core.project import Project
from handrail.core.resources import Given
from handrail.organisation import Capability, Context
from handrail.personas._stack import plan_stack

IMAGE = "registry.acme.test/churn/science:2.1.0"
CUSTOMERS, EVENTS, SCORES = "s3://acme-lake/customers", "s3://acme-lake/events", "s3://acme-lake/scores"
SMALL: dict[str, Any] = {"image": IMAGE, "command": ["python", "train.py"]}
WHOLE: dict[str, Any] = {
    "image": IMAGE,
    "notebook": "notebooks/train.ipynb",
    "parameters": {"SINCE": "30d", "ROUNDS": 200},
    "output": "s3://acme-lake/runs/train.ipynb",
    "schedule": "0 2 * * 1-5",
    "time_zone": "Europe/Berlin",
    "accelerator": "l4",
    "parallel": 2,
    "retries": 3,
    "deadline": "6h",
    "keep": "2d",
    "freshness": "3d",
    "reads": [CUSTOMERS, EVENTS],
    "writes": [SCORES],
    "trains": "churn",
    "cpu": 4,
    "memory": "16GiB",
    "env": {"LOG_LEVEL": "info"},
    "secrets": {"WAREHOUSE_PASSWORD": "churn/warehouse/password"},
    "calls": ["churn-scorer"],
    "egress": ["10.20.0.0/24:5432"],
}


@pytest.fixture
def churn(context: Context) -> Context:
    """acme's churn-dev."""
    return replace(context, team="churn", stack="churn-dev")


def prepared(args: dict[str, Any], context: Context) -> Prepared:
    """The job `train` with these arguments."""
    return prepare(COMPONENT, "train", args, context)


def cron_job(found: Prepared) -> dict[str, Any]:
    """The CronJob's inputs."""
    return next(dict(resource.inputs) for resource in found.plan.resources if resource.kind == "CronJob")


def job(found: Prepared) -> dict[str, Any]:
    """The spec of each run's Job."""
    spec: dict[str, Any] = cron_job(found)["spec"]["jobTemplate"]["spec"]
    return spec


def main(found: Prepared) -> dict[str, Any]:
    """The container that works."""
    (container,) = job(found)["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def told(found: Prepared) -> dict[str, Any]:
    """Its plain environment variables."""
    return {each["name"]: each.get("value") for each in main(found)["env"]}


def refusal(args: dict[str, Any], context: Context) -> str:
    """The error that these arguments end in."""
    with pytest.raises(DocumentError) as caught:
        prepared(args, context)
    return str(caught.value)


@pytest.mark.parametrize("args", [SMALL, WHOLE], ids=["small", "whole"])
def test_manifests(args: dict[str, Any], churn: Context, manifests: Any) -> None:
    """The manifests of the smallest and of a full job, as golden files."""
    assert [dict(resource.inputs) for resource in prepared(args, churn).plan.resources] == manifests


def test_names_types_and_order(churn: Context) -> None:
    """Pulumi names and types are part of the contract: a change would replace what runs."""
    found = prepared(WHOLE, churn).plan.resources
    assert [(r.name, r.type) for r in found] == [
        ("train-service-account", "kubernetes:core/v1:ServiceAccount"),
        ("train-network-policy", "kubernetes:networking.k8s.io/v1:NetworkPolicy"),
        ("train-external-secret", "kubernetes:external-secrets.io/v1:ExternalSecret"),
        ("train-cron-job", "kubernetes:batch/v1:CronJob"),
        ("train-alerts", "kubernetes:monitoring.coreos.com/v1:PrometheusRule"),
        ("train-dashboard", "kubernetes:core/v1:ConfigMap"),
    ]
    names = [resource.name for resource in found]
    assert all(names.index(before) < names.index(r.name) for r in found for before in r.after)


def test_a_job_on_demand_never_starts_by_itself(churn: Context) -> None:
    """Suspended, on a date that never comes; a run is made from it."""
    found = prepared(SMALL, churn)
    spec = cron_job(found)["spec"]
    assert (spec["schedule"], spec["suspend"], spec["timeZone"]) == ("0 0 31 2 *", True, "Etc/UTC")
    assert found.plan.outputs == {"schedule": "on demand", "namespace": "churn-dev", "service_account": "train"}
    derived = found.plan.derived["schedule"]
    assert (derived.value, derived.reason) == ("on demand", "no schedule is written; `handrail run` starts it")


def test_a_job_on_a_schedule_runs_once_at_a_time(churn: Context) -> None:
    """In its own time zone; a run that could not start is left out."""
    found = prepared(WHOLE, churn)
    spec = cron_job(found)["spec"]
    assert (spec["schedule"], spec["suspend"], spec["timeZone"]) == ("0 2 * * 1-5", False, "Europe/Berlin")
    assert (spec["concurrencyPolicy"], spec["startingDeadlineSeconds"]) == ("Forbid", 600)
    assert (found.plan.outputs["schedule"], found.plan.derived) == ("0 2 * * 1-5", {})


@pytest.mark.parametrize(
    "schedule", ["@daily", "@hourly", "*/5 * * * *", "0 2 1,15 * *", "30 4 * JAN-MAR MON", "0 0 29 2 *"]
)
def test_schedules_as_kubernetes_reads_them(schedule: str, churn: Context) -> None:
    """They go through as they are written."""
    assert cron_job(prepared(SMALL | {"schedule": schedule}, churn))["spec"]["schedule"] == schedule


HINT = (
    'minute hour day month weekday, as "0 2 * * *", or @yearly, @annually, @monthly, @weekly, @daily, @midnight, '
    "@hourly"
)


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("", "Wrong number of fields"),
        ("daily", "Wrong number of fields"),
        ("@reboot", "Wrong number of fields"),
        ("0 2 * *", "Wrong number of fields"),
        ("60 2 * * *", "Bad minute"),
        ("0 24 * * *", "Bad hour"),
        ("0 2 * 13 *", "Bad month"),
        ("0 2 * * FUNDAY", "Bad day-of-week"),
        ("0 2 30 2 *", "Bad day-of-month"),
        (NEVER, "Bad day-of-month"),
        ("TZ=Europe/Berlin 0 2 * * *", "Bad second"),
    ],
)
def test_a_bad_schedule_is_refused_in_a_sentence(schedule: str, reason: str, churn: Context) -> None:
    """What is wrong with it, and how one is written."""
    assert refusal(SMALL | {"schedule": schedule}, churn) == (
        f"train.schedule: is no cron schedule ({reason})\n    given:   {schedule}\n    allowed: {HINT}"
    )


@pytest.mark.parametrize(
    "schedule",
    ["0 0 2 * * *", "0 2 * * 7", "0 2 * * 5-7", "0 2 L * *", "0 2 LW * *", "0 2 * * 5L", "0 2 * * 1#2"],
)
def test_a_schedule_that_kubernetes_cannot_read_is_refused(schedule: str, churn: Context) -> None:
    """No seconds, no last and no second weekday of a month; Sunday is 0."""
    assert refusal(SMALL | {"schedule": schedule}, churn).startswith("train.schedule: is no cron schedule (")


@pytest.mark.parametrize("zone", ["", "Berlin", "Europe/Berlim", "../etc/passwd", "/etc/passwd", "Europe"])
def test_a_time_zone_is_one_of_the_list(zone: str, churn: Context) -> None:
    """Refused in a sentence."""
    assert refusal(SMALL | {"time_zone": zone}, churn) == (
        "train.time_zone: is no time zone\n"
        f"    given:   {zone}\n"
        "    allowed: a name of the IANA list, as Europe/Berlin or Etc/UTC"
    )


CRON = st.lists(st.text("0123456789*/,-#LWAMONSU", min_size=1, max_size=6), min_size=4, max_size=6).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(schedule=st.text() | CRON)
def test_any_text_as_a_schedule_is_taken_or_refused(schedule: str, churn: Context) -> None:
    """Nothing else is ever raised."""
    try:
        found = prepared(SMALL | {"schedule": schedule}, churn)
    except DocumentError as error:
        assert str(error).startswith("train.schedule: is no cron schedule (")
    else:
        assert cron_job(found)["spec"]["schedule"] == schedule


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(zone=st.text())
def test_any_text_as_a_time_zone_is_taken_or_refused(zone: str, churn: Context) -> None:
    """Nothing else is ever raised."""
    try:
        found = prepared(SMALL | {"time_zone": zone}, churn)
    except DocumentError as error:
        assert str(error).startswith("train.time_zone: is no time zone\n")
    else:
        assert cron_job(found)["spec"]["timeZone"] == zone


def test_a_notebook_is_run_with_its_parameters(churn: Context) -> None:
    """By papermill, with a home that can be written; what ran is kept where that is said."""
    found = prepared(WHOLE, churn)
    assert main(found)["command"] == [
        "papermill", "notebooks/train.ipynb", "s3://acme-lake/runs/train.ipynb", "--log-output", "--no-progress-bar",
        "-p", "SINCE", "30d", "-p", "ROUNDS", "200",
    ]  # fmt: skip
    assert told(found)["HOME"] == "/tmp"
    kept_nowhere = {"image": IMAGE, "notebook": "s3://acme-lake/notebooks/train.ipynb"}
    assert main(prepared(kept_nowhere, churn))["command"] == [
        "papermill", "s3://acme-lake/notebooks/train.ipynb", "/tmp/train.ipynb", "--log-output", "--no-progress-bar",
    ]  # fmt: skip


def test_a_command_is_run_as_it_is_written(churn: Context) -> None:
    """A word at a time, and with nothing added."""
    found = prepared(SMALL, churn)
    assert main(found)["command"] == ["python", "train.py"]
    assert "HOME" not in told(found)


MISPLACED = "parameters and output belong to a notebook; a command takes its arguments itself"
UNWRITTEN = "is not written as it must be"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "train: needs exactly one of notebook and command"),
        ({"command": []}, "train: needs exactly one of notebook and command"),
        ({"command": ["x"], "notebook": "x.ipynb"}, "train: needs exactly one of notebook and command"),
        ({"command": ["x"], "parameters": {"A": "b"}}, f"train: {MISPLACED}"),
        ({"command": ["x"], "output": "s3://a/b"}, f"train: {MISPLACED}"),
        ({"command": ["x"], "deadline": "0s"}, "train: deadline is less than 1s"),
        ({"command": ["x"], "keep": "0s"}, "train: keep is less than 1s"),
        ({"command": ["x"], "freshness": "0s"}, "train: freshness is less than 1s"),
        ({"command": ["x"], "parallel": 0}, "train.parallel: must be greater than or equal to 1\n    given:   0"),
        ({"notebook": "a.ipynb", "parameters": {"A-B": 1}}, f"train.parameters.A-B: {UNWRITTEN}\n    given:   A-B"),
    ],
)
def test_what_makes_no_sense_is_refused(args: dict[str, Any], message: str, churn: Context) -> None:
    """In a sentence."""
    assert refusal({"image": IMAGE, **args}, churn) == message


def test_a_failure_is_retried_and_an_eviction_is_none(churn: Context) -> None:
    """A command that is not there is not tried again; a run ends, and is cleaned up, in its time."""
    found = job(prepared(SMALL | {"retries": 5, "deadline": "6h", "keep": "2d"}, churn))
    assert found["backoffLimit"] == 5
    assert "backoffLimitPerIndex" not in found
    assert found["podFailurePolicy"]["rules"] == [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"containerName": "train", "operator": "In", "values": [126, 127]}},
    ]
    assert (found["podReplacementPolicy"], found["template"]["spec"]["restartPolicy"]) == ("Failed", "Never")
    assert (found["activeDeadlineSeconds"], found["ttlSecondsAfterFinished"]) == (6 * 3600, 2 * 86400)


def test_parallel_pods_have_retries_of_their_own(churn: Context) -> None:
    """Each has its number; one bad part does not use up the others' retries."""
    found = job(prepared(SMALL | {"parallel": 8, "retries": 1}, churn))
    assert (found["parallelism"], found["completions"], found["completionMode"]) == (8, 8, "Indexed")
    assert found["backoffLimitPerIndex"] == 1
    assert "backoffLimit" not in found


def test_a_queue_starts_runs(churn: Context) -> None:
    """The label is on the Job, which waits until it is let go; without Kueue a run starts by itself."""
    labels = {
        "kueue.x-k8s.io/queue-name": "default",
        "kueue.x-k8s.io/priority-class": "batch",
        "kueue.x-k8s.io/max-exec-time-seconds": str(6 * 3600),
    }
    queued, alone = prepared(WHOLE, churn), prepared(WHOLE, without(churn, Capability.KUEUE))
    assert cron_job(queued)["spec"]["jobTemplate"]["metadata"]["labels"].items() >= labels.items()
    assert job(queued)["suspend"] is True
    assert "suspend" not in job(alone)
    for found in (
        cron_job(queued)["metadata"]["labels"],
        job(queued)["template"]["metadata"]["labels"],
        cron_job(alone)["spec"]["jobTemplate"]["metadata"]["labels"],
    ):
        assert [key for key in found if "kueue" in key] == []


def test_an_accelerator_is_a_limit_and_a_place(churn: Context) -> None:
    """On its nodes alone; each pod has its own, and all of them count."""
    pod = job(prepared(WHOLE, churn))["template"]["spec"]
    amounts = {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"}
    assert pod["containers"][0]["resources"] == {"requests": amounts, "limits": amounts}
    product = {"key": "nvidia.com/gpu.product", "operator": "In", "values": ["NVIDIA-L4"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [product]}]}
    assert pod["affinity"] == {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert not {"affinity", "tolerations"} & job(prepared(SMALL, churn))["template"]["spec"].keys()
    assert refusal(WHOLE | {"parallel": 3}, without(churn, Capability.KUEUE)) == (
        "train.accelerator: asks for more l4 than the quota of team churn has\n"
        "    given:   3 l4\n"
        "    allowed: at most 2\n"
        "    do:      ask for fewer, or have teams.churn.quota.accelerators.l4 raised in organisation.yaml"
    )
    assert "allowed: a100, l4\n" in refusal(WHOLE | {"accelerator": "h100"}, churn)


def test_what_it_reads_writes_and_trains_is_said(churn: Context) -> None:
    """To the job, and to whoever looks at it; nothing is said of what nobody wrote."""
    found = prepared(WHOLE, churn)
    assert (
        told(found).items()
        >= {
            "DATASETS_READ": f"{CUSTOMERS} {EVENTS}",
            "DATASETS_WRITTEN": SCORES,
            "MLFLOW_REGISTERED_MODEL_NAME": "churn",
            "MLFLOW_TRACKING_URI": "http://mlflow.mlflow.svc:5000",
            "OPENLINEAGE_NAMESPACE": "churn-dev",
            "LOG_LEVEL": "info",
            "WAREHOUSE_PASSWORD": None,  # a reference
        }.items()
    )
    assert cron_job(found)["metadata"]["annotations"] == {
        "handrail.dev/reads": f"{CUSTOMERS} {EVENTS}",
        "handrail.dev/writes": SCORES,
        "handrail.dev/trains": "churn",
    }
    assert "annotations" not in cron_job(prepared(SMALL, churn))["metadata"]
    assert (
        not {"DATASETS_READ", "DATASETS_WRITTEN", "MLFLOW_REGISTERED_MODEL_NAME"} & told(prepared(SMALL, churn)).keys()
    )


@pytest.mark.parametrize("uri", ["customers", "s3:/acme-lake", "s3://", "s3://acme lake", "S3://acme-lake"])
def test_a_dataset_is_a_uri(uri: str, churn: Context) -> None:
    """OpenLineage takes its two parts from it."""
    assert refusal(SMALL | {"reads": [uri]}, churn).startswith("train.reads[0]: is not written as it must be\n")


def test_nobody_may_connect_to_a_job(churn: Context) -> None:
    """Its network policy opens no way in."""
    (policy,) = (r.inputs["spec"] for r in prepared(WHOLE, churn).plan.resources if r.kind == "NetworkPolicy")
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy


@pytest.mark.parametrize("args", [SMALL, WHOLE], ids=["on demand", "on a schedule"])
def test_a_new_image_starts_no_run(args: dict[str, Any], churn: Context) -> None:
    """Pulumi owns no Job, which a new image would replace and so run; only the template of runs to come differs."""
    old, new = (prepared(args | {"image": f"registry.acme.test/churn/science:{tag}"}, churn) for tag in ("1", "2"))
    for found in (old, new):
        assert [r.name for r in found.plan.resources if r.kind in ("Job", "Pod")] == []
    changed = [
        before.name
        for before, after in zip(old.plan.resources, new.plan.resources, strict=True)
        if before.inputs != after.inputs
    ]
    assert changed == ["train-cron-job"]
    fixed = [(r.name, r.type, r.inputs["metadata"]) for r in old.plan.resources]
    assert fixed == [(r.name, r.type, r.inputs["metadata"]) for r in new.plan.resources]
    without_jobs = [
        {key: value for key, value in cron_job(found)["spec"].items() if key != "jobTemplate"} for found in (old, new)
    ]
    assert without_jobs[0] == without_jobs[1]


def test_an_image_that_only_the_engine_knows(churn: Context) -> None:
    """It is one leaf of the plan."""
    image = Given(object())
    assert main(prepared(SMALL | {"image": image}, churn))["image"] is image


def test_notebook_job_and_endpoint_of_a_team_share_image_and_data() -> None:
    """acme's churn: what is explored, trained and served runs in one environment, on the same datasets."""
    project = Project.find()
    plan = plan_stack(project.stack("churn-dev").config, root=project.root, stack="churn-dev")
    kinds = {"StatefulSet": "deep-dive", "CronJob": "train", "Deployment": "churn-scorer"}
    made = {r.inputs["metadata"]["name"]: r for each in plan.prepared for r in each.plan.resources if r.kind in kinds}
    images, datasets = {}, {}
    for kind, name in kinds.items():
        assert made[name].kind == kind
        spec = made[name].inputs["spec"]
        spec = spec["jobTemplate"]["spec"] if kind == "CronJob" else spec
        own = spec["template"]["spec"]["containers"][0]
        images[name] = own["image"]
        datasets[name] = next(each["value"] for each in own["env"] if each["name"] == "DATASETS_READ").split()
    assert set(images.values()) == {"registry.acme.test/churn/science:2.1.0"}
    assert set.intersection(*map(set, datasets.values())) == {"s3://acme-lake/customers"}
