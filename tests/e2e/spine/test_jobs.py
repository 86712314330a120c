"""A job's runs are nobody's but the cluster's: no deployment starts or repeats one."""

from collections.abc import Callable

import pytest
import yaml
from spine import Checkout

pytestmark = pytest.mark.engine


def kinds(copy: Checkout) -> list[str]:
    """The kinds of what is rendered for churn-dev."""
    return [yaml.safe_load(text)["kind"] for text in copy.manifests("churn-dev").values()]


def cron_job(copy: Checkout) -> dict[str, object]:
    """The rendered CronJob of `train`."""
    found: dict[str, object] = yaml.safe_load(
        copy.manifests("churn-dev")["1-manifest/batch_v1-cronjob-churn-dev-train.yaml"]
    )
    return found


def test_no_image_bump_clean_up_or_refresh_starts_a_run(acme_copy: Callable[[], Checkout]) -> None:
    """The engine holds a CronJob and no Job, so there is none that a change could replace, a time-out remove, a refresh miss."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "churn-dev")
    before = cron_job(copy)
    assert "Job" not in kinds(copy)
    # an image bump: the CronJob is updated in place, its schedule and its name stay
    file = copy.root / "stacks" / "acme" / "churn" / "workloads.yaml"
    file.write_text(file.read_text().replace("science:2.1.0", "science:2.2.0"))
    assert "train-cron-job update" in copy.handrail("preview", "--engine", "churn-dev").stdout
    copy.handrail("up", "--yes", "churn-dev")
    after = cron_job(copy)
    assert "science:2.2.0" in str(after)
    assert str(after) == str(before).replace("science:2.1.0", "science:2.2.0")
    assert "Job" not in kinds(copy)
    # a clean-up by Kubernetes and a refresh by Pulumi are about what the state holds: a CronJob and no Job
    state = {r["type"] for r in copy.state("churn-dev")}
    assert "kubernetes:batch/v1:CronJob" in state
    assert "kubernetes:batch/v1:Job" not in state
    copy.pulumi("up", "--yes", "--stack", "churn-dev", "--expect-no-changes")


def test_a_run_is_not_the_engines(acme_copy: Callable[[], Checkout]) -> None:
    """`handrail run` changes neither state nor manifests."""
    copy = acme_copy()
    copy.handrail("up", "--yes", "churn-dev")
    manifests, state = copy.manifests("churn-dev"), copy.state("churn-dev")
    assert yaml.safe_load(copy.handrail("run", "train").stdout)["kind"] == "Job"
    assert copy.manifests("churn-dev") == manifests
    assert copy.state("churn-dev") == state


def test_one_image_and_one_dataset_for_notebook_job_and_endpoint(deployed: Checkout) -> None:
    """In the rendered files of one team: what is promoted is never rewritten."""
    manifests = [yaml.safe_load(text) for text in deployed.manifests("churn-dev").values()]

    def container(kind: str, name: str) -> dict[str, object]:
        found = next(m for m in manifests if m["kind"] == kind and m["metadata"]["name"] == name)
        spec = found["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else found["spec"]
        return {**spec["template"]["spec"]["containers"][0]}

    three = [
        container("StatefulSet", "explore"), container("CronJob", "train"), container("Deployment", "churn-scorer"),
    ]  # fmt: skip
    assert {str(each["image"]) for each in three} == {"registry.acme.test/churn/science:2.1.0"}
    for each in three:
        assert {"name": "DATASETS_READ", "value": "s3://acme-lake/customers"} in each["env"]  # type: ignore[operator]
