"""The control plane's own parts that need none: nodes and storage of an organisation, contexts, what is dead, checksums."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import psutil
import pytest
import yaml
from typer.testing import CliRunner

from handrail.cli.app import app
from handrail.cluster.local import contexts, nodes, organisation_of, project_organisation, storage_classes
from handrail.core.errors import EngineError
from handrail.core.project import Project
from handrail.engine import crds, replays
from handrail.engine.control_plane import CONTEXT, ControlPlane, kubeconfig
from handrail.organisation import Organisation
from handrail.organisation.model import Cluster

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def acme() -> Organisation:
    """The sample organisation, found as a project's."""
    found = organisation_of(Project.find(ROOT))
    assert found
    return found


def test_nodes_are_the_catalogues(acme: Organisation) -> None:
    """A pool of each kind with its labels, taints and devices, and one without, spread over zones."""
    found = {node["metadata"]["name"]: node for node in nodes(acme)}
    assert len(found) == 9
    plain, special = found["cpu-0"], found["l4-2"]
    assert plain["spec"] == {}
    assert "nvidia.com/gpu" not in plain["status"]["allocatable"]
    assert special["metadata"]["labels"]["nvidia.com/gpu.product"] == "NVIDIA-L4"
    assert special["metadata"]["labels"]["topology.kubernetes.io/zone"] == "zone-2"
    assert special["spec"]["taints"] == [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]
    assert special["status"]["allocatable"]["nvidia.com/gpu"] == "8"


def test_storage_is_a_default_and_what_clusters_share(acme: Organisation) -> None:
    """One default class, and each shared one once."""
    found = {each["metadata"]["name"]: each["metadata"]["annotations"] for each in storage_classes(acme)}
    assert found == {"standard": {"storageclass.kubernetes.io/is-default-class": "true"}, "shared": {}}


def test_it_answers_to_the_clusters_contexts(acme: Organisation) -> None:
    """So an organisation that deploys to a context needs no change to be tried here."""
    assert contexts(acme) == []
    live = Cluster(context="acme-live")
    found = contexts(acme.model_copy(update={"clusters": {**acme.clusters, "prod": live}}))
    assert found == ["acme-live"]
    config = kubeconfig("https://127.0.0.1:1", Path("/ca.crt"), "t", (CONTEXT, *found, CONTEXT))
    assert config["current-context"] == CONTEXT
    assert [each["name"] for each in config["contexts"]] == [CONTEXT, "acme-live"]


def test_outside_of_a_project_there_is_no_organisation(tmp_path: Path) -> None:
    """A control plane runs there all the same."""
    assert project_organisation(tmp_path) is None


@pytest.mark.parametrize("state", ["", "{}", '{"url": "x", "token": "t", "processes": {"etcd": [1]}}', "[]"])
def test_a_folder_that_is_no_control_planes(state: str, tmp_path: Path) -> None:
    """Nothing runs there; it is no error."""
    assert ControlPlane.read(tmp_path) is None
    (tmp_path / "state.json").write_text(state)
    assert ControlPlane.read(tmp_path) is None


@pytest.mark.parametrize("began", [0.0, 1e12])
def test_a_number_that_another_process_has_now_is_not_taken_for_it(began: float, tmp_path: Path) -> None:
    """A pid is used again: the time at which the process began tells."""
    state = {"url": "https://127.0.0.1:1", "token": "t", "processes": {"etcd": [os.getpid(), began]}}
    (tmp_path / "state.json").write_text(json.dumps(state))
    assert ControlPlane.read(tmp_path) is None


def test_what_a_restart_left_is_cleared(tmp_path: Path) -> None:
    """A part that still runs is ended, one that is gone is no error; the old data are gone with them."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as living:
        began = psutil.Process(living.pid).create_time()
        state = {
            "url": "https://127.0.0.1:1", "token": "t", "processes": {"etcd": [living.pid, began], "kwok": [living.pid, 0.0]}
        }  # fmt: skip
        (folder / "state.json").write_text(json.dumps(state))
        assert ControlPlane.read(folder) is None
        ControlPlane.clear(folder)
        assert not psutil.pid_exists(living.pid)
    assert not folder.exists()
    ControlPlane.clear(folder)


def test_without_one_the_commands_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status is 1 then, also for programs; to end it again is no error."""
    monkeypatch.setenv("HANDRAIL_CACHE", str(tmp_path))
    shown = CliRunner().invoke(app, ["engine", "cluster", "status"])
    assert (shown.exit_code, shown.output) == (
        1, "it does not run\n    do:      run `handrail engine cluster up`\n",
    )  # fmt: skip
    asked = CliRunner().invoke(app, ["engine", "cluster", "status", "--json"])
    assert (asked.exit_code, json.loads(asked.output)) == (1, {"running": False})
    assert CliRunner().invoke(app, ["engine", "cluster", "down"]).output == "it does not run\n"
    with pytest.raises(EngineError, match="run `handrail engine cluster up`"):
        ControlPlane.start(tmp_path / "x")
    with pytest.raises(EngineError, match="run `handrail engine cluster up`"):
        crds.definitions()


def test_a_kubelets_words_are_a_stage_for_each_tag_that_the_guide_names() -> None:
    """Each of them chosen before kwok's own, which would have the pod be ready."""
    stages = list(yaml.safe_load_all(replays.stages()))
    assert [stage["metadata"]["name"] for stage in stages] == ["pod-image-not-there", "pod-crashes", "pod-not-ready"]
    assert {stage["spec"]["weight"] for stage in stages} == {1}
    guide = (ROOT / "docs" / "cluster.md").read_text("utf-8")
    for tag, stage in zip(replays.REPLAYS, stages, strict=True):
        assert f"| `{tag}` |" in guide
        assert f'endswith(":{tag}")' in stage["spec"]["selector"]["matchExpressions"][-1]["key"]


def fake_go(folder: Path, answer: dict[str, str]) -> list[str]:
    """A `go` that answers every question so."""
    script = folder / "go"
    script.write_text(f"#!/bin/sh\ncat <<'E'\n{json.dumps(answer)}\nE\n")
    script.chmod(0o755)
    return [str(script)]


def test_a_module_is_taken_by_its_checksum_alone(tmp_path: Path) -> None:
    """Whoever serves other bytes is named with what was expected; what cannot be had says why."""
    module = crds.Module("example.test/x", "v1.0.0", "h1:right")
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("example.test/x@v1.0.0/crd.yaml", "kind: X")
    good = {"Zip": str(archive), "Sum": "h1:right", "Error": "requires go >= 99"}
    assert crds.read(module, "crd.yaml", fake_go(tmp_path, good)) == b"kind: X"
    with pytest.raises(EngineError, match=r"is not what it was[\s\S]*given: +h1:wrong\n +allowed: h1:right"):
        crds.read(module, "crd.yaml", fake_go(tmp_path, {**good, "Sum": "h1:wrong"}))
    with pytest.raises(EngineError, match=r"example\.test/x@v1\.0\.0 cannot be had: no such module"):
        crds.read(module, "crd.yaml", fake_go(tmp_path, {"Error": "no such module"}))


def test_every_definition_has_its_checksum_and_one_entry_for_all() -> None:
    """A change of the list is another entry of the cache."""
    assert all(source.module.sum.startswith("h1:") for source in crds.SOURCES)
    assert crds.entry().name == hashlib.sha256(repr(crds.SOURCES).encode()).hexdigest()[:12]
