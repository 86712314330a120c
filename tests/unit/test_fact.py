"""The fact of a deployment: what `handrail:releases` says of each workload, from plans and in real programs."""

from pathlib import Path
from typing import Any

import pytest
from planned import context_of
from spine import STACKS, copy_acme

from handrail.components._catalogue import definitions
from handrail.components._definition import Prepared, prepare
from handrail.components._fact import OUTPUT, deployed
from handrail.core.project import Project
from handrail.core.resources import Given
from handrail.personas._stack import plan_stack
from handrail.recorder import UNKNOWN, record
from handrail.releases import Release

ROOT = Path(__file__).parents[2]
OLD, NEW = (f"registry.acme.test/payments/checkout@sha256:{digit * 64}" for digit in "12")
CONFIG = {
    "handrail:organisation": str(ROOT / "stacks/acme/platform/acme_platform"),
    "handrail:team": "payments",
    "handrail:environment": "dev",
}


def service(release: Release | None = None, **args: Any) -> Prepared:
    """A service named checkout."""
    given = {"image": "registry.acme.test/payments/checkout:1", "port": 8080, **args}
    return prepare(definitions()["ScalableService"], "checkout", given, context_of("payments"), release=release)


def test_without_a_release_it_is_what_the_file_says() -> None:
    """And it is said that no pin decided it."""
    image = "registry.acme.test/payments/checkout:1"
    assert deployed(service()) == {
        "component": "ScalableService",
        "image": image,
        "shares": [{"track": "stable", "image": image, "share": 100}],
        "released": False,
    }


def test_the_record_of_a_pin_is_part_of_it() -> None:
    """Who, when, from where, by which name, of which commit, for which incident; the gates' evidence stays in git."""
    release = Release.model_validate(
        {
            "image": OLD,
            "api": {"version": "v2"},
            "source": "staging",
            "named": "registry.acme.test/payments/checkout:2.7.1",
            "by": "ada@acme.test",
            "at": "2026-03-03T13:30:00+01:00",
            "commit": "ab" * 20,
            "pull_request": "https://forge.acme.test/payments/pull/7",
            "incident": "INC-123",
            "contract": "1.0",
            "gates": {"judged": 9},
            "previous": {"v1": {"image": NEW}},
        }
    )
    assert deployed(service(release, api={"version": "v10", "previous": {"v1": "9999-12-31"}})) == {
        "component": "ScalableService",
        "image": OLD,
        "source": "staging",
        "named": "registry.acme.test/payments/checkout:2.7.1",
        "by": "ada@acme.test",
        "at": "2026-03-03T13:30:00+01:00",
        "commit": "ab" * 20,
        "pull_request": "https://forge.acme.test/payments/pull/7",
        "incident": "INC-123",
        "shares": [
            {"track": "stable", "image": OLD, "named": "registry.acme.test/payments/checkout:2.7.1", "share": 100}
        ],
        "api": ["v1", "v2"],  # what the release offers, not what the file asks for next
        "released": True,
    }


def test_a_canary_has_its_share() -> None:
    """The two shares are a whole, whatever the weight."""
    release = Release.model_validate({"image": OLD, "canary": {"image": NEW, "named": "checkout:2", "weight": 10}})
    assert deployed(service(release, api={"version": "v2"}))["shares"] == [
        {"track": "stable", "image": OLD, "share": 90},
        {"track": "canary", "image": NEW, "named": "checkout:2", "share": 10},
    ]


def test_a_canary_of_a_model_has_the_image_of_the_stable_one() -> None:
    """A pin that says a model alone changes the model alone."""
    args = {"model": "models:/scorer/3", "accelerator": "l4", "image": "registry.acme.test/fraud/scorer:1"}
    release = Release.model_validate(
        {"model": "models:/scorer/4", "canary": {"model": "models:/scorer/5", "weight": 0}}
    )
    found = deployed(
        prepare(definitions()["GpuInferenceEndpoint"], "scorer", args, context_of("fraud"), release=release)
    )
    assert found["model"] == "models:/scorer/4"
    image = {"image": "registry.acme.test/fraud/scorer:1"}
    assert found["shares"] == [
        {"track": "stable", **image, "model": "models:/scorer/4", "share": 100},
        {"track": "canary", **image, "model": "models:/scorer/5", "share": 0},
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_every_workload_of_acme_has_a_fact_and_nothing_else_has(stack: str, tmp_path: Path) -> None:
    """A platform stack exports none; an image that the component chose is there as well."""
    copy_acme(tmp_path)
    plan = plan_stack(Project.find(tmp_path).stack(stack).config, root=tmp_path, stack=stack)
    facts = {each.name: deployed(each) for each in plan.prepared}
    assert all(bool(fact) is not plan.context.is_platform for fact in facts.values())
    assert all(
        fact["image"] and sum(share["share"] for share in fact["shares"]) == 100 for fact in facts.values() if fact
    )


def test_what_only_the_engine_knows_is_passed_on() -> None:
    """As the very value, which becomes an output again where it is exported."""
    image = Given(object())
    fact = deployed(service(image=image))
    assert fact["image"] is image
    assert fact["shares"][0]["image"] is image


def recorded(tmp_path: Path, program: str, **config: str) -> dict[str, Any]:
    """The stack outputs of a program."""
    (tmp_path / "__main__.py").write_text(program)
    return dict(record(tmp_path, project="team", stack="dev", config={**CONFIG, **config}).outputs.values)


def test_components_in_a_program_of_ones_own_add_up(tmp_path: Path) -> None:
    """In one output; an image of another resource's is not known before `up`."""
    found = recorded(
        tmp_path,
        "from handrail.components import BatchJob, ScalableService\n"
        "from pulumi_kubernetes.core.v1 import ConfigMap\n"
        "image = ConfigMap('built').id\n"
        "ScalableService('web', {'image': 'registry.acme.test/web:1', 'port': 8080})\n"
        "BatchJob('clean', {'image': image, 'command': ['clean']})\n",
    )
    assert set(found[OUTPUT]) == {"clean", "web"}
    assert found[OUTPUT]["clean"]["shares"] == [{"track": "stable", "image": UNKNOWN, "share": 100}]
    assert found[OUTPUT]["web"]["image"] == "registry.acme.test/web:1"


def test_a_program_without_workloads_exports_nothing(tmp_path: Path) -> None:
    """Neither an empty output."""
    assert recorded(tmp_path, "import pulumi\npulumi.export('a', 1)\n") == {"a": 1}


def test_deploy_exports_what_the_plans_say(tmp_path: Path) -> None:
    """The same facts, once each."""
    copy_acme(tmp_path)
    config = Project.find(tmp_path).stack("payments-dev").config
    found = record(tmp_path / "stacks", project="acme", stack="payments-dev", config=config, root=tmp_path).outputs
    plan = plan_stack(config, root=tmp_path, stack="payments-dev")
    assert found.values[OUTPUT] == {each.name: deployed(each) for each in plan.prepared}
