"""What holds for each component there is, in a real program under the recorder: parents, providers, URNs, outputs."""

import re
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from handrail.components._catalogue import definitions
from handrail.components._fact import OUTPUT
from handrail.components._released import has_artifact
from handrail.core.project import Project
from handrail.core.resources import leaves
from handrail.preview.read import record_stack
from handrail.recorder import UNKNOWN, Record

ACME = Path(__file__).parents[2] / "stacks" / "acme" / "platform" / "acme_platform"
TEAMS = {"GpuInferenceEndpoint": "fraud", "NotebookEnv": "churn", "BatchJob": "churn"}
PLATFORM = {"AdmissionPolicies", "TeamWorkspace", "ResourceFlavors", "WorkloadPriorities"}
# `image` is what another resource gives, known only when that is there: a run in which ids are unknown
ARGUMENTS = {
    "BatchJob": '{"image": image, "command": ["run"], "accelerator": "l4", "secrets": {"A": "a"}, "calls": ["payments/x"]}',
    "GpuInferenceEndpoint": '{"image": image, "model": image, "accelerator": "l4", "callers": ["payments/checkout"],'
    ' "server": "vllm", "model_cache": "10GiB", "scale": {"min": 2, "max": 3}}',
    "NotebookEnv": '{"image": image, "size": "gpu", "datasets": ["s3://a/b"]}',
    "ScalableService": '{"image": image, "port": 80, "api": {"version": "v1"}, "scale": {"min": 2, "max": 3},'
    ' "secrets": {"A": "a"}, "env": {"B": image}}',
    "TeamWorkspace": '{"owner": "fraud"}',
    "AdmissionPolicies": "{}",
    "ResourceFlavors": "{}",
    "WorkloadPriorities": "{}",
}


def recorded(name: str, folder: Path) -> Record:
    """A program with one component, recorded."""
    team = "platform" if name in PLATFORM else TEAMS.get(name, "payments")
    files = {
        "Pulumi.yaml": "name: team\nruntime: python\n",
        "Pulumi.dev.yaml": f"config: {{handrail:organisation: ./o, handrail:team: {team}, handrail:environment: dev}}\n",
        "o/organisation.yaml": (ACME / "organisation.yaml").read_text(),
        "__main__.py": f"import pulumi\nfrom handrail.components import {name}\n"
        'first = pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "first", {"metadata": {"name": "first"}},\n'
        '    pulumi.ResourceOptions(provider=pulumi.ProviderResource("kubernetes", "own", {})))\n'
        f'image = pulumi.Output.concat("registry.acme.test/", first.id)\nx = {name}("x", {ARGUMENTS[name]})\n'
        + "".join(f'pulumi.export("{output}", x.{output})\n' for output in definitions()[name].outputs),
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    return record_stack(Project.find(folder), "dev")


@pytest.mark.parametrize("name", definitions())
def test_a_component_in_a_program(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """Its URNs are a contract; each child has it as parent and a provider; no output was turned into text."""
    found = recorded(name, tmp_path)
    assert found.complete, found.unseen
    own = [r for r in found.registrations if r.parent.endswith(f"handrail:index:{name}::x")]
    assert own
    assert sorted(r.urn for r in own) == snapshot
    assert [r.urn for r in own if "pulumi:providers:kubernetes" not in r.provider] == []
    for registration in found.registrations:
        for _, leaf in leaves(registration.inputs):
            assert not (isinstance(leaf, str) and re.search(r"Calling __str__|Output\[|Given\(|Ref\(", leaf))
    fact = {OUTPUT} if has_artifact(definitions()[name]) else set()
    assert set(found.outputs.values) == set(definitions()[name].outputs) | fact


def test_an_image_that_is_not_known_yet_stays_so(tmp_path: Path) -> None:
    """Where a container's image stands, and where an environment variable's value does."""

    def unknown(record: Record, kind: str) -> list[tuple[Any, ...]]:
        (found,) = (r for r in record.registrations if r.type.endswith(kind) and r.name != "first")
        return [path for path, leaf in leaves(found.inputs) if leaf == UNKNOWN]

    service = unknown(recorded("ScalableService", tmp_path), ":Deployment")
    assert set(service) == {
        ("spec", "template", "spec", "containers", 0, "image"),
        ("spec", "template", "spec", "containers", 0, "env", 0, "value"),
    }
